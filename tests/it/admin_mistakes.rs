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
