//! What an ordinary token costs the database: nothing.

use std::time::{Duration, Instant};

use rstest::rstest;

use crate::support::process::{Cli, Process};
use crate::support::{Answer, Engine, ORDERS, client};

/// How many statements the process has logged; sqlx logs each one at this level.
fn statements(server: &Process) -> usize {
    server.log().matches("sqlx::query").count()
}

/// Waits until nothing is asked of the database any more.
async fn settled(server: &Process) -> usize {
    let started = Instant::now();
    loop {
        let before = statements(server);
        tokio::time::sleep(Duration::from_millis(300)).await;
        if statements(server) == before || started.elapsed() > Duration::from_secs(10) {
            return before;
        }
    }
}

/// DESIGN §1, D3: the token path touches no database.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_costs_no_statement(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    // Following asks the database by itself; it sleeps through this test.
    let cli = Cli::new(engine).await.set("TOKEND_DIRECTORY_POLL_INTERVAL", "50m");
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "a", "--grant", ORDERS]);
    let text = |name: &str| made[name].as_str().expect("a text");
    let server = cli.serve().await;
    let before = settled(&server).await;
    assert!(before > 5, "statements are not logged as this test believes");
    let http = client();
    for _ in 0..500 {
        let request = http
            .post(format!("{}/v1/oauth/token", server.base))
            .basic_auth(text("client_id"), Some(text("client_secret")))
            .form(&[("grant_type", "client_credentials")]);
        Answer::of(request).await.token();
    }
    assert_eq!(server.log().matches("request answered").count() / 500, 1);
    assert_eq!(statements(&server), before, "a token request has asked the database");
}
