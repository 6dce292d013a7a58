//! Clients that sign an assertion with their own key (RFC 7523, RFC 10070).

use rstest::rstest;
use serde_json::{Value, json};
use tokend::crypto::{digest, random};
use tokend::model::client::JWT_BEARER_ASSERTION;
use tokend::model::signing_key::Algorithm;

use crate::support::keys::KeyPair;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, Server, TestClient, method};

/// A change that a test makes to claims or to a header.
type Change<'a> = &'a dyn Fn(&mut Value);

pub fn jti() -> String {
    random::identifier("").expect("an id")
}

/// Creates a client with this key and without a secret.
pub async fn keyed(server: &Server, key: &KeyPair) -> TestClient {
    server
        .new_client(|new| {
            new.auth_methods = vec![method("private_key_jwt")];
            new.security.keys = Some(key.source());
        })
        .await
}

pub fn claims(server: &Server, client: &TestClient) -> Value {
    json!({
        "iss": client.id,
        "sub": client.id,
        "aud": server.base,
        "exp": server.clock.now().0 + 60,
        "jti": jti(),
    })
}

pub async fn present(
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

pub async fn ask(server: &Server, assertion: &str) -> Answer {
    present(server, "/v1/oauth/token", assertion, &CLIENT_CREDENTIALS).await
}

/// C-130, C-131, C-52, C-103, W-08: every algorithm, form and JSON, at all three endpoints.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_assertion_authenticates(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("ES256", "RS256", "PS256", "EdDSA")] algorithm: &str,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::parse(algorithm).expect("an algorithm"));
    let client = keyed(&server, &key).await;
    assert_eq!(client.secret, "", "it needs none, so it has none");
    let token = ask(&server, &key.sign(&claims(&server, &client))).await.token();
    assert_eq!(server.claims(&token).await["sub"], client.id.as_str());

    let assertion = key.sign(&claims(&server, &client));
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": client.id,
        "client_assertion_type": JWT_BEARER_ASSERTION,
        "client_assertion": assertion,
    });
    Answer::of(server.http.post(server.token_url()).json(&body)).await.token();

    let form = [("token", token.as_str())];
    let assertion = key.sign(&claims(&server, &client));
    let answer = present(&server, "/v1/oauth/introspect", &assertion, &form).await;
    assert_eq!(answer.json()["active"], true);
    let assertion = key.sign(&claims(&server, &client));
    assert_eq!(present(&server, "/v1/oauth/revoke", &assertion, &form).await.status, 200);
    assert_eq!(server.usage(&client).await.expect("a use").uses, 4);
}

/// C-131, C-132, C-135, C-136, C-53, SECURITY 10, SECURITY 11, SECURITY 38: each claim and header
/// is checked, even if the signature is valid.
#[tokio::test(flavor = "multi_thread")]
async fn each_claim_and_header_is_checked() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let now = server.clock.now().0;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims(&server, &client);
        change(&mut claims);
        key.sign(&claims)
    };
    let token_endpoint = server.token_url();
    let right: [Change<'_>; 5] = [
        &|claims| claims["nbf"] = json!(now + 10),
        &|claims| claims["iat"] = json!(now + 10),
        &|claims| claims["exp"] = json!(now + 3600),
        &|claims| claims["aud"] = json!([claims["aud"]]),
        &|claims| claims["exp"] = json!(f64::from(i32::try_from(now).expect("now")) + 30.5),
    ];
    for change in right {
        ask(&server, &with(change)).await.token();
    }
    let told: [(Change<'_>, &str); 12] = [
        (&|claims| claims["aud"] = json!(token_endpoint), &server.base),
        (&|claims| claims["aud"] = json!([claims["aud"], "https://b.example"]), "or several"),
        (&|claims| claims["aud"] = json!(format!("{}/", server.base)), &server.base),
        (&|claims| claims["aud"] = Value::Null, "it has none"),
        (&|claims| claims["exp"] = json!(now - 11), "expired 11 s ago"),
        (&|claims| claims["exp"] = json!(now + 3611), "the maximum is 3600 s"),
        (&|claims| claims["exp"] = json!("soon"), "not a number"),
        (&|claims| claims["exp"] = Value::Null, "no exp"),
        (&|claims| claims["nbf"] = json!(now + 11), "11 s in the future"),
        (&|claims| claims["iat"] = json!(now + 47), "47 s in the future"),
        (&|claims| claims["jti"] = Value::Null, "no jti"),
        (&|claims| claims["jti"] = json!("x".repeat(300)), "longer"),
    ];
    for (change, word) in told {
        let answer = ask(&server, &with(change)).await;
        answer.assert_rejected(401, "invalid_client");
        assert!(answer.description().contains(word), "{word}: {answer:?}");
    }
    let under = |change: &dyn Fn(&mut Value)| {
        let mut header = key.header();
        change(&mut header);
        key.sign_under(&header, &claims(&server, &client))
    };
    for typ in ["JWT", "client-authentication+jwt", "application/client-authentication+jwt"] {
        ask(&server, &under(&|header| header["typ"] = json!(typ))).await.token();
    }
    for typ in ["at+jwt", "dpop+jwt", "authorization-grant+jwt"] {
        let answer = ask(&server, &under(&|header| header["typ"] = json!(typ))).await;
        answer.assert_rejected(401, "invalid_client");
    }
    // It is ignored, not followed: the registered key is used.
    let other = KeyPair::new(Algorithm::Es256);
    for member in ["jku", "x5u"] {
        ask(&server, &under(&|header| header[member] = json!("https://e.example/"))).await.token();
    }
    ask(&server, &under(&|header| header["jwk"] = other.jwk.clone())).await.token();
    let mut header = other.header();
    header["jwk"] = other.jwk.clone();
    header["kid"] = key.header()["kid"].clone();
    let smuggled = other.sign_under(&header, &claims(&server, &client));
    ask(&server, &smuggled).await.assert_rejected(401, "invalid_client");
}

