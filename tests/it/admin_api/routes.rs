//! The admin API: the scope of every route, and no rights beyond the granted ones.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::{self, AdminErrorCode, Principal};
use tokend::model::admin_scope::AdminScope;
use tokend::model::client::ClientState;
use tokend::model::resource::ResourceId;
use tokend::model::scope::Scopes;

use crate::support::api::{ALL_SCOPES, Api, call};
use crate::support::{Answer, Engine, ORDERS, Server, TestClient, client_id, grant, operator};

/// Every route, its scopes, and the status of a request with these scopes and an unreadable body.
/// Scopes separated by spaces are all needed; of those separated by bars, one is enough.
pub const ROUTES: [(&str, &str, &str, u16); 65] = [
    ("GET", "/v1/clients", "clients:read", 200),
    ("POST", "/v1/clients", "clients:write", 415),
    ("GET", "/v1/clients/absent", "clients:read", 404),
    ("PUT", "/v1/clients/absent", "clients:write", 415),
    ("PATCH", "/v1/clients/absent", "clients:write", 415),
    ("DELETE", "/v1/clients/absent", "clients:write", 404),
    ("POST", "/v1/clients/absent/disable", "clients:write", 415),
    ("POST", "/v1/clients/absent/enable", "clients:write", 415),
    ("GET", "/v1/clients/absent/secrets", "clients:read", 404),
    ("POST", "/v1/clients/absent/secrets", "secrets:write", 415),
    ("POST", "/v1/clients/absent/secrets/rotate", "secrets:write", 415),
    ("PATCH", "/v1/clients/absent/secrets/sec_1", "secrets:write", 415),
    ("DELETE", "/v1/clients/absent/secrets/sec_1", "secrets:write", 404),
    ("POST", "/v1/clients/import", "clients:write", 415),
    ("GET", "/v1/clients/absent/keys", "clients:read", 404),
    ("POST", "/v1/clients/absent/keys", "secrets:write", 415),
    ("DELETE", "/v1/clients/absent/keys", "secrets:write", 404),
    ("DELETE", "/v1/clients/absent/keys/a", "secrets:write", 404),
    ("GET", "/v1/clients/absent/trusts", "clients:read", 404),
    ("POST", "/v1/clients/absent/trusts", "secrets:write", 415),
    ("POST", "/v1/clients/absent/trusts/test", "secrets:write", 415),
    ("DELETE", "/v1/clients/absent/trusts/tru_1", "secrets:write", 404),
    ("GET", "/v1/clients/absent/grants", "clients:read", 404),
    ("PUT", "/v1/clients/absent/grants/urn:a", "grants:write", 415),
    ("PATCH", "/v1/clients/absent/grants/urn:a", "grants:write", 415),
    ("DELETE", "/v1/clients/absent/grants/urn:a", "grants:write", 404),
    ("GET", "/v1/grant-requests", "clients:read", 200),
    ("POST", "/v1/grant-requests", "grants:write", 415),
    ("GET", "/v1/grant-requests/grq_absent", "clients:read", 404),
    ("POST", "/v1/grant-requests/grq_absent/approve", "grants:write", 415),
    ("POST", "/v1/grant-requests/grq_absent/reject", "grants:write", 415),
    ("POST", "/v1/grant-requests/grq_absent/cancel", "grants:write", 415),
    ("POST", "/v1/leaks", "secrets:write", 415),
    ("POST", "/v1/clients/absent/tokens/revoke", "tokens:revoke", 404),
    ("POST", "/v1/clients/absent/token-preview", "clients:read", 415),
    ("GET", "/v1/resources", "resources:read", 200),
    ("POST", "/v1/resources", "resources:write", 415),
    ("GET", "/v1/resources/urn:absent", "resources:read", 404),
    ("PUT", "/v1/resources/urn:absent", "resources:write", 415),
    ("PATCH", "/v1/resources/urn:absent", "resources:write", 415),
    ("DELETE", "/v1/resources/urn:absent", "resources:write", 404),
    ("GET", "/v1/owner-policies", "clients:read", 200),
    ("GET", "/v1/owner-policies/absent", "clients:read", 404),
    ("PUT", "/v1/owner-policies/sales", "admins:write", 415),
    ("DELETE", "/v1/owner-policies/absent", "admins:write", 404),
    ("POST", "/v1/tokens", "tokens:issue", 415),
    ("POST", "/v1/tokens/inspect", "introspect", 415),
    ("POST", "/v1/tokens/verify", "introspect", 415),
    ("POST", "/v1/tokens/revoke", "tokens:revoke", 415),
    ("GET", "/v1/signing-keys", "keys:read", 200),
    ("GET", "/v1/signing-keys/absent", "keys:read", 404),
    ("POST", "/v1/signing-keys/rotate", "keys:write", 415),
    ("POST", "/v1/signing-keys/absent/retire", "keys:write", 404),
    ("POST", "/v1/signing-keys/absent/revoke", "keys:write", 415),
    ("GET", "/v1/rejections", "clients:read", 200),
    ("GET", "/v1/rejections/req_absent", "clients:read", 404),
    ("GET", "/v1/audit-events", "audit:read", 200),
    ("GET", "/v1/audit-events/verify", "audit:read", 200),
    ("GET", "/v1/audit-checkpoints", "audit:read", 200),
    ("POST", "/v1/audit-checkpoints", "keys:write", 201),
    ("GET", "/v1/audit-keys", "audit:read", 200),
    ("GET", "/v1/server", "server:read", 200),
    ("POST", "/v1/apply", "clients:read|clients:write|resources:read|resources:write", 415),
    ("GET", "/v1/export", "clients:read resources:read", 200),
    ("GET", "/metrics", "stats:read", 200),
];

