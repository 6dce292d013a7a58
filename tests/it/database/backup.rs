//! Backups: the state of a restored server, on either engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin;
use tokend::admin::revocation::{RevocationTarget, revoke_token, revoke_tokens};
use tokend::config::sources::Flags;
use tokend::config::{Config, Requirement};
use tokend::model::client::ClientState;
use tokend::model::signing_key::Algorithm;
use tokend::model::time::{Clock, Timestamp};
use tokend::model::token::TokenId;
use tokend::store::Store;
use tokend::store::backup::SAVED;
use tokend::store::engine::open::OpenMode;

use crate::authentication::private_key_jwt;
use crate::support::keys::KeyPair;
use crate::support::process::{Cli, Run};
use crate::support::released::Released;
use crate::support::{Engine, Place, Server, TestClient, client_id, operator};

/// Makes a backup by the command and verifies it; returns its path and the output.
pub fn back_up(place: &Arc<Place>) -> (PathBuf, Value) {
    let file = place.folder.path().join("tokend.backup");
    let (cli, path) = (Cli::at(place.clone()), text(&file));
    let made = cli.json(&["backup", "create", path]);
    let verified = cli.json(&["backup", "verify", path]);
    assert_eq!(made, verified);
    (file, made)
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a text")
}

/// Restores a backup in an empty place with the master key of all tests.
pub async fn restored(file: &Path, engine: Engine) -> Arc<Place> {
    let cli = Cli::without_database(engine).await;
    let printed = cli.json(&["restore", text(file)]);
    assert_eq!(printed["tokens_revoked_of_clients"], 0, "{printed}");
    cli.place.clone()
}

/// Returns every row of every table in a backup, as objects in a fixed order.
pub async fn rows_of(place: &Place) -> BTreeMap<&'static str, Vec<String>> {
    let config = Config::load(&Flags::default(), &place.environment(), Requirement::Nothing);
    let database = config.expect("settings").database;
    let store = Store::open(&database, OpenMode::Read).await.expect("a database");
    let mut reader = store.begin_reading().await.expect("a reader");
    let mut tables = BTreeMap::new();
    for name in SAVED {
        let mut table = reader.open(name).await.expect("a table").expect("a table");
        let mut rows = Vec::new();
        loop {
            let page = reader.page(&mut table).await.expect("a page");
            if page.is_empty() {
                break;
            }
            for row in page {
                let names = table.columns.iter().map(|column| column.name.as_str());
                rows.push(json!(names.zip(row).collect::<BTreeMap<_, _>>()).to_string());
            }
        }
        rows.sort();
        tables.insert(name, rows);
    }
    reader.close().await;
    store.close().await;
    tables
}

fn assert_fails(run: &Run, code: i32, parts: &[&str]) {
    assert_eq!(run.code, code, "{run:?}");
    for part in parts {
        assert!(run.stderr.contains(part), "{part}: {run:?}");
    }
}

/// O-2: moves data between engines while the first server runs. Clients notice nothing.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_server_continues_where_the_other_one_stopped(
    #[values(Engine::Sqlite, Engine::Postgres)] from: Engine,
    #[values(Engine::Sqlite, Engine::Postgres)] to: Engine,
) {
    let server = Server::start(from).await;
    server.signed_resource("https://rsa.example", &["a"], Some(Algorithm::Rs256)).await;
    let key = KeyPair::new(Algorithm::Es256);
    let keyed = private_key_jwt::keyed(&server, &key).await;
    let (client, disabled, ended) =
        (server.client().await, server.client().await, server.client().await);
    let kept = server.ask(&client).await.token();
    let revoked = server.ask(&client).await.token();
    let of_ended = server.ask(&ended).await.token();
    let services = server.services();
    let jti = server.claims(&revoked).await["jti"].as_str().expect("a jti").to_owned();
    let jti = TokenId::parse(&jti).expect("a jti");
    revoke_token(services, &operator(), RevocationTarget::Id(jti)).await.expect("revoked");
    revoke_tokens(services, &operator(), &client_id(&ended.id)).await.expect("revoked");
    let id = client_id(&disabled.id);
    let state = ClientState::Disabled;
    admin::client::set_state(services, &operator(), &id, state, None).await.expect("disabled");
    let assertion = key.sign(&private_key_jwt::claims(&server, &keyed));
    private_key_jwt::ask(&server, &assertion).await.token();
    let jwks = server.get("/.well-known/jwks.json").await.text;
    server.app.write_usage().await.expect("written");
    let issuer = server.app.issuer.as_str();
    admin::audit::checkpoint::create(services, &operator(), issuer).await.expect("a checkpoint");
    let before = rows_of(&server.place).await;
    assert!(before.iter().all(|(table, rows)| is_optional(table) || !rows.is_empty()));

    let (file, made) = back_up(&server.place);
    let place = restored(&file, to).await;
    assert_eq!(rows_of(&place).await, before);
    let verified = Cli::at(place.clone()).json(&["audit", "verify"]);
    assert_eq!((&verified["events"], &verified["hash"]), (&made["sequence"], &made["hash"]));

    let settings = [("TOKEND_ISSUER", server.base.as_str())];
    let other = Server::at(place, server.clock.clone(), &settings).await;
    assert_eq!(other.get("/.well-known/jwks.json").await.text, jwks);
    assert!(other.is_active(&client, &kept).await);
    assert!(!other.is_active(&client, &revoked).await);
    assert!(!other.is_active(&ended, &of_ended).await);
    other.ask(&client).await.token();
    other.ask(&ended).await.token();
    other.ask(&disabled).await.assert_rejected(401, "invalid_client");
    private_key_jwt::ask(&other, &assertion).await.assert_rejected(401, "invalid_client");
    // Changes continue the chain.
    other.client().await;
    let verified = Cli::at(other.place.clone()).json(&["audit", "verify"]);
    assert_eq!(verified["events"], made["sequence"].as_i64().expect("a number") + 1);
}

