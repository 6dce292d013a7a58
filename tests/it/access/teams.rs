//! Administrators limited to owners: the objects that they see, change and import.

use rstest::rstest;
use serde_json::json;
use tokend::admin::{self, AdminErrorCode, Principal};
use tokend::model::admin_scope::AdminScope;
use tokend::model::owner::Owner;
use tokend::model::resource::ResourceId;
use tokend::model::scope::Scopes;

use crate::support::team::{API, SCOPES, Team, assert_rejected, grant_path, set};
use crate::support::{Answer, Engine, Server, client_id, grant, operator};

/// The token of the request is proof enough, unlike a `jti` alone. Neither needs rights over the
/// client of the caller, which has no owner.
#[tokio::test]
async fn a_limited_administrator_revokes_its_own_token() {
    let server = Server::start(Engine::Sqlite).await;
    let team = Team::new(&server, "shop").await;
    let id = team.administrator.id.clone();
    let jti = server.claims(&team.token).await["jti"].clone();
    let other = json!({ "jti": "AAAAAAAAAAAAAAAAAAAAAA", "client_id": id });
    let rejected = team.post("/v1/tokens/revoke", other).await;
    assert_eq!(rejected.status, 403, "{}", rejected.text);
    let foreign = json!({ "jti": jti, "client_id": "another" });
    assert_eq!(team.post("/v1/tokens/revoke", foreign).await.status, 403);
    let second = server.ask_for(&team.administrator, &[("resource", ResourceId::SERVER)]).await;
    let second = json!({ "token": second.token() });
    assert_eq!(team.post("/v1/tokens/revoke", second).await.status, 200);
    let own = team.post("/v1/tokens/revoke", json!({ "jti": jti, "client_id": id })).await;
    assert_eq!(own.status, 200, "{}", own.text);
    assert_eq!(own.json()["jti"], jti);
    assert_eq!(team.get("/v1/clients").await.status, 401);
}

#[rstest]
#[tokio::test]
async fn a_limited_administrator_makes_nothing_outside_of_its_owners(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let billing = Team::new(&server, "billing").await;
    let both = Team::of(&server, Some(&["billing", "shop"])).await;
    let nothing = Team::of(&server, Some(&[])).await;
    let all = Team::of(&server, None).await;
    billing.client("invoices", "billing").await;
    for owner in [json!(null), json!("shop")] {
        let body = json!({ "client_id": "x", "owner": owner });
        assert_rejected(&billing.post("/v1/clients", body).await, 403, "owner_not_held");
        let patch = Some(json!({ "owner": owner }));
        let answer = billing.call("PATCH", "/v1/clients/invoices", patch).await;
        assert_rejected(&answer, 403, "owner_not_held");
        let body = json!({ "resource": "urn:x", "owner": owner });
        assert_rejected(&nothing.post("/v1/resources", body).await, 403, "owner_not_held");
    }
    assert_eq!(nothing.get("/v1/clients").await.json()["data"], json!([]));
    assert_rejected(&nothing.get("/v1/clients/invoices").await, 404, "client_not_found");
    // This needs rights on both owners.
    let patch = Some(json!({ "owner": "shop" }));
    both.done("PATCH", "/v1/clients/invoices", patch).await;
    assert_rejected(&billing.get("/v1/clients/invoices").await, 404, "client_not_found");
    // The team that lost the client still sees this event, but not the later ones.
    all.done("PATCH", "/v1/clients/invoices", Some(json!({ "name": "Later" }))).await;
    let events = billing.get("/v1/audit-events?subject=client/invoices").await.json();
    let names: Vec<_> = events["data"].as_array().expect("a list").iter().collect();
    assert_eq!(names.len(), 2, "{events}");
    // Objects without an owner belong to administrators without a limit.
    all.done("PATCH", "/v1/clients/invoices", Some(json!({ "owner": null }))).await;
    assert_rejected(&both.get("/v1/clients/invoices").await, 404, "client_not_found");
    all.done("DELETE", "/v1/clients/invoices", None).await;
    let events = both.get("/v1/audit-events?action=client.deleted").await.json();
    assert_eq!(events["data"], json!([]));
}

