//! An unavailable database: tokens are still issued, changes wait, and the server recovers by
//! itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokend::admin::{self, AdminError};
use tokend::model::client::{ClientState, Registration};
use tokend::model::time::Clock;

use crate::support::eventually::eventually;
use crate::support::proxy::{DatabaseProxy, Link};
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Place, Server, TestClient, client_id, now, operator,
};

/// Starts an instance with a proxy in front of its Postgres, whose link can be cut.
pub async fn server_behind_proxy() -> (Server, DatabaseProxy) {
    let place = Arc::new(Place::new(Engine::Postgres).await);
    let (proxy, url) = DatabaseProxy::before(&place.database_url).await;
    let settings = [("TOKEND_DATABASE_URL", url.as_str()), ("TOKEND_DATABASE_TIMEOUT", "1s")];
    let server = Server::at(place, Clock::fixed(now()), &settings).await;
    server.resource(ORDERS, &["orders:read"]).await;
    (server, proxy)
}

async fn readiness(server: &Server) -> (u16, String) {
    let answer = Answer::of(server.http.get(format!("{}/readyz", server.management))).await;
    (answer.status, answer.json()["status"].as_str().expect("a status").to_owned())
}

async fn disable(server: &Server, client: &TestClient) -> Result<Registration, AdminError> {
    let id = client_id(&client.id);
    let state = ClientState::Disabled;
    let changed = admin::client::set_state(server.services(), &operator(), &id, state, None).await;
    changed.map(|changed| changed.value)
}

/// D3, SECURITY 14, SECURITY 16 (T-14).
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_issued_from_memory_while_postgres_is_unavailable() {
    for link in [Link::Cut, Link::Frozen] {
        let (server, proxy) = server_behind_proxy().await;
        let warm = server.client().await;
        let cold = server.client().await;
        server.ask(&warm).await.token();
        proxy.set(link);

        let valid = server.ask(&warm).await.token();
        server.ask(&cold).await.token();
        assert!(disable(&server, &warm).await.is_err(), "{link:?}: a change cannot be kept now");

        let mistaken = server.basic(&warm.id, "mistaken", &CLIENT_CREDENTIALS).await;
        server.clock.advance(60);
        let degraded = "degraded: the database is unavailable".to_owned();
        assert_eq!(readiness(&server).await, (200, degraded), "{link:?}");
        server.ask(&warm).await.token();

        // Longer than directory.max_staleness: the memory is too old.
        server.clock.advance(3600);
        let refused = server.ask(&warm).await;
        refused.assert_rejected(503, "temporarily_unavailable");
        assert_eq!(refused.header("retry-after"), "2");
        // The state of the token is unknown, so it is not reported as inactive.
        let unknown = server.post("/v1/oauth/introspect", &warm, &[("token", &valid)]).await;
        unknown.assert_rejected(503, "temporarily_unavailable");
        assert_eq!(readiness(&server).await, (503, "unavailable".to_owned()), "{link:?}");
        assert_eq!(server.get("/livez").await.status, 200);

        proxy.set(Link::Open);
        eventually("a token after the outage", async || {
            (server.ask(&warm).await.status == 200).then_some(())
        })
        .await;
        eventually("readiness after the outage", async || {
            (readiness(&server).await == (200, "ready".to_owned())).then_some(())
        })
        .await;

        // Rejections of the outage can be explained now.
        let id = mistaken.header("x-request-id");
        eventually("the rejection", async || {
            server.services().store.rejection(id).await.expect("a look")
        })
        .await;
    }
}

/// Tokens do not wait for the time limit of the database either.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make test-slow"]
async fn tokens_do_not_wait_for_postgres() {
    for link in [Link::Cut, Link::Frozen] {
        let (server, proxy) = server_behind_proxy().await;
        let warm = server.client().await;
        let cold = server.client().await;
        server.ask(&warm).await.token();
        proxy.set(link);
        let started = Instant::now();
        server.ask(&warm).await.token();
        server.ask(&cold).await.token();
        assert!(started.elapsed() < Duration::from_secs(1), "{link:?}: {:?}", started.elapsed());
        assert!(disable(&server, &warm).await.is_err(), "{link:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{link:?}: {:?}", started.elapsed());
    }
}

/// SECURITY 35: a lock of another program delays changes, not tokens.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_issued_while_sqlite_is_locked() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_DATABASE_TIMEOUT", "1s")]).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    let held = server.services().store.begin().await.expect("the lock");
    // A request that needed the lock would be rejected: the lock is held throughout.
    server.ask(&client).await.token();
    assert!(disable(&server, &client).await.is_err(), "two changes at once");
    drop(held);
    disable(&server, &client).await.expect("a change");
}

/// C-124: a revocation that cannot be stored is not confirmed.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_rejected_with_503_while_sqlite_is_locked() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_DATABASE_TIMEOUT", "1s")]).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    let form = [("token", token.as_str())];
    let held = server.services().store.begin().await.expect("the lock");
    let refused = server.post("/v1/oauth/revoke", &client, &form).await;
    refused.assert_rejected(503, "temporarily_unavailable");
    assert_ne!(refused.header("retry-after"), "");
    let active = async || {
        let answer = server.post("/v1/oauth/introspect", &client, &form).await;
        answer.json()["active"].clone()
    };
    assert_eq!(active().await, true);
    drop(held);
    assert_eq!(server.post("/v1/oauth/revoke", &client, &form).await.status, 200);
    assert_eq!(active().await, false);
}
