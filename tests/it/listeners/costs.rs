//! The caller bears the cost that it causes: unauthenticated callers, guessers and clients
//! (findings S-5, S-6, S-9, S-12 and S-15).

use std::collections::BTreeMap;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::trust::{self, NewTrust};
use tokend::crypto::random;
use tokend::model::claim_pattern::Pattern;
use tokend::model::client::{GrantType, JWT_BEARER_ASSERTION};
use tokend::model::rate::RateLimit;
use tokend::model::security::{KeySet, KeySource};
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Timestamp;
use tokend::model::trust::ExternalIssuer;

use crate::support::eventually::eventually;
use crate::support::keys::{self, KeyPair};
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Server, TestClient, client_id, method, operator,
};

pub const ISSUER: &str = "https://ci.example";

pub async fn by_assertion(
    server: &Server,
    path: &str,
    assertion: &str,
    more: &[(&str, &str)],
) -> Answer {
    let mut form =
        vec![("client_assertion_type", JWT_BEARER_ASSERTION), ("client_assertion", assertion)];
    form.extend(more);
    server.keep_secret(assertion);
    Answer::of(server.http.post(server.url(path)).form(&form)).await
}

pub async fn token_by_assertion(server: &Server, assertion: &str) -> Answer {
    by_assertion(server, "/v1/oauth/token", assertion, &CLIENT_CREDENTIALS).await
}

pub async fn keyed(server: &Server, keys: KeySource, rate: Option<&str>) -> TestClient {
    server
        .new_client(|new| {
            new.auth_methods = vec![method("private_key_jwt")];
            new.security.keys = Some(keys);
            new.token_rate = rate.map(|rate| RateLimit::parse(rate).expect("a rate"));
        })
        .await
}

pub fn claims(server: &Server, id: &str) -> Value {
    json!({
        "iss": id, "sub": id, "aud": server.base, "exp": server.clock.now().0 + 60,
        "jti": random::identifier("").expect("an id"),
    })
}

/// Returns the stored reason of a rejected request.
pub async fn reason(server: &Server, answer: &Answer) -> String {
    assert!(answer.status >= 400, "{answer:?}");
    server.app.write_rejections().await.expect("written");
    let id = answer.header("x-request-id");
    // The server may be writing it now.
    let store = &server.services().store;
    eventually("a rejection", async || store.rejection(id).await.expect("a store")).await.reason
}

/// S-12: a forged assertion costs the same number of verifications for a client that does not
/// exist, has no keys, one key, or eight keys none of which is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_assertion_costs_the_same_for_every_client_id() {
    let server = Server::start(Engine::Sqlite).await;
    let one = KeyPair::new(Algorithm::Es256);
    let jwks: Vec<Value> = (0..8)
        .map(|_| {
            let mut jwk = KeyPair::new(Algorithm::Es256).jwk;
            jwk.as_object_mut().expect("an object").remove("kid");
            jwk
        })
        .collect();
    let eight = keys::set(&jwks.iter().collect::<Vec<_>>());
    let eight = KeySource::Inline(KeySet::parse(&eight).expect("a set"));
    let ids = [
        "unknown".to_owned(),
        server.client().await.id,
        keyed(&server, one.source(), None).await.id,
        keyed(&server, eight, None).await.id,
    ];
    let forger = KeyPair::new(Algorithm::Es256);
    let mut costs = Vec::new();
    for id in &ids {
        for header in [json!({ "alg": "ES256" }), json!({ "alg": "ES256", "kid": one.kid() })] {
            let before = server.services().signature_checks();
            let assertion = forger.sign_under(&header, &claims(&server, id));
            token_by_assertion(&server, &assertion).await.assert_rejected(401, "invalid_client");
            costs.push(server.services().signature_checks() - before);
        }
    }
    assert_eq!(costs, [4; 8]);
    // Without a kid, a client with two keys still authenticates with the second one.
    let second = KeyPair::new(Algorithm::Es256);
    let both = keys::set(&[&one.jwk, &second.jwk]);
    let client =
        keyed(&server, KeySource::Inline(KeySet::parse(&both).expect("a set")), None).await;
    let unnamed = second.sign_under(&json!({ "alg": "ES256" }), &claims(&server, &client.id));
    token_by_assertion(&server, &unnamed).await.token();
}

