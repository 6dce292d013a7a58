//! The access token: RFC 9068.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rstest::rstest;
use serde_json::Value;
use tokend::admin;
use tokend::admin::resource::ResourceUpdate;
use tokend::model::resource::ResourceId;

use crate::support::{CLIENT_CREDENTIALS, Engine, ORDERS, Server, lifetime, operator};

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a part");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// RFC 9068, section 2 (G-04, T-20, T-25, W-22, C-85, C-86, C-87, C-88, C-180, C-197, K-12,
/// W-27).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_the_claims_of_rfc_9068_and_no_others(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let answer = server.ask(&client).await;
    let token = answer.token();
    let header = part(&token, 0);
    let members: Vec<_> = header.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["alg", "kid", "typ"]);
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("ES256")));
    let claims = part(&token, 1);
    let members: Vec<_> = claims.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["aud", "client_id", "evt", "exp", "iat", "iss", "jti", "scope", "sub"]);
    assert_eq!(claims["iss"], server.base.as_str());
    assert_eq!(claims["sub"], client.id.as_str());
    assert_eq!(claims["client_id"], client.id.as_str());
    assert_eq!(claims["aud"], ORDERS);
    assert_eq!(claims["scope"], "orders:read orders:write");
    assert_eq!(claims["iat"].as_i64(), Some(server.clock.now().0));
    let lives = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
    assert_eq!(Some(lives), answer.json()["expires_in"].as_i64());
    // 128 random bits, as 22 characters.
    assert_eq!(claims["jti"].as_str().map(str::len), Some(22));
    assert_eq!(claims["evt"].as_i64(), Some(server.app.directory.published_sequence()));
    assert!(
        token.len() < 600,
        "C-31: docs/getting-tokens.md says about 500 characters, not {}",
        token.len()
    );
}

/// SECURITY 18, N-11, C-39: no two tokens are equal, even if many are requested at once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_token_has_an_id_of_its_own(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = std::sync::Arc::new(Server::start(engine).await);
    let client = server.client().await;
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let (server, client) = (server.clone(), client.clone());
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..25 {
                    ids.push(part(&server.ask(&client).await.token(), 1)["jti"].to_string());
                }
                ids
            })
        })
        .collect();
    let mut seen = HashSet::new();
    for task in asking {
        seen.extend(task.await.expect("tokens"));
    }
    assert_eq!(seen.len(), 200);
}

/// D6 (W-09, C-65, C-58): the shorter lifetime of client and resource, never more than the maximum.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_lifetime_is_used(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::with(engine, &[("TOKEND_TOKEN_LIFETIME_MAX", "2h")]).await;
    let plain = server.client().await;
    let short = server.new_client(|new| new.token_lifetime = Some(lifetime(600))).await;
    let long = server.new_client(|new| new.token_lifetime = Some(lifetime(7200))).await;
    let expires_in = async |client| server.ask(client).await.json()["expires_in"].as_i64();
    assert_eq!(expires_in(&plain).await, Some(3600));
    assert_eq!(expires_in(&short).await, Some(600));
    assert_eq!(expires_in(&long).await, Some(7200));
    let id = ResourceId::parse(ORDERS).expect("a resource");
    let update = |seconds| ResourceUpdate {
        token_lifetime: Some(Some(lifetime(seconds))),
        ..ResourceUpdate::default()
    };
    admin::resource::update(server.services(), &operator(), &id, update(1800))
        .await
        .expect("a change");
    server.catch_up().await;
    assert_eq!(expires_in(&plain).await, Some(1800));
    assert_eq!(expires_in(&short).await, Some(600));
    assert_eq!(expires_in(&long).await, Some(1800));
    let beyond = admin::resource::update(server.services(), &operator(), &id, update(7201)).await;
    assert!(beyond.is_err(), "a lifetime beyond the maximum was accepted");
}

/// D6: the server's algorithm, and only its type in the key set.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_server_signs_with_the_algorithm_of_its_settings(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    for (algorithm, key_type) in
        [("ES256", "EC"), ("RS256", "RSA"), ("PS256", "RSA"), ("EdDSA", "OKP")]
    {
        let server = Server::with(engine, &[("TOKEND_TOKEN_ALGORITHM", algorithm)]).await;
        let client = server.client().await;
        let token = server.ask(&client).await.token();
        assert_eq!(part(&token, 0)["alg"], algorithm);
        server.claims(&token).await;
        let set = server.get("/.well-known/jwks.json").await.json();
        let keys = set["keys"].as_array().expect("keys");
        assert_eq!(keys.len(), 1, "{algorithm}: {set}");
        assert_eq!(
            (keys[0]["kty"].as_str(), keys[0]["alg"].as_str()),
            (Some(key_type), Some(algorithm))
        );
        assert_eq!(keys[0]["kid"], part(&token, 0)["kid"]);
        let metadata = server.get("/.well-known/openid-configuration").await.json();
        assert_eq!(
            metadata["id_token_signing_alg_values_supported"],
            serde_json::json!([algorithm])
        );
    }
}

/// W-10: an unknown client costs as much as a wrong secret, with generated and with imported
/// secrets. `limits` has the tests that measure time.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_and_a_wrong_secret_cost_one_hash_each() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_SECRETS_ARGON2_MEMORY", "4MiB")]).await;
    let known = server.client().await;
    server.import(r#"{"client_id":"legacy","client_secret":"hush-hush-hush"}"#).await;
    let legacy =
        crate::support::TestClient { id: "legacy".into(), secret: "hush-hush-hush".into() };
    server.ask(&legacy).await.assert_rejected(400, "invalid_target");
    let checks = || server.services().hasher.checks();
    for id in ["cl_nobody", &known.id, "legacy"] {
        let before = checks();
        server.basic(id, "wrong", &CLIENT_CREDENTIALS).await.assert_rejected(401, "invalid_client");
        assert_eq!(checks(), before + 1, "{id}: not one hash");
        let before = checks();
        server.basic(id, &known.secret.replace("tkd_", "tkd_x"), &CLIENT_CREDENTIALS).await;
        assert_eq!(checks(), before + 1, "{id}: not one hash");
    }
}
