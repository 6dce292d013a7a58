//! The management listener as a protected resource: public paths, challenges, and the tokens that
//! it accepts.

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use tokend::admin::client;
use tokend::admin::revocation::{RevocationTarget, revoke_token, revoke_tokens};
use tokend::model::admin_scope::AdminScope;
use tokend::model::client::ClientState;
use tokend::model::signing_key::Algorithm;
use tokend::model::token::TokenId;

use crate::admin_api::bound_tokens::for_server;
use crate::programs::check::{TRUSTED, dpop_token, proof};
use crate::support::keys::KeyPair;
use crate::support::{Answer, Engine, Server, client_id, operator};

const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Sends a request to the management listener with these headers.
pub async fn call(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let method: Method = method.parse().expect("a method");
    let mut request = server.http.request(method, format!("{}{path}", server.management));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = Answer::of(request).await;
    assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    answer
}

pub async fn call_with(
    server: &Server,
    scheme: &str,
    token: &str,
    more: &[(&str, &str)],
) -> Answer {
    let authorization = format!("{scheme} {token}");
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(more);
    call(server, "GET", "/v1/server", &headers).await
}

fn challenges(answer: &Answer) -> Vec<String> {
    let values = answer.headers.get_all("www-authenticate").iter();
    values.map(|value| value.to_str().expect("a text").to_owned()).collect()
}

/// Asserts 401 with a code, which is only in the challenge of the scheme that was used.
pub fn assert_unauthorized(answer: &Answer, scheme: &str, code: &str) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["code"], code, "{answer:?}");
    let challenges = challenges(answer);
    assert_eq!(challenges.len(), 2, "{challenges:?}");
    for challenge in challenges {
        assert!(challenge.contains("resource_metadata=\"http"), "{challenge}");
        let has_error = challenge.contains(&format!("error=\"{code}\""));
        assert_eq!(has_error, challenge.starts_with(scheme), "{challenge}");
        for attribute in ["realm=", "error=", "error_description=", "scope=", "algs="] {
            assert!(challenge.matches(&format!(" {attribute}")).count() <= 1, "{challenge}");
        }
    }
}

/// 401 is sent before 404 and 405, and before the body is read; the answers are identical.
#[tokio::test]
async fn a_caller_without_a_token_learns_no_path_and_no_method() {
    let server = Server::start(Engine::Sqlite).await;
    let without_id = |answer: &Answer| {
        let mut body = answer.json();
        body.as_object_mut().expect("an object").remove("request_id");
        (answer.status, body, challenges(answer))
    };
    let known = call(&server, "GET", "/v1/clients", &[]).await;
    assert_eq!((known.status, known.json()["code"].clone()), (401, json!("token_missing")));
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v1/nothing"),
        ("PUT", "/v1/server"),
        ("OPTIONS", "/v1/clients"),
        ("TRACE", "/v1/clients"),
        ("POST", "/v1/clients"),
        ("GET", "/v1/clients/%FF"),
        ("GET", "/.well-known/oauth-protected-resource/x"),
    ] {
        for headers in [&[][..], &[("authorization", "Basic YTpi")]] {
            let answer = call(&server, method, path, headers).await;
            assert_eq!(without_id(&answer), without_id(&known), "{method} {path}");
        }
    }
    let head = call(&server, "HEAD", "/v1/nothing", &[]).await;
    assert_eq!((head.status, challenges(&head)), (401, challenges(&known)));
}

/// With a token, each of these errors is a problem document.
#[tokio::test]
async fn an_administrator_gets_the_problem_of_a_path() {
    let server = Server::start(Engine::Sqlite).await;
    let token = server.ask(&server.administrator("server:read").await).await.token();
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    for (method, path, status, code, allow) in [
        ("GET", "/v1/nothing", 404, "not_found", ""),
        ("PUT", "/v1/server", 405, "method_not_allowed", "GET, HEAD"),
        ("OPTIONS", "/v1/clients", 405, "method_not_allowed", "GET, HEAD, POST"),
        ("GET", "/v1/clients/%FF", 400, "invalid_path", ""),
        ("GET", "/v1/clients/a/grants/%C3%28", 400, "invalid_path", ""),
        ("DELETE", "/%80", 400, "invalid_path", ""),
        ("POST", METADATA, 405, "method_not_allowed", "GET, HEAD"),
    ] {
        let answer = call(&server, method, path, &headers).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.json()["code"], code, "{method} {path}");
        assert_eq!(answer.json()["status"], status, "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert_eq!(call(&server, "HEAD", "/v1/server", &headers).await.status, 200);
    // A missing scope is in the challenge, so that the caller can request it.
    let answer = call(&server, "GET", "/v1/clients", &headers).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (403, json!("scope_missing")));
    let expected = format!(
        "Bearer realm=\"tokend\", error=\"insufficient_scope\", scope=\"clients:read\", resource_metadata=\"{}{METADATA}\"",
        server.management
    );
    assert_eq!(challenges(&answer), [expected]);
}

