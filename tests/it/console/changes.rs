//! Changes in the console, from a client without a token to its end.

use rstest::rstest;
use tokend::admin;
use tokend::admin::grant_request::{self, NewGrantRequest};
use tokend::model::owner::Owner;

use crate::support::browser::console::{Browser, between, element, limits};
use crate::support::{Engine, ORDERS, Server, TestClient, client_id, operator};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_created_and_gets_a_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let once = browser.once("/console/clients/new").await;
    let scope = format!("{ORDERS} orders:read");
    let fields = [
        ("name", "Billing worker"),
        ("client_id", "billing"),
        ("owner", "payments"),
        ("scope", scope.as_str()),
        ("lifetime", "90d"),
        ("once", once.as_str()),
    ];
    let answer = browser.send("/console/clients/new", &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let secret = element(&answer.text, "client-secret");
    server.keep_secret(&secret);
    let client = TestClient { id: element(&answer.text, "client-id"), secret };
    assert_eq!(client.id, "billing");
    let curl = element(&answer.text, "curl");
    assert!(curl.contains(&server.base) && curl.contains(&format!("resource={ORDERS}")), "{curl}");
    let watched = between(&answer.text, "data-watch=\"", "\"")[0].to_owned();
    assert_eq!(browser.get(&watched).await.json()["is_used"], false);
    // A rejected request uses the secret, and gets no token.
    let rejected = server.ask_for(&client, &[("resource", "urn:example:other")]).await;
    rejected.assert_rejected(400, "invalid_target");
    server.app.write_usage().await.expect("written");
    let seen = browser.get(&watched).await.json();
    assert_eq!(seen["is_used"], false, "{seen}");
    assert!(seen["text"].as_str().is_some_and(|text| text.contains("invalid_target")), "{seen}");
    server.ask(&client).await.token();
    server.app.write_usage().await.expect("written");
    assert_eq!(browser.get(&watched).await.json()["is_used"], true);
    // The secret is shown once, and the same form creates no second one.
    let again = browser.send("/console/clients/new", &fields).await;
    assert_eq!(again.status, 409, "{again:?}");
    for rest in ["", "/credentials", "/access"] {
        let page = browser.page(&format!("/console/clients/billing{rest}")).await;
        assert!(!page.contains(&client.secret), "{page}");
    }
    // A rejected form keeps its input.
    let once = browser.once("/console/clients/new").await;
    let fields = [
        ("name", "Other"),
        ("client_id", "billing"),
        ("label", "ci"),
        ("lifetime", "90d"),
        ("once", once.as_str()),
    ];
    let answer = browser.send("/console/clients/new", &fields).await;
    assert_ne!(answer.status, 200, "{answer:?}");
    assert!(answer.text.contains("name=\"label\" value=\"ci\""), "{answer:?}");
    let access = browser.page("/console/clients/billing/access").await;
    let is_granted = |scope: &str| access.contains(&format!("value=\"{scope}\" checked"));
    assert!(is_granted("orders:read") && !is_granted("orders:write"), "{access}");
}

#[tokio::test]
async fn a_secret_is_rotated_with_an_overlap_and_ended() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let path = format!("/console/clients/{}", client.id);
    let browser = Browser::by_link(&server, limits(None, None)).await;
    // Secrets of the same second have no order, so the form of the old one is kept.
    let page = browser.page(&format!("{path}/credentials")).await;
    let mut ends = between(&page, "action=\"", "\"").into_iter().filter(|it| it.ends_with("/end"));
    let end_of_old = ends.next().expect("a form").to_owned();
    assert!(ends.next().is_none(), "{page}");
    let once = browser.once(&format!("{path}/credentials")).await;
    let fields = [("overlap", "24h"), ("lifetime", ""), ("label", "2027"), ("once", &once)];
    let answer = browser.send(&format!("{path}/rotate"), &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let secret = element(&answer.text, "client-secret");
    server.keep_secret(&secret);
    let new = TestClient { id: client.id.clone(), secret };
    server.ask(&client).await.token();
    server.ask(&new).await.token();
    let page = browser.page(&format!("{path}/credentials")).await;
    assert!(page.contains("replaced") && page.contains("2027"), "{page}");
    assert!(page.contains(&end_of_old), "{page}");
    let answer = browser.send(&end_of_old, &[]).await;
    assert_eq!(answer.header("location"), format!("{path}/credentials?done=ended"));
    assert_eq!(server.ask(&client).await.status, 401);
    server.ask(&new).await.token();
}

