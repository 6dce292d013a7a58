//! Backups during changes, and killed restores.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rstest::rstest;
use serde_json::Value;
use tokend::admin;
use tokend::admin::secret::NewSecret;
use tokend::model::client::ClientState;
use tokend::model::event::Event;
use tokend::model::overlap::Overlap;
use tokend::model::time::Clock;

use crate::commands::client_import::HASH;
use crate::database::backup::{back_up, restored, rows_of, text};
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{Engine, Place, Server, client_id, operator};

/// The number of backups during the changes.
const BACKUPS: usize = 3;

/// Makes changes until `stop` is set: clients are created, deleted and disabled, and get other
/// secrets.
async fn change(server: Arc<Server>, stop: Arc<AtomicBool>) {
    let services = server.services();
    while !stop.load(Ordering::Relaxed) {
        let client = server.client().await;
        let id = client_id(&client.id);
        let state = ClientState::Disabled;
        admin::client::set_state(services, &operator(), &id, state, None).await.expect("disabled");
        let (new, overlap) = (NewSecret::default(), Overlap::None);
        admin::secret::rotation::rotate(services, &operator(), &id, &new, overlap)
            .await
            .expect("rotated");
        admin::revocation::revoke_tokens(services, &operator(), &id).await.expect("revoked");
        let second = server.client().await;
        let id = client_id(&second.id);
        admin::client::delete(services, &operator(), &id).await.expect("deleted");
    }
}

/// The clients according to a prefix of the events: their ids, states and secrets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Clients {
    states: BTreeMap<String, &'static str>,
    secrets: BTreeMap<String, BTreeSet<String>>,
    revoked: BTreeSet<String>,
}

impl Clients {
    fn after(events: &[Event]) -> Self {
        let mut clients = Self::default();
        for event in events {
            let Some(id) = event.subject.strip_prefix("client/") else { continue };
            let detail: Value = serde_json::from_str(&event.detail).expect("JSON");
            let secret = detail["secret_id"].as_str().map(str::to_owned);
            match event.action.as_str() {
                "client.created" => {
                    clients.states.insert(id.to_owned(), "active");
                    clients.secrets.insert(id.to_owned(), BTreeSet::new());
                }
                "client.disabled" => {
                    clients.states.insert(id.to_owned(), "disabled");
                    clients.revoked.insert(id.to_owned());
                }
                "client.deleted" => {
                    clients.states.remove(id);
                    clients.secrets.remove(id);
                    clients.revoked.insert(id.to_owned());
                }
                "client.tokens_revoked" => {
                    clients.revoked.insert(id.to_owned());
                }
                "secret.rotated" => {
                    let known = clients.secrets.entry(id.to_owned()).or_default();
                    known.extend(secret);
                }
                _ => {}
            }
        }
        clients
    }

    /// Reads the same from the rows of a place. The first secret of a client has no event of its
    /// own.
    async fn of(place: &Place) -> Self {
        let mut clients = Self::default();
        let tables = rows_of(place).await;
        let rows = |table: &str| -> Vec<Value> {
            tables[table].iter().map(|row| serde_json::from_str(row).expect("JSON")).collect()
        };
        let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
        for row in rows("client") {
            let is_active = row["state"] == "active";
            clients
                .states
                .insert(text(&row, "client_id"), if is_active { "active" } else { "disabled" });
            clients.secrets.insert(text(&row, "client_id"), BTreeSet::new());
        }
        for row in rows("client_secret") {
            if row["replaced_by"].is_null() && row["expires_at"].is_null() {
                let known = clients.secrets.get_mut(&text(&row, "client_id")).expect("a client");
                known.insert(text(&row, "secret_id"));
            }
        }
        clients.revoked.extend(rows("revoked_client").iter().map(|row| text(row, "client_id")));
        clients
    }
}

/// O-2: a backup during changes is one prefix of the event log, with exactly the rows of these
/// events.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_one_prefix_of_the_event_log(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Arc::new(Server::start(engine).await);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..3).map(|_| tokio::spawn(change(server.clone(), stop.clone()))).collect();
    let (services, clock) = (server.services(), Clock::System);
    let mut files: Vec<PathBuf> = Vec::new();
    let mut sequences = BTreeSet::new();
    while files.len() < BACKUPS {
        let head = services.store.head().await.expect("a head").sequence;
        eventually("more changes", async || {
            let now = services.store.head().await.expect("a head").sequence;
            (now > head + 10).then_some(())
        })
        .await;
        let file = server.place.folder.path().join(format!("{}.backup", files.len()));
        let made = admin::backup::create::create(&services.config, &services.store, &clock, &file);
        sequences.insert(made.await.expect("a backup").manifest.sequence);
        files.push(file);
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer");
    }
    assert_eq!(sequences.len(), BACKUPS, "nothing was written between them");
    let all = services.store.events(0, 100_000).await.expect("events");
    for (file, sequence) in files.iter().zip(sequences) {
        let place = restored(file, Engine::Sqlite).await;
        let verified = Cli::at(place.clone()).json(&["audit", "verify"]);
        assert_eq!((&verified["intact"], &verified["events"]), (&true.into(), &sequence.into()));
        let prefix = &all[..usize::try_from(sequence).expect("a number")];
        assert_eq!(verified["hash"], prefix.last().expect("an event").hash.as_str());
        let mut expected = Clients::after(prefix);
        let found = Clients::of(&place).await;
        // A client that was created and not yet rotated has the secret of its creation.
        for (id, secrets) in &mut expected.secrets {
            if secrets.is_empty() {
                secrets.clone_from(&found.secrets[id]);
                assert_eq!(secrets.len(), 1, "{id}");
            }
        }
        assert_eq!(found, expected);
    }
}

/// Returns an import of 3,000 clients.
fn lines() -> String {
    let line = |number| format!("{{\"client_id\":\"c{number}\",\"secret_hash\":\"{HASH}\"}}\n");
    (0..3_000).map(line).collect()
}

/// If a restore is killed at any time, the database is empty or complete.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_restore_leaves_nothing_or_everything(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(Engine::Sqlite).await;
    server.import(&lines()).await;
    let (file, made) = back_up(&server.place);
    let place = Arc::new(Place::new(engine).await);
    let cli = Cli::at(place.clone());
    let (mut killed, mut pause) = (0, Duration::from_millis(20));
    loop {
        let mut child = cli
            .command(&["restore", text(&file)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        tokio::time::sleep(pause).await;
        // It may have ended already.
        let _ = child.kill();
        let is_done = child.wait().expect("an end").success();
        let schema = cli.json(&["migrate", "--status"])["schema"].as_i64();
        if schema != Some(0) {
            break;
        }
        assert!(!is_done, "it was complete, and nothing is there");
        killed += 1;
        pause *= 2;
    }
    assert!(killed > 0, "no restore was killed in time");
    let verified = cli.json(&["audit", "verify"]);
    assert_eq!(verified["hash"], made["hash"]);
    assert_eq!(rows_of(&place).await["client"].len(), 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_leaves_no_file_under_its_name() {
    let server = Server::start(Engine::Sqlite).await;
    server.import(&lines()).await;
    let cli = Cli::at(server.place.clone());
    let file = server.place.folder.path().join("killed.backup");
    let mut pause = Duration::from_millis(10);
    loop {
        let mut child = cli
            .command(&["backup", "create", text(&file)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        tokio::time::sleep(pause).await;
        let _ = child.kill();
        child.wait().expect("an end");
        if file.exists() {
            break;
        }
        pause *= 2;
    }
    assert_eq!(cli.run(&["backup", "verify", text(&file)]).code, 0, "a whole backup");
}
