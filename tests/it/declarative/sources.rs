//! Objects that are applied from a source: other changes of them are rejected, and an export equals
//! the applied documents.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Answer, Engine, ORDERS, Server};

const CLIENT: &str = "/v1/clients/billing";
const RESOURCE: &str = "/v1/resources/https:%2F%2Finvoices.example.com";

/// Returns one source with a client and a resource, each with members of every type.
fn documents() -> Value {
    json!({ "documents": [{
        "source": "payments",
        "resources": [{
            "resource": "https://invoices.example.com", "owner": "payments",
            "labels": { "env": "prod" }, "token_lifetime": 600,
            "scopes": [{ "name": "invoices:read", "description": "Read invoices" }],
        }],
        "clients": [{
            "client_id": "billing", "name": "Billing", "owner": "payments",
            "labels": { "env": "prod" }, "claims": { "tenant": "acme" }, "token_rate": "60/m",
            "leak_policy": "end_now", "networks": ["10.0.0.0/8", "192.168.1.0/24"],
            "secret": { "label": "main", "expires_in": "90d" },
            "grants": [
                { "resource": ORDERS },
                { "resource": "https://invoices.example.com", "scopes": ["invoices:read"],
                  "claims": { "tenant": "acme" } },
            ],
        }, {
            "client_id": "robot", "jwks_uri": "https://robot.example.com/jwks", "state": "disabled",
            "dpop_bound_access_tokens": true, "admin_of": ["payments"],
            "trusts": [{ "issuer": "https://ci.example.com", "audience": "t",
                         "jwks_uri": "https://ci.example.com/jwks",
                         "conditions": { "sub": "repo:acme/*" } }],
        }],
    }] })
}

async fn apply(api: &Api<'_>, query: &str, body: &Value) -> Value {
    let answer = api.call("POST", &format!("/v1/apply{query}"), Some(body.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let applied = answer.json();
    for secret in applied["secrets"].as_array().expect("secrets") {
        api.server.keep_secret(secret["client_secret"].as_str().expect("a secret"));
    }
    applied
}

fn assert_code(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{answer:?}");
}

/// Apply, export and diff show no differences, on the same database and on another one.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_what_was_applied(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let applied = apply(&api, "", &documents()).await;
    assert_eq!(applied["changes"].as_array().map(Vec::len), Some(3), "{applied}");
    assert_eq!(apply(&api, "?dry_run=true", &documents()).await["changes"], json!([]));
    let exported = api.call("GET", "/v1/export?source=payments", None).await.json();
    assert_eq!(exported["documents"][0]["source"], "payments");
    let differs = apply(&api, "?dry_run=true", &exported).await;
    assert_eq!((&differs["changes"], &differs["unchanged"]), (&json!([]), &json!(3)));

    let other = Server::start(engine).await;
    let other = Api::with(&other, ALL_SCOPES).await;
    apply(&other, "", &exported).await;
    let again = other.call("GET", "/v1/export?source=payments", None).await.json();
    assert_eq!(again, exported);
}

/// Every operation that changes a declared member is rejected, and succeeds with `Tokend-Force`.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_a_source_is_changed_only_by_force(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    apply(&api, "", &documents()).await;
    let shown = api.call("GET", CLIENT, None).await;
    assert_eq!(shown.json()["source"], "payments");
    let tag = shown.header("etag");
    let (put, patch) = (json!({ "name": "other" }), json!({ "labels": { "env": null } }));
    for (method, path, body) in [
        ("PUT", CLIENT, Some(&put)),
        ("PATCH", CLIENT, Some(&patch)),
        ("DELETE", CLIENT, None),
        ("PUT", RESOURCE, Some(&json!({ "scopes": [] }))),
        ("PATCH", RESOURCE, Some(&patch)),
        ("DELETE", RESOURCE, None),
    ] {
        let body = body.map(Value::to_string);
        let refused = api.send(method, path, &[("if-match", "*")], body.as_deref()).await;
        assert_code(&refused, 409, "managed_by_source");
    }
    for (method, path, body) in [
        ("POST", format!("{CLIENT}/disable"), Some(json!({}))),
        ("DELETE", format!("{CLIENT}/grants/{}", ORDERS.replace('/', "%2F")), None),
        ("DELETE", "/v1/clients/robot/keys".to_owned(), None),
    ] {
        assert_code(&api.call(method, &path, body).await, 409, "managed_by_source");
    }
    assert_eq!(api.call("GET", CLIENT, None).await.header("etag"), tag);

    // Secrets, tokens and their revocation are not declared.
    let added = api.call("POST", &format!("{CLIENT}/secrets"), Some(json!({}))).await;
    assert_eq!(added.status, 201, "{}", added.text);
    server.keep_secret(added.json()["client_secret"].as_str().expect("a secret"));
    let rotated = json!({ "overlap": "0s" });
    let rotated = api.call("POST", &format!("{CLIENT}/secrets/rotate"), Some(rotated)).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    server.keep_secret(rotated.json()["client_secret"].as_str().expect("a secret"));
    let wanted = json!({ "client_id": "billing", "resource": ORDERS });
    let issued = api.call("POST", "/v1/tokens", Some(wanted)).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let revoked = api.call("POST", &format!("{CLIENT}/tokens/revoke"), None).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    assert_eq!(apply(&api, "?dry_run=true", &documents()).await["changes"], json!([]));

    // The tag covers the secrets, which have changed.
    let shown = api.call("GET", CLIENT, None).await;
    let force = [("if-match", shown.header("etag")), ("tokend-force", "true")];
    let forced = api.send("PUT", CLIENT, &force, Some(&put.to_string())).await;
    assert_eq!((forced.status, &forced.json()["name"]), (200, &json!("other")), "{}", forced.text);
    assert_eq!(forced.json()["source"], "payments", "it stays an object of its source");
    let force = [("tokend-force", "true")];
    let forced = api.send("PATCH", RESOURCE, &force, Some(&patch.to_string())).await;
    assert_eq!((forced.status, &forced.json()["labels"]), (200, &json!({})), "{}", forced.text);
    let undone = apply(&api, "", &documents()).await;
    assert_eq!(undone["changes"].as_array().map(Vec::len), Some(2), "{undone}");
}

