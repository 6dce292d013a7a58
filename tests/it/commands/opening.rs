//! The side effects of commands on a database: creation, migration, keys and leftover files.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rstest::rstest;
use tokend::config::sources::Flags;
use tokend::config::{Config, Requirement};
use tokend::store::Store;
use tokend::store::engine::open::OpenMode;

use crate::listeners::stopping::execute;
use crate::support::Engine;
use crate::support::process::Cli;

/// Commands that only read.
const READERS: [&[&str]; 7] = [
    &["client", "list"],
    &["client", "list", "-o", "json"],
    &["resource", "list"],
    &["resource", "show", "urn:tokend"],
    &["key", "list"],
    &["audit", "list"],
    &["audit", "verify"],
];

/// Returns the files in the folder of a place with their content, except the logs of servers.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|kind| kind != "log"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a content"))
        })
        .collect()
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_keys().collect()
}

/// O-5: a command in the wrong folder creates nothing, and reports the path and its origin.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_database_stops_and_creates_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::without_database(engine).await;
    let commands = READERS.into_iter().chain([
        &["client", "create", "Ops"][..],
        &["client", "disable", "ops"],
        &["resource", "create", "https://a.example", "--scope", "a"],
        &["token", "issue", "--client", "ops"],
        &["explain", "req_abcdefghijklmnopqrst"],
    ]);
    for command in commands {
        let run = cli.run(command);
        assert_eq!(run.code, 3, "{command:?}: {run:?}");
        assert!(run.stderr.contains("a tokend database does not exist at"), "{run:?}");
        assert!(run.stderr.contains("database.url, from TOKEND_DATABASE_URL"), "{run:?}");
        assert!(run.stderr.contains("tokend migrate"), "{run:?}");
        assert!(run.stdout.is_empty(), "{run:?}");
    }
    assert!(names(cli.place.folder.path()).is_empty(), "{:?}", names(cli.place.folder.path()));
    assert_eq!(cli.json(&["migrate", "--status"])["schema"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_database_path_is_reported_as_the_default() {
    let cli = Cli::without_database(Engine::Sqlite)
        .await
        .unset("TOKEND_DATABASE_URL")
        .unset("TOKEND_DATA_DIR");
    let run = cli.run(&["client", "list"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("./.tokend/tokend.db (data_dir, built-in default)"), "{run:?}");
    assert!(!cli.place.folder.path().join(".tokend").exists());
}

/// O-6: a check changes nothing, not even a schema, a key or a file.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn checks_write_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let cli = Cli::without_database(engine).await;
    let folder = cli.place.folder.path();
    let newest = tokend::store::schema::NEWEST;
    let run = cli.run(&["check-config", "--online"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains(&format!("0 of {newest}: tokend migrate")), "{run:?}");
    assert_eq!(cli.json(&["migrate", "--status"])["schema"], 0);
    assert_eq!(cli.json(&["migrate"])["before"], 0, "the check has migrated");
    let before = files(folder);
    let found = cli.json(&["check-config", "--online"]);
    assert_eq!(found["database"]["schema"], newest, "{found}");
    assert_eq!(cli.json(&["migrate", "--status"])["schema"], newest);
    assert_eq!(files(folder), before);

    // Nothing was sealed: another key than that of the checks is valid.
    let other = cli.set("TOKEND_MASTER_KEY", &"7".repeat(64));
    drop(other.serve().await);
}

/// A check reads the leftovers of a killed server, and does not change them.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_after_a_crash_leaves_the_write_ahead_log_alone() {
    let cli = Cli::new(Engine::Sqlite).await;
    let server = cli.serve().await;
    assert_eq!(cli.run(&["resource", "create", "https://a.example", "--scope", "a"]).code, 0);
    drop(server);
    let folder = cli.place.folder.path();
    let before = files(folder);
    assert!(!before["tokend.db-wal"].is_empty(), "the test needs a log that was left");
    assert_eq!(cli.run(&["check-config", "--online"]).code, 0);
    assert_eq!(cli.run(&["migrate", "--status"]).code, 0);
    let after = files(folder);
    for name in ["tokend.db", "tokend.db-wal"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(names(folder), before.into_keys().collect::<Vec<_>>());
    let run = cli.run(&["resource", "list"]);
    assert!(run.stdout.contains("https://a.example"), "the log was not read: {run:?}");
}

/// Commands that only read leave no file, and need no master key (O-61).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn reading_leaves_no_file_and_needs_no_master_key(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let mut server = cli.serve().await;
    let token = {
        assert_eq!(cli.run(&["resource", "create", "https://a.example", "--scope", "a"]).code, 0);
        let create = ["client", "create", "Ops", "--id", "ops", "--grant", "https://a.example"];
        assert_eq!(cli.run(&create).code, 0);
        cli.run(&["token", "issue", "--client", "ops"]).stdout
    };
    let cli = cli.unset("TOKEND_MASTER_KEY");
    let read = |when: &str| {
        let before = names(cli.place.folder.path());
        for command in READERS.into_iter().chain([&["client", "show", "ops"][..]]) {
            let run = cli.run(command);
            assert_eq!(run.code, 0, "{when}: {command:?}: {run:?}");
        }
        let run = cli.run_with(&["token", "verify"], &token);
        assert_eq!(run.code, 0, "{when}: {run:?}");
        assert_eq!(names(cli.place.folder.path()), before, "{when}");
    };
    read("while a server runs");
    server.signal("TERM");
    server.ended().await;
    drop(server);
    let snapshot = "tokend.snapshot";
    let expected =
        if engine == Engine::Sqlite { vec!["tokend.db", snapshot] } else { vec![snapshot] };
    assert_eq!(names(cli.place.folder.path()), expected);
    read("after it has stopped");
}

/// A user with read permission only can read, and leaves no files.
#[tokio::test(flavor = "multi_thread")]
async fn another_user_reads_without_write_permission() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let cli = Cli::new(Engine::Sqlite).await;
    drop(cli.serve().await);
    assert_eq!(cli.run(&["resource", "create", "https://a.example", "--scope", "a"]).code, 0);
    let folder = cli.place.folder.path();
    let database = folder.join("tokend.db");
    let program = folder.join("tokend");
    std::fs::copy(crate::support::process::program(), &program).expect("a copy");
    for (path, mode) in [(folder, 0o755), (&database, 0o644), (&program, 0o755)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
    }
    let before = names(folder);
    let as_nobody = |arguments: &[&str]| {
        let command = cli.command(arguments);
        let output = std::process::Command::new("setpriv")
            .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
            .arg(&program)
            .args(arguments)
            .env_clear()
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("PATH", "/usr/bin:/bin")
            .current_dir(folder)
            .output()
            .expect("setpriv");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, stdout, stderr) = as_nobody(&["resource", "list"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("https://a.example"), "{stdout}");
    assert_eq!(names(folder), before);

    // O-54: the message names the owner of the file, and the user of the command.
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o600)).expect("a mode");
    let (code, _, stderr) = as_nobody(&["resource", "list"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("belongs to root, this process runs as nobody"), "{stderr}");
}

/// `migrate` needs no key, and `serve` creates it.
#[tokio::test(flavor = "multi_thread")]
async fn migrate_makes_no_key_and_serve_does() {
    let cli = Cli::new(Engine::Sqlite).await.unset("TOKEND_MASTER_KEY");
    assert_eq!(names(cli.place.folder.path()), ["tokend.db"]);
    let run = cli.run(&["client", "create", "Ops"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("the master key does not exist yet"), "{run:?}");
    assert!(run.stderr.contains("Start the server once"), "{run:?}");
    assert_eq!(names(cli.place.folder.path()), ["tokend.db"]);
    drop(cli.serve().await);
    assert!(cli.place.folder.path().join("master.key").exists());
    assert_eq!(cli.run(&["client", "create", "Ops"]).code, 0);
}

/// Connections that are returned at the same time are closed one after the other. Only the last one
/// removes the files next to the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_closed_database_is_one_file() {
    let cli = Cli::new(Engine::Sqlite).await;
    let environment = cli.place.environment();
    let config = Config::load(&Flags::default(), &environment, Requirement::Nothing);
    let config = config.expect("settings");
    for _ in 0..50 {
        let store = Store::open(&config.database, OpenMode::Change).await.expect("a database");
        let asking = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.ping().await })
        });
        for asked in asking.collect::<Vec<_>>() {
            asked.await.expect("a task").expect("an answer");
        }
        store.close().await;
        assert_eq!(names(cli.place.folder.path()), ["tokend.db"]);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn with_a_given_master_key_clients_can_be_made_before_the_first_start(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    assert_eq!(cli.run(&["client", "create", "Ops"]).code, 0);
    drop(cli.serve().await);
    assert_eq!(cli.json(&["client", "list"]).as_array().expect("a list").len(), 1);
}

