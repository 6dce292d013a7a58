//! A start without the database: from the snapshot, within `directory.max_staleness`.

use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use tokend::app::without_database::WithoutDatabase;
use tokend::config::sources::Flags;
use tokend::config::{Config, Requirement};
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;

use crate::authentication::private_key_jwt;
use crate::fleet::snapshot::{AT_ONCE, make_client, stop};
use crate::listeners::stopping::ask;
use crate::support::eventually::eventually;
use crate::support::keys::KeyPair;
use crate::support::postgres::{Deed, OwnPostgres};
use crate::support::process::{Cli, Process};
use crate::support::proxy::{DatabaseProxy, Link};
use crate::support::{Answer, Engine, ORDERS, Place, Server, client, now};

const UNAVAILABLE: &str = "degraded: the database is unavailable";

/// Creates a place with its own Postgres and the client `worker` in a snapshot; returns its secret.
async fn stopped_server() -> (Cli, OwnPostgres, String) {
    let (postgres, url) = OwnPostgres::start().await;
    let mut place = Place::new(Engine::Sqlite).await;
    place.database_url = url;
    let cli = Cli::at(Arc::new(place)).set("TOKEND_DATABASE_TIMEOUT", "1s");
    assert_eq!(cli.run(&["migrate"]).code, 0);
    let secret = make_client(&cli, "worker");
    let server = cli.serve().await;
    ask(&server.base, "worker", &secret).await.token();
    stop(server).await;
    (cli, postgres, secret)
}

async fn readiness(server: &Process) -> (u16, String) {
    let answer = Answer::of(client().get(format!("{}/readyz", server.base))).await;
    (answer.status, answer.json()["status"].as_str().expect("a status").to_owned())
}

