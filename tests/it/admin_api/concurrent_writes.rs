//! Concurrent administrators: every change is made exactly once, and the hash chain is intact.

use std::sync::Arc;

use rstest::rstest;
use serde_json::Value;

use crate::listeners::stopping::ask;
use crate::support::eventually::eventually;
use crate::support::process::{Cli, Run};
use crate::support::{Engine, ORDERS};

const WRITERS: usize = 4;
const CHANGES_OF_EACH: usize = 6;

/// Creates a database with a write timeout long enough for a busy machine.
async fn database(engine: Engine) -> Arc<Cli> {
    let cli = Cli::new(engine).await.set("TOKEND_DATABASE_TIMEOUT", "60s");
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    Arc::new(cli)
}

/// Runs one command in many processes at once; returns the result of each.
async fn at_once(cli: &Arc<Cli>, commands: Vec<Vec<String>>) -> Vec<Run> {
    let start = |command: Vec<String>| {
        let cli = cli.clone();
        tokio::task::spawn_blocking(move || {
            let arguments: Vec<_> = command.iter().map(String::as_str).collect();
            cli.run(&arguments)
        })
    };
    let tasks: Vec<_> = commands.into_iter().map(start).collect();
    let mut runs = Vec::new();
    for task in tasks {
        runs.push(task.await.expect("a run"));
    }
    runs
}

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(ToString::to_string).collect()
}

fn assert_chain_is_intact(cli: &Cli) {
    let run = cli.run(&["audit", "verify"]);
    assert_eq!(run.code, 0, "{run:?}");
}

/// Returns the sequence numbers of all events with this action.
fn sequences(cli: &Cli, action: &str) -> Vec<i64> {
    let listed = cli.json(&["audit", "list", "--action", action, "--limit", "1000"]);
    let mut found: Vec<_> = listed
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|one| one["sequence"].as_i64())
        .collect();
    found.sort_unstable();
    found
}

/// Several processes create clients at once. All clients exist, each with one event, and a running
/// server knows all of them.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_lose_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = database(engine).await;
    let server = cli.serve().await;
    let mut clients: Vec<Value> = Vec::new();
    for round in 0..CHANGES_OF_EACH {
        let create = |writer| {
            let id = format!("c-{round}-{writer}");
            words(&["client", "create", "A", "--id", &id, "--grant", ORDERS, "-o", "json"])
        };
        for run in at_once(&cli, (0..WRITERS).map(create).collect()).await {
            assert_eq!(run.code, 0, "{run:?}");
            clients.push(serde_json::from_str(&run.stdout).expect("JSON"));
        }
    }
    let all = WRITERS * CHANGES_OF_EACH;
    let listed = cli.json(&["client", "list", "--limit", "1000"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(all), "{listed}");
    let sequences = sequences(&cli, "client.created");
    assert_eq!(sequences.len(), all, "{sequences:?}");
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{sequences:?}");
    assert_chain_is_intact(&cli);
    for made in &clients {
        let text = |name: &str| made[name].as_str().expect("a text");
        eventually("a token of each client", async || {
            let answer = ask(&server.base, text("client_id"), text("client_secret")).await;
            (answer.status == 200).then_some(())
        })
        .await;
    }
}

/// Concurrent changes of one client do not overwrite each other.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_one_client_do_not_overwrite_each_other(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = database(engine).await;
    cli.json(&["client", "create", "A", "--id", "a", "--grant", ORDERS]);
    let add = || words(&["client", "add-secret", "a"]);
    let runs = at_once(&cli, (0..2 * WRITERS).map(|_| add()).collect()).await;
    for run in &runs {
        assert_eq!(run.code, 0, "{run:?}");
    }
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!(shown["secrets"].as_array().map(Vec::len), Some(1 + 2 * WRITERS), "{shown}");
    assert_chain_is_intact(&cli);
}

/// If several processes create the same client, one succeeds and the others report why they failed
/// (W-19).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_equal_creations_succeeds(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = database(engine).await;
    let create = || words(&["client", "create", "A", "--id", "a"]);
    let runs = at_once(&cli, (0..2 * WRITERS).map(|_| create()).collect()).await;
    let mut codes: Vec<_> = runs.iter().map(|run| run.code).collect();
    codes.sort_unstable();
    let mut expected = vec![5; 2 * WRITERS];
    expected[0] = 0;
    assert_eq!(codes, expected, "{runs:?}");
    assert_eq!(sequences(&cli, "client.created").len(), 1);
    assert_chain_is_intact(&cli);
}
