//! Replacing and patching clients and resources by the admin API, with preconditions.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Answer, Engine, INVOICES, ORDERS, Server};

const ACME: &str = "/v1/clients/acme";

/// Returns a client with every member that a caller may write.
fn every_member() -> Value {
    json!({
        "client_id": "acme", "name": "Acme", "owner": "sales", "description": "Their orders",
        "contact": "sales@example.com", "labels": { "plan": "gold" }, "state": "active",
        "auth_methods": ["client_secret_basic"], "grant_types": ["client_credentials"],
        "token_ttl_seconds": 600, "token_rate": "60/m", "dpop_bound_access_tokens": true,
        "tls_client_certificate_bound_access_tokens": false, "networks": ["10.0.0.0/8"],
        "assertion_audiences": [], "claims": { "tenant": "acme", "limits": { "a": 1, "b": 2 } },
        "grants": [
            { "resource": INVOICES, "scopes": null, "networks": [], "claims": { "tenant": "b" } },
            { "resource": ORDERS, "scopes": ["orders:read"], "networks": ["10.1.0.0/16"],
              "claims": {} },
        ],
        "admin_of": ["sales"], "leak_policy": "end_in_24h",
    })
}

/// Returns the members of a client that was created without any.
fn defaults() -> Value {
    json!({
        "client_id": "acme", "name": "acme", "owner": null, "description": null, "contact": null,
        "labels": {}, "state": "active",
        "auth_methods": ["client_secret_basic", "client_secret_post"],
        "grant_types": ["client_credentials"], "token_ttl_seconds": null, "token_rate": null,
        "dpop_bound_access_tokens": false, "tls_client_certificate_bound_access_tokens": false,
        "networks": [], "assertion_audiences": [], "claims": {}, "grants": [], "admin_of": null,
        "leak_policy": "report",
    })
}

/// Returns the members of an answer that a caller may write.
fn writable(answer: &Answer) -> Value {
    let mut members = answer.json();
    for name in [
        "source",
        "created_at",
        "updated_at",
        "last_used_at",
        "expiring_soon",
        "secrets",
        "trusts",
        "usage",
    ] {
        assert!(members.as_object_mut().expect("an object").remove(name).is_some(), "{name}");
    }
    members
}

fn etag(answer: &Answer) -> &str {
    let tag = answer.header("etag");
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{answer:?}");
    tag
}

fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[rstest]
#[tokio::test]
async fn a_client_is_replaced_as_a_whole(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.resource(INVOICES, &["invoices:read"]).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let made = api.call("PUT", ACME, Some(every_member())).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(writable(&made), every_member());
    assert!(made.json().get("client_secret").is_none(), "{}", made.text);
    let secrets = api.call("GET", "/v1/clients/acme/secrets", None).await.json();
    assert_eq!(secrets["data"], json!([]));

    // The same body again changes nothing, and needs no precondition.
    let events = || async { api.call("GET", "/v1/audit-events?subject=acme", None).await.json() };
    let before = events().await;
    let again = api.call("PUT", ACME, Some(every_member())).await;
    assert_eq!((again.status, etag(&again)), (200, etag(&made)), "{}", again.text);
    let shown = api.call("GET", ACME, None).await;
    assert_eq!(etag(&shown), etag(&made));
    let echoed = api.call("PUT", ACME, Some(shown.json())).await;
    assert_eq!((echoed.status, etag(&echoed)), (200, etag(&made)), "{}", echoed.text);
    assert_eq!(events().await, before);

    // Another state needs the tag of the present one.
    let empty = api.call("PUT", ACME, Some(json!({}))).await;
    assert_problem(&empty, 428, "precondition_required");
    let stale = api.call_if("PUT", ACME, "\"other\"", Some(json!({}))).await;
    assert_problem(&stale, 412, "precondition_failed");
    let weak = format!("W/{}", etag(&made));
    let stale = api.call_if("PUT", ACME, &weak, Some(json!({}))).await;
    assert_problem(&stale, 412, "precondition_failed");
    assert_eq!(etag(&api.call("GET", ACME, None).await), etag(&made));
    let replaced = api.call_if("PUT", ACME, etag(&made), Some(json!({}))).await;
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    assert_eq!(writable(&replaced), defaults());
    assert_ne!(etag(&replaced), etag(&made));
    let stale = api.call_if("PUT", ACME, etag(&made), Some(every_member())).await;
    assert_problem(&stale, 412, "precondition_failed");

    // A tag of an earlier answer does not match the present state.
    let old = api.call("PUT", ACME, Some(shown.json())).await;
    assert_problem(&old, 428, "precondition_required");
    let back = api.call_if("PUT", ACME, "*", Some(every_member())).await;
    assert_eq!((back.status, writable(&back)), (200, every_member()), "{}", back.text);
}

