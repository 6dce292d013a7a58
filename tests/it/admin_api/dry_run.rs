//! `?dry_run=true` performs every check and stores nothing. Also the preview of a token.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Engine, ORDERS, Server, client_id, operator};

#[rstest]
#[tokio::test]
async fn a_dry_run_answers_and_stores_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let client = server.client().await;
    let path = |rest: &str| format!("/v1/clients/{}{rest}", client.id);
    let found =
        admin::client::show(&server.services().store, &operator(), &client_id(&client.id)).await;
    let secret = found.expect("a client").secrets[0].secret_id.to_string();
    let state = async || {
        let mut all = Vec::new();
        for path in [
            "/v1/clients".to_owned(),
            "/v1/resources".to_owned(),
            "/v1/audit-events".to_owned(),
            path("/secrets"),
        ] {
            let mut answer = api.call("GET", &path, None).await.json();
            for listed in answer["data"].as_array_mut().expect("a list") {
                let members = listed.as_object_mut().expect("an object");
                members.retain(|name, _| name != "last_used_at" && name != "usage");
            }
            all.push(answer);
        }
        all
    };
    let before = state().await;
    let orders = "https:%2F%2Forders.example.com";
    let new = json!({ "client_id": "new", "grants": [{ "resource": ORDERS }] });
    let resource = json!({ "resource": "urn:new", "signing_alg": "RS256" });
    for (method, path, body, status) in [
        ("POST", "/v1/clients".to_owned(), Some(new), 201),
        ("POST", "/v1/clients".to_owned(), Some(json!({})), 201),
        ("PUT", "/v1/clients/other".to_owned(), Some(json!({})), 201),
        ("PUT", path(""), Some(json!({ "name": "x" })), 428),
        ("PATCH", path(""), Some(json!({ "name": "x", "state": "disabled" })), 200),
        ("DELETE", path(""), None, 204),
        ("POST", path("/disable"), Some(json!({})), 200),
        ("POST", path("/enable"), Some(json!({})), 200),
        ("POST", path("/secrets"), Some(json!({})), 201),
        ("POST", path("/secrets/rotate"), Some(json!({ "overlap": "0s" })), 201),
        ("DELETE", path(&format!("/secrets/{secret}")), None, 204),
        ("PUT", path(&format!("/grants/{orders}")), Some(json!({ "claims": { "a": 1 } })), 200),
        ("DELETE", path(&format!("/grants/{orders}")), None, 204),
        ("POST", path("/tokens/revoke"), None, 200),
        ("POST", "/v1/resources".to_owned(), Some(resource), 201),
        ("PUT", "/v1/resources/urn:other".to_owned(), Some(json!({})), 201),
        ("PATCH", format!("/v1/resources/{orders}"), Some(json!({ "owner": "x" })), 200),
        ("DELETE", format!("/v1/resources/{orders}"), None, 204),
    ] {
        let answer = api.call(method, &format!("{path}?dry_run=true"), body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert!(!answer.text.contains("client_secret\""), "{method} {path}: {}", answer.text);
        assert_eq!(state().await, before, "{method} {path}");
    }
    assert_eq!(server.ask(&client).await.status, 200);
    // The checks are those of the change.
    let weak = Api::with(&server, "clients:write").await;
    let body = json!({ "claims": { "a": 1 } });
    let answer = weak.call("PATCH", &path("?dry_run=true"), Some(body)).await;
    assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("scope_missing")));
    let answer = api.call("DELETE", "/v1/clients/absent?dry_run=true", None).await;
    assert_eq!(answer.status, 404);
    let patch = json!({ "name": "Later" });
    let answer = api.call("PATCH", &path("?dry_run=false"), Some(patch)).await;
    assert_eq!((answer.status, &answer.json()["name"]), (200, &json!("Later")));
    assert_ne!(state().await, before);
}

