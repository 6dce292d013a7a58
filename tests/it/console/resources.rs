//! Changes of a resource and of signing keys in the console, and the pages of the log, the doctor
//! and the overview.

use serde_json::Value;
use tokend::admin;
use tokend::model::owner::Owner;
use tokend::model::resource::ResourceId;

use crate::support::browser::console::{Browser, between, limits};
use crate::support::{Engine, ORDERS, Server, operator};

const PATH: &str = "/console/resources/https%3A%2F%2Forders.example.com";

fn revision(page: &str) -> String {
    between(page, "name=\"revision\" value=\"", "\"").first().expect("a field").to_string()
}

#[tokio::test]
async fn a_resource_is_edited_and_its_tokens_follow() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let page = browser.page(&format!("{PATH}/edit")).await;
    assert!(page.contains("orders:read"), "{page}");
    let revision = revision(&page);
    let fields = [
        ("revision", revision.as_str()),
        ("scopes", "orders:read=Read orders\r\norders:delete"),
        ("lifetime", "5m"),
        ("algorithm", ""),
        ("typ", "at+jwt"),
        ("owner", "shop"),
        ("description", "The orders"),
        ("contact", "shop@example.com"),
        ("labels", "tier=1"),
    ];
    let answer = browser.send(&format!("{PATH}/edit"), &fields).await;
    assert_eq!(answer.header("location"), format!("{PATH}?done=saved"), "{answer:?}");
    let page = browser.page(PATH).await;
    for word in ["Read orders", "orders:delete", "5m", "shop", "The orders", "tier=1"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let answer = server.ask(&client).await;
    assert_eq!(answer.json()["expires_in"], 300, "{answer:?}");
    let answer = browser.send(&format!("{PATH}/edit"), &fields).await;
    assert_eq!(answer.status, 412, "an outdated form: {answer:?}");
    let mut wrong = fields;
    wrong[1].1 = "a b\"";
    let answer = browser.send(&format!("{PATH}/edit"), &wrong).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("scopes: ") && answer.text.contains("tier=1"), "{answer:?}");
}

#[tokio::test]
async fn a_resource_is_deleted_after_its_identifier_was_typed() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    browser.page(&format!("{PATH}/delete")).await;
    let answer = browser.send(&format!("{PATH}/delete"), &[("identifier", "x")]).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    server.ask(&client).await.token();
    let answer = browser.send(&format!("{PATH}/delete"), &[("identifier", ORDERS)]).await;
    assert_eq!(answer.header("location"), "/console/resources?done=deleted", "{answer:?}");
    assert_eq!(server.ask(&client).await.status, 400);
    assert_eq!(browser.get(PATH).await.status, 404);
}

#[tokio::test]
async fn forms_of_a_resource_are_closed_to_others() {
    let server = Server::start(Engine::Sqlite).await;
    let resource = ResourceId::parse(ORDERS).expect("a resource");
    let mut update = admin::resource::ResourceUpdate::default();
    update.facts.owner = Some(Some(Owner::parse("b").expect("an owner")));
    admin::resource::update(server.services(), &operator(), &resource, update).await.expect("set");
    server.catch_up().await;
    let team = Browser::by_link(&server, limits(None, Some(&["a"]))).await;
    let reader = Browser::by_link(&server, limits(Some(&["resources:read"]), None)).await;
    let own = Browser::by_link(&server, limits(None, None)).await;
    let before = server.services().store.head().await.expect("a store").sequence;
    let edit = [("revision", "x"), ("scopes", "orders:read")];
    let delete = [("identifier", ORDERS)];
    for (form, fields) in [("edit", &edit[..]), ("delete", &delete[..])] {
        let path = format!("{PATH}/{form}");
        assert_eq!(team.get(&path).await.status, 404, "{form}");
        assert_eq!(team.send(&path, fields).await.status, 404, "{form}");
        assert_eq!(reader.get(&path).await.status, 403, "{form}");
        assert_eq!(reader.send(&path, fields).await.status, 403, "{form}");
        assert_eq!(own.post(&path, fields).await.status, 403, "{form} without its token");
        let mut more = fields.to_vec();
        more.push(("source", "x"));
        assert_eq!(own.send(&path, &more).await.status, 400, "{form} with another field");
    }
    let now = server.services().store.head().await.expect("a store").sequence;
    assert_eq!(now, before);
}