#[tokio::test]
async fn a_replacement_has_the_events_of_single_changes() {
    let server = Server::start(Engine::Sqlite).await;
    server.resource(INVOICES, &["invoices:read"]).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    assert_eq!(api.call("PUT", ACME, Some(every_member())).await.status, 201);
    let body = json!({
        "state": "disabled", "name": "B",
        "grants": [{ "resource": ORDERS, "scopes": ["orders:write"] }],
    });
    let changed = api.call_if("PUT", ACME, "*", Some(body)).await;
    assert_eq!((changed.status, &changed.json()["state"]), (200, &json!("disabled")));
    let events = api.call("GET", "/v1/audit-events?subject=acme&limit=5", None).await.json();
    let events = events["data"].as_array().expect("a list").iter();
    let actions: Vec<_> = events.map(|event| event["action"].as_str().expect("a text")).collect();
    assert_eq!(
        actions,
        ["grant.changed", "grant.revoked", "client.updated", "client.disabled", "client.created"]
    );
    // A client stays disabled unless a caller enables it.
    let kept = api.call_if("PUT", ACME, "*", Some(json!({}))).await;
    assert_eq!(kept.json()["state"], "disabled", "{}", kept.text);
    let enabled = api.call("PATCH", ACME, Some(json!({ "state": "active" }))).await;
    assert_eq!(enabled.json()["state"], "active", "{}", enabled.text);
}

/// Secrets, keys and trusts are kept; the next token has the new state.
#[tokio::test]
async fn a_replacement_leaves_credentials_as_they_are() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let client = server.client().await;
    let path = format!("/v1/clients/{}", client.id);
    let body = json!({
        "claims": { "tenant": "acme" },
        "grants": [{ "resource": ORDERS, "claims": { "tier": 2 } }],
    });
    let replaced = api.call_if("PUT", &path, "*", Some(body)).await;
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    let token = server.ask(&client).await.token();
    let claims = server.claims(&token).await;
    assert_eq!((&claims["tenant"], &claims["tier"]), (&json!("acme"), &json!(2)));
}

/// `"secret": null` creates no secret, so it needs no right to secrets.
#[tokio::test]
async fn secret_null_creates_a_client_without_a_secret() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "clients:read clients:write").await;
    let body = json!({ "client_id": "acme", "secret": null });
    let answer = api.call("POST", "/v1/clients", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.json()["secrets"], json!([]));
    assert!(answer.json()["client_secret"].is_null(), "{}", answer.text);
    let answer = api.call("POST", "/v1/clients", Some(json!({ "client_id": "other" }))).await;
    assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("scope_missing")));
}

