//! A snapshot that does not belong to exactly this database, key and program is not used. The
//! server starts as without one, and logs one line.

use std::sync::Arc;

use rstest::rstest;

use crate::database::backup::{restored, text};
use crate::fleet::snapshot::{file, make_client, stop};
use crate::listeners::stopping::ask;
use crate::support::process::{Cli, Process};
use crate::support::{Engine, Place};

const NOT_USED: &str = "the snapshot is not used: everything is loaded from the database";
const NO_CONTINUATION: &str = "the hash chain does not continue: everything is loaded again";

/// Creates a place with a snapshot in which the client `worker` has been verified; returns its
/// secret.
async fn with_snapshot(engine: Engine) -> (Cli, String) {
    let cli = Cli::new(engine).await;
    let secret = make_client(&cli, "worker");
    let server = cli.serve().await;
    ask(&server.base, "worker", &secret).await.token();
    stop(server).await;
    (cli, secret)
}

/// Returns the log lines about snapshots that are not used.
fn reasons(server: &Process) -> Vec<String> {
    let log = server.log();
    log.lines().filter(|line| line.contains(NOT_USED)).map(str::to_owned).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_not_used(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, secret) = with_snapshot(engine).await;
    let path = file(&cli.place);
    let whole = std::fs::read(&path).expect("a file");
    let line = whole.iter().position(|byte| *byte == b'\n').expect("a line");
    let flipped = |place: usize| {
        let mut content = whole.clone();
        content[place] ^= 4;
        content
    };
    let newer = String::from_utf8_lossy(&whole).replacen(":1,", ":99,", 1).into_bytes();
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let older = String::from_utf8_lossy(&whole).replacen(&version, "\"version\":\"0.0.1\"", 1);
    for (name, content, reason) in [
        ("first line", flipped(line / 2), ""),
        ("first chunk", flipped(line + 40), "chunk 0 is damaged"),
        ("middle", flipped(whole.len() / 2), "is damaged"),
        ("end", flipped(whole.len() - 3), "is damaged"),
        ("truncated", whole[..whole.len() - 20].to_vec(), "the file ends within"),
        ("without its content", whole[..=line].to_vec(), "the file ends within or before chunk 0"),
        ("empty", Vec::new(), "not the one of a snapshot"),
        ("another format", newer, "format 99"),
        ("another version", older.into_bytes(), "tokend 0.0.1"),
    ] {
        std::fs::write(&path, content).expect("written");
        let mut server = cli.serve().await;
        let reasons = reasons(&server);
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{name}: {reasons:?}");
        assert!(!server.log().contains("panic"), "{name}");
        ask(&server.base, "worker", &secret).await.token();
        server.log_with("a secret is hashed to be checked").await;
        server.signal("KILL");
        server.ended().await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_database_or_master_key_is_not_used(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, secret) = with_snapshot(engine).await;
    let snapshot = std::fs::read(file(&cli.place)).expect("a file");
    let key = "7777777777777777777777777777777777777777777777777777777777777777";
    for (key, reason) in
        [(None, "it is of another database"), (Some(key), "it is sealed under the master key")]
    {
        let mut other = Cli::without_database(engine).await;
        if let Some(key) = key {
            other = other.set("TOKEND_MASTER_KEY", key);
        }
        std::fs::write(file(&other.place), &snapshot).expect("written");
        let server = other.serve().await;
        let reasons = reasons(&server);
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{reasons:?}");
        ask(&server.base, "worker", &secret).await.assert_rejected(401, "invalid_client");
        stop(server).await;
        // The next snapshot is its own.
        let server = other.serve().await;
        assert!(self::reasons(&server).is_empty());
        ask(&server.base, "worker", &secret).await.assert_rejected(401, "invalid_client");
    }
}

/// The database is restored to a time before the snapshot: later objects do not exist, even if the
/// restored database has new events.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_newer_than_the_database_is_not_a_part_of_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(false, true)] has_gone_on: bool,
) {
    let cli = Cli::new(engine).await;
    let secret = make_client(&cli, "worker");
    let warm = cli.serve().await;
    stop(warm).await;
    let backup = cli.place.folder.path().join("b.backup");
    cli.json(&["backup", "create", text(&backup)]);
    let lost = make_client(&cli, "lost");
    let server = cli.serve().await;
    for (id, secret) in [("worker", &secret), ("lost", &lost)] {
        ask(&server.base, id, secret).await.token();
    }
    stop(server).await;

    let place: Arc<Place> = restored(&backup, engine).await;
    std::fs::copy(file(&cli.place), file(&place)).expect("copied");
    let other = Cli::at(place);
    if has_gone_on {
        for id in ["new-a", "new-b", "new-c"] {
            make_client(&other, id);
        }
    }
    let server = other.serve().await;
    assert!(server.log().contains(NO_CONTINUATION), "{}", server.log());
    ask(&server.base, "lost", &lost).await.assert_rejected(401, "invalid_client");
    ask(&server.base, "worker", &secret).await.token();
    let hashed = server.log().matches("a secret is hashed to be checked").count();
    assert_eq!(hashed, 0, "its secret is the same in both");
    stop(server).await;
}