/// Returns the claims of a token, unverified.
fn claims(token: &str) -> Value {
    let body = token.split('.').nth(1).expect("claims");
    let body = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(body).expect("base64");
    serde_json::from_slice(&body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_postgres_and_catches_up() {
    let (cli, mut postgres, secret) = stopped_server().await;
    let head = cli.json(&["audit", "verify"])["events"].as_i64().expect("a number");
    postgres.carry_out(Deed::Stop);
    let server = cli.serve().await;
    let token = ask(&server.base, "worker", &secret).await.token();
    assert_eq!(claims(&token)["evt"], head, "tokens carry the place of the snapshot (D24)");
    ask(&server.base, "worker", "wrong").await.assert_rejected(401, "invalid_client");
    assert_eq!(readiness(&server).await, (200, UNAVAILABLE.to_owned()));
    let keys = Answer::of(client().get(format!("{}/.well-known/jwks.json", server.base))).await;
    assert_eq!(keys.json()["keys"].as_array().map(Vec::len), Some(1));
    assert!(!server.log().contains("a secret is hashed to be checked"));

    postgres.carry_out(Deed::Start);
    eventually("readiness", async || {
        (readiness(&server).await == (200, "ready".to_owned())).then_some(())
    })
    .await;
    server.log_with("changes are followed again").await;
    ask(&server.base, "worker", &secret).await.token();
    let added = make_client(&cli, "added");
    assert_eq!(cli.run(&["client", "disable", "worker"]).code, 0);
    eventually("the changes", async || {
        let old = ask(&server.base, "worker", &secret).await.status;
        let new = ask(&server.base, "added", &added).await.status;
        ((old, new) == (401, 200)).then_some(())
    })
    .await;
    stop(server).await;
    assert_eq!(cli.json(&["audit", "verify"])["intact"], true);
}

/// A change while the server was down is unknown without the database, and known as soon as the
/// database is available.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_before_the_start_is_seen_when_the_database_is_back() {
    let (cli, mut postgres, secret) = stopped_server().await;
    assert_eq!(cli.run(&["client", "disable", "worker"]).code, 0);
    postgres.carry_out(Deed::Freeze);
    let server = cli.serve().await;
    let token = ask(&server.base, "worker", &secret).await.token();
    postgres.carry_out(Deed::Thaw);
    eventually("the change", async || {
        (ask(&server.base, "worker", &secret).await.status == 401).then_some(())
    })
    .await;
    // The token was issued after the event, and is revoked anyway.
    let other = make_client(&cli, "other");
    eventually("the client", async || {
        (ask(&server.base, "other", &other).await.status == 200).then_some(())
    })
    .await;
    let introspect = client()
        .post(format!("{}/v1/oauth/introspect", server.base))
        .basic_auth("other", Some(&other))
        .form(&[("token", token)]);
    assert_eq!(Answer::of(introspect).await.json()["active"], false);
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_usable_snapshot_a_server_does_not_start() {
    let (cli, mut postgres, _) = stopped_server().await;
    postgres.carry_out(Deed::Stop);
    let ends = |cli: &Cli, part: &str| {
        let run = cli.run(&["serve"]);
        assert_eq!(run.code, 7, "{run:?}");
        assert!(run.stderr.contains("E-DATABASE") && run.stderr.contains(part), "{run:?}");
    };
    let cli =
        cli.set("TOKEND_LISTEN", "127.0.0.1:0").set("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:0");
    let cli = cli.set("TOKEND_SNAPSHOT_ENABLED", "false");
    ends(&cli, "cannot connect to");
    let cli = cli.unset("TOKEND_SNAPSHOT_ENABLED");
    let url = cli.place.database_url.replace("/postgres", "/another");
    let elsewhere = cli.set("TOKEND_DATABASE_URL", &url);
    ends(&elsewhere, "it is of the database at postgres://");
    let url = elsewhere.place.database_url.clone();
    let cli = elsewhere.set("TOKEND_DATABASE_URL", &url);
    std::fs::remove_file(crate::fleet::snapshot::file(&cli.place)).expect("removed");
    ends(&cli, "cannot connect to");
}

/// The snapshot is older than `directory.max_staleness`, or newer than the clock.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_too_old_starts_nothing() {
    let (cli, mut postgres, _) = stopped_server().await;
    postgres.carry_out(Deed::Stop);
    let config = || {
        Config::load(&Flags::default(), cli.environment(), Requirement::Issuer).expect("settings")
    };
    for (seconds, starts) in [(0, true), (3500, true), (3700, false), (-3600, false)] {
        let clock = Clock::fixed(now().plus_seconds(seconds));
        let start = Box::pin(WithoutDatabase::start(config(), clock)).await.expect("a look");
        assert_eq!(start.is_some(), starts, "{seconds}");
    }
}

/// Another database is available again: the server ends, and writes nothing to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_when_another_database_comes_back() {
    let (cli, mut postgres, secret) = stopped_server().await;
    let url = cli.place.database_url.clone();
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    connection
        .execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await
        .expect("an empty database");
    connection.close().await.expect("an end");
    postgres.carry_out(Deed::Stop);
    let mut server = cli.serve().await;
    ask(&server.base, "worker", &secret).await.token();
    postgres.carry_out(Deed::Start);
    assert_eq!(server.ended().await, Some(1), "{}", server.log());
    assert!(server.log().contains("is not the one of the snapshot"), "{}", server.log());
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    let tables: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'",
    )
    .fetch_one(&mut connection)
    .await
    .expect("a number");
    assert_eq!(tables, 0);
}

/// Starts an instance with this setting and a link to Postgres that can be cut.
async fn server_with(during_outage: &str) -> (Server, DatabaseProxy) {
    let place = Arc::new(Place::new(Engine::Postgres).await);
    let (proxy, url) = DatabaseProxy::before(&place.database_url).await;
    let settings = [
        ("TOKEND_DATABASE_URL", url.as_str()),
        ("TOKEND_DATABASE_TIMEOUT", "1s"),
        ("TOKEND_ASSERTIONS_DURING_OUTAGE", during_outage),
    ];
    let server = Server::at(place, Clock::fixed(now()), &settings).await;
    server.resource(ORDERS, &["orders:read"]).await;
    (server, proxy)
}

