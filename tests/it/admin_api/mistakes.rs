//! Validation errors of the admin API: each one has a pointer and the expected value.

use serde_json::{Value, json};

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Engine, INVOICES, ORDERS, Server, client_id};

const ACME: &str = "/v1/clients/acme";

/// Errors have a pointer and suggest a similar name.
#[tokio::test]
async fn validation_errors_have_a_pointer_and_a_suggestion() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    assert_eq!(api.call("PUT", ACME, Some(json!({}))).await.status, 201);
    let grants = |grant: Value| json!({ "grants": [{ "resource": ORDERS }, grant] });
    let cases = [
        (r#"{"nmae":"x"}"#.to_owned(), "/nmae", "did you mean name?"),
        (
            grants(json!({ "resource": INVOICES, "scope": [] })).to_string(),
            "/grants/1/scope",
            "did you mean scopes?",
        ),
        (grants(json!({ "scopes": [] })).to_string(), "/grants/1/resource", "missing"),
        (grants(json!({ "resource": ORDERS })).to_string(), "/grants/1/resource", "duplicate"),
        (r#"{"claims":{"tenant":"a","tenant":"b"}}"#.to_owned(), "/claims/tenant", "given twice"),
        (r#"{"claims":{"sub":"a"}}"#.to_owned(), "/claims/sub", "reserved"),
        (r#"{"claims":{"a":1.5}}"#.to_owned(), "/claims/a", "whole number"),
        (r#"{"claims":[]}"#.to_owned(), "/claims", "object"),
        (r#"{"labels":{"a b":"x"}}"#.to_owned(), "/labels/a b", "label"),
        (r#"{"token_ttl_seconds":86401}"#.to_owned(), "/token_ttl_seconds", "longer"),
        (r#"{"token_ttl_seconds":"a"}"#.to_owned(), "/token_ttl_seconds", "a whole number"),
        (r#"{"state":"paused"}"#.to_owned(), "/state", "active"),
        (r#"{"state":null}"#.to_owned(), "/state", "active"),
        (r#"{"auth_methods":[]}"#.to_owned(), "/auth_methods", "empty"),
        (r#"{"client_id":"other"}"#.to_owned(), "/client_id", "read-only"),
        (r#"{"secret":{}}"#.to_owned(), "/secret", "POST"),
        (r#"{"created_at":"2020-01-01T00:00:00Z"}"#.to_owned(), "/created_at", "read-only"),
        (r#"{"jwks":{"keys":[]}}"#.to_owned(), "/jwks", "read-only"),
        (r#"{"admin_of":["a b"]}"#.to_owned(), "/admin_of/0", "owner"),
    ];
    for (body, pointer, text) in cases {
        for method in ["PUT", "PATCH"] {
            let answer = api.send_if(method, ACME, "*", &body).await;
            assert_eq!(answer.status, 422, "{method} {body}: {}", answer.text);
            let error = answer.json()["errors"][0].clone();
            assert_eq!(error["pointer"], pointer, "{method} {body}: {error}");
            let detail = error["detail"].as_str().expect("a text");
            assert!(detail.contains(text), "{method} {body}: {error}");
        }
    }
    let unknown = grants(json!({ "resource": "urn:tokend", "scopes": ["clients:raed"] }));
    let answer = api.call("PATCH", ACME, Some(unknown)).await;
    let error = answer.json()["errors"][0].clone();
    assert_eq!(error["pointer"], "/grants/1/scopes", "{error}");
    assert!(error["detail"].as_str().expect("a text").contains("clients:read"), "{error}");
}

/// Pointers refer to the body that was sent.
#[tokio::test]
async fn validation_errors_of_other_routes_point_into_the_sent_body() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    assert_eq!(api.call("PUT", ACME, Some(json!({}))).await.status, 201);
    let weak = json!({ "kty": "oct", "k": "c2VjcmV0" });
    let keys = format!("{ACME}/keys");
    let secrets = format!("{ACME}/secrets");
    let rotation = format!("{ACME}/secrets/rotate");
    let twice = json!([{ "name": "a" }, { "name": "a" }]);
    let scopes = json!({ "resource": "https://twice.example.com", "scopes": twice });
    let clients = json!([{ "client_id": "one" }, { "client_id": "two", "token_ttl": "x" }]);
    let several = json!({ "documents": [{}, { "clients": clients }] });
    for (path, body, pointer) in [
        (keys.as_str(), json!({ "jwk": weak }), "/jwk"),
        (&keys, json!({ "jwks": { "keys": [weak] } }), "/jwks"),
        ("/v1/resources", scopes, "/scopes/1"),
        ("/v1/apply", json!({ "clients": clients }), "/clients/1/token_ttl"),
        ("/v1/apply", several, "/documents/1/clients/1/token_ttl"),
        ("/v1/apply", json!({ "documents": {} }), "/documents"),
        ("/v1/clients", json!({ "secret": { "label": "\n" } }), "/secret/label"),
        (&secrets, json!({ "label": "\n" }), "/label"),
        (&rotation, json!({ "overlap": "0s", "secret": { "label": "\n" } }), "/secret/label"),
    ] {
        let answer = api.call("POST", path, Some(body)).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{path}: {}", answer.text);
    }
}

/// A PUT rejects the ids that a POST rejects, and reports why.
#[tokio::test]
async fn a_put_creates_by_the_rules_of_a_post() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (path, detail) in [
        ("/v1/clients/a%20b", "client_id in the path: "),
        ("/v1/clients/%C3%A4", "client_id in the path: "),
        ("/v1/resources/not%20a%20uri", "resource in the path: "),
    ] {
        let answer = api.call("PUT", path, Some(json!({}))).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
        let problem = answer.json();
        assert!(problem["detail"].as_str().expect("a text").starts_with(detail), "{problem}");
        // The id is not in the body.
        assert!(problem["errors"].is_null(), "{problem}");
    }
    let same = api.call("POST", "/v1/clients", Some(json!({ "client_id": "a b" }))).await;
    assert_eq!(same.status, 422, "{}", same.text);
    // A client of an older version keeps its id.
    server.new_client(|new| new.client_id = Some(client_id("a b"))).await;
    let kept = api.call_if("PUT", "/v1/clients/a%20b", "*", Some(json!({}))).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
}

/// An error about a value or a parameter states the expected value.
#[tokio::test]
async fn a_validation_error_names_the_expected_value() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (query, expected) in [
        ("limit=0", "limit: a whole number from 1 to 1000 is expected"),
        ("limit=x", "limit: a whole number from 1 to 1000 is expected"),
        ("count=-1", "count: a whole number is expected"),
        ("limit=1&limit=2", "limit is given twice"),
        ("cursor=a%20%C3%A4", "cursor: send the next_cursor of the page before as it is"),
        ("cursor=a&after=a", "after: cursor is given: leave one of them out"),
    ] {
        let answer = api.call("GET", &format!("/v1/clients?{query}"), None).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert_eq!(answer.json()["detail"], expected, "{query}");
    }
    for (body, expected) in [
        (json!({ "name": 1 }), "expected a string"),
        (json!({ "grants": {} }), "expected a list"),
        (json!({ "grants": [1] }), "with the members resource, scopes, networks and claims"),
        (json!({ "grants": [{}] }), "resource is missing"),
        (json!({ "token_ttl_seconds": 1.5 }), "expected a whole number"),
        (json!({ "labels": [] }), "expected an object"),
        (json!({ "dpop_bound_access_tokens": "yes" }), "expected true or false"),
    ] {
        let answer = api.call("POST", "/v1/clients", Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        let detail = answer.json()["detail"].as_str().expect("a text").to_owned();
        assert!(detail.contains(expected), "{body}: {detail}");
    }
}