/// An unknown parameter is an error, not a silent change (W-24).
#[tokio::test]
async fn unknown_parameters_are_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (method, path, text) in [
        ("DELETE", "/v1/clients/a?dryrun=true", "did you mean dry_run?"),
        ("DELETE", "/v1/clients/a?dry_run=yes", "dry_run"),
        ("POST", "/v1/clients?dry-run=true", "did you mean dry_run?"),
        ("GET", "/v1/clients?onwer=a", "did you mean owner?"),
        ("GET", "/v1/clients?sort=name", "sort"),
        ("GET", "/v1/clients?order_by=name", "order_by"),
        ("GET", "/v1/clients/a?fields=name", "no parameter is known here"),
        ("GET", "/v1/server?dry_run=true", "no parameter is known here"),
    ] {
        let answer = api.call(method, path, None).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("invalid_query")),
            "{path}"
        );
        let detail = answer.json()["detail"].as_str().expect("a text").to_owned();
        assert!(detail.contains(text), "{method} {path}: {detail}");
    }
}

#[tokio::test]
async fn a_preview_has_the_claims_of_the_next_token() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let client = server.client().await;
    let path = format!("/v1/clients/{}", client.id);
    let changes = json!({
        "claims": { "tenant": "acme", "tier": 1 },
        "grants": [{ "resource": ORDERS, "scopes": ["orders:read"], "claims": { "tier": 2 } }],
    });
    assert_eq!(api.call("PATCH", &path, Some(changes)).await.status, 200);
    let preview =
        async |body: Value| api.call("POST", &format!("{path}/token-preview"), Some(body)).await;
    for body in [json!({}), json!({ "resource": ORDERS, "scope": "orders:read" })] {
        let answer = preview(body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let mut previewed = answer.json();
        let mut claims = server.claims(&server.ask(&client).await.token()).await;
        for claims in [&mut previewed, &mut claims] {
            let claims = claims.as_object_mut().expect("claims");
            assert!(claims.remove("jti").is_some());
        }
        assert_eq!(previewed, claims);
    }
    let refused = preview(json!({ "scope": "orders:write" })).await;
    assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("token_refused")));
    let unknown = preview(json!({ "scopes": "orders:read" })).await;
    assert_eq!(unknown.json()["errors"][0]["pointer"], "/scopes", "{}", unknown.text);
    let absent = api.call("POST", "/v1/clients/absent/token-preview", Some(json!({}))).await;
    assert_eq!((absent.status, &absent.json()["code"]), (404, &json!("client_not_found")));
}

/// Each answer, problems included, has the security headers; lists are compressed on demand.
#[tokio::test]
async fn every_answer_has_the_headers_of_the_listener() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for _ in 0..4 {
        server.client().await;
    }
    let large = format!("{{\"description\":\"{}\"}}", "x".repeat(300 << 10));
    for (method, path, body, status) in [
        ("GET", "/v1/clients", None, 200),
        ("GET", "/v1/clients/absent", None, 404),
        ("GET", "/v1/nothing", None, 404),
        ("PUT", "/v1/server", None, 405),
        ("GET", "/livez", None, 200),
        ("GET", "/readyz", None, 200),
        ("POST", "/v1/clients", Some(large.as_str()), 413),
        ("PATCH", "/v1/clients/a", Some(large.as_str()), 413),
    ] {
        let answer = api.send(method, path, &[], body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {path}: {name}");
        }
        assert!(answer.header("cache-control").contains("no-store"), "{method} {path}");
        if status >= 400 {
            assert!(answer.json()["code"].is_string(), "{method} {path}: {}", answer.text);
        }
    }
    let accept = [("accept-encoding", "gzip")];
    let list = api.send("GET", "/v1/clients", &accept, None).await;
    assert_eq!(list.header("content-encoding"), "gzip");
    let own = format!("/v1/clients/{}", api.administrator.id);
    let one = api.send("GET", &own, &accept, None).await;
    assert_eq!((one.header("content-encoding"), one.status), ("", 200));
}
