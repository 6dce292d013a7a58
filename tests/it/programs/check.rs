//! The token check for gateways that cannot verify a JWT.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::revocation::revoke_tokens;
use tokend::crypto::{digest, random};
use tokend::model::grant::Grant;
use tokend::model::security::{KeySet, KeySource};
use tokend::model::signing_key::Algorithm;
use tokend::x509::certificate::ClientCertificate;

use crate::support::certificates::{Pair, self_signed};
use crate::support::keys::KeyPair;
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, INVOICES, ORDERS, Server, TestClient, client_id, grant,
    method, operator,
};

const CHECK: &str = "/v1/oauth/check";

/// tokend trusts the headers of a proxy on this machine.
pub const TRUSTED: [(&str, &str); 1] = [("TOKEND_PROXY_TRUSTED", "127.0.0.1/32")];

/// Sends a check with these headers of the caller.
async fn check(server: &Server, query: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = server.http.get(server.url(&format!("{CHECK}?{query}")));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = Answer::of(request).await;
    assert_eq!(answer.text, "", "an answer has no body");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
}

async fn check_bearer(server: &Server, query: &str, token: &str) -> Answer {
    check(server, query, &[("authorization", &format!("Bearer {token}"))]).await
}

fn orders(more: &str) -> String {
    format!("resource={ORDERS}{more}")
}

fn assert_challenged(answer: &Answer, status: u16, challenge: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.header("www-authenticate").starts_with(challenge), "{answer:?}");
    assert_eq!(answer.header("x-auth-client-id"), "");
}

/// A valid token passes with the values that the API needs, and without anything that the caller
/// sent (C-60).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_valid_token_is_let_through(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    for query in ["", "&scope=", "&scope=orders:read", "&scope=orders:write%20orders:read"] {
        let bearer = format!("bearer {token}");
        let forged = [("authorization", bearer.as_str()), ("x-auth-client-id", "root")];
        let answer = check(&server, &orders(query), &forged).await;
        assert_eq!(answer.status, 204, "{query}: {answer:?}");
        assert_eq!(answer.header("x-auth-client-id"), client.id);
        assert_eq!(answer.header("x-auth-scope"), "orders:read orders:write");
        assert_eq!(answer.header("x-auth-expires-in"), "3600");
    }
    server.clock.advance(600);
    let later = check_bearer(&server, &orders(""), &token).await;
    assert_eq!(later.header("x-auth-expires-in"), "3000");
    server.clock.advance(3000);
    let expired = check_bearer(&server, &orders(""), &token).await;
    assert_challenged(&expired, 401, "Bearer realm=\"tokend\", error=\"invalid_token\"");
}

/// RFC 6750, section 3: each failure has its status and challenge, with any method (C-61, C-63,
/// C-64).
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_invalid_or_insufficient_token_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    server.resource(INVOICES, &["invoices:read"]).await;
    let client =
        server.new_client(|new| new.grants = vec![grant(ORDERS, Some("orders:read"))]).await;
    let token = server.ask(&client).await.token();
    let basic = BASE64_STANDARD.encode(format!("{}:{}", client.id, client.secret));
    for headers in [&[][..], &[("authorization", format!("Basic {basic}").as_str())]] {
        let answer = check(&server, &orders(""), headers).await;
        assert_challenged(&answer, 401, "Bearer realm=\"tokend\"");
        assert!(!answer.header("www-authenticate").contains("error"), "{answer:?}");
    }
    let invalid = "Bearer realm=\"tokend\", error=\"invalid_token\"";
    let (head, _) = token.rsplit_once('.').expect("a JWS");
    for wrong in ["", "nonsense", "a.b.c", &format!("{head}.AAAA"), &format!("{token} x")] {
        assert_challenged(&check_bearer(&server, &orders(""), wrong).await, 401, invalid);
    }
    let bearer = format!("Bearer {token}");
    let twice = [("authorization", bearer.as_str()), ("authorization", bearer.as_str())];
    assert_challenged(&check(&server, &orders(""), &twice).await, 401, invalid);
    let elsewhere = check_bearer(&server, &format!("resource={INVOICES}"), &token).await;
    assert_challenged(&elsewhere, 401, invalid);
    let narrow = check_bearer(&server, &orders("&scope=orders:read+orders:write"), &token).await;
    assert_challenged(&narrow, 403, "Bearer realm=\"tokend\", error=\"insufficient_scope\"");
    let challenge = narrow.header("www-authenticate");
    assert!(challenge.ends_with("scope=\"orders:read orders:write\""), "{challenge}");
    for name in ["OPTIONS", "POST", "DELETE"] {
        let name = reqwest::Method::from_bytes(name.as_bytes()).expect("a method");
        let request = server.http.request(name, server.url(&format!("{CHECK}?{}", orders(""))));
        assert_eq!(Answer::of(request).await.status, 401, "no method is let through");
    }
}

