//! Readiness reports a problem of the database at once, without a query.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokend::model::time::Clock;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::eventually::eventually;
use crate::support::postgres::{Deed, OwnPostgres};
use crate::support::{Answer, Engine, ORDERS, Place, Server, now};

const UNAVAILABLE: &str = "degraded: the database is unavailable";

async fn status(server: &Server) -> (u16, String) {
    let answer = Answer::of(server.http.get(format!("{}/readyz", server.management))).await;
    (answer.status, answer.json()["status"].as_str().expect("a status").to_owned())
}

async fn until_status(server: &Server, wanted: &str) {
    eventually(wanted, async || {
        let (code, status) = status(server).await;
        assert_eq!(code, 200, "{status}");
        (status == wanted).then_some(())
    })
    .await;
}

/// Starts an instance on its own Postgres.
async fn server_on_own_postgres() -> (Server, OwnPostgres, String) {
    let (postgres, url) = OwnPostgres::start().await;
    let mut place = Place::new(Engine::Sqlite).await;
    place.database_url.clone_from(&url);
    let server = Server::at(Arc::new(place), Clock::fixed(now()), &[]).await;
    server.resource(ORDERS, &["orders:read"]).await;
    (server, postgres, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_stops_or_freezes_is_noticed() {
    let (server, mut postgres, _) = server_on_own_postgres().await;
    let client = server.client().await;
    server.ask(&client).await.token();
    until_status(&server, "ready").await;
    for (deed, back) in [(Deed::Freeze, Deed::Thaw), (Deed::Stop, Deed::Start)] {
        postgres.carry_out(deed);
        until_status(&server, UNAVAILABLE).await;
        server.ask(&client).await.token();
        postgres.carry_out(back);
        until_status(&server, "ready").await;
    }
}

/// Readiness reports a stopped database within a second.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make test-slow"]
async fn a_postgres_that_stops_or_freezes_is_noticed_within_a_second() {
    let (server, mut postgres, _) = server_on_own_postgres().await;
    for (deed, back) in [(Deed::Freeze, Deed::Thaw), (Deed::Stop, Deed::Start)] {
        until_status(&server, "ready").await;
        let started = Instant::now();
        postgres.carry_out(deed);
        loop {
            let asked = Instant::now();
            let (_, status) = status(&server).await;
            assert!(asked.elapsed() < Duration::from_millis(250), "{:?}", asked.elapsed());
            if status == UNAVAILABLE {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "{deed:?}: {took:?}");
        postgres.carry_out(back);
    }
}

/// The state after a failover to a read-only server.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_takes_no_writes_is_noticed() {
    let (server, _postgres, url) = server_on_own_postgres().await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let client = server.client().await;
    let set_read_only = async |value: &str| {
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        for sql in [
            "SET default_transaction_read_only = off".to_owned(),
            format!("ALTER DATABASE postgres SET default_transaction_read_only = {value}"),
            // Open connections keep the value with which they began.
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE pid <> pg_backend_pid() AND datname = 'postgres'"
                .to_owned(),
        ] {
            connection.execute(AssertSqlSafe(sql)).await.expect("done");
        }
    };
    set_read_only("on").await;
    // A failed change reveals it; without one, the statistics that are written every 15 seconds do.
    eventually("a change that fails", async || {
        let made = api.call("POST", "/v1/resources", Some(json!({ "resource": "urn:x" }))).await;
        assert!(made.status == 503, "{}", made.text);
        (status(&server).await.1 == "degraded: writes fail").then_some(())
    })
    .await;
    server.ask(&client).await.token();
    set_read_only("off").await;
    until_status(&server, "ready").await;
    let made = api.call("POST", "/v1/resources", Some(json!({ "resource": "urn:x" }))).await;
    assert_eq!(made.status, 201, "{}", made.text);
}
