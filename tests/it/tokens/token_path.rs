//! The token path needs no database statement.

use std::time::Duration;

use rstest::rstest;

use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, client};

/// Returns the number of statements that the process has logged; sqlx logs each one at this level.
fn statements(server: &Process) -> usize {
    server.log().matches("sqlx::query").count()
}

/// Waits until no database query is running.
async fn settled(server: &Process) -> usize {
    eventually("the end of the start", async || {
        let before = statements(server);
        tokio::time::sleep(Duration::from_millis(300)).await;
        (statements(server) == before).then_some(before)
    })
    .await
}

/// True for statements of background tasks, which are independent of the token path: they write the
/// usage statistics and look for secrets that end or expire soon.
fn is_usage(line: &str) -> bool {
    let words = [
        "secret_use",
        "usage_heartbeat",
        "active_at",
        "event_head",
        "EXTRACT",
        "warned_at",
        "BEGIN",
        "SET LOCAL",
        "COMMIT",
    ];
    words.iter().any(|word| line.contains(word))
}

/// D3, D4, SECURITY 34: the token path uses no database. Once the secret of a client is verified,
/// it computes no hash. Ten thousand requests only write batches of usage statistics.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tokens_cost_no_statement_and_one_hash(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // Following polls the database by itself; its interval is longer than this test.
    let cli = Cli::new(engine)
        .await
        .set("TOKEND_DIRECTORY_POLL_INTERVAL", "50m")
        .set("TOKEND_LOG_LEVEL", "debug");
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "a", "--grant", ORDERS]);
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let mut server = cli.serve().await;
    let before = settled(&server).await;
    assert!(before > 5, "statements are not logged as this test believes");
    let (http, url) = (client(), format!("{}/v1/oauth/token", server.base));
    let asking = (0..10).map(|_| {
        let (http, url, id, secret) = (http.clone(), url.clone(), id.clone(), secret.clone());
        tokio::spawn(async move {
            for _ in 0..1000 {
                let request =
                    http.post(&url).basic_auth(&id, Some(&secret)).form(&CLIENT_CREDENTIALS);
                Answer::of(request).await.token();
            }
        })
    });
    for task in asking.collect::<Vec<_>>() {
        task.await.expect("a thousand tokens");
    }
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    let log = server.log();
    assert_eq!(log.matches("\"token issued\"").count(), 10_000);
    let statements = |log: &str| -> Vec<String> {
        let lines = log.lines().filter(|line| line.contains("sqlx::query"));
        lines.skip(before).map(str::to_owned).collect()
    };
    let (running, _) = log.split_once("stopping: readiness fails").expect("the stop");
    let others: Vec<_> = statements(running).into_iter().filter(|line| !is_usage(line)).collect();
    assert_eq!(others, Vec::<String>::new(), "a token request has asked the database");
    let usage = statements(&log).iter().filter(|line| is_usage(line)).count();
    // A batch is written every 15 seconds, however long that takes: far less than one for each
    // token.
    assert!((1..1000).contains(&usage), "{usage} statements of the usage statistics");
    // Ten connections may have begun their first hash before the first of them was done.
    let hashes = log.matches("a secret is hashed").count();
    assert!((1..=10).contains(&hashes), "{hashes} hashes");
}