/// A mistake in the gateway's configuration is reported at the first request, with or without a
/// token.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_gateway_configuration_is_reported() {
    let server = Server::start(Engine::Sqlite).await;
    for (query, word) in [
        (String::new(), "resource is missing"),
        ("resource=https://orders.example.org".to_owned(), "is not registered"),
        ("resource=orders".to_owned(), "is not registered"),
        (orders("&scopes=orders:read"), "scopes is not a parameter"),
        (orders("&scope=orders:reed"), "does not have the scope orders:reed"),
        (orders("&scope=%22"), "scope"),
        (orders(&format!("&resource={ORDERS}")), "resource is given twice"),
    ] {
        let answer = check_bearer(&server, &query, "a.b.c").await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert!(answer.header("x-tokend-error").contains(word), "{query}: {answer:?}");
    }
}

/// A revoked token and one of a disabled client are rejected; no rejection is written to the
/// database, however many there are.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_rejected_and_nothing_is_written(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    assert_eq!(check_bearer(&server, &orders(""), &token).await.status, 204);
    revoke_tokens(server.services(), &operator(), &client_id(&client.id)).await.expect("revoked");
    server.catch_up().await;
    let answer = check_bearer(&server, &orders(""), &token).await;
    assert_challenged(&answer, 401, "Bearer realm=\"tokend\", error=\"invalid_token\"");
    server.app.write_rejections().await.expect("written");
    let id = answer.header("x-request-id");
    assert!(server.services().store.rejection(id).await.expect("a store").is_none());
}

/// Returns a proof for a request to the API (RFC 9449, section 7).
pub fn proof(server: &Server, key: &KeyPair, token: &str, change: impl Fn(&mut Value)) -> String {
    let mut jwk = key.jwk.clone();
    for member in ["kid", "use", "alg"] {
        jwk.as_object_mut().expect("an object").remove(member);
    }
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    let mut claims = json!({
        "jti": random::identifier("").expect("an id"),
        "htm": "PUT",
        "htu": "https://api.example.com/orders/7",
        "iat": server.clock.now().0,
        "ath": digest::of_bytes(token.as_bytes()),
    });
    change(&mut claims);
    key.sign_under(&header, &claims)
}

/// The headers of a gateway about the forwarded request.
const FORWARDED: [(&str, &str); 4] = [
    ("x-forwarded-method", "PUT"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "api.example.com"),
    ("x-forwarded-uri", "/orders/7?page=2"),
];

async fn check_dpop(server: &Server, token: &str, proof: &str) -> Answer {
    let authorization = format!("DPoP {token}");
    let mut headers = vec![("authorization", authorization.as_str()), ("dpop", proof)];
    headers.extend(FORWARDED);
    check(server, &orders(""), &headers).await
}

/// Returns a token that is bound to a key.
pub async fn dpop_token(server: &Server, client: &TestClient, key: &KeyPair) -> String {
    let own = proof(server, key, "", |claims| {
        claims["htm"] = json!("POST");
        claims["htu"] = json!(server.token_url());
    });
    let request = server.http.post(server.token_url()).header("dpop", own);
    let request = request.basic_auth(&client.id, Some(&client.secret));
    Answer::of(request.form(&CLIENT_CREDENTIALS)).await.token()
}

/// RFC 9449, section 7.1: the token is valid only with a new proof for this request and token by
/// the same key. Only a trusted proxy can state the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_bound_to_a_key_needs_its_proof() {
    let server = Server::with(Engine::Sqlite, &TRUSTED).await;
    let client = server.client().await;
    let (key, other) = (KeyPair::new(Algorithm::Es256), KeyPair::new(Algorithm::Es256));
    let token = dpop_token(&server, &client, &key).await;
    let good = proof(&server, &key, &token, |_| {});
    assert_eq!(check_dpop(&server, &token, &good).await.status, 204);
    let invalid_proof = "DPoP algs=\"ES256 RS256 PS256 EdDSA\", error=\"invalid_dpop_proof\"";
    for (wrong, word) in [
        (good, "used before"),
        (proof(&server, &other, &token, |_| {}), "another key"),
        (proof(&server, &key, "another token", |_| {}), "ath"),
        (proof(&server, &key, &token, |claims| claims["htm"] = json!("GET")), "htm"),
        (proof(&server, &key, &token, |claims| claims["htu"] = json!("https://x/")), "htu"),
        (proof(&server, &key, &token, |claims| claims["iat"] = json!(1)), "iat"),
        ("nonsense".to_owned(), "JWT"),
    ] {
        let answer = check_dpop(&server, &token, &wrong).await;
        assert_challenged(&answer, 401, invalid_proof);
        assert!(answer.header("www-authenticate").contains(word), "{word}: {answer:?}");
    }
    let stolen = check_bearer(&server, &orders(""), &token).await;
    assert_challenged(&stolen, 401, "Bearer realm=\"tokend\", error=\"invalid_token\"");
    let bearer = server.ask(&client).await.token();
    let proof_of_bearer = proof(&server, &key, &bearer, |_| {});
    let answer = check_dpop(&server, &bearer, &proof_of_bearer).await;
    assert_challenged(
        &answer,
        401,
        "DPoP algs=\"ES256 RS256 PS256 EdDSA\", error=\"invalid_token\"",
    );
}