/// True for tables that are empty on this server.
fn is_optional(table: &str) -> bool {
    matches!(
        table,
        "client_label"
            | "client_trust"
            | "client_spiffe_trust"
            | "grant_request"
            | "owner_policy"
            | "notification_cursor"
    )
}

/// Restoring a backup of any released schema has the same result as an upgrade.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_older_schema_is_migrated_by_the_restore(
    #[values(Engine::Sqlite, Engine::Postgres)] from: Engine,
    #[values(Engine::Sqlite, Engine::Postgres)] to: Engine,
    #[values(1, 2, 3)] schema: u32,
) {
    let released = Released::load(schema, from).await;
    let (file, made) = back_up(&released.place);
    assert_eq!(made["schema"], schema);
    let place = restored(&file, to).await;
    released.migrated();
    assert_eq!(rows_of(&place).await, rows_of(&released.place).await);
    let status = Cli::at(place.clone()).json(&["migrate", "--status"]);
    assert_eq!(status["schema"], status["newest"]);
}

/// A stored backup of each released schema is restored by this program: `tests/backups` has the
/// file, and what was true when it was made.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_backup_is_restored_by_this_program(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(21)] schema: u32,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backups");
    let facts = std::fs::read_to_string(folder.join(format!("schema-{schema}.json")));
    let facts: Value = serde_json::from_str(&facts.expect("facts")).expect("JSON");
    let place = restored(&folder.join(format!("schema-{schema}.backup")), engine).await;
    let at = Timestamp(facts["at"].as_i64().expect("a number"));
    let settings = [("TOKEND_ISSUER", facts["issuer"].as_str().expect("an issuer"))];
    let server = Server::at(place, Clock::fixed(at), &settings).await;
    let client = |id: &str| {
        let secret = facts["secrets"][id].as_str().expect("a secret").to_owned();
        TestClient { id: id.to_owned(), secret }
    };
    let billing = client("billing");
    // This comes first: a server on Postgres purges old revocations after a minute of real time.
    for (name, expected) in [("active", true), ("revoked", false), ("of_disabled", false)] {
        let token = facts["tokens"][name].as_str().expect("a token");
        assert_eq!(server.is_active(&billing, token).await, expected, "{name}");
    }
    server.ask(&billing).await.token();
    server.ask(&client("gone")).await.assert_rejected(401, "invalid_client");
}

/// O-2: after an incident, tokens and secrets that ended after the backup can be ended again.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_ends_tokens_and_secrets_that_it_would_bring_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (rotated, other) = (server.client().await, server.client().await);
    let token = server.ask(&other).await.token();
    let (file, made) = back_up(&server.place);
    let cli = Cli::at(server.place.clone());
    cli.json(&["client", "rotate-secret", &rotated.id]);
    let sequence = made["sequence"].to_string();
    let events = cli.run(&["audit", "list", "--after", &sequence, "-o", "jsonl"]);
    let path = server.place.folder.path().join("events.jsonl");
    std::fs::write(&path, &events.stdout).expect("written");
    // A token that was issued after a later event of the lost database.
    server.catch_up().await;
    let later = server.ask(&other).await.token();

    let place = Arc::new(Place::new(engine).await);
    let restoring = Cli::at(place.clone());
    let options = ["restore", text(&file), "--revoke-tokens", "--end-secrets", text(&path)];
    let printed = restoring.json(&options);
    assert_eq!(printed["tokens_revoked_of_clients"], 2, "{printed}");
    assert_eq!(printed["secrets_ended"], 1, "{printed}");
    let verified = restoring.json(&["audit", "verify"]);
    assert_eq!(verified["events"], made["sequence"].as_i64().expect("a number") + 3);

    let settings = [("TOKEND_ISSUER", server.base.as_str())];
    let clock = Clock::fixed(crate::support::now().plus_seconds(120));
    let restored = Server::at(place, clock, &settings).await;
    restored.ask(&rotated).await.assert_rejected(401, "invalid_client");
    let fresh = restored.ask(&other).await.token();
    assert!(restored.is_active(&other, &fresh).await);
    for token in [token, later] {
        assert!(!restored.is_active(&other, &token).await);
    }
    std::fs::write(&path, "sec_x\n").expect("written");
    let run = Cli::without_database(engine).await.run(&options);
    assert_fails(&run, 2, &["events.jsonl, line 1: is not an event", "E-USAGE"]);
}

