//! Secrets are nowhere but where they must be. (That the log is silent is asserted at the end of
//! every test: see `support/log.rs`.)

use rstest::rstest;
use secrecy::SecretString;
use tokend::admin;
use tokend::admin::secret::NewSecret;

use crate::support::process::Cli;
use crate::support::{Engine, ORDERS, Server, TestClient, actor, client_id};

/// SECURITY 15: what prints itself for debugging prints no secret, key or hash.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_prints_a_secret_when_it_is_debugged(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    let entry = server.app.directory.client(&client.id).expect("a client");
    let records = server.foundation().store.signing_keys().await.expect("keys");
    let new = NewSecret::default();
    let plain: SecretString =
        server.foundation().vault.tag_key.mint(&client_id(&client.id)).expect("a secret");
    let text = format!(
        "{:?} {:#?} {entry:?} {records:?} {new:?} {plain:?} {:?}",
        server.foundation(),
        server.foundation().config,
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

/// D4, D2, C-39: the database and the audit log hold hashes, never a secret or a token.
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
    let (who, new) = (actor(), NewSecret::default());
    let rotated = admin::secret::rotate(server.foundation(), &who, &id, &new, None).await;
    let rotated = server.known(&minted.id, &rotated.expect("a rotation").1);
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

/// UX §2.5: no command but the one that makes a secret shows it, and no error repeats one.
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