/// RFC 9728, sections 2, 3 and 5: the challenge leads to the metadata, the issuer and a token.
#[tokio::test]
async fn the_metadata_leads_from_a_challenge_to_a_token() {
    let server = Server::start(Engine::Sqlite).await;
    let refused = call(&server, "GET", "/v1/server", &[]).await;
    let challenge = challenges(&refused).swap_remove(0);
    let url = challenge.split("resource_metadata=\"").nth(1).expect("a parameter");
    let url = url.trim_end_matches('"');
    let document = Answer::of(server.http.get(url)).await;
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    let document = document.json();
    let scopes: Vec<_> = AdminScope::ALL.into_iter().map(AdminScope::as_str).collect();
    let expected = json!({
        // Section 3.3: the URL of the resource, from which the URL of the document is derived.
        "resource": server.management,
        "authorization_servers": [server.base],
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA"],
        "tls_client_certificate_bound_access_tokens": false,
        "resource_name": "tokend admin API",
    });
    assert_eq!(document, expected);
    assert_eq!(url, format!("{}{METADATA}", server.management));

    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    let endpoint = metadata["token_endpoint"].as_str().expect("an endpoint");
    let client = server.administrator("server:read").await;
    let form = [("grant_type", "client_credentials"), ("resource", server.management.as_str())];
    let request = server.http.post(endpoint).basic_auth(&client.id, Some(&client.secret));
    let token = Answer::of(request.form(&form)).await.token();
    assert_eq!(server.claims(&token).await["aud"], "urn:tokend");
    assert_eq!(call_with(&server, "bearer", &token, &[]).await.status, 200);
    // The URL names the resource; it is not a grant of it.
    let plain = server.client().await;
    let answer = server.ask_for(&plain, &[("resource", &server.management)]).await;
    answer.assert_rejected(400, "invalid_target");
    let elsewhere = server.ask_for(&client, &[("resource", "http://127.0.0.1:1")]).await;
    elsewhere.assert_rejected(400, "invalid_target");
}

#[tokio::test]
async fn the_url_of_the_listener_is_a_setting() {
    let url = "https://admin.example.com";
    let settings = [("TOKEND_MANAGEMENT_URL", url), TRUSTED[0]];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let document = call(&server, "GET", METADATA, &[]).await.json();
    assert_eq!(document["resource"], url);
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    let refused = call(&server, "GET", "/v1/server", &[]).await;
    for challenge in challenges(&refused) {
        assert!(challenge.ends_with(&format!("resource_metadata=\"{url}{METADATA}\"")));
    }
    let client = server.administrator("server:read").await;
    let token = server.ask_for(&client, &[("resource", url)]).await.token();
    assert_eq!(call_with(&server, "Bearer", &token, &[]).await.status, 200);
}

/// A listener on a network address does not know its own name.
#[tokio::test]
async fn a_listener_without_a_url_has_no_metadata_and_takes_no_proof() {
    let settings = [("TOKEND_MANAGEMENT_LISTEN", "192.0.2.1:8081")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let absent = call(&server, "GET", METADATA, &[]).await;
    assert_eq!(absent.status, 404, "{absent:?}");
    assert!(absent.text.contains("management.url"), "{absent:?}");
    let refused = call(&server, "GET", "/v1/server", &[]).await;
    assert_eq!(challenges(&refused)[0], "Bearer realm=\"tokend\"");
    let client = server.administrator("server:read").await;
    let key = KeyPair::new(Algorithm::Es256);
    let token = dpop_token(&server, &client, &key).await;
    let good = proof(&server, &key, &token, |claims| for_server(&server, claims));
    let answer = call_with(&server, "DPoP", &token, &[("dpop", &good)]).await;
    assert_eq!(answer.json()["code"], "invalid_dpop_proof", "{answer:?}");
    let bearer = server.ask(&client).await.token();
    assert_eq!(call_with(&server, "Bearer", &bearer, &[]).await.status, 200);
}

/// Tokens that are rejected: for another audience, expired, revoked, or of a disabled client (C-62,
/// SECURITY 12).
#[rstest]
#[tokio::test]
async fn a_token_that_is_not_valid_is_rejected(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let services = server.services();
    let refused = async |token: &str| {
        server.catch_up().await;
        let answer = call_with(&server, "Bearer", token, &[]).await;
        assert_unauthorized(&answer, "Bearer", "invalid_token");
    };
    let other = server.client().await;
    refused(&server.ask(&other).await.token()).await;
    refused("").await;
    refused(&"x".repeat(15_000)).await;
    // A token of another issuer, and one with another signature.
    let foreign = Server::start(Engine::Sqlite).await;
    refused(&foreign.ask(&foreign.administrator("server:read").await).await.token()).await;
    let client = server.administrator("server:read").await;
    let id = client_id(&client.id);
    let token = server.ask(&client).await.token();
    let (head, signature) = token.rsplit_once('.').expect("a JWS");
    let mut changed = signature.to_owned().into_bytes();
    changed[3] ^= 1;
    refused(&format!("{head}.{}", String::from_utf8_lossy(&changed))).await;

    assert_eq!(call_with(&server, "Bearer", &token, &[]).await.status, 200);
    let jti = server.claims(&token).await["jti"].as_str().expect("a jti").to_owned();
    let jti = TokenId::parse(&jti).expect("a jti");
    revoke_token(services, &operator(), RevocationTarget::Id(jti)).await.expect("revoked");
    refused(&token).await;
    let token = server.ask(&client).await.token();
    revoke_tokens(services, &operator(), &id).await.expect("revoked");
    refused(&token).await;
    server.clock.advance(2);
    server.catch_up().await;
    let token = server.ask(&client).await.token();
    assert_eq!(call_with(&server, "Bearer", &token, &[]).await.status, 200);
    let disabled = ClientState::Disabled;
    client::set_state(services, &operator(), &id, disabled, None).await.expect("disabled");
    refused(&token).await;
    let client = server.administrator("server:read").await;
    let token = server.ask(&client).await.token();
    assert_eq!(call_with(&server, "Bearer", &token, &[]).await.status, 200);
    server.clock.advance(3_700);
    refused(&token).await;
    let token = server.ask(&client).await.token();
    client::delete(services, &operator(), &client_id(&client.id)).await.expect("deleted");
    refused(&token).await;
}