#[tokio::test]
async fn a_key_can_rotate_early_and_a_breaking_step_requires_force() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let old = server.ask(&client).await.token();
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let page = browser.page("/console/signing-keys").await;
    let form = between(&page, "action=\"/console/signing-keys/", "\"");
    let revoke = form.iter().find(|path| path.ends_with("/revoke")).expect("a form");
    let revoke = format!("/console/signing-keys/{revoke}");
    let answer = browser.send(&revoke, &[("reason", "it leaked")]).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("Nothing was changed."), "{answer:?}");
    let fields = [("reason", "it leaked"), ("force", "true")];
    let answer = browser.send(&revoke, &fields).await;
    assert_eq!(answer.header("location"), "/console/signing-keys?done=key-revoked", "{answer:?}");
    let page = browser.page("/console/signing-keys").await;
    assert!(page.contains(">revoked<"), "{page}");
    let new = server.ask(&client).await.token();
    let kid = |token: &str| tokend::jose::jwt::read_unchecked(token).expect("one").0["kid"].clone();
    assert_ne!(kid(&old), kid(&new));
    let reader = Browser::by_link(&server, limits(Some(&["keys:read"]), None)).await;
    let page = reader.page("/console/signing-keys").await;
    assert!(!page.contains("/revoke"), "{page}");
    for path in ["/console/signing-keys/rotate", &revoke] {
        assert_eq!(reader.send(path, &[("force", "true")]).await.status, 403);
        assert_eq!(browser.post(path, &[("force", "true")]).await.status, 403, "without its token");
        assert_eq!(browser.send(path, &[("kid", "x")]).await.status, 400);
    }
    server.clock.advance(700);
    let answer = browser.send("/console/signing-keys/rotate", &[]).await;
    assert!(answer.header("location").ends_with("&fresh=1"), "{answer:?}");
}

#[tokio::test]
async fn the_log_is_exported_with_the_filters_of_the_page_and_the_borders_of_the_team() {
    let server = Server::start(Engine::Sqlite).await;
    let own =
        server.new_client(|new| new.facts.owner = Some(Owner::parse("a").expect("an owner"))).await;
    let other = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let answer = browser.get("/console/audit/export?format=jsonl&action=client").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"audit.jsonl\"");
    assert_eq!(answer.header("cache-control"), "no-store");
    let events: Vec<Value> =
        answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.len(), 2, "{answer:?}");
    assert!(events.iter().all(|event| event["action"] == "client.created"), "{events:?}");
    assert!(events[0]["sequence"].as_i64() < events[1]["sequence"].as_i64());
    let csv = browser.get("/console/audit/export?format=csv").await.text;
    assert!(csv.starts_with("\"sequence\",\"at\",\"actor\""), "{csv}");
    assert!(csv.contains(&own.id) && csv.contains(&other.id), "{csv}");
    let team = Browser::by_link(&server, limits(None, Some(&["a"]))).await;
    let csv = team.get("/console/audit/export?format=csv").await.text;
    assert!(csv.contains(&own.id) && !csv.contains(&other.id), "{csv}");
    let reader = Browser::by_link(&server, limits(Some(&["clients:read"]), None)).await;
    assert_eq!(reader.get("/console/audit/export").await.status, 403);
    assert_eq!(browser.get("/console/audit/export?format=xml").await.status, 400);
    assert_eq!(browser.get("/console/audit/export?limit=1").await.status, 400);
    assert_eq!(Browser::new(&server).get("/console/audit/export").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_and_the_figures_of_the_day_are_shown() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let page = browser.page("/console/settings").await;
    assert!(page.contains("Run the doctor"), "{page}");
    let page = browser.page("/console/settings?doctor=1").await;
    for check in ["database", "signing_key", "proxy_trust"] {
        assert!(page.contains(check), "{check}: {page}");
    }
    let team = Browser::by_link(&server, limits(None, Some(&["a"]))).await;
    for path in ["/console/settings", "/console/settings?doctor=1"] {
        assert_eq!(team.get(path).await.status, 403, "{path}");
    }
    let page = browser.page("/console/").await;
    let traffic = page.split("id=\"traffic\"").nth(1).expect("a part");
    assert!(traffic.contains(": 1 token<") && traffic.contains("client.created"), "{traffic}");
    assert!(!team.page("/console/").await.contains("id=\"traffic\""));
    // Two hours of use show how many tokens a client requests.
    server.app.write_usage().await.expect("written");
    server.clock.advance(7_200);
    server.catch_up().await;
    for _ in 0..40 {
        server.ask(&client).await.token();
    }
    server.app.write_usage().await.expect("written");
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let page = browser.page(&format!("/console/clients/{}/activity", client.id)).await;
    assert!(page.contains("20 per hour") && page.contains("This rate is high"), "{page}");
}

#[tokio::test]
async fn a_client_for_github_is_created_without_a_secret() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let once = browser.once("/console/clients/new").await;
    let fields = [
        ("name", "Deploy"),
        ("client_id", "deploy"),
        ("credential", "github"),
        ("once", once.as_str()),
    ];
    let answer = browser.send("/console/clients/new", &fields).await;
    let place = answer.header("location").to_owned();
    assert_eq!(place, "/console/clients/deploy/trusts/new?kind=github", "{answer:?}");
    browser.page(&place).await;
    let found = server.services().store.registration(&crate::support::client_id("deploy")).await;
    let found = found.expect("a store").expect("a client");
    assert!(found.secrets.is_empty());
}