/// Returns all scopes that are not enough for the route.
fn without(scopes: &str) -> Vec<String> {
    let but = |gone: &[&str]| {
        let rest = ALL_SCOPES.split_whitespace().filter(|scope| !gone.contains(scope));
        rest.collect::<Vec<_>>().join(" ")
    };
    if scopes.contains('|') {
        return vec![but(&scopes.split('|').collect::<Vec<_>>())];
    }
    scopes.split(' ').map(|scope| but(&[scope])).collect()
}

/// SECURITY 12: the scope of each route.
#[tokio::test]
async fn each_route_needs_its_scope_and_no_other_one_opens_it() {
    // Otherwise metrics are public on a loopback address.
    let server = Server::with(Engine::Sqlite, &[("TOKEND_METRICS_ACCESS", "token")]).await;
    for (method, path, scopes, status) in ROUTES {
        let shown = format!("{method} {path}");
        let answer = call(&server, None, method, path, None).await;
        assert_eq!(answer.status, 401, "{shown}: {}", answer.text);
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer realm=\"tokend\", resource_metadata="), "{shown}");
        for missing in without(scopes) {
            let answer = Api::with(&server, &missing).await.call(method, path, None).await;
            assert_eq!(answer.status, 403, "{shown} with {missing}: {}", answer.text);
            assert_eq!(answer.json()["code"], "scope_missing", "{shown}");
        }
        for enough in scopes.split('|') {
            let answer = unreadable(&Api::with(&server, enough).await, method, path).await;
            assert_eq!(answer.status, status, "{shown} with {enough}: {}", answer.text);
        }
    }
}

/// Sends a body of a type that no route accepts, so that nothing changes.
async fn unreadable(api: &Api<'_>, method: &str, path: &str) -> Answer {
    let url = format!("{}{path}", api.server.management);
    let mut request = api.server.http.request(method.parse().expect("a method"), url);
    if !matches!(method, "GET" | "DELETE") {
        request = request.header("content-type", "text/plain").body("text");
    }
    let answer = Answer::of(request.bearer_auth(&api.token)).await;
    api.server.catch_up().await;
    answer
}

/// SECURITY 12: the audience and the signature of a token are checked, and the present rights of
/// its client.
#[tokio::test]
async fn a_token_that_is_not_valid_here_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let for_orders = format!("Bearer {}", server.ask(&client).await.token());
    let api = Api::with(&server, ALL_SCOPES).await;
    for authorization in
        [for_orders.as_str(), "Bearer", "Bearer x.y.z", &format!("Bearer {}x", api.token)]
    {
        let answer = call(&server, Some(authorization), "GET", "/v1/server", None).await;
        assert_eq!(answer.status, 401, "{authorization}: {}", answer.text);
        assert_eq!(answer.json()["code"], "invalid_token", "{authorization}");
    }
    assert_eq!(api.call("GET", "/v1/server", None).await.status, 200);
    // A removed grant is effective at once, although the token is still valid.
    let path = format!("/v1/clients/{}/grants/urn:tokend", api.administrator.id);
    let body = json!({ "scopes": ["clients:read", "grants:write", "admins:write"] });
    let answer = api.call("PUT", &path, Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(api.call("GET", "/v1/server", None).await.status, 403);
    assert_eq!(api.call("GET", "/v1/clients", None).await.status, 200);
    // The token has expired.
    server.clock.advance(7_200);
    server.catch_up().await;
    assert_eq!(api.call("GET", "/v1/clients", None).await.status, 401);
}