/// C-134, C-135, SECURITY 10: a caller without the key learns nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_gets_the_common_description() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let other = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let by_secret = server.client().await;
    let good = claims(&server, &client);
    let mut unknown = good.clone();
    unknown["iss"] = json!("nobody");
    unknown["sub"] = json!("nobody");
    let mut split = good.clone();
    split["sub"] = json!(by_secret.id);
    let payload = key.sign(&good).split('.').nth(1).expect("claims").to_owned();
    let mut header = other.header();
    header["kid"] = key.header()["kid"].clone();
    let mut hmac = key.header();
    hmac["alg"] = json!("HS256");
    let mut critical = key.header();
    critical["crit"] = json!(["exp"]);
    let strangers = [
        other.sign(&good),
        other.sign_under(&header, &good),
        key.sign(&unknown),
        key.sign(&split),
        key.sign(&claims(&server, &by_secret)),
        key.sign_under(&hmac, &good),
        key.sign_under(&critical, &good),
        // {"alg":"none"}
        format!("eyJhbGciOiJub25lIn0.{payload}."),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(20_000),
    ];
    for assertion in &strangers {
        let answer = ask(&server, assertion).await;
        answer.assert_rejected(401, "invalid_client");
        assert!(answer.description().starts_with("Client authentication failed."), "{answer:?}");
    }
}

/// C-130, C-04: the required and excluded parameters of the request.
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_requires_its_type_and_no_other_credential() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let grant = ("grant_type", "client_credentials");
    let assertion = key.sign(&claims(&server, &client));
    let post = async |form: &[(&str, &str)]| {
        Answer::of(server.http.post(server.token_url()).form(form)).await
    };
    let given = ("client_assertion", assertion.as_str());
    post(&[grant, given]).await.assert_rejected(400, "invalid_request");
    let right = ("client_assertion_type", JWT_BEARER_ASSERTION);
    post(&[grant, right]).await.assert_rejected(400, "invalid_request");
    let wrong = ("client_assertion_type", "urn:x");
    post(&[grant, given, wrong]).await.assert_rejected(400, "invalid_request");
    let secret = ("client_secret", "s");
    post(&[grant, given, right, secret]).await.assert_rejected(400, "invalid_request");
    let basic = server.post("/v1/oauth/token", &client, &[grant, given, right]).await;
    basic.assert_rejected(400, "invalid_request");
    let other = ("client_id", "other");
    post(&[grant, given, right, other]).await.assert_rejected(401, "invalid_client");
    post(&[grant, given, right]).await.token();
}

/// C-133, SECURITY 19: an assertion is used once, on any instance, even if it is presented many
/// times at once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_accepted_once_on_all_instances(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let settings = [("TOKEND_ISSUER", server.base.as_str())];
    let second = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    let claims = claims(&server, &client);
    let assertion = key.sign(&claims);
    let attempts = (0..20).map(|n| ask(if n % 2 == 0 { &server } else { &second }, &assertion));
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let again = ask(&second, &assertion).await;
    again.assert_rejected(401, "invalid_client");
    assert!(again.description().contains("used before"), "{again:?}");
    // A clock that jumps two days ahead, and back, makes no used assertion valid again.
    server.clock.advance(2 * 86_400);
    server.app.purge_expired().await.expect("purged");
    server.clock.advance(-2 * 86_400);
    ask(&server, &assertion).await.assert_rejected(401, "invalid_client");
    let store = &server.services().store;
    let used = digest::compute(&[&client.id, claims["jti"].as_str().expect("a jti")]);
    let until = server.clock.now().plus_seconds(300);
    assert!(!store.use_assertion(&used, until).await.expect("a store"), "it is still there");
    let after = server.clock.now().plus_seconds(8 * 86_400);
    store.purge_assertions(after).await.expect("purged");
    assert!(store.use_assertion(&used, until).await.expect("a store"), "it was deleted in time");
}

/// O-70: a setting limits `exp`, and a row is kept as long as its assertion is valid.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_remembered_until_it_has_expired(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_ASSERTIONS_LIFETIME_MAX", "24h")]).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let now = server.clock.now();
    let expiring_in = |seconds: i64| {
        let mut claims = claims(&server, &client);
        claims["exp"] = json!(now.0 + seconds);
        claims
    };
    ask(&server, &key.sign(&expiring_in(86_411))).await.assert_rejected(401, "invalid_client");
    let (short, long) = (expiring_in(60), expiring_in(86_400));
    for claims in [&short, &long] {
        ask(&server, &key.sign(claims)).await.token();
        ask(&server, &key.sign(claims)).await.assert_rejected(401, "invalid_client");
    }
    let store = &server.services().store;
    let is_new = async |claims: &Value| {
        let used = digest::compute(&[&client.id, claims["jti"].as_str().expect("a jti")]);
        store.use_assertion(&used, now).await.expect("a store")
    };
    // Rows are deleted seven days after their end.
    let seven_days = 7 * 86_400;
    store.purge_assertions(now.plus_seconds(seven_days + 86_400)).await.expect("purged");
    assert!(is_new(&short).await, "the row of a short assertion went in time");
    assert!(!is_new(&long).await, "the row of a long assertion is there as long as it");
    server.clock.advance(86_399);
    server.catch_up().await;
    ask(&server, &key.sign(&long)).await.assert_rejected(401, "invalid_client");
    store.purge_assertions(now.plus_seconds(seven_days + 86_400 + 60)).await.expect("purged");
    assert!(is_new(&long).await, "the row of a long assertion went in time");
}
