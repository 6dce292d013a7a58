//! Changes of one client in the console: its properties, credentials and access.

use serde_json::json;
use tokend::admin;
use tokend::model::owner::Owner;
use tokend::model::resource::ResourceId;
use tokend::model::signing_key::Algorithm;

use crate::support::browser::console::{Browser, between, element, limits};
use crate::support::keys::KeyPair;
use crate::support::{Engine, ORDERS, Server, TestClient, client_id, operator};

/// The value of a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    between(page, &start, "\"").first().expect("a field").to_string()
}

/// Returns a client from the store.
async fn stored(server: &Server, client: &TestClient) -> tokend::model::client::Registration {
    let found = server.services().store.registration(&client_id(&client.id)).await;
    found.expect("a store").expect("a client")
}

#[tokio::test]
async fn a_client_is_edited_and_its_claims_are_in_its_tokens() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}", client.id);
    let page = browser.page(&format!("{path}/edit")).await;
    let revision = hidden(&page, "revision");
    let claims = json!({ "tenant": "acme" }).to_string();
    let fields = [
        ("revision", revision.as_str()),
        ("name", "Billing worker"),
        ("description", "Sends invoices"),
        ("contact", "billing@example.com"),
        ("owner", "payments"),
        ("labels", "team=payments\r\nplan=gold"),
        ("claims", claims.as_str()),
        ("lifetime", "15m"),
        ("token_rate", "60/m"),
        ("networks", "127.0.0.0/8 ::1"),
        ("method", "client_secret_basic"),
        ("method", "client_secret_post"),
        ("grant_type", "client_credentials"),
        ("leak_policy", "end_now"),
        ("assertion_audiences", ""),
    ];
    let answer = browser.send(&format!("{path}/edit"), &fields).await;
    assert_eq!(answer.header("location"), format!("{path}?done=saved"), "{answer:?}");
    let shown = browser.page(&format!("{path}?done=saved")).await;
    for word in ["Billing worker", "Sends invoices", "payments", "plan=gold", "15m", "60/m"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let answer = server.ask(&client).await;
    let (_, claims) = tokend::jose::jwt::read_unchecked(&answer.token()).expect("a token");
    assert_eq!(claims["tenant"], "acme");
    assert_eq!(answer.json()["expires_in"], 900);
    // The form was created for an earlier state of the client.
    let answer = browser.send(&format!("{path}/edit"), &fields).await;
    assert_eq!(answer.status, 412, "{answer:?}");
    // The error is shown with the form, and the input is kept.
    let page = browser.page(&format!("{path}/edit")).await;
    let revision = hidden(&page, "revision");
    let mut wrong: Vec<_> = fields[1..].to_vec();
    wrong.push(("revision", &revision));
    let place = wrong.iter().position(|(name, _)| *name == "claims").expect("a field");
    wrong[place].1 = "{\"iss\": \"x\"}";
    let answer = browser.send(&format!("{path}/edit"), &wrong).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("reserved") && answer.text.contains("Sends invoices"));
    assert!(stored(&server, &client).await.client.claims.json().contains("acme"));
}

#[tokio::test]
async fn a_client_is_deleted_after_its_id_was_typed() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}/delete", client.id);
    let page = browser.page(&path).await;
    assert!(page.contains("1 valid secret ends") && page.contains(ORDERS), "{page}");
    let answer = browser.send(&path, &[("client_id", "another")]).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    server.ask(&client).await.token();
    let answer = browser.send(&path, &[("client_id", client.id.as_str())]).await;
    assert_eq!(answer.header("location"), "/console/clients?done=deleted", "{answer:?}");
    assert_eq!(server.ask(&client).await.status, 401);
    assert_eq!(browser.get(&format!("/console/clients/{}", client.id)).await.status, 404);
}