async fn trusts(server: &Server, client: &TestClient, key: &KeyPair, sub: &str) {
    let pattern = Pattern::parse("sub", sub).expect("a pattern");
    let new = NewTrust {
        issuer: ExternalIssuer::parse(ISSUER).expect("an issuer"),
        keys: Some(key.source()),
        audience: None,
        conditions: BTreeMap::from([("sub".to_owned(), pattern)]),
    };
    let id = client_id(&client.id);
    trust::add(server.services(), &operator(), &id, new).await.expect("a trust");
}

/// S-5: an attacker can write any claims. So the signature is verified first, once for all trusts
/// with the same keys, and only then the claims of each.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_a_client_is_checked_by_its_signature_before_its_claims(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (key, forger) = (KeyPair::new(Algorithm::Es256), KeyPair::new(Algorithm::Es256));
    let mut clients = Vec::new();
    for number in 0..10 {
        let client = server.new_client(|new| new.auth_methods = vec![method("private_key_jwt")]);
        let client = client.await;
        trusts(&server, &client, &key, &format!("repo:acme/r{number}:environment:prod")).await;
        trusts(&server, &client, &key, &format!("repo:acme/*:environment:e{number}")).await;
        clients.push(client);
    }
    server.catch_up().await;
    let token = |signer: &KeyPair, sub: &str| {
        let mut header = signer.header();
        header["kid"] = json!(key.kid());
        let exp = server.clock.now().0 + 60;
        let claims = json!({ "iss": ISSUER, "sub": sub, "aud": server.base, "exp": exp });
        signer.sign_under(&header, &claims)
    };
    let ask = async |token: &str| {
        let form = [("grant_type", GrantType::JWT_BEARER), ("assertion", token)];
        let before = server.services().signature_checks();
        let answer = Answer::of(server.http.post(server.token_url()).form(&form)).await;
        (answer, server.services().signature_checks() - before)
    };
    // Claims that no trust has: the wrong signature is reported first.
    let (answer, _) = ask(&token(&forger, "repo:evil/x:environment:prod")).await;
    answer.assert_rejected(400, "invalid_grant");
    let why = reason(&server, &answer).await;
    assert!(why.contains("signature"), "{why}");
    // Ten trusts match, with one source of keys: one verification.
    let (answer, cost) = ask(&token(&key, "repo:acme/r7:environment:prod")).await;
    assert_eq!(cost, 1);
    assert_eq!(server.claims(&answer.token()).await["sub"], clients[7].id.as_str());
    let (answer, _) = ask(&token(&key, "repo:acme/other:environment:e3")).await;
    assert_eq!(server.claims(&answer.token()).await["sub"], clients[3].id.as_str());
    let (answer, _) = ask(&token(&key, "repo:acme/other:environment:none")).await;
    let why = reason(&server, &answer).await;
    assert!(why.contains("no client trusts the issuer"), "{why}");
}

/// S-5: the number of trusts is bounded. Trusts with another subject are not searched.
#[tokio::test(flavor = "multi_thread")]
async fn beyond_a_thousand_trusts_that_could_be_meant_a_client_id_is_needed() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let mut last = None;
    for number in 0..51 {
        let client = server.new_client(|new| new.auth_methods = vec![method("private_key_jwt")]);
        let client = client.await;
        let wildcards = if number == 50 { 1 } else { 20 };
        for trust in 0..wildcards {
            trusts(&server, &client, &key, &format!("repo:acme/*:environment:{number}-{trust}"))
                .await;
        }
        last = Some(client);
    }
    server.catch_up().await;
    let last = last.expect("a client");
    let exp = server.clock.now().0 + 60;
    let sub = "repo:acme/x:environment:50-0";
    let token = key.sign(&json!({ "iss": ISSUER, "sub": sub, "aud": server.base, "exp": exp }));
    let form = [("grant_type", GrantType::JWT_BEARER), ("assertion", token.as_str())];
    let answer = Answer::of(server.http.post(server.token_url()).form(&form)).await;
    answer.assert_rejected(400, "invalid_grant");
    let why = reason(&server, &answer).await;
    assert!(why.contains("more than 1000 trusts"), "{why}");
    let form = [form[0], form[1], ("client_id", last.id.as_str())];
    Answer::of(server.http.post(server.token_url()).form(&form)).await.token();
}