/// A name is resolved among the clients of the caller. A client of another team with the same name
/// does not make it ambiguous.
#[rstest]
#[tokio::test]
async fn a_name_is_resolved_among_the_clients_of_the_caller(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    let nothing = Team::of(&server, Some(&[])).await;
    let all = Team::of(&server, None).await;
    for (team, id, owner) in [(&shop, "shop-job", "shop"), (&billing, "pay-job", "billing")] {
        team.client(id, owner).await;
        let name = Some(json!({ "name": "Nightly" }));
        team.done("PATCH", &format!("/v1/clients/{id}"), name).await;
    }
    for (team, expected) in [
        (&shop, Some("client/shop-job")),
        (&billing, Some("client/pay-job")),
        (&nothing, None),
        (&all, None),
    ] {
        let found = team.get("/v1/audit-events?subject=Nightly").await.json();
        assert_eq!(found["data"][0]["subject"].as_str(), expected, "{found}");
    }
}

/// A plan names the clients that lose a grant by a prune, which the administrator needs for a
/// decision. Their usage is visible to their own team only.
#[rstest]
#[tokio::test]
async fn a_plan_does_not_reveal_usage_of_clients_of_other_teams(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    let all = Team::of(&server, None).await;
    let scopes = json!([{ "name": "orders:read" }]);
    let api = json!({ "resource": API, "scopes": scopes, "owner": "shop" });
    shop.done("POST", "/v1/apply", Some(json!({ "source": "git", "resources": [api] }))).await;
    for (team, id, owner) in [(&shop, "shop-job", "shop"), (&billing, "pay-job", "billing")] {
        let client = team.client(id, owner).await;
        all.done("PUT", &grant_path(id), Some(json!({ "scopes": ["orders:read"] }))).await;
        server.ask_for(&client, &[("resource", API)]).await.token();
    }
    server.app.write_usage().await.expect("written");
    let nothing = json!({ "source": "git", "resources": [] });
    for (team, sees_all) in [(&shop, false), (&all, true)] {
        let plan = team.post("/v1/apply?prune=true&dry_run=true", nothing.clone()).await;
        assert_eq!(plan.status, 200, "{}", plan.text);
        let used = |id: &str| {
            let grant = format!("grant of client {id} (orders:read)");
            assert!(plan.text.contains(&grant), "{id}: {}", plan.text);
            plan.text.contains(&format!("{grant}, last used "))
        };
        assert!(used("shop-job"), "{}", plan.text);
        assert_eq!(used("pay-job"), sees_all, "{}", plan.text);
        assert!(!plan.text.contains("never used"), "{}", plan.text);
    }
}

