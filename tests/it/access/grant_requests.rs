//! Grant requests: one team requests a grant of a resource of another owner, which decides.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::{self, AdminErrorCode, Principal};
use tokend::model::grant_request::{GrantRequest, GrantRequestId};
use tokend::model::owner::Owner;
use tokend::model::resource::ResourceId;
use tokend::model::scope::ScopeName;

use crate::support::process::Cli;
use crate::support::team::{API, Team, assert_rejected, grant_path};
use crate::support::{Answer, Engine, ORDERS, Server, operator};

#[rstest]
#[tokio::test]
async fn a_grant_of_another_team_begins_as_a_request(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    let third = Team::new(&server, "third").await;
    shop.resource(API, "shop").await;
    let client = billing.client("invoices", "billing").await;
    let scopes = Some(json!({ "scopes": ["orders:read"] }));
    let refused = billing.call("PUT", &grant_path("invoices"), scopes.clone()).await;
    assert_rejected(&refused, 403, "grant_approval_needed");
    let body = json!({
        "client_id": "invoices", "resource": API, "scopes": ["orders:read"],
        "claims": { "tenant": "acme" }, "message": "Monthly invoices",
    });
    let made = billing.post("/v1/grant-requests", body.clone()).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""), "{}", made.text);
    let made = made.json();
    let expected = json!(["pending", 1, "billing", "shop", "Monthly invoices"]);
    let names = ["state", "revision", "client_owner", "resource_owner", "message"];
    assert_eq!(Value::from_iter(names.map(|name| made[name].clone())), expected);
    let path = format!("/v1/grant-requests/{}", made["request_id"].as_str().expect("an id"));
    // A repeated request changes nothing; other content is a new revision.
    let again = billing.post("/v1/grant-requests", body.clone()).await;
    assert_eq!((again.status, again.json()["revision"].clone()), (200, json!(1)));
    let mut wider = body;
    wider["scopes"] = json!(["orders:read", "orders:write"]);
    let changed = billing.post("/v1/grant-requests", wider).await;
    assert_eq!((changed.status, changed.json()["revision"].clone()), (200, json!(2)));
    assert_eq!(changed.json()["request_id"], made["request_id"]);
    // Only the two teams see it.
    for team in [&shop, &billing] {
        let listed = team.get("/v1/grant-requests?state=pending&owner=shop").await.json();
        assert_eq!(listed["data"][0]["request_id"], made["request_id"]);
    }
    assert_eq!(third.get("/v1/grant-requests").await.json()["data"], json!([]));
    assert_rejected(&third.get(&path).await, 404, "grant_request_not_found");
    // Only the revision that was read can be approved, and not by the team of the client.
    let approve = format!("{path}/approve");
    let answer = billing.post(&approve, json!({ "revision": 2 })).await;
    assert_rejected(&answer, 403, "owner_not_held");
    assert_rejected(&shop.post(&approve, json!({})).await, 428, "revision_required");
    let answer = shop.post(&approve, json!({ "revision": 1 })).await;
    assert_rejected(&answer, 412, "revision_changed");
    assert_eq!(server.ask_for(&client, &[("resource", API)]).await.status, 400);
    let request = server.http.post(format!("{}{approve}", server.management));
    let request = request.bearer_auth(&shop.token).header("if-match", "\"2\"").json(&json!({}));
    let approved = Answer::of(request).await;
    assert_eq!(approved.json()["state"], "approved", "{}", approved.text);
    server.catch_up().await;
    // The result is an ordinary grant, with the approved claims.
    let token = server.ask_for(&client, &[("resource", API)]).await.token();
    let claims = server.claims(&token).await;
    assert_eq!(
        (&claims["scope"], &claims["tenant"]),
        (&json!("orders:read orders:write"), &json!("acme"))
    );
    assert_rejected(
        &shop.post(&approve, json!({ "revision": 2 })).await,
        409,
        "grant_request_ended",
    );
    for team in [&shop, &billing] {
        let events = team.get("/v1/audit-events?action=grant_request").await.json();
        let actions = events["data"].as_array().expect("a list").iter();
        let actions: Vec<_> = actions.map(|event| event["action"].clone()).collect();
        let expected = ["approved", "changed", "created"].map(|it| format!("grant_request.{it}"));
        assert_eq!(actions, expected);
        let events = team.get("/v1/audit-events?action=grant.changed").await.json();
        assert_eq!(events["data"][0]["detail"]["request_id"], made["request_id"]);
    }
    assert_eq!(third.get("/v1/audit-events").await.json()["data"], json!([]));
}

