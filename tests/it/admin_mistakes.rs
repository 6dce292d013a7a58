//! Mistakes in a request of the admin API.

use serde_json::json;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Engine, Server, client_id};

/// A PUT creates no object with an id that a POST rejects, and says why.
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

/// A text about a value or a parameter says what is expected.
#[tokio::test]
async fn a_mistake_says_what_is_expected() {
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
