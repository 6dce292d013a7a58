//! Secrets are stored and shown only where necessary. (The log is searched at the end of every
//! test: see `crates/testing/src/log.rs`.)

use rstest::rstest;
use secrecy::SecretString;
use serde_json::json;
use tokend::admin::secret;
use tokend::admin::secret::NewSecret;
use tokend::model::client::JWT_BEARER_ASSERTION;
use tokend::model::overlap::Overlap;
use tokend::model::signing_key::Algorithm;

use crate::support::eventually::eventually;
use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::{Engine, ORDERS, Server, TestClient, client_id, operator};

/// SECURITY 15: debug output contains no secret, key or hash.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_prints_a_secret_when_it_is_debugged(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    let entry = server.app.directory.client(&client.id).expect("a client");
    let records = server.services().store.signing_keys().await.expect("keys");
    let new = NewSecret::default();
    let plain: SecretString =
        server.services().keys.tag_key.generate(&client_id(&client.id)).expect("a secret");
    let text = format!(
        "{:?} {:#?} {entry:?} {records:?} {new:?} {plain:?} {:?}",
        server.services(),
        server.services().config,
        server.app.directory.keyring(),
    );
    let hash = entry.secrets[0].stored.hash.as_phc();
    for hidden in [
        client.secret.as_str(),
        hash,
        "dGVzdHMg",
        "tkd_",
        &records[0].sealed.as_ref().expect("a seal").0,
    ] {
        assert!(!text.contains(hidden), "{hidden} is in it");
    }
}

/// D4, D2, C-39, SECURITY 31: the database and the audit log contain hashes, never a secret or a
/// token.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_no_secret_and_no_token() {
    let server = Server::start(Engine::Sqlite).await;
    let minted = server.client().await;
    let line = format!(
        r#"{{"client_id":"legacy","client_secret":"hush-hush-hush","grants":[{{"resource":"{ORDERS}"}}]}}"#
    );
    server.import(&line).await;
    let imported = TestClient { id: "legacy".into(), secret: "hush-hush-hush".into() };
    let token = server.ask(&minted).await.token();
    server.ask(&imported).await.token();
    let id = client_id(&minted.id);
    let (who, new) = (operator(), NewSecret::default());
    let services = server.services();
    let rotated = secret::rotation::rotate(services, &who, &id, &new, Overlap::None).await;
    let rotated = rotated.expect("a rotation").plain.expect("a secret");
    let rotated = server.known(&minted.id, &rotated);
    let mut bytes = Vec::new();
    for name in ["tokend.db", "tokend.db-wal"] {
        bytes.extend(std::fs::read(server.place.folder.path().join(name)).expect("a file"));
    }
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("$argon2id$") && text.contains("client.imported"), "another database");
    for hidden in [&minted.secret, &imported.secret, &rotated.secret, &token] {
        assert!(!text.contains(hidden.as_str()), "it is in the database");
        let tail = &hidden[hidden.len() - 12..];
        assert!(!text.contains(tail), "its end is in the database");
    }
}

/// Only the command that generates a secret shows it, and no error repeats one.
#[tokio::test(flavor = "multi_thread")]
async fn no_command_shows_a_secret_again() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "a", "--id", "a", "--grant", ORDERS]);
    let secret = made["client_secret"].as_str().expect("a secret");
    for command in [
        &["client", "show", "a"][..],
        &["client", "list"],
        &["client", "update", "a", "--name", "b"],
        &["audit", "list"],
        &["config", "show"],
        &["key", "list"],
    ] {
        for output in ["table", "json", "id"] {
            let run = cli.run(&[command, &["-o", output]].concat());
            assert_eq!(run.code, 0, "{run:?}");
            let text = run.stdout + &run.stderr;
            assert!(!text.contains(secret) && !text.contains("$argon2id$"), "{command:?}: {text}");
        }
    }
}

/// S-16: the memory of a server contains keys, so it writes no core dump, and its descriptor limit
/// fits `limits.connections`.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_writes_no_core_and_raises_its_descriptor_limit() {
    let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_LIMITS_CONNECTIONS", "1000000");
    let server = cli.serve().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id()));
    let limits = limits.expect("the limits of a process");
    let soft_and_hard = |name: &str| -> Vec<String> {
        let line = limits.lines().find(|line| line.starts_with(name)).expect("a line");
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect()
    };
    assert_eq!(soft_and_hard("Max core file size")[0], "0");
    let open_files = soft_and_hard("Max open files");
    let hard: u64 = open_files[1].parse().unwrap_or(u64::MAX);
    let needed = 1_000_256;
    assert!(open_files[0] == open_files[1] || hard > needed, "{open_files:?}");
    let is_warned = server.log().contains("limits.connections needs more open files");
    assert_eq!(is_warned, hard < needed, "{open_files:?}");
}

/// S-10: in both formats of the log, text of a caller cannot control a terminal or mislead its
/// reader.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_log_escapes_what_a_caller_writes(#[values("json", "text")] format: &str) {
    let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_LOG_FORMAT", format);
    let server = cli.serve().await;
    let hostile = "kid\u{85}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{2028}\u{1b}[2J";
    cli.json(&["resource", "create", ORDERS]);
    let key = KeyPair::new(Algorithm::Es256);
    cli.json_with(
        &["client", "create", "A", "--id", "a", "--no-secret", "--jwks", "-", "--grant", ORDERS],
        &key.jwk.to_string(),
    );
    let mut header = key.header();
    header["kid"] = json!(hostile);
    let assertion = key.sign_under(&header, &json!({ "iss": "a", "sub": "a" }));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER_ASSERTION),
        ("client_assertion", assertion.as_str()),
    ];
    let http = crate::support::client();
    // The server follows the commands.
    let id = eventually("a rejection for the kid", async || {
        let request = http.post(format!("{}/v1/oauth/token", server.base)).form(&form);
        let answer = crate::support::Answer::of(request).await;
        answer.assert_rejected(401, "invalid_client");
        let id = answer.header("x-request-id").to_owned();
        server.log().contains("has its kid").then_some(id)
    })
    .await;
    let log = server.log();
    let unsafe_character = |c: char| c != '\n' && tokend::text::escaping::is_unsafe(c);
    assert!(!log.contains(unsafe_character), "{log}");
    // The operator's terminal, as a table and as JSON.
    for output in ["table", "json"] {
        let run = cli.run(&["explain", &id, "-o", output]);
        assert!(run.code == 0 && run.stdout.contains("kid"), "{run:?}");
        assert!(!run.stdout.contains(unsafe_character), "{run:?}");
    }
}