/// Narrowing and removing a grant need no approval, widening does.
#[rstest]
#[tokio::test]
async fn an_approved_grant_is_narrowed_freely_and_never_widened(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    shop.resource(API, "shop").await;
    let client = billing.client("invoices", "billing").await;
    let body = json!({
        "client_id": "invoices", "resource": API, "scopes": ["orders:read", "orders:write"],
    });
    let made = billing.done("POST", "/v1/grant-requests", Some(body)).await;
    let id = made["request_id"].as_str().expect("an id");
    let approve = format!("/v1/grant-requests/{id}/approve");
    shop.done("POST", &approve, Some(json!({ "revision": 1 }))).await;
    let path = grant_path("invoices");
    for (body, status) in [
        (json!({ "scopes": ["orders:read"] }), 200),
        (json!({ "scopes": ["orders:read", "orders:write"] }), 403),
        (json!({ "scopes": null }), 403),
        (json!({ "scopes": ["orders:read"], "networks": ["127.0.0.0/8"] }), 200),
        (json!({ "scopes": ["orders:read"] }), 403),
    ] {
        let answer = billing.call("PUT", &path, Some(body.clone())).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
    // The team of the API removes the grant of a client that it cannot see.
    assert_rejected(&shop.get("/v1/clients/invoices").await, 404, "client_not_found");
    shop.done("DELETE", &path, None).await;
    assert_eq!(server.ask_for(&client, &[("resource", API)]).await.status, 400);
    // Now no answer reveals whether the client exists.
    assert_rejected(&shop.call("DELETE", &path, None).await, 404, "client_not_found");
    let absent = grant_path("absent");
    assert_rejected(&shop.call("DELETE", &absent, None).await, 404, "client_not_found");
    // The approval has been used.
    let body = Some(json!({ "scopes": ["orders:read"] }));
    let answer = billing.call("PUT", &path, body).await;
    assert_rejected(&answer, 403, "grant_approval_needed");
}

#[rstest]
#[tokio::test]
async fn a_grant_request_ends_when_its_client_or_resource_changes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let all = Team::of(&server, None).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    for (number, (change, reason)) in [
        ("delete the client", "The client was deleted."),
        ("move the client", "The owner of the client changed."),
        ("delete the resource", "The resource was deleted."),
        ("move the resource", "The owner of the resource changed."),
        ("remove the scope", "The resource no longer offers a scope of the request."),
    ]
    .into_iter()
    .enumerate()
    {
        let (client, resource) = (format!("c{number}"), format!("urn:example:{number}"));
        billing.client(&client, "billing").await;
        shop.resource(&resource, "shop").await;
        let id = billing.request(&client, &resource).await;
        let other = billing.request(&client, ORDERS).await;
        let resource_id = ResourceId::parse(&resource).expect("a resource");
        let mut update = admin::resource::ResourceUpdate::default();
        match change {
            "delete the client" => {
                billing.done("DELETE", &format!("/v1/clients/{client}"), None).await;
            }
            "move the client" => {
                let patch = Some(json!({ "owner": "third" }));
                all.done("PATCH", &format!("/v1/clients/{client}"), patch).await;
            }
            "delete the resource" => {
                shop.done("DELETE", &format!("/v1/resources/{resource}"), None).await;
            }
            "move the resource" => {
                update.facts.owner = Some(Owner::parse("third").ok());
                admin::resource::update(server.services(), &operator(), &resource_id, update)
                    .await
                    .expect("an update");
            }
            _ => {
                update.remove = vec![ScopeName::parse("orders:read").expect("a scope")];
                admin::resource::update(server.services(), &operator(), &resource_id, update)
                    .await
                    .expect("an update");
            }
        }
        for team in [&shop, &billing] {
            assert_eq!(team.state(&id).await, ("cancelled".to_owned(), reason.to_owned()));
        }
        let is_of_client = change.ends_with("client");
        let expected = if is_of_client { "cancelled" } else { "pending" };
        assert_eq!(billing.state(&other).await.0, expected, "{change}");
        let approve = format!("/v1/grant-requests/{id}/approve");
        let answer = shop.post(&approve, json!({ "revision": 1 })).await;
        assert_rejected(&answer, 409, "grant_request_ended");
    }
    assert_eq!(all.get("/v1/audit-events/verify").await.json()["is_intact"], true);
}

