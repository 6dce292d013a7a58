//! Two limited administrators and the platform: each route by which an administrator could reach a
//! client of another owner. Objects created in advance under the name of another source are the
//! only route that needs no right over an existing object.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::secrets::offline;

use crate::access::handovers::import;
use crate::support::api::Api;
use crate::support::team::{API, Team, assert_rejected, grant_path};
use crate::support::{Answer, Engine, Server, TestClient};

const BILLING: &str = "/v1/clients/billing";

fn document(client: &Value) -> Value {
    json!({ "source": "platform", "clients": [client] })
}

/// A client that a team creates under the source of the platform is not adopted silently. After the
/// platform has taken it over, the team has no credential of it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_team_that_created_an_adopted_client_keeps_no_credentials(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Some("payments"), None)] owner: Option<&str>,
) {
    let server = Server::start(engine).await;
    let (all, evil) = (Team::of(&server, None).await, Team::new(&server, "evil").await);
    let by_digest = offline::generate().expect("a secret");
    let text = secrecy::ExposeSecret::expose_secret(&by_digest);
    let digest = offline::digest_of(text).expect("a digest").to_string();
    let planted = json!({
        "client_id": "billing", "owner": "evil", "secrets": [{ "secret_digest": digest }],
        "jwks_uri": "https://evil.example/jwks", "tls_client_auth_san_dns": "evil.example",
        "trusts": [{ "issuer": "https://ci.example.com", "audience": "t",
                     "jwks_uri": "https://ci.example.com/jwks", "conditions": { "sub": "evil" } }],
    });
    evil.done("POST", "/v1/apply", Some(document(&planted))).await;
    let made = evil.done("POST", &format!("{BILLING}/secrets"), Some(json!({}))).await;
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    server.keep_secret(&secret);
    let planter = TestClient { id: "billing".to_owned(), secret };
    assert_eq!(server.ask_for(&planter, &[]).await.status, 400, "it has no grant yet");

    all.resource(API, "payments").await;
    let grants = json!([{ "resource": API }]);
    let real = json!({ "client_id": "billing", "owner": owner, "grants": grants });
    let before = all.get(BILLING).await.json();
    for query in ["", "?dry_run=true"] {
        let answer = all.post(&format!("/v1/apply{query}"), document(&real)).await;
        assert_rejected(&answer, 409, "other_owner");
    }
    assert_eq!(all.get(BILLING).await.json(), before);

    let applied = all.done("POST", "/v1/apply?adopt=true", Some(document(&real))).await;
    let secret = applied["secrets"][0]["client_secret"].as_str().expect("a new secret").to_owned();
    server.keep_secret(&secret);
    let platform = TestClient { id: "billing".to_owned(), secret };
    assert_eq!(server.ask_for(&platform, &[("resource", API)]).await.status, 200);
    let by_digest = server.known("billing", &by_digest);
    for client in [&planter, &by_digest] {
        assert_eq!(server.ask_for(client, &[("resource", API)]).await.status, 401);
    }
    let shown = all.get(BILLING).await.json();
    for name in ["jwks_uri", "tls_client_auth_san_dns"] {
        assert!(shown[name].is_null(), "{name}: {shown}");
    }
    assert_eq!(shown["trusts"], json!([]));
    assert_eq!(evil.get(BILLING).await.status, 404);
    let again = all.done("POST", "/v1/apply", Some(document(&real))).await;
    assert_eq!(again["changes"], json!([]), "{again}");
}

/// An adopted resource issues no tokens to the clients of the team that created it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_team_that_created_an_adopted_resource_gets_no_tokens_for_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (all, evil) = (Team::of(&server, None).await, Team::new(&server, "evil").await);
    let document = |owner: Option<&str>| {
        let resource = json!({ "resource": API, "owner": owner, "scopes": ["orders:read"] });
        json!({ "source": "platform", "resources": [resource] })
    };
    evil.done("POST", "/v1/apply", Some(document(Some("evil")))).await;
    let client = evil.client("spy", "evil").await;
    evil.done("PUT", &grant_path("spy"), Some(json!({ "scopes": null }))).await;
    assert_eq!(server.ask_for(&client, &[("resource", API)]).await.status, 200);
    for owner in [None, Some("payments")] {
        let answer = all.post("/v1/apply", document(owner)).await;
        assert_rejected(&answer, 409, "other_owner");
    }
    all.done("POST", "/v1/apply?adopt=true", Some(document(None))).await;
    assert_eq!(server.ask_for(&client, &[("resource", API)]).await.status, 400);
    let back = evil.call("PUT", &grant_path("spy"), Some(json!({ "scopes": null }))).await;
    assert_rejected(&back, 403, "grant_approval_needed");
}