async fn until_unavailable(server: &Server, is_unavailable: bool) {
    eventually("what readiness knows", async || {
        (server.app.database.is_unavailable() == is_unavailable).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_rejected_during_an_outage_by_default() {
    let (server, proxy) = server_with("refuse").await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = private_key_jwt::keyed(&server, &key).await;
    proxy.set(Link::Cut);
    until_unavailable(&server, true).await;
    let assertion = key.sign(&private_key_jwt::claims(&server, &client));
    private_key_jwt::ask(&server, &assertion).await.assert_rejected(503, "temporarily_unavailable");
    proxy.set(Link::Open);
    until_unavailable(&server, false).await;
    eventually("the same assertion", async || {
        (private_key_jwt::ask(&server, &assertion).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_accepted_once_during_an_outage_and_stored_after_it() {
    let (server, proxy) = server_with("local").await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = private_key_jwt::keyed(&server, &key).await;
    let now = server.clock.now().0;
    let issued = |iat: Option<i64>| {
        let mut claims = private_key_jwt::claims(&server, &client);
        if let Some(iat) = iat {
            claims["iat"] = json!(iat);
        }
        key.sign(&claims)
    };
    let (used, without) = (issued(Some(now - 30)), issued(None));
    for assertion in [&used, &without] {
        private_key_jwt::ask(&server, assertion).await.token();
    }
    for link in [Link::Cut, Link::Frozen] {
        proxy.set(link);
        until_unavailable(&server, true).await;
        let beginning = server.clock.now().0;
        server.clock.advance(11);
        let now = server.clock.now().0;
        let new = issued(Some(now));
        private_key_jwt::ask(&server, &new).await.token();
        for replayed in [&new, &without, &used] {
            private_key_jwt::ask(&server, replayed).await.assert_rejected(401, "invalid_client");
        }
        // The clock of a client may be fast, so it may have used the assertion elsewhere before the
        // outage.
        for iat in [beginning - 30, beginning, beginning + 10] {
            private_key_jwt::ask(&server, &issued(Some(iat)))
                .await
                .assert_rejected(503, "temporarily_unavailable");
        }
        private_key_jwt::ask(&server, &issued(None)).await.token();
        assert_eq!(server.services().assertions.accepted(9).len(), 2, "{link:?}");

        proxy.set(Link::Open);
        until_unavailable(&server, false).await;
        eventually("the assertions in the database", async || {
            server.services().assertions.accepted(9).is_empty().then_some(())
        })
        .await;
        private_key_jwt::ask(&server, &new).await.assert_rejected(401, "invalid_client");
        private_key_jwt::ask(&server, &issued(Some(now))).await.token();
    }
}

/// Assertions that were accepted without the database are in the snapshot until the database has
/// them.
#[tokio::test(flavor = "multi_thread")]
async fn accepted_assertions_outlive_a_restart() {
    let (server, proxy) = server_with("local").await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = private_key_jwt::keyed(&server, &key).await;
    proxy.set(Link::Cut);
    until_unavailable(&server, true).await;
    server.clock.advance(11);
    let mut claims = private_key_jwt::claims(&server, &client);
    claims["iat"] = json!(server.clock.now().0);
    let assertion = key.sign(&claims);
    private_key_jwt::ask(&server, &assertion).await.token();
    server.app.write_snapshot(AT_ONCE).await.expect("a snapshot");
    let settings =
        [("TOKEND_ASSERTIONS_DURING_OUTAGE", "local"), ("TOKEND_ISSUER", server.base.as_str())];
    let again = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    private_key_jwt::ask(&again, &assertion).await.assert_rejected(401, "invalid_client");
    eventually("the assertion in the database", async || {
        again.services().assertions.accepted(9).is_empty().then_some(())
    })
    .await;
    private_key_jwt::ask(&again, &assertion).await.assert_rejected(401, "invalid_client");
}

/// In an outage, an attacker repeats an assertion of a client with a fast clock.
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_from_before_an_outage_is_accepted_by_no_instance_again() {
    let (server, proxy) = server_with("local").await;
    let (proxy_of_other, url) = DatabaseProxy::before(&server.place.database_url).await;
    let settings = [
        ("TOKEND_DATABASE_URL", url.as_str()),
        ("TOKEND_DATABASE_TIMEOUT", "1s"),
        ("TOKEND_ASSERTIONS_DURING_OUTAGE", "local"),
        ("TOKEND_ISSUER", server.base.as_str()),
    ];
    let key = KeyPair::new(Algorithm::Es256);
    let client = private_key_jwt::keyed(&server, &key).await;
    let other = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    let mut claims = private_key_jwt::claims(&server, &client);
    claims["iat"] = json!(server.clock.now().0 + 9);
    let assertion = key.sign(&claims);
    private_key_jwt::ask(&server, &assertion).await.token();
    proxy.set(Link::Cut);
    proxy_of_other.set(Link::Cut);
    until_unavailable(&server, true).await;
    until_unavailable(&other, true).await;
    for seconds in [0, 8] {
        server.clock.advance(seconds);
        private_key_jwt::ask(&server, &assertion).await.assert_rejected(401, "invalid_client");
        let elsewhere = private_key_jwt::ask(&other, &assertion).await;
        elsewhere.assert_rejected(503, "temporarily_unavailable");
    }
}