#[rstest]
#[tokio::test]
async fn a_request_expires_after_thirty_days(#[values(Engine::Sqlite)] engine: Engine) {
    let server = Server::start(engine).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    shop.resource("urn:example:api", "shop").await;
    billing.client("invoices", "billing").await;
    let id = billing.request("invoices", "urn:example:api").await;
    let services = server.services();
    server.clock.advance(GrantRequest::TTL_SECONDS - 1);
    admin::grant_request::expire_due(services).await.expect("nothing is due");
    let shown = |principal: Principal| {
        let id = GrantRequestId::parse(&id).expect("an id");
        async move {
            let (store, clock) = (&services.store, &services.clock);
            admin::grant_request::show(store, clock, &principal, &id).await.expect("a request")
        }
    };
    assert_eq!(shown(operator()).await.state.as_str(), "pending");
    server.clock.advance(1);
    // Readers see it as expired before the server has written that.
    assert_eq!(shown(operator()).await.state.as_str(), "expired");
    let parsed = GrantRequestId::parse(&id).expect("an id");
    let late = admin::grant_request::approve(services, &operator(), &parsed, 1).await;
    assert_eq!(late.expect_err("too late").code(), AdminErrorCode::GrantRequestEnded);
    admin::grant_request::expire_due(services).await.expect("an end");
    admin::grant_request::expire_due(services).await.expect("once");
    let events = services.store.events(0, 1_000).await.expect("events");
    let ends: Vec<_> =
        events.iter().filter(|event| event.action == "grant_request.expired").collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].owners.owner, Owner::parse("billing").ok());
    // Its row is deleted after 90 days, its events are kept.
    server.clock.advance(GrantRequest::KEPT_SECONDS);
    admin::grant_request::expire_due(services).await.expect("deleted");
    let (store, clock) = (&services.store, &services.clock);
    let gone = admin::grant_request::show(store, clock, &operator(), &parsed).await;
    assert_eq!(gone.expect_err("gone").code(), AdminErrorCode::GrantRequestNotFound);
}