/// Every call that names a client of another owner, the platform or a team, is answered as if it
/// did not exist, and changes nothing.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_owner_cannot_be_read_or_changed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let all = Team::of(&server, None).await;
    let (evil, _pay) = (Team::new(&server, "evil").await, Team::new(&server, "pay").await);
    evil.resource("urn:example:evil", "evil").await;
    let trust = json!({
        "trust_domain": "evil.example", "bundle_endpoint": "https://evil.example/bundle",
        "subject": "spiffe://evil.example/a",
    });
    for owner in [Some("pay"), None] {
        let id = owner.unwrap_or("platform");
        let declared = json!({ "client_id": id, "owner": owner });
        let made = all.done("POST", "/v1/apply", Some(document(&declared))).await;
        server.keep_secret(made["secrets"][0]["client_secret"].as_str().expect("a secret"));
        let path = format!("/v1/clients/{id}");
        let before = all.get(&path).await.json();
        let secret = before["secrets"][0]["secret_id"].as_str().expect("an id").to_owned();
        let taken = json!({ "owner": "evil" });
        let at = |rest: &str| format!("{path}{rest}");
        for (method, path, body) in [
            ("GET", at(""), None),
            ("PUT", at(""), Some(taken.clone())),
            ("PATCH", at(""), Some(taken.clone())),
            ("PATCH", at("?dry_run=true"), Some(taken)),
            ("DELETE", at(""), None),
            ("POST", at("/disable"), Some(json!({}))),
            ("POST", at("/enable"), Some(json!({}))),
            ("GET", at("/secrets"), None),
            ("POST", at("/secrets"), Some(json!({}))),
            ("POST", at("/secrets/rotate"), Some(json!({ "overlap": "0s" }))),
            ("PATCH", at(&format!("/secrets/{secret}")), Some(json!({ "expires_in_seconds": 1 }))),
            ("DELETE", at(&format!("/secrets/{secret}")), None),
            ("GET", at("/keys"), None),
            ("POST", at("/keys"), Some(json!({ "jwks_uri": "https://evil.example/jwks" }))),
            ("DELETE", at("/keys"), None),
            ("GET", at("/trusts"), None),
            ("POST", at("/trusts"), Some(trust.clone())),
            ("GET", at("/grants"), None),
            ("PUT", at("/grants/urn:example:evil"), Some(json!({ "scopes": ["orders:read"] }))),
            ("DELETE", at("/grants/urn:example:evil"), None),
            ("POST", at("/token-preview"), Some(json!({}))),
            ("POST", at("/tokens/revoke"), None),
        ] {
            let answer = evil.call(method, &path, body).await;
            // A PUT with an existing id reveals that, as every creation does.
            let expected = if method == "PUT" && !path.contains("grants") { 409 } else { 404 };
            assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text);
        }
        let request = json!({
            "client_id": id, "resource": "urn:example:evil", "scopes": ["orders:read"],
        });
        assert_rejected(&evil.post("/v1/grant-requests", request).await, 404, "client_not_found");
        let declared = json!({ "client_id": id, "owner": "evil", "secret": null });
        for query in ["", "?adopt=true", "?adopt=true&dry_run=true", "?adopt=true&prune=true"] {
            let path = format!("/v1/apply{query}");
            let answer = evil.post(&path, document(&declared)).await;
            assert_rejected(&answer, 404, "client_not_found");
        }
        let nothing = json!({ "source": "platform", "clients": [] });
        let pruned = evil.done("POST", "/v1/apply?prune=true", Some(nothing)).await;
        assert_eq!(pruned["changes"], json!([]));
        let answer = import(&server, &evil, &json!({ "client_id": id, "owner": "evil" })).await;
        assert_rejected(&answer, 404, "client_not_found");
        let exported = evil.get("/v1/export?source=platform").await;
        assert!(!exported.text.contains(&format!("\"{id}\"")), "{}", exported.text);
        let listed = evil.get(&format!("/v1/clients?q={id}")).await.json();
        assert_eq!(listed["data"], json!([]));
        let events = evil.get(&format!("/v1/audit-events?subject=client/{id}")).await.json();
        assert_eq!(events["data"], json!([]));
        assert_eq!(all.get(&path).await.json(), before);
    }
}

/// An omitted limit is not removed, unless the caller may set it; then it gets the default.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_omitted_limit_widens_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let all = Team::of(&server, None).await;
    let shop = Team::new(&server, "shop").await;
    let weak = Api::with(
        &server,
        "clients:read clients:write secrets:write grants:write resources:read resources:write \
         tokens:revoke audit:read",
    )
    .await;
    let grants = json!([{ "resource": "urn:tokend", "scopes": ["clients:read"] }]);
    let limited = json!({
        "client_id": "viewer", "owner": "shop", "grants": grants, "admin_of": ["shop"],
        "secret": null,
    });
    all.done("POST", "/v1/apply", Some(document(&limited))).await;
    let mut omitted = limited.clone();
    omitted.as_object_mut().expect("members").remove("admin_of");
    let mut body = omitted.clone();
    body.as_object_mut().expect("members").remove("secret");
    body["name"] = json!("viewer");
    let path = "/v1/clients/viewer";
    let put = async |token: &str| {
        let request = server.http.put(format!("{}{path}", server.management)).bearer_auth(token);
        let headers = request.header("if-match", "*").header("tokend-force", "true");
        let answer = Answer::of(headers.json(&body)).await;
        server.catch_up().await;
        answer
    };
    for query in ["", "?dry_run=true"] {
        let answer = shop.post(&format!("/v1/apply{query}"), document(&omitted)).await;
        assert_rejected(&answer, 403, "administrator_limited");
        let path = format!("/v1/apply{query}");
        let answer = weak.call("POST", &path, Some(document(&omitted))).await;
        assert_rejected(&answer, 403, "scope_missing");
    }
    assert_rejected(&put(&shop.token).await, 403, "administrator_limited");
    assert_rejected(&put(&weak.token).await, 403, "scope_missing");
    assert_eq!(all.get(path).await.json()["admin_of"], json!(["shop"]));
    // A stated limit is not a change, so it needs no right.
    let mut renamed = limited;
    renamed["name"] = json!("Viewer");
    shop.done("POST", "/v1/apply", Some(document(&renamed))).await;

    let plan = all.done("POST", "/v1/apply?dry_run=true", Some(document(&omitted))).await;
    assert_eq!(plan["changes"][0]["was"]["admin_of"], json!(["shop"]), "{plan}");
    assert_eq!(plan["changes"][0]["is"]["admin_of"], Value::Null);
    assert_eq!(put(&all.token).await.status, 200);
    assert_eq!(all.get(path).await.json()["admin_of"], Value::Null);
}
