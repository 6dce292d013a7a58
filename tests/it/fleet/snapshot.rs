//! The snapshot: after a restart, verified secrets need no hash, and every change in the meantime
//! is known (D20).

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use rstest::rstest;
use tokend::admin;
use tokend::admin::secret::NewSecret;
use tokend::app::snapshot::Occasion;
use tokend::model::client::ClientState;
use tokend::model::secret::SecretId;

use crate::listeners::stopping::ask;
use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::{Engine, ORDERS, Place, Server, TestClient, client_id, operator};

/// The occasion of a server that stops.
pub const AT_ONCE: Occasion = Occasion::Stop { has_heartbeat: false };

const NOT_USED: &str = "the snapshot is not used";
const RESTORED: &str = "the memory was restored from the snapshot";

/// Returns the path of the snapshot of a place.
pub fn file(place: &Place) -> PathBuf {
    place.folder.path().join("tokend.snapshot")
}

/// Creates a resource and a client with this id; returns its secret.
pub fn make_client(cli: &Cli, id: &str) -> String {
    if cli.run(&["resource", "show", ORDERS]).code != 0 {
        cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    }
    let made = cli.json(&["client", "create", id, "--id", id, "--grant", ORDERS]);
    made["client_secret"].as_str().expect("a secret").to_owned()
}

/// Stops a server and waits until it has ended.
pub async fn stop(mut server: Process) {
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
}

/// Starts a second instance on the place of the first, from its snapshot.
async fn second(first: &Server, settings: &[(&str, &str)]) -> Server {
    let clock = first.clock.clone();
    Server::at(first.place.clone(), clock, settings).await
}

async fn write(server: &Server) {
    server.app.write_snapshot(AT_ONCE).await.expect("a snapshot");
}

/// The first start finds no snapshot; stopping writes one; the second start computes no hash (D20).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_hashes_no_secret_that_was_verified_before(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let secrets: Vec<_> =
        (0..5).map(|number| format!("c{number}")).map(|id| (make_client(&cli, &id), id)).collect();
    let server = cli.serve().await;
    assert!(!server.log().contains(RESTORED) && !server.log().contains(NOT_USED));
    for (secret, id) in &secrets {
        ask(&server.base, id, secret).await.token();
    }
    stop(server).await;
    let mode = std::fs::metadata(file(&cli.place)).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let server = cli.serve().await;
    assert!(server.log().contains(RESTORED), "{}", server.log());
    for (secret, id) in &secrets {
        ask(&server.base, id, secret).await.token();
        ask(&server.base, id, "wrong").await.assert_rejected(401, "invalid_client");
    }
    assert!(!server.log().contains("a secret is hashed to be checked"), "{}", server.log());
    stop(server).await;
    assert_eq!(cli.json(&["audit", "verify"])["intact"], true);
}

/// The file cannot be read without the master key.
#[tokio::test(flavor = "multi_thread")]
async fn the_file_has_no_secret_in_clear_text() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    write(&server).await;
    let content = std::fs::read(file(&server.place)).expect("a file");
    let text = String::from_utf8_lossy(&content);
    for secret in [client.secret.as_str(), client.id.as_str(), "$argon2", "sec_", ORDERS] {
        assert!(!text.contains(secret), "{secret}");
    }
    let manifest = text.lines().next().expect("a line");
    assert!(manifest.starts_with("{\"tokend_snapshot\":1,\"version\":\""), "{manifest}");
}

/// Changes after the snapshot are effective after a restart: ended secrets, disabled and deleted
/// clients, revoked tokens, new clients, changed grants (D20).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn changes_after_a_snapshot_are_effective_after_a_restart(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let first = Server::start(engine).await;
    let services = first.services();
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(first.client().await);
    }
    let [disabled, deleted, ended, revoked, same] = &clients[..] else { panic!("five") };
    for client in &clients {
        first.ask(client).await.token();
    }
    let token = first.ask(revoked).await.token();
    let old = first.ask(&disabled.clone()).await.token();
    write(&first).await;

    let who = operator();
    let id = |client: &TestClient| client_id(&client.id);
    admin::client::set_state(services, &who, &id(disabled), ClientState::Disabled, None)
        .await
        .expect("disabled");
    let cli = Cli::at(first.place.clone());
    assert_eq!(cli.run(&["client", "delete", &deleted.id, "--yes"]).code, 0);
    let shown = cli.json(&["client", "show", &ended.id]);
    let secret_id = shown["secrets"][0]["secret_id"].as_str().expect("an id");
    let secret_id = SecretId::parse(secret_id).expect("an id");
    let made = admin::secret::add(services, &who, &id(ended), &NewSecret::default()).await;
    let made = first.known(&ended.id, &made.expect("a secret").plain.expect("a secret"));
    admin::secret::expire(services, &who, &id(ended), &secret_id, None).await.expect("ended");
    admin::revocation::revoke_tokens(services, &who, &id(revoked)).await.expect("revoked");
    let added = first.client().await;
    first.resource("https://new.example.com", &["new:read"]).await;

    let again = second(&first, &[]).await;
    again.ask(disabled).await.assert_rejected(401, "invalid_client");
    again.ask(deleted).await.assert_rejected(401, "invalid_client");
    again.ask(ended).await.assert_rejected(401, "invalid_client");
    again.ask(&made).await.token();
    again.ask(&added).await.token();
    again.ask(same).await.token();
    assert_eq!(again.services().hasher.checks(), 2, "of the new secret and the new client");
    for token in [&token, &old] {
        let answer = again.post("/v1/oauth/introspect", same, &[("token", token)]).await;
        assert_eq!(answer.json()["active"], false);
    }
    let head = again.services().store.head().await.expect("a head");
    assert_eq!(again.app.directory.published_sequence(), head.sequence);
}

