//! A fleet of four instances on one Postgres behind nginx and `HAProxy`, while parts of it are
//! restarted, killed, stopped, frozen or promoted: `make faults`. No token request of a client with
//! a secret fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::eventually::eventually;
use crate::support::fleet::{Fleet, Load, make_client, token_request};
use crate::support::gateways::front::Proxy;
use crate::support::postgres::{Deed, OwnPostgres};
use crate::support::{Place, client};

/// The number of instances of a fleet.
const SIZE: usize = 4;

/// The duration of the outage of Postgres: longer than any statement timeout.
const OUTAGE: Duration = Duration::from_secs(8);

/// The time limit for a change to reach all instances.
const CHANGE_LIMIT: Duration = Duration::from_secs(2);

fn place(database_url: String) -> Arc<Place> {
    Arc::new(Place { folder: tempfile::tempdir().expect("a folder"), database_url })
}

async fn fleet(proxy: Proxy) -> (OwnPostgres, Fleet) {
    let (postgres, url) = OwnPostgres::start().await;
    (postgres, Fleet::start(proxy, place(url), SIZE, &[]).await)
}

/// Waits until each instance issues this client a token, or rejects it with 401; returns how long
/// that took.
async fn until_all_answer(fleet: &Fleet, who: &(String, String), status: u16) -> Duration {
    let (http, started) = (client(), Instant::now());
    for instance in &fleet.instances {
        eventually("the change", async || {
            let answer = token_request(&http, &instance.base, who).send().await.ok()?;
            (answer.status() == status).then_some(())
        })
        .await;
    }
    started.elapsed()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make faults"]
async fn instances_restart_and_are_killed(#[values(Proxy::Nginx, Proxy::Haproxy)] proxy: Proxy) {
    let (_postgres, mut fleet) = fleet(proxy).await;
    for signal in ["TERM", "KILL"] {
        let load = Load::start(&fleet);
        for index in 0..SIZE {
            fleet.restart(index, signal).await;
            // The next one may end as soon as the proxy has detected this one again.
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        load.end().await.assert_none_failed();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make faults"]
async fn postgres_is_stopped_and_frozen(#[values(Proxy::Nginx, Proxy::Haproxy)] proxy: Proxy) {
    let (mut postgres, fleet) = fleet(proxy).await;
    let load = Load::start(&fleet);
    for (away, back) in [(Deed::Stop, Deed::Start), (Deed::Freeze, Deed::Thaw)] {
        postgres.carry_out(away);
        fleet.until_all_report("degraded: the database is unavailable").await;
        tokio::time::sleep(OUTAGE).await;
        postgres.carry_out(back);
        fleet.until_all_report("ready").await;
        let new = make_client(&fleet.cli, &format!("after {away:?}"));
        until_all_answer(&fleet, &new, 200).await;
    }
    load.end().await.assert_none_failed();
    assert_eq!(fleet.cli.run(&["audit", "verify"]).code, 0);
}

/// With two servers in the URL: the primary stops or freezes, the standby is promoted, and changes
/// are possible again without a restart.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make faults"]
async fn a_standby_is_promoted(
    #[values(Proxy::Nginx, Proxy::Haproxy)] proxy: Proxy,
    #[values(Deed::Stop, Deed::Freeze)] away: Deed,
) {
    let (mut primary, _) = OwnPostgres::start().await;
    let (mut standby, standby_url) = primary.standby().await;
    let ports = (primary.port(), standby.port());
    let url = format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", ports.0, ports.1);
    let fleet = Fleet::start(proxy, place(url), SIZE, &[("TOKEND_DATABASE_TIMEOUT", "1s")]).await;
    let load = Load::start(&fleet);
    let known = make_client(&fleet.cli, "before");
    until_all_answer(&fleet, &known, 200).await;
    // Replication is asynchronous: changes that the standby lacks would be lost.
    eventually("the client at the standby", async || {
        let mut standby = PgConnection::connect(&standby_url).await.ok()?;
        let sql = "SELECT COUNT(*) FROM client WHERE client_id = $1";
        let count: i64 =
            sqlx::query_scalar(sql).bind(&known.0).fetch_one(&mut standby).await.ok()?;
        (count == 1).then_some(())
    })
    .await;
    primary.carry_out(away);
    fleet.until_all_report("degraded: the database is unavailable").await;
    standby.carry_out(Deed::Promote);
    fleet.until_all_report("ready").await;
    let new = make_client(&fleet.cli, "after");
    for who in [&known, &new] {
        until_all_answer(&fleet, who, 200).await;
    }
    load.end().await.assert_none_failed();
    assert_eq!(fleet.cli.run(&["audit", "verify"]).code, 0);
    for instance in &fleet.instances {
        assert!(instance.log().contains("another Postgres of database.url"), "{}", instance.log());
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make faults"]
async fn a_change_is_on_all_instances_within_two_seconds() {
    let (_postgres, fleet) = fleet(Proxy::Nginx).await;
    let load = Load::start(&fleet);
    for number in 0..10 {
        let new = make_client(&fleet.cli, &format!("number {number}"));
        let took = until_all_answer(&fleet, &new, 200).await;
        assert!(took <= CHANGE_LIMIT, "a new client: {took:?}");
        fleet.cli.json(&["client", "disable", &new.0]);
        let took = until_all_answer(&fleet, &new, 401).await;
        assert!(took <= CHANGE_LIMIT, "a disabled client: {took:?}");
    }
    load.end().await.assert_none_failed();
}

/// Returns the number of transactions that a Postgres has ended.
async fn transactions(postgres: &OwnPostgres) -> i64 {
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port());
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    let sql = "SELECT (xact_commit + xact_rollback)::BIGINT FROM pg_stat_database
               WHERE datname = 'postgres'";
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("a number")
}

/// Counts the statements of the fleet in thirty seconds, without a token and under load.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make faults"]
async fn statements_do_not_depend_on_tokens() {
    /// It contains two batches of usage statistics of each instance.
    const WINDOW: Duration = Duration::from_secs(30);
    let (postgres, fleet) = fleet(Proxy::Nginx).await;
    let during = async || {
        let before = transactions(&postgres).await;
        tokio::time::sleep(WINDOW).await;
        transactions(&postgres).await - before
    };
    let without = during().await;
    let load = Load::start(&fleet);
    load.until_sent(100).await;
    let before = load.sent();
    let with = during().await;
    let tokens = load.sent() - before;
    load.end().await.assert_none_failed();
    // Polling and probes are the same in both. Under load, the usage of one client is written in
    // batches.
    assert!(tokens > 1_000, "only {tokens} tokens");
    let more = with - without;
    assert!(more < 100 && more < without / 4, "{without} without tokens, {with} with {tokens}");
}