/// Filters, cursors and suggestions do not reveal objects of other teams.
#[rstest]
#[tokio::test]
async fn filters_reveal_nothing_about_other_owners(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    shop.resource(API, "shop").await;
    let body = json!({
        "client_id": "cart", "owner": "shop", "secret": { "expires_in_seconds": 3600 },
        "grants": [{ "resource": API, "scopes": ["orders:read"] }],
    });
    let made = shop.done("POST", "/v1/clients", Some(body)).await;
    server.keep_secret(made["client_secret"].as_str().expect("a secret"));
    billing.client("invoices", "billing").await;
    let ids = |answer: Answer| -> Vec<String> {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let data = answer.json()["data"].clone();
        let data = data.as_array().expect("a list").iter();
        data.map(|client| client["client_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(billing.get("/v1/clients").await), ["invoices"]);
    assert_eq!(ids(billing.get("/v1/clients?limit=1").await), ["invoices"]);
    for query in [
        "owner=shop",
        "resource=https%3A%2F%2Fapi.shop.example",
        "resource=https%3A%2F%2Fapis.shop.example",
        "scope=orders:read",
        "scope=orders:raed",
        "expiring_within=2h",
    ] {
        let answer = billing.get(&format!("/v1/clients?{query}")).await;
        assert!(!answer.text.contains("api.shop.example"), "{query}: {}", answer.text);
        assert_eq!(ids(answer), Vec::<String>::new(), "{query}");
    }
    // A client in another team's list is treated like an absent one.
    let query = "/v1/clients?expiring_within=2h&after=";
    assert_eq!(shop.get(&format!("{query}cart")).await.status, 200);
    for after in ["cart", "absent"] {
        let answer = billing.get(&format!("{query}{after}")).await;
        assert_rejected(&answer, 404, "client_not_in_list");
        assert_eq!(answer.json()["detail"], format!("client {after} is not in this list"));
    }
    let events = billing.get("/v1/audit-events?limit=1000").await;
    assert!(events.text.contains("invoices") && !events.text.contains("cart"), "{}", events.text);
    // The scopes of another owner's API are not listed.
    let body = Some(json!({ "scopes": ["orders:raed"] }));
    let answer = billing.call("PUT", &grant_path("invoices"), body).await;
    assert_rejected(&answer, 403, "grant_approval_needed");
    let body = json!({ "client_id": "invoices", "resource": API, "scopes": ["orders:raed"] });
    let answer = billing.post("/v1/grant-requests", body).await;
    assert_rejected(&answer, 404, "scope_not_found");
    assert!(!answer.text.contains("orders:write"), "{}", answer.text);
}

/// A limited administrator cannot become, create or take over an administrator of more owners.
#[tokio::test]
async fn no_limited_administrator_gets_rights_on_more_owners() {
    let server = Server::start(Engine::Sqlite).await;
    let billing = Team::new(&server, "billing").await;
    let mine = billing.client("mine", "billing").await;
    let of_billing = |admin_of: Option<&[&str]>, scopes: Option<&str>| {
        let (admin_of, grants) =
            (admin_of.map(set), scopes.map(|scopes| grant(ResourceId::SERVER, Some(scopes))));
        server.new_client(move |new| {
            new.admin_of = admin_of;
            new.grants = grants.into_iter().collect();
            new.facts.owner = Owner::parse("billing").ok();
        })
    };
    let within = of_billing(Some(&["billing"]), Some("clients:read")).await;
    let wider = of_billing(Some(&["billing", "shop"]), Some("clients:read")).await;
    let unlimited = of_billing(None, Some("clients:read")).await;
    // Owners alone are rights too: a grant may follow.
    let owners_alone = of_billing(Some(&["shop"]), None).await;
    for (client, is_allowed) in [
        (&mine, true),
        (&within, true),
        (&wider, false),
        (&unlimited, false),
        (&owners_alone, false),
    ] {
        let path = format!("/v1/clients/{}", client.id);
        for (method, path, body) in [
            ("PATCH", path.clone(), json!({ "name": "Mine" })),
            ("POST", format!("{path}/secrets"), json!({})),
            ("POST", format!("{path}/disable"), json!({})),
            ("POST", format!("{path}/tokens/revoke"), json!({})),
            ("DELETE", path, json!({})),
        ] {
            let answer = billing.call(method, &path, Some(body)).await;
            if is_allowed {
                assert!(answer.status < 300, "{method} {path}: {}", answer.text);
                if let Some(secret) = answer.text.split("client_secret\":\"").nth(1) {
                    server.keep_secret(secret.split('"').next().expect("a secret"));
                }
            } else {
                assert_rejected(&answer, 403, "client_more_powerful");
            }
        }
    }
    // Without its own limit, a client would be an administrator of all owners.
    billing.client("new", "billing").await;
    let path = "/v1/clients/new/grants/urn:tokend";
    let answer = billing.call("PUT", path, Some(json!({ "scopes": ["clients:read"] }))).await;
    assert_rejected(&answer, 403, "rights_not_held");
    let limit = admin::client::ClientUpdate {
        admin_of: Some(Some(set(&["billing"]))),
        ..Default::default()
    };
    let held = AdminScope::known(&Scopes::parse(SCOPES).expect("scopes"));
    let id = client_id(&billing.administrator.id);
    let principal = Principal::administrator(&id, held, Some(set(&["billing"])));
    let new = client_id("new");
    let refused = admin::client::update(server.services(), &principal, &new, limit).await;
    assert_eq!(refused.expect_err("limited").code(), AdminErrorCode::AdministratorLimited);
    let limit = admin::client::ClientUpdate {
        admin_of: Some(Some(set(&["billing"]))),
        ..Default::default()
    };
    admin::client::update(server.services(), &operator(), &new, limit).await.expect("an operator");
    billing.done("PUT", path, Some(json!({ "scopes": ["clients:read"] }))).await;
}

#[rstest]
#[tokio::test]
async fn the_limit_is_read_again_when_a_change_begins(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let team = Team::of(&server, Some(&["a", "b"])).await;
    let id = client_id(&team.administrator.id);
    let other = team.client("x", "b").await;
    let held = AdminScope::known(&Scopes::parse(SCOPES).expect("scopes"));
    let waiting = Principal::administrator(&id, held, Some(set(&["a", "b"])));
    let limit = |owners: &[&str]| admin::client::ClientUpdate {
        admin_of: Some(Some(set(owners))),
        ..Default::default()
    };
    let services = server.services();
    let update = admin::client::update(services, &operator(), &id, limit(&["a"])).await;
    update.expect("an update");
    let deleted = admin::client::delete(services, &waiting, &client_id(&other.id)).await;
    let code = deleted.expect_err("the limit is narrower now").code();
    assert_eq!(code, AdminErrorCode::AdministratorLimitChanged);
    // The next request uses the new limit, although the token is older.
    assert_rejected(&team.get("/v1/clients/x").await, 404, "client_not_found");
}

/// An import follows the rules of the single calls.
#[rstest]
#[tokio::test]
async fn an_import_of_a_limited_administrator_stays_within_its_owners(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    shop.resource(API, "shop").await;
    shop.client("cart", "shop").await;
    let config = server.services().config.clone();
    let services = tokend::services::Services::open(config, server.clock.clone()).await;
    let services = std::sync::Arc::new(services.expect("services"));
    let held = AdminScope::known(&Scopes::parse(SCOPES).expect("scopes"));
    let id = client_id(&billing.administrator.id);
    let caller = Principal::administrator(&id, held, Some(set(&["billing"])));
    for (line, existing, is_allowed) in [
        (json!({ "client_id": "i1", "client_secret": "abc", "owner": "billing" }), false, true),
        (json!({ "client_id": "i2", "client_secret": "abc", "owner": "shop" }), false, false),
        (json!({ "client_id": "i3", "client_secret": "abc" }), false, false),
        (
            json!({
                "client_id": "i4", "client_secret": "abc", "owner": "billing",
                "grants": [{ "resource": API, "scopes": ["orders:read"] }],
            }),
            false,
            false,
        ),
        (json!({ "client_id": "cart", "name": "Mine" }), true, false),
        (json!({ "client_id": "i1", "name": "Mine" }), true, true),
        (json!({ "client_id": "i1", "owner": "shop" }), true, false),
    ] {
        let mut options = admin::import::ImportOptions::default();
        if existing {
            options.existing = admin::import::Existing::Update;
        }
        let text = line.to_string();
        let imported =
            admin::import::import(&services, &caller, text.as_bytes(), options, &|_| {}).await;
        assert_eq!(imported.is_ok(), is_allowed, "{line}: {imported:?}");
    }
}