/// O-9: without its key a sealed database is not changed, and no new key is created.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_master_key_stops_every_change(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    drop(cli.serve().await);
    assert_eq!(cli.run(&["client", "create", "Ops", "--id", "ops"]).code, 0);
    let cli = cli.unset("TOKEND_MASTER_KEY");
    let events = cli.json(&["audit", "list"]);
    for command in [
        &["serve"][..],
        &["client", "create", "B"],
        &["client", "disable", "ops"],
        &["check-config", "--online"],
    ] {
        let run = cli.run(command);
        assert_eq!(run.code, 3, "{command:?}: {run:?}");
        assert!(run.stderr.contains("the master key of this database is missing"), "{run:?}");
        assert!(run.stderr.contains("Restore the master key from your backup"), "{run:?}");
        assert!(run.stderr.contains("tokend master-key reset --lost"), "{run:?}");
    }
    assert!(!cli.place.folder.path().join("master.key").exists());
    assert_eq!(cli.json(&["audit", "list"]), events);
}

/// An older schema is reported with both numbers, and is not migrated accidentally.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_older_schema_is_not_migrated_by_a_command(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let forget = "DELETE FROM _sqlx_migrations WHERE version > 2";
    execute(engine, &cli.place.database_url, forget).await;
    let newest = tokend::store::schema::NEWEST;
    for command in [&["client", "list"][..], &["client", "create", "Ops"]] {
        let run = cli.run(command);
        assert_eq!(run.code, 1, "{run:?}");
        let expected = format!("the database has schema 2 of {newest}");
        assert!(run.stderr.contains(&expected), "{run:?}");
        assert!(run.stderr.contains("run `tokend migrate`"), "{run:?}");
    }
    let status = cli.json(&["migrate", "--status"]);
    assert_eq!(status["schema"], 2, "{status}");
}