#[tokio::test]
async fn a_request_that_is_not_needed_or_too_much_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    shop.resource(API, "shop").await;
    billing.resource("urn:example:own", "billing").await;
    billing.client("invoices", "billing").await;
    shop.client("cart", "shop").await;
    let body = |client: &str, resource: &str| json!({ "client_id": client, "resource": resource, "scopes": ["orders:read"] });
    for (body, status, code) in [
        (body("invoices", "urn:example:own"), 409, "grant_request_not_needed"),
        (body("invoices", "urn:tokend"), 409, "grant_request_not_needed"),
        (body("invoices", "urn:example:absent"), 404, "resource_not_found"),
        (body("cart", API), 404, "client_not_found"),
        (body("absent", API), 404, "client_not_found"),
    ] {
        let answer = billing.post("/v1/grant-requests", body).await;
        assert_rejected(&answer, status, code);
    }
    for (member, value, pointer) in [
        ("scopes", json!([]), "/scopes"),
        ("scopes", json!(null), "/scopes"),
        ("claims", json!({ "iss": "x" }), "/claims/iss"),
        ("claims", json!("x"), "/claims"),
        ("message", json!("a\nb"), "/message"),
        ("message", json!("x".repeat(501)), "/message"),
        ("networks", json!(["x"]), "/networks"),
        ("unknown", json!(1), "/unknown"),
    ] {
        let mut body = body("invoices", API);
        body[member] = value;
        let answer = billing.post("/v1/grant-requests", body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        let found = answer.json()["errors"][0]["pointer"].clone();
        assert_eq!(found, pointer, "{body}");
    }
    let duplicate = r#"{"client_id":"invoices","resource":"https://api.shop.example",
        "scopes":["orders:read"],"claims":{"tenant":"a","tenant":"b"}}"#;
    let request = server.http.post(format!("{}/v1/grant-requests", server.management));
    let request = request.bearer_auth(&billing.token).header("content-type", "application/json");
    assert_eq!(Answer::of(request.body(duplicate)).await.status, 422);
    for number in 0..=GrantRequest::MAX_PENDING_PER_CLIENT {
        let uri = format!("urn:example:{number}");
        server.resource(&uri, &["orders:read"]).await;
        let answer = billing.post("/v1/grant-requests", body("invoices", &uri)).await;
        if number == GrantRequest::MAX_PENDING_PER_CLIENT {
            assert_rejected(&answer, 409, "grant_request_limit_reached");
        } else {
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
    }
    // The pages of the list contain each request once, newest first.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = billing.get(&format!("/v1/grant-requests?limit=7{cursor}")).await.json();
        let data = page["data"].as_array().expect("a list");
        seen.extend(data.iter().map(|it| it["resource"].as_str().expect("a text").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let expected = (0..GrantRequest::MAX_PENDING_PER_CLIENT).rev();
    let expected: Vec<_> = expected.map(|number| format!("urn:example:{number}")).collect();
    assert_eq!(seen, expected);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_handles_requests(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read", "--owner", "shop"]);
    cli.json(&["client", "create", "invoices", "--owner", "billing"]);
    let create = [
        "grant-request",
        "create",
        "--client",
        "invoices",
        "--resource",
        ORDERS,
        "--scope",
        "orders:read",
        "--claim",
        "tenant=acme",
        "--message",
        "Invoices",
    ];
    let made = cli.json(&create);
    let id = made["request_id"].as_str().expect("an id");
    assert_eq!(cli.json(&["grant-request", "list", "--state", "pending"]), json!([made]));
    assert_eq!(cli.json(&["grant-request", "list", "--owner", "third"]), json!([]));
    assert_eq!(cli.json(&["grant-request", "show", id]), made);
    let table = cli.run(&["grant-request", "show", id]);
    assert!(table.stdout.contains("owner of the resource   shop"), "{table:?}");
    let stale = cli.run(&["grant-request", "approve", id, "--revision", "2", "-o", "json"]);
    assert!(stale.code == 5 && stale.stderr.contains("revision_changed"), "{stale:?}");
    assert_eq!(cli.run(&["grant-request", "approve", id]).code, 2, "a revision is needed");
    let approved = cli.json(&["grant-request", "approve", id, "--revision", "1"]);
    assert_eq!(approved["state"], "approved");
    let grants = cli.json(&["client", "show", "invoices"])["grants"].clone();
    assert_eq!(grants[0]["claims"], json!({ "tenant": "acme" }));
    for (verb, state) in [("reject", "rejected"), ("cancel", "cancelled")] {
        let made = cli.json(&create);
        let id = made["request_id"].as_str().expect("an id");
        let ended = cli.json(&["grant-request", verb, id, "--reason", "SEC-12"]);
        assert_eq!((&ended["state"], &ended["reason"]), (&json!(state), &json!("SEC-12")));
    }
    let absent = cli.run(&["grant-request", "show", "grq_absent"]);
    assert!(absent.code == 4 && absent.stderr.contains("grant-request list"), "{absent:?}");
}