#[rstest]
#[tokio::test]
async fn a_client_can_be_created_changed_and_deleted_over_http(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let body = json!({
        "client_id": "https://acme.example/billing", "name": "Billing", "owner": "payments",
        "labels": { "env": "prod" }, "token_ttl_seconds": 600,
        "grants": [{ "resource": ORDERS, "scopes": ["orders:read"] }],
    });
    let made = api.call("POST", "/v1/clients", Some(body.clone())).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let secret = made.json()["client_secret"].as_str().expect("a secret").to_owned();
    server.keep_secret(&secret);
    assert_eq!(api.call("POST", "/v1/clients", Some(body)).await.status, 409);

    let path = "/v1/clients/https:%2F%2Facme.example%2Fbilling";
    let shown = api.call("GET", path, None).await.json();
    assert_eq!(shown["owner"], "payments");
    assert_eq!(shown["labels"], json!({ "env": "prod" }));
    assert_eq!(shown["grants"][0]["scopes"], json!(["orders:read"]));
    assert!(!shown.to_string().contains("argon2"), "{shown}");
    let client = TestClient { id: "https://acme.example/billing".to_owned(), secret };
    let token = server.ask(&client).await;
    assert_eq!(token.json()["expires_in"], 600, "{}", token.text);

    let patch = json!({ "name": "Invoices", "token_ttl_seconds": null, "labels": { "env": null } });
    let changed = api.call("PATCH", path, Some(patch)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let changed = changed.json();
    assert_eq!(
        (&changed["name"], &changed["token_ttl_seconds"], &changed["owner"], &changed["labels"]),
        (&json!("Invoices"), &Value::Null, &json!("payments"), &json!({})),
    );

    let body = json!({ "overlap": "0s", "secret": { "label": "second" } });
    let rotated = api.call("POST", &format!("{path}/secrets/rotate"), Some(body)).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    assert_eq!(server.ask(&client).await.status, 401);
    let secret = rotated.json()["client_secret"].as_str().expect("a secret").to_owned();
    server.keep_secret(&secret);
    let client = TestClient { secret, ..client };
    assert_eq!(server.ask(&client).await.status, 200);

    let listed = api.call("GET", "/v1/clients?owner=payments&limit=1", None).await.json();
    assert_eq!(listed["data"][0]["client_id"], client.id);
    let answer = api.call("POST", &format!("{path}/disable"), Some(json!({}))).await;
    assert_eq!(answer.json()["state"], "disabled", "{}", answer.text);
    assert_eq!(server.ask(&client).await.status, 401);
    assert_eq!(api.call("DELETE", path, None).await.status, 204);
    assert_eq!(api.call("GET", path, None).await.status, 404);
    let events = api.call("GET", "/v1/audit-events?action=client.deleted", None).await.json();
    assert_eq!(events["data"][0]["actor"], format!("client:{}", api.administrator.id));
}

/// The pages of a list contain every client once (SECURITY 27).
#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let server = Server::start(Engine::Sqlite).await;
    for _ in 0..5 {
        server.client().await;
    }
    let api = Api::with(&server, "clients:read").await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.call("GET", &format!("/v1/clients?limit=2{cursor}"), None).await.json();
        for client in page["data"].as_array().expect("a list") {
            seen.push(client["client_id"].as_str().expect("an id").to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len()), (6, 6));
    for limit in ["0", "1001"] {
        let answer = api.call("GET", &format!("/v1/clients?limit={limit}"), None).await;
        let code = answer.json()["code"].clone();
        assert_eq!((answer.status, code), (400, json!("invalid_query")), "{limit}");
    }
}

/// An error in the body has a pointer (RFC 9457; RFC 6901).
#[tokio::test]
async fn a_mistake_in_a_body_is_named_by_its_place() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (body, pointer) in [
        (json!({ "unknown": "x" }), ""),
        (json!({ "grants": [{ "resource": ORDERS, "scope": [] }] }), "/grants/0"),
        (json!({ "grants": [{ "resource": ORDERS, "scopes": ["a b"] }] }), "/grants/0/scopes/0"),
        (json!({ "token_ttl_seconds": "600" }), "/token_ttl_seconds"),
        (json!({ "token_ttl_seconds": -1 }), "/token_ttl_seconds"),
        (json!({ "owner": "" }), "/owner"),
        (json!(["acme"]), ""),
    ] {
        let answer = api.call("POST", "/v1/clients", Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let found = answer.json()["errors"][0]["pointer"].clone();
        assert!(
            found.as_str().is_some_and(|found| found.starts_with(pointer)),
            "{body}: {found} is not {pointer}"
        );
    }
    let answer = api.call("PUT", "/v1/server", None).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
}