/// A request without a change succeeds without `Tokend-Force`.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_of_what_is_declared_needs_no_force(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    apply(&api, "", &documents()).await;
    let head = server.services().store.head().await.expect("a head");
    let (client, resource) = (api.call("GET", CLIENT, None).await, api.call("GET", RESOURCE, None));
    let (client, resource) = (client.json(), resource.await.json());
    let grant = format!("{CLIENT}/grants/{}", ORDERS.replace('/', "%2F"));
    for (method, path, body) in [
        ("PUT", CLIENT, client.clone()),
        ("PUT", RESOURCE, resource),
        ("PATCH", CLIENT, json!({ "name": "Billing" })),
        ("PATCH", RESOURCE, json!({ "owner": "payments" })),
        ("PUT", grant.as_str(), json!({ "scopes": null })),
        ("POST", "/v1/clients/robot/disable", json!({})),
    ] {
        let answer = api.call(method, path, Some(body)).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
    }
    assert_eq!(server.services().store.head().await.expect("a head"), head, "no event");
    let mut other = client;
    other["name"] = json!("Other");
    for (method, path, body) in [
        ("PUT", CLIENT, other),
        ("PUT", grant.as_str(), json!({ "scopes": ["orders:read"] })),
        ("POST", "/v1/clients/robot/enable", json!({})),
    ] {
        assert_code(&api.call(method, path, Some(body)).await, 409, "managed_by_source");
    }
}

/// A body of more than 16 MiB is rejected by its announced length, before it is read.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let address = server.management.strip_prefix("http://").expect("http").to_owned();
    let announce = async |token: &str, length: usize| {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        let head = format!(
            "POST /v1/apply HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("a head");
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_mins(1), reading)
            .await
            .expect("in time")
            .expect("read");
        String::from_utf8(answer).expect("text")
    };
    let answer = announce(&api.token, (16 << 20) + 1).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
    assert!(answer.contains("larger than 16 MiB"), "{answer}");
    // Only callers with a right learn whether the length is allowed.
    let stranger = Api::with(&server, "audit:read").await;
    let answer = announce(&stranger.token, (16 << 20) + 1).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}