#[tokio::test]
async fn a_client_is_disabled_and_its_rejection_is_explained() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let path = format!("/console/clients/{}", client.id);
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let fields = [("state", "disabled"), ("reason", "SEC-12")];
    browser.send(&format!("{path}/state"), &fields).await;
    let page = browser.page(&format!("{path}?done=disabled")).await;
    assert!(page.contains("The client is disabled.") && page.contains(">disabled<"), "{page}");
    let answer = server.ask(&client).await;
    assert_eq!(answer.status, 401);
    let id = answer.header("x-request-id");
    let found = browser.get(&format!("/console/rejections?request={id}")).await;
    assert_eq!(found.header("location"), format!("/console/rejections/{id}"));
    let explained = browser.page(found.header("location")).await;
    assert!(explained.contains("the client is disabled"), "{explained}");
    assert!(explained.contains("tokend client enable"), "{explained}");
    let changes = browser.page(&format!("{path}/audit")).await;
    for word in ["client.disabled", "SEC-12", "<del>active</del>", "<ins>disabled</ins>"] {
        assert!(changes.contains(word), "{word}: {changes}");
    }
    browser.send(&format!("{path}/state"), &[("state", "active")]).await;
    server.ask(&client).await.token();
}

#[tokio::test]
async fn a_resource_is_registered() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let fields = [
        ("resource", "https://invoices.example.com"),
        ("scopes", "invoices:read=Read invoices\r\ninvoices:write"),
        ("owner", "payments"),
        ("lifetime", "15m"),
        ("algorithm", "RS256"),
        ("description", ""),
    ];
    let answer = browser.send("/console/resources/new", &fields).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let page = browser.page(answer.header("location")).await;
    for word in ["The resource is registered.", "Read invoices", "invoices:write", "15m", "RS256"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let answer = browser.send("/console/resources/new", &fields).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("there is already a resource"), "{answer:?}");
    let wrong = [("resource", "orders"), ("scopes", "a b")];
    assert_eq!(browser.send("/console/resources/new", &wrong).await.status, 422);
}

#[tokio::test]
async fn a_grant_request_is_approved_by_the_other_team_alone() {
    let server = Server::start(Engine::Sqlite).await;
    let services = server.services();
    let owner = |name: &str| Some(Owner::parse(name).expect("an owner"));
    let client = server
        .new_client(|new| {
            new.facts.owner = owner("a");
            new.grants.clear();
        })
        .await;
    let resource = tokend::model::resource::ResourceId::parse(ORDERS).expect("one");
    let mut update = admin::resource::ResourceUpdate::default();
    update.facts.owner = Some(owner("b"));
    admin::resource::update(services, &operator(), &resource, update).await.expect("an owner");
    server.catch_up().await;
    let scopes = tokend::model::scope::Scopes::parse("orders:read").expect("scopes");
    let new = NewGrantRequest {
        client_id: client_id(&client.id),
        resource,
        scopes,
        networks: tokend::model::security::Networks::default(),
        claims: tokend::model::static_claims::StaticClaims::default(),
        message: None,
    };
    grant_request::create(services, &operator(), new).await.expect("a request");
    let requester = Browser::by_link(&server, limits(None, Some(&["a"]))).await;
    let page = requester.page("/console/grant-requests").await;
    assert!(page.contains(&client.id) && !page.contains(">Approve<"), "{page}");
    let approver = Browser::by_link(&server, limits(None, Some(&["b"]))).await;
    let page = approver.page("/console/grant-requests").await;
    let path = between(&page, "action=\"/console/grant-requests/", "\"")[0];
    let path = format!("/console/grant-requests/{path}");
    let approval = [("decision", "approve"), ("revision", "1")];
    assert_eq!(requester.send(&path, &approval).await.status, 403);
    let outdated = [("decision", "approve"), ("revision", "7")];
    assert_eq!(approver.send(&path, &outdated).await.status, 412);
    let answer = approver.send(&path, &approval).await;
    assert_eq!(answer.header("location"), "/console/grant-requests?done=approved", "{answer:?}");
    server.ask(&client).await.token();
}

#[tokio::test]
async fn the_theme_is_remembered() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let fields = [("theme", "dark"), ("next", "/console/clients")];
    let answer = browser.send("/console/theme", &fields).await;
    assert_eq!(answer.header("location"), "/console/clients");
    let theme = answer.header("set-cookie").split(';').next().expect("a pair").to_owned();
    let dark = Browser { server: &server, cookie: format!("{}; {theme}", browser.cookie) };
    assert!(dark.page("/console/").await.contains("data-theme=\"dark\""));
    assert_eq!(browser.send("/console/theme", &[("theme", "<b>")]).await.status, 400);
}