#[tokio::test]
async fn a_secret_is_added_next_to_the_others_and_ends_later() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}", client.id);
    server.ask(&client).await.token();
    server.app.write_usage().await.expect("written");
    let page = browser.page(&format!("{path}/credentials")).await;
    assert!(page.contains("It gets no more"), "the end says what it breaks: {page}");
    let end = between(&page, "action=\"", "\"").into_iter().find(|it| it.ends_with("/end"));
    let end = end.expect("a form").to_owned();
    let once = browser.once(&format!("{path}/credentials")).await;
    let fields = [("label", "second"), ("lifetime", "90d"), ("once", once.as_str())];
    let answer = browser.send(&format!("{path}/secrets"), &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let secret = element(&answer.text, "client-secret");
    server.keep_secret(&secret);
    let second = TestClient { id: client.id.clone(), secret };
    server.ask(&client).await.token();
    server.ask(&second).await.token();
    let answer = browser.send(&end, &[("after", "24h")]).await;
    assert!(answer.header("location").ends_with("?done=ending"), "{answer:?}");
    server.ask(&client).await.token();
    server.clock.advance(86_401);
    server.catch_up().await;
    assert_eq!(server.ask(&client).await.status, 401);
    server.ask(&second).await.token();
}

#[tokio::test]
async fn a_rotation_takes_an_overlap_in_words() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}", client.id);
    let once = browser.once(&format!("{path}/credentials")).await;
    let mut fields = vec![
        ("overlap", "24h"),
        ("overlap_exact", "until_unused:6h,max:3d"),
        ("lifetime", ""),
        ("label", ""),
        ("once", once.as_str()),
    ];
    let answer = browser.send(&format!("{path}/rotate"), &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    server.keep_secret(&element(&answer.text, "client-secret"));
    let found = stored(&server, &client).await;
    let old = found.secrets.iter().find(|secret| secret.replaced_by.is_some()).expect("the old");
    assert_eq!(old.unused_window.map(tokend::model::time::Lifetime::seconds), Some(6 * 3_600));
    fields[1].1 = "sometimes";
    assert_eq!(browser.send(&format!("{path}/rotate"), &fields).await.status, 400);
}

#[tokio::test]
async fn keys_certificates_and_trusts_are_added_and_removed() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}", client.id);
    let key = KeyPair::new(Algorithm::Es256);
    let tokend::model::security::KeySource::Inline(set) = key.source() else { panic!("a set") };
    let fields = [("kind", "jwk"), ("value", set.as_str())];
    let answer = browser.send(&format!("{path}/keys/new"), &fields).await;
    assert!(answer.header("location").ends_with("?done=key-added"), "{answer:?}");
    let page = browser.page(&format!("{path}/credentials")).await;
    assert!(page.contains(key.kid()) && page.contains("ES256"), "{page}");
    let private = [("kind", "jwk"), ("value", "{\"kty\":\"oct\",\"k\":\"AAAA\"}")];
    let answer = browser.send(&format!("{path}/keys/new"), &private).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let answer = browser.send(&format!("{path}/keys/remove"), &[("key", key.kid())]).await;
    assert!(answer.header("location").ends_with("?done=key-removed"), "{answer:?}");
    assert!(stored(&server, &client).await.client.security.keys.is_none());

    let fields = [("subject_kind", "san_dns"), ("subject", "worker.example.com")];
    let answer = browser.send(&format!("{path}/certificate"), &fields).await;
    assert!(answer.header("location").ends_with("?done=saved"), "{answer:?}");
    let page = browser.page(&format!("{path}/credentials")).await;
    assert!(page.contains("san_dns=worker.example.com"), "{page}");

    let github = [
        ("kind", "github"),
        ("subject", "repo:acme/api:environment:production"),
        ("conditions", "repository_owner_id=1234"),
        ("audience", ""),
    ];
    let answer = browser.send(&format!("{path}/trusts/new"), &github).await;
    assert!(answer.header("location").ends_with("?done=trust-added"), "{answer:?}");
    let cluster = [
        ("kind", "kubernetes"),
        ("issuer", "https://kubernetes.default.svc.cluster.local"),
        ("subject", "system:serviceaccount:billing:worker"),
        ("jwks", set.as_str()),
    ];
    let answer = browser.send(&format!("{path}/trusts/new"), &cluster).await;
    assert!(answer.header("location").ends_with("?done=trust-added"), "{answer:?}");
    let found = stored(&server, &client).await;
    let issuers: Vec<_> = found.trusts.iter().map(|trust| trust.issuer.as_str()).collect();
    assert!(issuers.contains(&"https://token.actions.githubusercontent.com"), "{issuers:?}");
    assert_eq!(issuers.len(), 2);
    let wide = [("kind", "github"), ("subject", "*"), ("conditions", "")];
    let answer = browser.send(&format!("{path}/trusts/new"), &wide).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let page = browser.page(&format!("{path}/credentials")).await;
    assert!(page.contains("repo:acme/api:environment:production"), "{page}");
    let removals = between(&page, "action=\"", "\"");
    let removal = removals.into_iter().find(|it| it.contains("/trusts/")).expect("a form");
    let answer = browser.send(removal, &[]).await;
    assert!(answer.header("location").ends_with("?done=trust-removed"), "{answer:?}");
    assert_eq!(stored(&server, &client).await.trusts.len(), 1);
    for kind in ["github", "kubernetes", "issuer", "spiffe"] {
        browser.page(&format!("{path}/trusts/new?kind={kind}")).await;
    }
}