#[tokio::test]
async fn a_patch_is_a_merge_patch() {
    let server = Server::start(Engine::Sqlite).await;
    server.resource(INVOICES, &["invoices:read"]).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let made = api.call("PUT", ACME, Some(every_member())).await;
    let patch = json!({
        "name": null, "labels": { "plan": null, "tier": "a" }, "owner": null,
        "claims": { "tenant": null, "limits": { "a": null, "c": 3 }, "roles": ["x"] },
        "grants": [{ "resource": ORDERS, "scopes": ["orders:write"] }],
    });
    let stale = api.call_if("PATCH", ACME, "\"x\"", Some(patch.clone())).await;
    assert_problem(&stale, 412, "precondition_failed");
    let changed = api.call_if("PATCH", ACME, etag(&made), Some(patch.clone())).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let mut expected = every_member();
    expected["name"] = json!("acme");
    expected["labels"] = json!({ "tier": "a" });
    expected["owner"] = Value::Null;
    expected["claims"] = json!({ "limits": { "b": 2, "c": 3 }, "roles": ["x"] });
    expected["grants"] = json!([
        { "resource": ORDERS, "scopes": ["orders:write"], "networks": [], "claims": {} },
    ]);
    assert_eq!(writable(&changed), expected);
    let again = api.call("PATCH", ACME, Some(patch)).await;
    assert_eq!((again.status, etag(&again)), (200, etag(&changed)));
    let all = json!({ "claims": null, "grants": null, "admin_of": null, "networks": null });
    let cleared = api.call("PATCH", ACME, Some(all)).await.json();
    assert_eq!((&cleared["claims"], &cleared["grants"]), (&json!({}), &json!([])));
    assert_eq!((&cleared["admin_of"], &cleared["networks"]), (&Value::Null, &json!([])));

    let stale = api.call_if("DELETE", ACME, etag(&changed), None).await;
    assert_problem(&stale, 412, "precondition_failed");
    let now = api.call("GET", ACME, None).await;
    assert_eq!(api.call_if("DELETE", ACME, etag(&now), None).await.status, 204);
    let gone = api.call_if("PUT", ACME, "*", Some(json!({}))).await;
    assert_problem(&gone, 412, "precondition_failed");
    assert_eq!(api.call("GET", ACME, None).await.status, 404);
}

/// Each member needs its right, with any method.
#[tokio::test]
async fn rights_are_checked_by_member() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "clients:read clients:write secrets:write").await;
    let grants = json!([{ "resource": ORDERS, "scopes": ["orders:read"] }]);
    let strong = json!([{ "resource": "urn:tokend", "scopes": ["clients:read"] }]);
    for (name, value, scope) in [
        ("grants", grants, "grants:write"),
        ("claims", json!({ "tenant": "acme" }), "grants:write"),
        ("admin_of", json!(["sales"]), "admins:write"),
    ] {
        let body = json!({ name: value });
        let made = api.call("PUT", ACME, Some(json!({}))).await;
        assert!(made.status < 300, "{}", made.text);
        for (method, path) in [("POST", "/v1/clients"), ("PUT", ACME), ("PATCH", ACME)] {
            let answer = api.call_if(method, path, "*", Some(body.clone())).await;
            assert_problem(&answer, 403, "scope_missing");
            assert!(answer.text.contains(scope), "{method} {name}: {}", answer.text);
        }
        let absent = api.call("PUT", "/v1/clients/absent", Some(body.clone())).await;
        assert_problem(&absent, 403, "scope_missing");
        let able = Api::with(&server, &format!("clients:read clients:write {scope}")).await;
        let answer = able.call_if("PUT", ACME, "*", Some(body.clone())).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        // Repeating the present value needs no right; only a patch names what it changes.
        let same = api.call("PUT", ACME, Some(answer.json())).await;
        assert_eq!(same.status, 200, "{}", same.text);
        assert_problem(&api.call("PATCH", ACME, Some(body)).await, 403, "scope_missing");
        assert_problem(&api.call_if("PUT", ACME, "*", Some(json!({}))).await, 403, "scope_missing");
        assert_eq!(able.call("DELETE", ACME, None).await.status, 204);
    }
    let able = Api::with(&server, "clients:write grants:write").await;
    let answer = able.call("PUT", ACME, Some(json!({ "grants": strong }))).await;
    assert_problem(&answer, 403, "scope_missing");
    let able = Api::with(&server, "clients:write grants:write admins:write").await;
    let answer = able.call("PUT", ACME, Some(json!({ "grants": strong }))).await;
    assert_problem(&answer, 403, "rights_not_held");
    // A client with more rights than the caller cannot be changed, and its rights cannot be
    // removed.
    let administrator = server.administrator("keys:write").await;
    let path = format!("/v1/clients/{}", administrator.id);
    for method in ["PUT", "PATCH"] {
        let answer = able.call_if(method, &path, "*", Some(json!({ "grants": [] }))).await;
        assert_problem(&answer, 403, "client_more_powerful");
    }
}

