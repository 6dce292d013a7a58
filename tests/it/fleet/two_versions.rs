//! Two versions of tokend on one database, during an upgrade. The other version is not run here: a
//! database with the additions of a newer version, or without those of this one, takes its place.

use rstest::rstest;
use tokend::store::schema::NEWEST;

use crate::listeners::stopping::{ask, execute};
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{Engine, ORDERS};

/// The schema changes of a newer version: a migration, a column and a table that this version does
/// not know.
const MIGRATION: &str =
    "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
     VALUES (999, 'of a newer version', TRUE, '', 0)";
const COLUMN: &str = "ALTER TABLE client ADD COLUMN of_a_newer_version TEXT NOT NULL DEFAULT 'x'";
const TABLE: &str = "CREATE TABLE of_a_newer_version (id TEXT PRIMARY KEY)";

async fn with_client(engine: Engine) -> (Cli, String) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "A", "--id", "a", "--grant", ORDERS]);
    (cli, made["client_secret"].as_str().expect("a secret").to_owned())
}

/// An instance of the older version that runs during the migration keeps serving. It cannot be
/// started again, and its command line changes nothing (SECURITY 36).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_survives_the_migration_of_a_newer_version(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, secret) = with_client(engine).await;
    let mut server = cli.serve().await;
    ask(&server.base, "a", &secret).await.token();
    for change in [COLUMN, TABLE, MIGRATION] {
        execute(engine, &cli.place.database_url, change).await;
    }
    for _ in 0..20 {
        ask(&server.base, "a", &secret).await.token();
    }
    let expected = format!(
        "error: the database has schema 999, this tokend {} knows schema {NEWEST}: a newer tokend \
         has migrated the database   [E-SCHEMA]\n  Run that version of tokend, or a newer one.\n",
        env!("CARGO_PKG_VERSION")
    );
    for command in [
        &["serve"][..],
        &["migrate"],
        &["client", "list"],
        &["client", "disable", "a"],
        &["client", "create", "B"],
        &["audit", "verify"],
    ] {
        let run = cli.run(command);
        assert_eq!((run.code, run.stderr.as_str()), (1, expected.as_str()), "{command:?}");
        assert!(run.stdout.is_empty(), "{run:?}");
    }
    assert!(server.child.try_wait().expect("a status").is_none(), "{}", server.log());
    ask(&server.base, "a", &secret).await.token();
    // When it stops, it writes the usage statistics and exits normally.
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0), "{}", server.log());
}

/// An instance of the older version follows the changes of the newer one in rows that both know.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_follows_a_newer_version(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, secret) = with_client(engine).await;
    let server = cli.serve().await;
    ask(&server.base, "a", &secret).await.token();
    for change in [COLUMN, TABLE] {
        execute(engine, &cli.place.database_url, change).await;
    }
    // Any version writes this change; only the schema is newer than the server.
    cli.json(&["client", "disable", "a"]);
    eventually("the rejection of the client", async || {
        let answer = ask(&server.base, "a", &secret).await;
        (answer.status == 401).then_some(())
    })
    .await;
}

/// If the newer version may not migrate, it stops, reports how to continue, and changes nothing.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_does_not_start_on_an_older_schema(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, _) = with_client(engine).await;
    let older = "DELETE FROM _sqlx_migrations WHERE version > 2";
    execute(engine, &cli.place.database_url, older).await;
    let checking = Cli::at(cli.place.clone()).set("TOKEND_DATABASE_MIGRATE", "check");
    let run = checking.run(&["serve"]);
    assert_eq!(run.code, 1, "{run:?}");
    let problem = format!("the database has schema 2 of {NEWEST}");
    for words in [problem.as_str(), "run `tokend migrate`", "database.migrate = auto"] {
        assert!(run.stderr.contains(words), "{run:?}");
    }
    assert!(run.stderr.contains("E-SCHEMA") && run.stdout.is_empty(), "{run:?}");
    let status = checking.json(&["migrate", "--status"]);
    assert_eq!(status["schema"], 2, "{status}");
}