/// An imported secret may be easy to guess, so each process verifies it again.
#[tokio::test(flavor = "multi_thread")]
async fn imported_secrets_are_hashed_again() {
    let first = Server::start(Engine::Sqlite).await;
    let line = format!(
        r#"{{"client_id":"legacy","client_secret":"hush-hush-hush","grants":[{{"resource":"{ORDERS}"}}]}}"#
    );
    first.import(&line).await;
    let imported = TestClient { id: "legacy".to_owned(), secret: "hush-hush-hush".to_owned() };
    let generated = first.client().await;
    for client in [&imported, &generated] {
        first.ask(client).await.token();
    }
    write(&first).await;
    let again = second(&first, &[]).await;
    again.ask(&generated).await.token();
    assert_eq!(again.services().hasher.checks(), 0);
    again.ask(&imported).await.token();
    assert_eq!(again.services().hasher.checks(), 1);
}

/// Many later events are followed in pages, and clients are loaded in batches.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn more_changes_than_a_page_are_followed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let first = Server::start(engine).await;
    let client = first.client().await;
    write(&first).await;
    let lines: String = (0..1_200)
        .map(|number| {
            format!("{{\"client_id\":\"i{number}\",\"client_secret\":\"a-long-secret-{number}\",\"grants\":[{{\"resource\":\"{ORDERS}\"}}]}}\n")
        })
        .collect();
    first.import(&lines).await;
    let again = second(&first, &[]).await;
    assert_eq!(again.app.directory.metrics.clients(ClientState::Active), 1_201);
    assert_eq!(again.app.directory.metrics.reloads(), 0);
    again.ask(&client).await.token();
}

/// A running server writes snapshots regularly, and reports the age of the newest one.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_writes_snapshots() {
    let settings = [("TOKEND_SNAPSHOT_INTERVAL", "1s")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    let path = file(&server.place);
    let inode = || {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(&path).ok().map(|metadata| metadata.ino())
    };
    let first = eventually("a snapshot", async || inode()).await;
    eventually("the next one", async || inode().filter(|inode| *inode != first)).await;
    let metrics = server.http.get(format!("{}/metrics", server.management)).send().await;
    let metrics = metrics.expect("an answer").text().await.expect("a text");
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {metrics}")).parse::<f64>().expect("a number")
    };
    let at = value("tokend_snapshot_last_success_timestamp_seconds");
    let now = u32::try_from(server.clock.now().0).expect("a time");
    assert!((at - f64::from(now)).abs() < 1.0);
    assert!(value("tokend_snapshot_size_bytes") > 500.0);
    assert!(value("tokend_snapshot_failures_total") < 1.0);
}

/// Without the setting nothing is written or read.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_snapshots_loads_everything() {
    let first = Server::start(Engine::Sqlite).await;
    let client = first.client().await;
    first.ask(&client).await.token();
    write(&first).await;
    let again = second(&first, &[("TOKEND_SNAPSHOT_ENABLED", "false")]).await;
    again.ask(&client).await.token();
    assert_eq!(again.services().hasher.checks(), 1);
}

/// A killed process leaves the previous file, and a draft that the next process removes.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_the_previous_snapshot(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await.set("TOKEND_SNAPSHOT_INTERVAL", "1s");
    let secret = make_client(&cli, "worker");
    let mut server = cli.serve().await;
    ask(&server.base, "worker", &secret).await.token();
    let path = file(&cli.place);
    eventually("a snapshot", async || path.exists().then_some(())).await;
    let draft = cli.place.folder.path().join("tokend.snapshot.0123456789abcdefghij.partial");
    std::fs::write(&draft, "{\"tokend_snapshot\":1").expect("written");
    server.signal("KILL");
    server.ended().await;

    let again = cli.serve().await;
    assert!(again.log().contains(RESTORED), "{}", again.log());
    ask(&again.base, "worker", &secret).await.token();
    eventually("the end of the draft", async || (!draft.exists()).then_some(())).await;
    stop(again).await;
    assert!(path.exists());
}

/// Several instances may share a folder: each file is complete.
#[tokio::test(flavor = "multi_thread")]
async fn instances_that_share_a_folder_do_not_disturb_each_other() {
    let first = Server::start(Engine::Postgres).await;
    let client = first.client().await;
    first.ask(&client).await.token();
    let other = second(&first, &[]).await;
    other.ask(&client).await.token();
    let apps = [Arc::clone(&first.app), Arc::clone(&other.app)];
    let writing = apps.map(|app| {
        tokio::spawn(async move {
            for _ in 0..10 {
                app.write_snapshot(AT_ONCE).await.expect("a snapshot");
            }
        })
    });
    for task in writing {
        task.await.expect("no panic");
    }
    let third = second(&first, &[]).await;
    third.ask(&client).await.token();
    assert_eq!(third.services().hasher.checks(), 0);
}