/// S-6: one address filled the queue of suspects, and the owner's correct secret got 429 from
/// another address for seconds.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_one_address_do_not_reject_the_owner_at_another(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let settings = [
        ("TOKEND_LIMITS_GUESSES_PER_CLIENT", "3/m"),
        ("TOKEND_LIMITS_GUESSES_PER_ADDRESS", "100000/m"),
        ("TOKEND_PROXY_TRUSTED", "127.0.0.0/8"),
        ("TOKEND_SECRETS_ARGON2_MEMORY", "4MiB"),
        ("TOKEND_SECRETS_HASHING_QUEUE", "4"),
    ];
    let server = Arc::new(Server::with(engine, &settings).await);
    let line = format!(
        r#"{{"client_id":"legacy","client_secret":"hush-hush-hush","grants":[{{"resource":"{ORDERS}"}}]}}"#
    );
    server.import(&line).await;
    server.keep_secret("hush-hush-hush");
    let from = async |server: &Server, address: &str, secret: &str| {
        let request = server.http.post(server.token_url()).header("x-forwarded-for", address);
        Answer::of(request.basic_auth("legacy", Some(secret)).form(&CLIENT_CREDENTIALS)).await
    };
    for number in 0..3 {
        let guessed = from(&server, "192.0.2.1", &format!("guess {number}")).await;
        guessed.assert_rejected(401, "invalid_client");
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let guessers: Vec<_> = (0..24)
        .map(|guesser| {
            let (server, stopped) = (server.clone(), stopped.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while !*stopped.borrow() {
                    let secret = format!("guess {guesser} {number}");
                    let answer = from(&server, "192.0.2.1", &secret).await;
                    assert!(matches!(answer.status, 429 | 503), "{answer:?}");
                    number += 1;
                }
            })
        })
        .collect();
    // Wait until the guesses have filled the queue.
    let before = server.services().hasher.checks();
    while server.services().hasher.checks() < before + 4 {
        tokio::task::yield_now().await;
    }
    from(&server, "192.0.2.2", "hush-hush-hush").await.token();
    stop.send(true).expect("receivers");
    for guesser in guessers {
        guesser.await.expect("a guesser");
    }
}

/// S-9: rejections of unknown clients, and of paths that do not exist, do not displace those of
/// known clients.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_rejections_of_known_clients_outlast_a_flood(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let settings = [("TOKEND_PROXY_TRUSTED", "127.0.0.0/8")];
    let server = Server::with(engine, &settings).await;
    let client = server.client().await;
    let known = server.basic(&client.id, "wrong", &CLIENT_CREDENTIALS).await;
    server.app.write_rejections().await.expect("written");
    let missing = server.get("/nothing/here").await;
    assert_eq!(missing.status, 404);
    for host in 0..300 {
        let address = format!("2001:db8::{host:x}");
        let request = server.http.post(server.token_url()).header("x-forwarded-for", address);
        Answer::of(request.basic_auth("nobody", Some("x")).form(&CLIENT_CREDENTIALS)).await;
    }
    let taken = server.app.rejections.take();
    assert!(taken.iter().all(|record| record.status != 404), "404 is kept");
    assert_eq!(taken.len(), 200, "a /64 counts as one address");
    // The flood continues for a while, from many networks, and is newer than the rest.
    let store = &server.services().store;
    let mut flood = Vec::new();
    for number in 0..10_001 {
        let mut record = taken[0].clone();
        record.request_id = format!("req_flood{number}");
        record.at = Timestamp(record.at.0 + 10);
        flood.push(record);
    }
    store.add_rejections(&flood).await.expect("written");
    store.purge_rejections(Timestamp(0)).await.expect("forgotten");
    let found = store.rejection(known.header("x-request-id")).await.expect("a store");
    assert_eq!(found.expect("it is kept").client_id, Some(client.id));
    let mut kept = 0;
    for record in &flood {
        kept += usize::from(store.rejection(&record.request_id).await.expect("a store").is_some());
    }
    assert_eq!(kept, 5000);
}
