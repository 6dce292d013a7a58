//! Revocations of restored databases and of older schemas.

use crate::support::{Engine, Server, client_id, operator};
use crate::tokens::revocation_epochs::is_listed;
use rstest::rstest;
use tokend::admin::revocation::revoke_tokens;
use tokend::jose::jwt;
use tokend::model::client::ClientId;
use tokend::model::time::Clock;

/// A restored database has other revocations: they replace those in memory, and events are counted
/// from its own number.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn revocations_are_replaced_when_the_database_was_restored(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (kept, lost) = (server.client().await, server.client().await);
    let old = server.ask(&kept).await.token();
    revoke_tokens(server.services(), &operator(), &client_id(&kept.id)).await.expect("revoked");
    let head = server.services().store.head().await.expect("a head");
    revoke_tokens(server.services(), &operator(), &client_id(&lost.id)).await.expect("revoked");
    server.catch_up().await;
    assert_eq!(server.app.directory.revocations.epochs().len(), 2);
    let statements = [
        format!("DELETE FROM event WHERE sequence > {}", head.sequence),
        format!("UPDATE event_head SET sequence = {}, hash = '{}'", head.sequence, head.hash),
        format!("DELETE FROM revoked_client WHERE client_id = '{}'", lost.id),
    ];
    crate::fleet::following::tamper(&server, engine, &statements).await;
    server.catch_up().await;
    assert_eq!(server.app.directory.published_sequence(), head.sequence);
    let epochs = server.app.directory.revocations.epochs();
    let ids: Vec<_> = epochs.keys().map(ClientId::as_str).collect();
    assert_eq!(ids, [kept.id.as_str()]);
    let answer = server.post("/v1/oauth/introspect", &kept, &[("token", &old)]).await;
    assert_eq!(answer.json()["active"], false);
}

/// Rows of schema 3 have no epoch: they compare times, including the present second.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_schema_3_still_revokes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    let statement = format!(
        "INSERT INTO revoked_client (client_id, revoked_until, expires_at) VALUES ('{}', {}, {})",
        client.id,
        server.clock.now().0,
        server.clock.now().0 + 90_000
    );
    crate::fleet::following::tamper(&server, engine, &[statement]).await;
    let settings = [("TOKEND_ISSUER", server.base.as_str())];
    let later = Clock::fixed(server.clock.now().plus_seconds(1));
    let next = Server::at(server.place.clone(), later, &settings).await;
    assert!(!next.is_active(&client, &token).await);
    assert!(next.is_active(&client, &next.ask(&client).await.token()).await);
    let list = next.get("/v1/oauth/revocations").await;
    let (_, list) = jwt::read_unchecked(&list.text).expect("a JWT");
    assert!(is_listed(&list, &token));
}
