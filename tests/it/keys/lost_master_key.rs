//! The recovery from a lost master key: `tokend master-key reset --lost`.

use rstest::rstest;
use serde_json::Value;

use crate::listeners::stopping::ask;
use crate::support::process::{Cli, Process};
use crate::support::{Answer, Engine, client};

const NEW_KEY: &str = "7777777777777777777777777777777777777777777777777777777777777777";

const RESET: [&str; 4] = ["master-key", "reset", "--lost", "--yes"];

async fn key_set(server: &Process) -> String {
    Answer::of(client().get(format!("{}/.well-known/jwks.json", server.base))).await.text
}

fn key_of(token: &str) -> String {
    let (header, _) = tokend::jose::jwt::read_unchecked(token).expect("a token");
    header["kid"].as_str().expect("a kid").to_owned()
}

/// Creates a database with a client, its secret, and its token.
async fn served(cli: &Cli) -> (String, String, String) {
    assert_eq!(cli.run(&["resource", "create", "https://a.example", "--scope", "a"]).code, 0);
    let create = ["client", "create", "Ops", "--id", "ops", "--grant", "https://a.example"];
    let made = cli.json(&create);
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    let administrator =
        cli.json(&["client", "create", "root", "--grant", "urn:tokend=clients:write"]);
    let administrator = administrator["client_secret"].as_str().expect("a secret");
    let mut server = cli.serve().await;
    let token = ask(&server.base, "ops", &secret).await.token();
    let base = server.base.clone();
    // An answer that only the master key can open.
    let form = [("grant_type", "client_credentials"), ("resource", "urn:tokend")];
    let asking = client().post(format!("{base}/v1/oauth/token"));
    let admin =
        Answer::of(asking.basic_auth("root", Some(administrator)).form(&form)).await.token();
    let asking = client().post(format!("{}/v1/clients", server.management)).bearer_auth(admin);
    let body = serde_json::json!({ "client_id": "x", "secret": null });
    let made = Answer::of(asking.header("idempotency-key", "k").json(&body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    server.signal("TERM");
    server.ended().await;
    (base, secret, token)
}

/// Clients and their secrets are kept, old tokens stay verifiable, and new ones have a new key.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn after_a_reset_clients_continue_and_old_tokens_stay_verifiable(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let (_, secret, token) = served(&cli).await;
    let cli = cli.set("TOKEND_MASTER_KEY", NEW_KEY);
    let run = cli.run(&["serve"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("tokend master-key reset --lost"), "{run:?}");

    let reset = cli.json(&RESET);
    let old_key = key_of(&token);
    assert_eq!(reset["signing_keys"], serde_json::json!([old_key]), "{reset}");
    assert_eq!(reset["still_published"], serde_json::json!([old_key]), "{reset}");
    assert_eq!(reset["secrets_checked_by_hash"], 2, "{reset}");
    assert_eq!(reset["stored_answers_deleted"], 1, "{reset}");
    let events = cli.json(&["audit", "list"]);
    let is_reset = |event: &Value| event["action"] == "master_key.reset";
    assert!(events.as_array().expect("a list").iter().any(is_reset), "{events}");
    assert_eq!(cli.json(&["audit", "verify"])["intact"], true);

    let server = cli.serve().await;
    let answer = ask(&server.base, "ops", &secret).await;
    let new_key = key_of(&answer.token());
    assert_ne!(new_key, old_key);
    let published = key_set(&server).await;
    assert!(published.contains(&old_key) && published.contains(&new_key), "{published}");
    let keys = tokend::jose::jwt::key_set(&published).expect("a key set");
    let now = crate::support::now();
    tokend::jose::jwt::verify(&token, &keys, None, now).expect("the old token is valid");

    // A wrong secret of the same form is still rejected; a new one works.
    let wrong = tokend::secrets::secret::TagKey::new(&[1; 32]);
    let id = tokend::model::client::ClientId::parse("ops").expect("an id");
    let wrong = wrong.generate(&id).expect("a secret");
    let wrong = secrecy::ExposeSecret::expose_secret(&wrong).to_owned();
    assert_eq!(ask(&server.base, "ops", &wrong).await.status, 401);
    let listed = cli.json(&["key", "list"]);
    let state = |kid: &str| {
        let keys = listed.as_array().expect("a list");
        keys.iter().find(|key| key["kid"] == kid).expect("a key")["state"].clone()
    };
    assert_eq!((state(&old_key), state(&new_key)), ("verifying".into(), "signing".into()));
}

/// With SQLite, the next start generates the new master key, like the first start.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_reset_the_start_generates_the_key_of_a_sqlite_database() {
    let cli = Cli::new(Engine::Sqlite).await;
    let (_, secret, _) = served(&cli).await;
    let cli = cli.unset("TOKEND_MASTER_KEY");
    let key = cli.place.folder.path().join("master.key");
    assert_eq!(cli.run(&["serve"]).code, 3);
    assert!(!key.exists());
    assert_eq!(cli.run(&RESET).code, 0);
    assert!(!key.exists(), "only a server generates a key");
    let server = cli.serve().await;
    assert!(key.exists());
    ask(&server.base, "ops", &secret).await.token();
}

/// A reset needs its flags and a lost key, and never works next to a running instance.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_requires_its_flags_a_lost_key_and_no_running_instance(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let mut server = cli.serve().await;
    assert_eq!(cli.run(&["master-key", "reset", "--yes"]).code, 2);
    assert_eq!(cli.run(&["master-key", "reset", "--lost"]).code, 2, "nobody was asked");
    let elsewhere = Cli::at(cli.place.clone()).set("TOKEND_MASTER_KEY", NEW_KEY);
    let run = elsewhere.run(&RESET);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.stderr.contains("another process uses the database"), "{run:?}");
    server.signal("KILL");
    server.ended().await;
    drop(server);
    let run = cli.run(&RESET);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.stderr.contains("nothing is lost"), "{run:?}");
    // A killed instance does not prevent it.
    assert_eq!(elsewhere.run(&RESET).code, 0);
}

/// With Postgres the new key must be set: otherwise a forgotten setting would look like a lost key.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_a_postgres_database_needs_the_new_key() {
    let cli = Cli::new(Engine::Postgres).await;
    served(&cli).await;
    let without = Cli::at(cli.place.clone()).unset("TOKEND_MASTER_KEY");
    let run = without.run(&RESET);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("E-MASTER-KEY"), "{run:?}");
    assert_eq!(cli.json(&["audit", "list", "--action", "master_key"]), serde_json::json!([]));
    drop(cli.serve().await);
}

/// O-60: a start with another issuer than before prints a warning.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_issuer_than_at_the_last_start_is_warned_about(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let first = cli.serve().await;
    assert!(!first.log().contains("the issuer is another one"), "{}", first.log());
    // Each server of these tests has its own issuer.
    let second = cli.serve().await;
    assert!(second.log().contains("the issuer is another one"), "{}", second.log());
    assert!(second.log().contains(&first.base), "{}", second.log());
}
