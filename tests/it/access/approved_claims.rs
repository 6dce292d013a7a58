//! The claims of an approved grant request are used in tokens, introspection and previews.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::team::{API, Team, grant_path};
use crate::support::{Engine, Server, TestClient};

/// Returns the static claims of the next token, which must be equal in the token, introspection and
/// the preview.
async fn claims_everywhere(server: &Server, all: &Team<'_>, client: &TestClient) -> Value {
    let token = server.ask_for(client, &[("resource", API)]).await.token();
    let of_token = server.claims(&token).await;
    let form = [("token", token.as_str())];
    let introspected = server.post("/v1/oauth/introspect", client, &form).await.json();
    let path = format!("/v1/clients/{}/token-preview", client.id);
    let previewed = all.done("POST", &path, Some(json!({ "resource": API }))).await;
    let again = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    let token = again.ask_for(client, &[("resource", API)]).await.token();
    let of_next_start = again.claims(&token).await;
    let only = |found: &Value| json!({ "tenant": found["tenant"], "roles": found["roles"] });
    let previewed = previewed.get("claims").unwrap_or(&previewed);
    for (place, found) in
        [("introspection", &introspected), ("preview", previewed), ("next start", &of_next_start)]
    {
        assert_eq!(only(found), only(&of_token), "{place}: {found}");
    }
    only(&of_token)
}

/// An approved request for a resource without an owner has the claims that it names. The claims of
/// the client, which no administrator has seen, are not added, neither now nor later.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_approved_grant_has_the_approved_claims_alone(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (all, billing) = (Team::of(&server, None).await, Team::new(&server, "billing").await);
    let scopes = json!([{ "name": "orders:read" }, { "name": "orders:write" }]);
    let shared = json!({ "resource": API, "scopes": scopes });
    all.done("POST", "/v1/resources", Some(shared)).await;
    let client = billing.client("invoices", "billing").await;
    let own = |claims: Value| json!({ "claims": claims });
    let path = "/v1/clients/invoices";
    billing.done("PATCH", path, Some(own(json!({ "roles": ["admin"] })))).await;
    let body = json!({
        "client_id": "invoices", "resource": API, "scopes": ["orders:read", "orders:write"],
        "claims": { "tenant": "acme" },
    });
    let made = billing.done("POST", "/v1/grant-requests", Some(body)).await;
    let approve =
        format!("/v1/grant-requests/{}/approve", made["request_id"].as_str().expect("an id"));
    all.done("POST", &approve, Some(json!({ "revision": 1 }))).await;
    let approved = json!({ "tenant": "acme", "roles": null });
    assert_eq!(claims_everywhere(&server, &all, &client).await, approved);
    // A later claim of the client adds nothing, nor does a narrower grant.
    billing.done("PATCH", path, Some(own(json!({ "roles": ["owner"], "tenant": "other" })))).await;
    assert_eq!(claims_everywhere(&server, &all, &client).await, approved);
    let narrower = json!({ "scopes": ["orders:read"], "claims": { "tenant": "acme" } });
    billing.done("PUT", &grant_path("invoices"), Some(narrower)).await;
    assert_eq!(claims_everywhere(&server, &all, &client).await, approved);
    // An administrator of both sides approves a claim by setting it.
    let set = json!({ "claims": { "tenant": "acme", "roles": ["reader"] } });
    all.done("PATCH", &grant_path("invoices"), Some(set)).await;
    let expected = json!({ "tenant": "acme", "roles": ["reader"] });
    assert_eq!(claims_everywhere(&server, &all, &client).await, expected);
    // A grant that such an administrator creates without a request has the claims of the client.
    all.done("DELETE", &grant_path("invoices"), None).await;
    all.done("PUT", &grant_path("invoices"), Some(json!({ "scopes": ["orders:read"] }))).await;
    let expected = json!({ "tenant": "other", "roles": ["owner"] });
    assert_eq!(claims_everywhere(&server, &all, &client).await, expected);
}