/// A file that differs from the written one is rejected before anything is created.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_whole_backup_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let (file, _) = back_up(&server.place);
    let whole = std::fs::read_to_string(&file).expect("a text");
    let damaged = server.place.folder.path().join("damaged");
    let cli = Cli::without_database(Engine::Sqlite).await;
    let mut flipped = whole.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let renamed = whole.replacen("\"engine\":\"SQLite\"", "\"engine\":\"Postgres\"", 1);
    let newer = whole.replacen("{\"tokend_backup\":1,", "{\"tokend_backup\":2,", 1);
    let schema = whole.replacen("\"schema\":", "\"schema\":9", 1);
    let cases: [(&str, &[u8], i32, &str); 6] = [
        ("cut", &whole.as_bytes()[..whole.len() - 9], 8, "is damaged: the file ends within"),
        ("changed", &flipped, 8, "is damaged: chunk"),
        ("another first line", renamed.as_bytes(), 8, "is damaged: chunk 0"),
        ("something else", b"a text\n", 8, "is not a backup of tokend"),
        ("a newer format", newer.as_bytes(), 1, "has format 2, and this program reads format 1"),
        ("a newer schema", schema.as_bytes(), 1, "E-SCHEMA"),
    ];
    for (name, content, code, part) in cases {
        std::fs::write(&damaged, content).expect("written");
        for command in [&["backup", "verify"][..], &["restore"]] {
            let run = cli.run(&[command, &[text(&damaged)]].concat());
            assert_fails(&run, code, &[part]);
            assert!(!run.stderr.contains("panicked"), "{name}");
        }
    }
    let status = cli.json(&["migrate", "--status"]);
    assert_eq!(status["schema"], 0, "nothing was restored: {status}");
    let key = "7777777777777777777777777777777777777777777777777777777777777777";
    let other = cli.set("TOKEND_MASTER_KEY", key);
    let run = other.run(&["restore", text(&file)]);
    assert_fails(&run, 3, &["is sealed under the master key", "E-MASTER-KEY"]);
    let none = other.unset("TOKEND_MASTER_KEY");
    assert_fails(&none.run(&["restore", text(&file)]), 3, &["the settings have none"]);
}

/// A backup never replaces a file or rows, and only its owner can read it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_exists_is_replaced(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    use std::os::unix::fs::PermissionsExt;

    let server = Server::start(engine).await;
    let (file, _) = back_up(&server.place);
    let mode = std::fs::metadata(&file).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let cli = Cli::at(server.place.clone());
    let before = std::fs::read(&file).expect("a file");
    let run = cli.run(&["backup", "create", text(&file)]);
    assert_fails(&run, 5, &["exists already", "E-CONFLICT"]);
    assert_eq!(std::fs::read(&file).expect("a file"), before);
    let run = cli.run(&["restore", text(&file)]);
    let expected = match engine {
        Engine::Sqlite => "E-NOT-EMPTY",
        // The message about the running server comes first.
        Engine::Postgres => "E-IN-USE",
    };
    assert_fails(&run, 5, &[expected]);
    let migrated = Cli::new(engine).await;
    let run = migrated.run(&["restore", text(&file)]);
    assert_fails(&run, 5, &["the database is not empty", "E-NOT-EMPTY", "Nothing was changed."]);
    let run = cli.run(&["backup", "create", "/no/such/folder/a.backup"]);
    assert_fails(&run, 1, &["cannot be written", "E-FAILED"]);
    let empty = Cli::without_database(Engine::Sqlite).await;
    assert_fails(&empty.run(&["backup", "create", "a.backup"]), 3, &["E-NO-DATABASE"]);
    let names: Vec<_> = std::fs::read_dir(server.place.folder.path()).expect("a folder").collect();
    let is_partial = |entry: &std::io::Result<std::fs::DirEntry>| {
        text(&entry.as_ref().expect("an entry").path()).ends_with(".partial")
    };
    assert!(!names.iter().any(is_partial), "{names:?}");
}