#[tokio::test]
async fn a_grant_is_given_changed_and_removed_with_its_claims() {
    let server = Server::start(Engine::Sqlite).await;
    server.resource("https://invoices.example.com", &["invoices:read", "invoices:write"]).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}/access", client.id);
    let page = browser.page(&format!("{path}?add=https%3A%2F%2Finvoices.example.com")).await;
    assert!(page.contains("not granted yet") && page.contains("invoices:write"), "{page}");
    let fields = [
        ("resource", "https://invoices.example.com"),
        ("scope", "invoices:read"),
        ("networks", ""),
        ("claims", "{\"tenant\": \"acme\"}"),
    ];
    let answer = browser.send(&format!("{path}/grant"), &fields).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let page = browser.page(answer.header("location")).await;
    assert!(page.contains("The grant is saved."), "{page}");
    // The claims of the next token are shown next to the form.
    let preview = element(&page, "claims-preview");
    let preview: serde_json::Value = serde_json::from_str(&preview).expect("claims");
    assert_eq!(preview["aud"], "https://invoices.example.com");
    assert_eq!((&preview["scope"], &preview["tenant"]), (&json!("invoices:read"), &json!("acme")));
    let wrong = [("resource", "https://invoices.example.com"), ("scope", "absent")];
    let answer = browser.send(&format!("{path}/grant"), &wrong).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let none = [("resource", "https://invoices.example.com")];
    assert_eq!(browser.send(&format!("{path}/grant"), &none).await.status, 422);
    let answer = browser.send(&format!("{path}/remove"), &none).await;
    assert!(answer.header("location").ends_with("?done=grant-removed"), "{answer:?}");
    assert_eq!(stored(&server, &client).await.grants.len(), 1);
}

#[tokio::test]
async fn a_team_requests_a_grant_of_another_team_and_that_team_approves() {
    let server = Server::start(Engine::Sqlite).await;
    let owner = |name: &str| Some(Owner::parse(name).expect("an owner"));
    let client = server
        .new_client(|new| {
            new.facts.owner = owner("a");
            new.grants.clear();
        })
        .await;
    let resource = ResourceId::parse(ORDERS).expect("a resource");
    let mut update = admin::resource::ResourceUpdate::default();
    update.facts.owner = Some(owner("b"));
    admin::resource::update(server.services(), &operator(), &resource, update).await.expect("set");
    server.catch_up().await;
    let requester = Browser::by_link(&server, limits(None, Some(&["a"]))).await;
    let path = format!("/console/clients/{}/access", client.id);
    let page = requester.page(&path).await;
    assert!(!page.contains("type=\"checkbox\""), "scopes of another team are not listed: {page}");
    // The team cannot take the grant, and the page offers the request instead.
    let grant = [("resource", ORDERS), ("scope", "orders:read")];
    let answer = requester.send(&format!("{path}/grant"), &grant).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("request the grant"), "{answer:?}");
    let fields = [("resource", ORDERS), ("scope", "orders:read"), ("message", "For reports")];
    let answer = requester.send(&format!("{path}/request"), &fields).await;
    assert_eq!(answer.header("location"), "/console/grant-requests?done=requested", "{answer:?}");
    let approver = Browser::by_link(&server, limits(None, Some(&["b"]))).await;
    let page = approver.page("/console/grant-requests").await;
    assert!(page.contains("For reports"), "{page}");
    let id = between(&page, "action=\"/console/grant-requests/", "\"")[0];
    let approval = [("decision", "approve"), ("revision", "1")];
    let answer = approver.send(&format!("/console/grant-requests/{id}"), &approval).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    server.ask(&client).await.token();
    let page = requester.page(&path).await;
    assert!(page.contains("<span class=\"chip\">orders:read</span>"), "{page}");
}