/// Replacing and patching a resource follow the same rules.
#[rstest]
#[tokio::test]
async fn a_resource_is_replaced_and_patched(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let path = "/v1/resources/https:%2F%2Fstock.example.com";
    let body = json!({
        "resource": "https://stock.example.com", "owner": "stock", "description": null,
        "contact": null, "labels": { "env": "prod" },
        "scopes": [{ "name": "stock:read", "description": "Read" },
                   { "name": "stock:write", "description": "" }],
        "token_ttl_seconds": 300, "signing_alg": null, "token_typ": "at+jwt",
    });
    let made = api.call("PUT", path, Some(body.clone())).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let shown = api.call("GET", path, None).await;
    assert_eq!(etag(&shown), etag(&made));
    assert_eq!(api.call("PUT", path, Some(shown.json())).await.status, 200);
    assert_problem(&api.call("PUT", path, Some(json!({}))).await, 428, "precondition_required");
    let stale = api.call_if("PATCH", path, "\"x\"", Some(json!({ "owner": null }))).await;
    assert_problem(&stale, 412, "precondition_failed");
    let patch =
        json!({ "owner": null, "labels": { "env": null, "tier": "1" }, "token_typ": "JWT" });
    let patched = api.call_if("PATCH", path, etag(&made), Some(patch)).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let patched_json = patched.json();
    assert_eq!(patched_json["labels"], json!({ "tier": "1" }));
    assert_eq!(
        (&patched_json["owner"], &patched_json["token_typ"], &patched_json["token_ttl_seconds"]),
        (&Value::Null, &json!("JWT"), &json!(300)),
    );
    let stale = api.call_if("PUT", path, etag(&made), Some(body)).await;
    assert_problem(&stale, 412, "precondition_failed");
    let replaced = api.call_if("PUT", path, etag(&patched), Some(json!({}))).await.json();
    assert_eq!((&replaced["scopes"], &replaced["labels"]), (&json!([]), &json!({})));
    assert_eq!(replaced["token_typ"], "at+jwt");
    let stale = api.call_if("DELETE", path, etag(&made), None).await;
    assert_problem(&stale, 412, "precondition_failed");
    assert_eq!(api.call_if("DELETE", path, "*", None).await.status, 204);

    // The scopes of the server itself cannot be changed.
    let path = "/v1/resources/urn:tokend";
    let shown = api.call("GET", path, None).await;
    let same = api.call("PUT", path, Some(shown.json())).await;
    assert_eq!((same.status, etag(&same)), (200, etag(&shown)), "{}", same.text);
    for method in ["PUT", "PATCH"] {
        let answer = api.call_if(method, path, "*", Some(json!({ "scopes": [] }))).await;
        assert_problem(&answer, 409, "built_in_scopes");
    }
}

/// A grant's own route can set its claims too.
#[tokio::test]
async fn a_grant_is_replaced_with_its_claims() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let client = server.client().await;
    let path = format!("/v1/clients/{}/grants/https:%2F%2Forders.example.com", client.id);
    let body = json!({ "resource": ORDERS, "scopes": ["orders:read"], "claims": { "tier": 2 } });
    let answer = api.call("PUT", &path, Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["claims"], json!({ "tier": 2 }));
    let echoed = api.call("PUT", &path, Some(answer.json())).await;
    assert_eq!((echoed.status, echoed.json()), (200, answer.json()));
    let token = server.ask(&client).await.token();
    assert_eq!(server.claims(&token).await["tier"], 2);
    let twice = api.send_if("PUT", &path, "*", r#"{"claims":{"a":1,"a":2}}"#).await;
    assert_problem(&twice, 422, "claim_invalid");
    let other = api.call("PUT", &path, Some(json!({ "resource": INVOICES }))).await;
    assert_problem(&other, 422, "invalid_value");
    let without = api.call("PUT", &path, Some(json!({ "scopes": null }))).await.json();
    assert_eq!((&without["claims"], &without["scopes"]), (&json!({}), &Value::Null));
}