/// O-21, S-14, SECURITY 42: files that tokend creates are accessible only to its own user.
#[tokio::test(flavor = "multi_thread")]
async fn database_files_and_folder_are_private() {
    let cli = Cli::without_database(Engine::Sqlite).await.unset("TOKEND_MASTER_KEY");
    let folder = cli.place.folder.path().join("data");
    let cli =
        cli.unset("TOKEND_DATABASE_URL").set("TOKEND_DATA_DIR", &folder.display().to_string());
    let mut server = cli.serve().await;
    let mode =
        |path: &Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for name in ["tokend.db", "tokend.db-wal", "tokend.db-shm", "master.key"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    assert!(!server.log().contains("can be read by"), "{}", server.log());
    server.signal("TERM");
    server.ended().await;
    drop(server);

    for name in ["tokend.db", "master.key"] {
        let path = folder.join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).expect("a mode");
    }
    let server = cli.serve().await;
    for words in ["the master key can be read by", "a file of the database can be read by"] {
        assert!(server.log().contains(words), "{}", server.log());
    }
    drop(server);
    let run = cli.run(&["check-config"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("can be read by every user of this machine"), "{run:?}");
    assert!(run.stderr.contains("chmod 600"), "{run:?}");
}

/// This also applies to a master key file that the settings name.
#[tokio::test(flavor = "multi_thread")]
async fn a_named_master_key_file_that_others_can_read_is_rejected() {
    let cli = Cli::new(Engine::Sqlite).await.unset("TOKEND_MASTER_KEY");
    let path = cli.place.folder.path().join("k");
    std::fs::write(&path, "7".repeat(64)).expect("a key");
    let cli = cli.set("TOKEND_MASTER_KEY_FILE", &path.display().to_string());
    for (mode, code) in [(0o644, 3), (0o640, 3), (0o600, 0), (0o400, 0)] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
        let run = cli.run(&["check-config"]);
        assert_eq!(run.code, code, "{mode:o}: {run:?}");
        assert_eq!(run.stderr.contains("E-CONF-MODE"), code == 3, "{run:?}");
    }
}
