//! Rates of assertions and of revocations by clients.

use crate::listeners::costs::{by_assertion, claims, keyed, token_by_assertion};
use crate::support::keys::KeyPair;
use crate::support::{Engine, Server, TestClient, client_id};
use rstest::rstest;
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Timestamp;
use tokend::model::token::{RevokedToken, TokenId};
use tokend::services::own_revocation::{self, MAX_OWN_REVOCATIONS};

/// S-15: a client with one token a minute wrote twenty rows of used assertions.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn assertions_beyond_the_rate_of_a_client_write_no_rows(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    // Rates are counted from full hours; the test must not cross one.
    server.clock.advance(3600 - server.clock.now().0.rem_euclid(3600));
    server.catch_up().await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, key.source(), Some("2/h")).await;
    let first = key.sign(&claims(&server, &client.id));
    token_by_assertion(&server, &first).await.token();
    // A replay is rejected as such, writes nothing, and does not use up the client's rate.
    for _ in 0..5 {
        let replayed = token_by_assertion(&server, &first).await;
        replayed.assert_rejected(401, "invalid_client");
        assert!(replayed.description().contains("used before"), "{replayed:?}");
    }
    token_by_assertion(&server, &key.sign(&claims(&server, &client.id))).await.token();
    let beyond = key.sign(&claims(&server, &client.id));
    let answer = token_by_assertion(&server, &beyond).await;
    answer.assert_rejected(429, "temporarily_unavailable");
    assert!(answer.description().contains("2 tokens per hour"), "{answer:?}");
    // No row was written: the same assertion is new to the database.
    server.clock.advance(50);
    let name = tokend::crypto::digest::compute(&[&client.id, jti_of(&beyond).as_str()]);
    let is_new = server.services().store.use_assertion(&name, Timestamp(i64::MAX / 2)).await;
    assert!(is_new.expect("a store"), "a row was written");
    // An unauthenticated caller does not use up the rate.
    let other = keyed(&server, key.source(), Some("1/h")).await;
    let forger = KeyPair::new(Algorithm::Es256);
    for _ in 0..3 {
        let forged = forger.sign(&claims(&server, &other.id));
        token_by_assertion(&server, &forged).await.assert_rejected(401, "invalid_client");
    }
    token_by_assertion(&server, &key.sign(&claims(&server, &other.id))).await.token();
}

fn jti_of(jwt: &str) -> String {
    let (_, claims) = tokend::jose::jwt::read_unchecked(jwt).expect("a JWT");
    claims["jti"].as_str().expect("a jti").to_owned()
}

/// S-15: introspection and revocation issue no tokens, so their assertions have a rate of their
/// own.
#[tokio::test(flavor = "multi_thread")]
async fn assertions_for_introspection_have_a_rate_of_their_own() {
    let settings = [("TOKEND_LIMITS_ASSERTIONS_PER_CLIENT", "2/d")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, key.source(), None).await;
    let token = token_by_assertion(&server, &key.sign(&claims(&server, &client.id))).await.token();
    let form = [("token", token.as_str())];
    let mut last = None;
    for path in ["/v1/oauth/introspect", "/v1/oauth/introspect", "/v1/oauth/revoke"] {
        let assertion = key.sign(&claims(&server, &client.id));
        last = Some(by_assertion(&server, path, &assertion, &form).await);
    }
    let last = last.expect("an answer");
    last.assert_rejected(429, "temporarily_unavailable");
    assert!(last.description().contains("2 assertions per day"), "{last:?}");
    token_by_assertion(&server, &key.sign(&claims(&server, &client.id))).await.token();
}

/// S-15: a client may have a thousand active revocations on all instances together. Beyond that, it
/// gets an error with advice, and nothing else is revoked.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_have_a_thousand_active_revocations(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let settings = [("TOKEND_LIMITS_REVOCATIONS_PER_CLIENT", "100000/m")];
    let server = Server::with(engine, &settings).await;
    let (client, other) = (server.client().await, server.client().await);
    let id = client_id(&client.id);
    let expires_at = Timestamp(server.clock.now().0 + 900);
    let token = |number: u32| RevokedToken {
        jti: TokenId::parse(&format!("{number:022}")).expect("a jti"),
        client_id: Some(id.clone()),
        expires_at,
    };
    for number in 1..MAX_OWN_REVOCATIONS {
        own_revocation::revoke_own_token(server.services(), &id, &token(number))
            .await
            .expect("revoked");
    }
    let [last, beyond] = [server.ask(&client).await.token(), server.ask(&client).await.token()];
    let revoke = async |server: &Server, client: &TestClient, token: &str| {
        server.post("/v1/oauth/revoke", client, &[("token", token)]).await
    };
    assert_eq!(revoke(&server, &client, &last).await.status, 200);
    let second = Server::at(
        server.place.clone(),
        server.clock.clone(),
        &[("TOKEND_ISSUER", server.base.as_str()), settings[0]],
    )
    .await;
    for instance in [&server, &second] {
        let refused = revoke(instance, &client, &beyond).await;
        refused.assert_rejected(429, "temporarily_unavailable");
        assert!(refused.description().contains("1000 tokens"), "{refused:?}");
        assert!(refused.description().contains("Ask your operator"), "{refused:?}");
        assert!(!refused.description().contains("tokend "), "no command line for a client");
        assert_eq!(refused.header("retry-after"), "900");
    }
    // No epoch was created: the token is still valid.
    let active = server.post("/v1/oauth/introspect", &client, &[("token", &beyond)]).await;
    assert_eq!(active.json()["active"], true);
    // Another client is not affected.
    let token = server.ask(&other).await.token();
    assert_eq!(revoke(&server, &other, &token).await.status, 200);
    // After they have expired, new ones are possible.
    server.clock.advance(901);
    server.catch_up().await;
    let token = server.ask(&client).await.token();
    assert_eq!(revoke(&server, &client, &token).await.status, 200);
}