/// The forwarded request must be one URL: each header once, and no part that extends into another.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_forwarded_ambiguously_is_rejected() {
    let server = Server::with(Engine::Sqlite, &TRUSTED).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let token = dpop_token(&server, &client, &key).await;
    let authorization = format!("DPoP {token}");
    for index in 0..=FORWARDED.len() {
        let good = proof(&server, &key, &token, |_| {});
        let mut headers = vec![("authorization", authorization.as_str()), ("dpop", good.as_str())];
        headers.extend(FORWARDED);
        headers.push(headers[index + 1]);
        let answer = check(&server, &orders(""), &headers).await;
        assert_challenged(&answer, 401, "DPoP algs=");
        assert!(answer.header("www-authenticate").contains("did not forward"), "{answer:?}");
    }
    // This host would turn the path into a query, which a proof does not contain.
    let good = proof(&server, &key, &token, |_| {});
    let mut headers = vec![("authorization", authorization.as_str()), ("dpop", good.as_str())];
    headers.extend(FORWARDED);
    headers[4].1 = "api.example.com/orders/7?";
    headers[5].1 = "/admin";
    assert_eq!(check(&server, &orders(""), &headers).await.status, 401);
    headers[4].1 = "api.example.com";
    let long = format!("/{}", "a".repeat(4000));
    headers[5].1 = &long;
    let answer = check(&server, &orders(""), &headers).await;
    assert_challenged(&answer, 401, "DPoP algs=");
    assert!(answer.header("www-authenticate").len() < 500, "gateways have small buffers");
}

/// A caller that is not a trusted proxy could forward any request.
#[tokio::test(flavor = "multi_thread")]
async fn bound_tokens_are_checked_for_trusted_proxies_only() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let token = dpop_token(&server, &client, &key).await;
    let good = proof(&server, &key, &token, |_| {});
    let answer = check_dpop(&server, &token, &good).await;
    assert_challenged(&answer, 401, "DPoP algs=");
    assert!(answer.header("www-authenticate").contains("did not forward it"), "{answer:?}");
}

/// Returns a certificate, and a token that is bound to it.
pub async fn certificate_token(server: &Server) -> (Pair, String) {
    certificate_token_for(server, grant(ORDERS, None)).await
}

/// Like [`certificate_token`], for another resource.
pub async fn certificate_token_for(server: &Server, granted: Grant) -> (Pair, String) {
    let pair = self_signed("worker");
    let jwk = ClientCertificate::new(pair.der.clone(), Vec::new()).to_jwk().expect("a key");
    let set = KeySet::parse(&json!({ "keys": [jwk] }).to_string()).expect("a key set");
    let client = server
        .new_client(|new| {
            new.grants = vec![granted];
            new.auth_methods = vec![method("self_signed_tls_client_auth")];
            new.security.keys = Some(KeySource::Inline(set));
        })
        .await;
    let request = server.http.post(server.token_url()).header("client-cert", pair.header());
    let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
    let token = Answer::of(request.form(&form)).await.token();
    (pair, token)
}

/// RFC 8705, section 3: the certificate that the proxy has seen must match the token (C-144).
#[tokio::test(flavor = "multi_thread")]
async fn a_token_bound_to_a_certificate_needs_it() {
    let server = Server::with(Engine::Sqlite, &TRUSTED).await;
    let (pair, token) = certificate_token(&server).await;
    let other = self_signed("worker");
    let authorization = format!("Bearer {token}");
    let with = async |certificate: Option<String>| {
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(certificate.as_deref().map(|value| ("client-cert", value)));
        check(&server, &orders(""), &headers).await
    };
    assert_eq!(with(Some(pair.header())).await.status, 204);
    for wrong in [None, Some(other.header()), Some("nonsense".to_owned())] {
        let answer = with(wrong).await;
        assert_challenged(&answer, 401, "Bearer realm=\"tokend\", error=\"invalid_token\"");
    } // A scheme that promises a proof is not met by a certificate.
    let (dpop, certificate) = (format!("DPoP {token}"), pair.header());
    let headers = [("authorization", dpop.as_str()), ("client-cert", certificate.as_str())];
    let answer = check(&server, &orders(""), &headers).await;
    assert_challenged(&answer, 401, "DPoP algs=");
    assert!(answer.header("www-authenticate").contains("use Bearer"), "{answer:?}");
}