/// Rights that are revoked while a request waits for its body are no longer valid.
#[rstest]
#[tokio::test]
async fn rights_are_read_again_when_a_change_begins(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, "clients:read clients:write").await;
    let id = client_id(&api.administrator.id);
    let scopes = Scopes::parse("clients:read clients:write").expect("scopes");
    let waiting = Principal::administrator(&id, AdminScope::known(&scopes), None);
    let other = client_id(&server.client().await.id);
    let services = server.services();
    let disable = || {
        let state = ClientState::Disabled;
        admin::client::set_state(services, &waiting, &other, state, None)
    };
    let server_itself = ResourceId::parse(ResourceId::SERVER).expect("a resource");
    admin::grant::revoke(services, &operator(), &id, &server_itself).await.expect("revoked");
    let rejection = disable().await.expect_err("the grant is gone");
    assert_eq!(rejection.code(), AdminErrorCode::ScopeMissing);
    let known = admin::client::show(&services.store, &operator(), &other).await;
    let known = known.expect("a client");
    assert_eq!(known.client.state, ClientState::Active);
}

/// No administrator takes over rights that it lacks.
#[tokio::test]
async fn no_administrator_gets_more_rights_than_it_has() {
    let server = Server::start(Engine::Sqlite).await;
    let stronger = Api::with(&server, ALL_SCOPES).await.administrator.id;
    let weaker = "clients:read clients:write secrets:write grants:write tokens:revoke admins:write";
    let api = Api::with(&server, weaker).await;
    let path = |rest: &str| format!("/v1/clients/{stronger}{rest}");
    for (method, path, body) in [
        ("PATCH", path(""), Some(json!({ "name": "Mine" }))),
        ("DELETE", path(""), None),
        ("POST", path("/disable"), Some(json!({}))),
        ("POST", path("/secrets"), Some(json!({}))),
        ("POST", path("/secrets/rotate"), Some(json!({ "overlap": "0s" }))),
        ("PUT", path("/grants/https:%2F%2Forders.example.com"), Some(json!({}))),
        ("DELETE", path("/grants/urn:tokend"), None),
        ("POST", path("/tokens/revoke"), None),
        ("POST", path("/keys"), Some(json!({ "jwks_uri": "https://a.example/keys" }))),
        ("DELETE", path("/keys"), None),
        ("DELETE", path("/keys/a"), None),
        (
            "POST",
            path("/trusts"),
            Some(json!({ "issuer": "https://a.example", "subject": "a", "audience": "b" })),
        ),
        ("POST", path("/trusts/test"), Some(json!({ "token": "a.b.c" }))),
        ("DELETE", path("/trusts/tru_1"), None),
    ] {
        let answer = api.call(method, &path, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        assert_eq!(answer.json()["code"], "client_more_powerful", "{method} {path}");
    }
    let mut resources = Api::with(&server, "resources:write grants:write").await;
    let orders = "/v1/resources/https:%2F%2Forders.example.com";
    server
        .new_client(|new| {
            new.grants = vec![grant(ORDERS, None), grant("urn:tokend", Some("keys:write"))];
        })
        .await;
    let answer = resources.call("DELETE", orders, None).await;
    assert_eq!(answer.json()["code"], "client_more_powerful", "{}", answer.text);
    resources = Api::with(&server, "resources:write").await;
    let answer = resources.call("DELETE", orders, None).await;
    assert_eq!(answer.json()["code"], "scope_missing", "{}", answer.text);
    let own = format!("/v1/clients/{}/grants/urn:tokend", api.administrator.id);
    for scopes in [json!(["keys:write"]), json!(["clients:read", "audit:read"])] {
        let answer = api.call("PUT", &own, Some(json!({ "scopes": scopes }))).await;
        assert_eq!(answer.json()["code"], "rights_not_held", "{scopes}: {}", answer.text);
    }
    let new = json!({ "grants": [{ "resource": "urn:tokend", "scopes": ["audit:read"] }] });
    let answer = api.call("POST", "/v1/clients", Some(new)).await;
    assert_eq!(answer.json()["code"], "rights_not_held", "{}", answer.text);
    let no_admins = Api::with(&server, "clients:read clients:write grants:write").await;
    let new = json!({
        "auth_methods": ["private_key_jwt"],
        "grants": [{ "resource": "urn:tokend", "scopes": ["clients:read"] }],
    });
    let answer = no_admins.call("POST", "/v1/clients", Some(new)).await;
    assert_eq!(answer.json()["code"], "scope_missing", "{}", answer.text);
}
