//! Attacks on the console: forms of other sites, markup in every field, objects of other teams,
//! caches.

use secrecy::ExposeSecret;
use serde_json::json;
use tokend::admin::{self, Actor, Principal};
use tokend::model::client::{ClientName, ClientState};
use tokend::model::facts::{Description, Facts};
use tokend::model::labels::Labels;
use tokend::model::owner::Owner;
use tokend::model::static_claims::StaticClaims;

use crate::support::api::ALL_SCOPES;
use crate::support::browser::console::{Browser, between, limits, link};
use crate::support::{Engine, Server, TestClient, client_id};

/// Markup that would run if a page did not escape it.
const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// Every page without an object in its path.
pub const PAGES: [&str; 13] = [
    "/console/",
    "/console/clients",
    "/console/clients?q=a&state=active&expiring=14d",
    "/console/clients/new",
    "/console/resources",
    "/console/resources/new",
    "/console/grant-requests",
    "/console/rejections",
    "/console/signing-keys",
    "/console/audit",
    "/console/audit?verify=1",
    "/console/settings",
    "/console/sessions",
];

/// The state of a client.
async fn state(server: &Server, client: &TestClient) -> ClientState {
    let found = server.services().store.registration(&client_id(&client.id)).await;
    found.expect("a store").expect("a client").client.state
}

/// SECURITY 29: each write needs a form of the console itself.
#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let other = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}/state", client.id);
    let (own, foreign) = (browser.form_token().await, other.form_token().await);
    let origin = server.management.clone();
    let ours = [("sec-fetch-site", "same-origin"), ("origin", origin.as_str())];
    for (token, headers) in [
        (None, &ours[..]),
        (Some("x"), &ours[..]),
        (Some(foreign.as_str()), &ours[..]),
        (Some(own.as_str()), &[][..]),
        (Some(&own), &[("sec-fetch-site", "cross-site")][..]),
        (Some(&own), &[("sec-fetch-site", "same-site"), ("origin", &origin)][..]),
        (Some(&own), &[("origin", "https://evil.example")][..]),
        (Some(&own), &[("origin", "null")][..]),
        (Some(&own), &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")][..]),
    ] {
        let mut fields = vec![("state", "disabled")];
        fields.extend(token.map(|token| ("form_token", token)));
        let answer = browser.post_with(&path, &fields, headers).await;
        assert_eq!(answer.status, 403, "{token:?} {headers:?}: {answer:?}");
        assert_eq!(state(&server, &client).await, ClientState::Active);
    }
    let fields = [("state", "disabled"), ("form_token", own.as_str())];
    assert_eq!(browser.post_with(&path, &fields, &ours).await.status, 303);
    assert_eq!(state(&server, &client).await, ClientState::Disabled);
}

#[tokio::test]
async fn another_site_cannot_sign_a_person_in() {
    let server = Server::start(Engine::Sqlite).await;
    let secret = link(&server, limits(None, None)).await;
    let headers = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let fields = [("link", secret.expose_secret())];
    let browser = Browser::new(&server);
    let answer = browser.post_with("/console/sign-in/link", &fields, &headers).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.header("set-cookie").is_empty());
    // The attack did not use up the link.
    assert_eq!(browser.post("/console/sign-in/link", &fields).await.status, 303);
}

/// Creates a client with markup in every text.
async fn hostile_client(server: &Server) -> TestClient {
    let client = server
        .new_client(|new| {
            new.name = Some(ClientName::parse(MARKUP).expect("a name"));
            new.facts = Facts {
                owner: Some(Owner::parse("sales").expect("an owner")),
                description: Some(Description::parse(MARKUP).expect("a description")),
                contact: Some(tokend::model::facts::Contact::parse(MARKUP).expect("a contact")),
                labels: Labels::stored(&json!({ "team": "a" }).to_string()).expect("labels"),
            };
            let claims = json!({ "note": MARKUP, "<b>": "x" }).to_string();
            new.claims = StaticClaims::stored(&claims).expect("claims");
            MARKUP.clone_into(&mut new.secret.as_mut().expect("a secret").label);
        })
        .await;
    let request = server.http.post(format!("{}/v1/oauth/token", server.base));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
        ("scope", MARKUP),
    ];
    let answer = request.form(&fields).header("user-agent", MARKUP).send().await;
    assert_eq!(answer.expect("an answer").status().as_u16(), 400);
    server.app.write_rejections().await.expect("written");
    client
}

#[tokio::test]
async fn markup_in_any_field_is_text() {
    let server = Server::start(Engine::Sqlite).await;
    let client = hostile_client(&server).await;
    let hostile = Principal::operator(Actor::named("cli", MARKUP).expect("an actor"));
    let reason = Some(MARKUP);
    let disabled = ClientState::Disabled;
    admin::client::set_state(server.services(), &hostile, &client_id(&client.id), disabled, reason)
        .await
        .expect("disabled");
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let id = &client.id;
    let mut paths: Vec<String> = PAGES.iter().map(|path| (*path).to_owned()).collect();
    for rest in ["", "/credentials", "/access", "/activity", "/audit"] {
        paths.push(format!("/console/clients/{id}{rest}"));
    }
    let rejections = browser.page("/console/rejections").await;
    for id in between(&rejections, "href=\"/console/rejections/", "\"") {
        paths.push(format!("/console/rejections/{id}"));
    }
    let mut has_markup = false;
    for path in paths {
        let page = browser.page(&path).await;
        for part in ["<script>alert", "<img src=x", "\"'><img", "<b>"] {
            assert!(!page.contains(part), "{path} has {part}: {page}");
        }
        has_markup |= page.contains("&#60;script&#62;alert(1)");
    }
    assert!(has_markup, "the texts are shown as what they are");
    // The input of a person is shown as text too.
    let query = form_urlencoded(MARKUP);
    for path in ["/console/clients?q=", "/console/audit?actor=", "/console/rejections?reason="] {
        let page = browser.page(&format!("{path}{query}")).await;
        assert!(!page.contains("<img src=x"), "{path}: {page}");
    }
    let fields = [("name", MARKUP), ("client_id", "a b"), ("once", "x")];
    let answer = browser.send("/console/clients/new", &fields).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(!answer.text.contains("<img src=x"), "{answer:?}");
    for path in [format!("/console/{query}"), format!("/console/clients/{query}")] {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        assert!(!answer.text.contains("<img src=x"), "{answer:?}");
    }
}

fn form_urlencoded(text: &str) -> String {
    serde_urlencoded::to_string([("a", text)]).expect("a text").split_off(2)
}

#[tokio::test]
async fn a_team_cannot_reach_other_teams_by_urls_or_forms() {
    let server = Server::start(Engine::Sqlite).await;
    let owned = |owner: &'static str| {
        move |new: &mut admin::client::NewClient| {
            new.facts.owner = Some(Owner::parse(owner).expect("an owner"));
        }
    };
    let (own, other) = (server.new_client(owned("a")).await, server.new_client(owned("b")).await);
    let none = server.client().await;
    let browser = Browser::by_link(&server, limits(None, Some(&["a"]))).await;
    let page = browser.page("/console/clients").await;
    assert!(page.contains(&own.id) && !page.contains(&other.id) && !page.contains(&none.id));
    for client in [&other, &none] {
        let path = format!("/console/clients/{}", client.id);
        for rest in ["", "/credentials", "/access", "/activity", "/audit"] {
            let answer = browser.get(&format!("{path}{rest}")).await;
            assert_eq!(answer.status, 404, "{path}{rest}: {answer:?}");
        }
        let once = browser.once(&format!("/console/clients/{}/credentials", own.id)).await;
        let rotation = [("overlap", "24h"), ("lifetime", "90d"), ("once", once.as_str())];
        assert_eq!(browser.send(&format!("{path}/rotate"), &rotation).await.status, 404);
        let answer = browser.send(&format!("{path}/state"), &[("state", "disabled")]).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(state(&server, client).await, ClientState::Active);
        let secrets = server.services().store.registration(&client_id(&client.id)).await;
        let secret = secrets.expect("a store").expect("a client").secrets[0].secret_id.to_string();
        let answer = browser.send(&format!("{path}/secrets/{secret}/end"), &[]).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        let answer = browser.get(&format!("/console/clients?after={}", client.id)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.text.contains("Client id of another team"), "{answer:?}");
    }
    // A new client belongs to the caller's own team.
    let once = browser.once("/console/clients/new").await;
    let fields = [("name", "X"), ("owner", "b"), ("once", once.as_str())];
    assert_eq!(browser.send("/console/clients/new", &fields).await.status, 422);
    let events = browser.page("/console/audit").await;
    assert!(!events.contains(&other.id) && !events.contains(&none.id), "{events}");
}

#[tokio::test]
async fn a_field_that_a_form_does_not_have_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let once = browser.once("/console/clients/new").await;
    let fields = [("name", "X"), ("admin_of", "a"), ("once", once.as_str())];
    assert_eq!(browser.send("/console/clients/new", &fields).await.status, 400);
    let path = format!("/console/clients/{}/state", client.id);
    let fields = [("state", "disabled"), ("force", "true")];
    assert_eq!(browser.send(&path, &fields).await.status, 400);
    assert_eq!(state(&server, &client).await, ClientState::Active);
    assert_eq!(browser.get("/console/clients?limit=100000").await.status, 400);
    // A grant of the server itself is not offered, and requesting it needs the right of the route.
    let team =
        Browser::by_link(&server, limits(Some(&["clients:write", "clients:read"]), None)).await;
    let once = team.once("/console/clients/new").await;
    let fields = [("name", "X"), ("scope", "urn:tokend admins:write"), ("once", once.as_str())];
    let answer = team.send("/console/clients/new", &fields).await;
    assert_eq!(answer.status, 403, "{answer:?}");
}

/// SECURITY 29: the content policy of each page.
#[tokio::test]
async fn pages_are_in_no_cache_and_in_no_frame() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let mut paths = vec!["/console/sign-in", "/console/absent", "/console/clients/absent"];
    paths.extend(PAGES);
    for path in paths {
        let answer = browser.get(path).await;
        let status = if path.ends_with("absent") { 404 } else { 200 };
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(answer.header("content-encoding").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn only_assets_are_served_and_no_path_leaves_their_folder() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::new(&server);
    let page = browser.page("/console/sign-in").await;
    for path in between(&page, "\"/console/assets/", "\"") {
        let answer = browser.get(&format!("/console/assets/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    for path in [
        "console.css",
        "..%2f..%2fCargo.toml",
        "%2e%2e%2fconsole.css",
        "..%5c..%5cCargo.toml",
        "console-.css",
        "%00",
    ] {
        let answer = browser.get(&format!("/console/assets/{path}")).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn the_sign_in_leads_to_pages_of_the_console_alone() {
    let server = Server::start(Engine::Sqlite).await;
    for next in [
        "https://evil.example/",
        "//evil.example",
        "/console/../../evil",
        "/console/%2e%2e/evil",
        "/\\evil.example",
        "javascript:alert(1)",
        "/v1/clients",
    ] {
        let secret = link(&server, limits(None, None)).await;
        let fields = [("link", secret.expose_secret()), ("next", next)];
        let answer = Browser::new(&server).post("/console/sign-in/link", &fields).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/console/"), "{next}");
        let cookie = crate::support::browser::console::cookie(&answer);
        server.keep_secret(cookie.split_once('=').expect("a value").1);
        let page = Browser::new(&server)
            .page(&format!("/console/sign-in?next={}", form_urlencoded(next)))
            .await;
        assert!(!page.contains("evil") && !page.contains("javascript:"), "{page}");
    }
}

#[tokio::test]
async fn a_console_that_is_off_has_no_path() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_CONSOLE_ENABLED", "false")]).await;
    let browser = Browser::new(&server);
    let absent = browser.get("/absent").await;
    for path in ["/console", "/console/", "/console/sign-in", "/console/assets/x", "/console/x"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, absent.status, "{path}: {answer:?}");
        assert_eq!(answer.json()["code"], absent.json()["code"], "{path}");
    }
    let answer = browser.post("/console/sign-in/link", &[("link", "x")]).await;
    assert_eq!(answer.status, absent.status, "{answer:?}");
}

#[tokio::test]
async fn plain_http_to_another_machine_shows_no_form() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for path in ["/console/", "/console/sign-in", "/console/clients"] {
        let answer = browser.get_with(path, &[("host", "10.0.0.7:8081")]).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.text.contains("https_required") && !answer.text.contains("<form"));
    }
    let settings = [("TOKEND_MANAGEMENT_URL", "https://ops.example.com")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let secret = link(&server, limits(None, None)).await;
    let fields = [("link", secret.expose_secret())];
    let headers = [("origin", "https://ops.example.com"), ("sec-fetch-site", "same-origin")];
    let browser = Browser::new(&server);
    let answer = browser.post_with("/console/sign-in/link", &fields, &headers).await;
    let set = answer.header("set-cookie").to_owned();
    assert!(set.starts_with("__Host-tokend_session=") && set.ends_with("; Secure"), "{set}");
    assert!(!set.contains("Domain"), "{set}");
    assert!(answer.header("strict-transport-security").contains("max-age="), "{answer:?}");
    let secret = set.split(['=', ';']).nth(1).expect("a value");
    server.keep_secret(secret);
}

#[tokio::test]
async fn rights_of_the_session_are_those_of_the_routes() {
    let server = Server::start(Engine::Sqlite).await;
    let pages = [
        ("/console/clients", "clients:read"),
        ("/console/clients/new", "clients:write"),
        ("/console/resources", "resources:read"),
        ("/console/resources/new", "resources:write"),
        ("/console/grant-requests", "clients:read"),
        ("/console/rejections", "clients:read"),
        ("/console/signing-keys", "keys:read"),
        ("/console/audit", "audit:read"),
        ("/console/settings", "server:read"),
    ];
    for (path, scope) in pages {
        let all: Vec<&str> = ALL_SCOPES.split_whitespace().filter(|it| *it != scope).collect();
        let without = Browser::by_link(&server, limits(Some(&all), None)).await;
        assert_eq!(without.get(path).await.status, 403, "{path} without {scope}");
        let with = Browser::by_link(&server, limits(Some(&[scope]), None)).await;
        assert_eq!(with.get(path).await.status, 200, "{path} with {scope}");
    }
    let client = server.client().await;
    let reader = Browser::by_link(&server, limits(Some(&["clients:read"]), None)).await;
    let path = format!("/console/clients/{}", client.id);
    assert!(!reader.page(&path).await.contains("Disable"), "what it may not do is not shown");
    for (form, fields) in [
        ("state", vec![("state", "disabled")]),
        ("rotate", vec![("overlap", "24h"), ("once", "a")]),
    ] {
        let answer = reader.send(&format!("{path}/{form}"), &fields).await;
        assert_eq!(answer.status, 403, "{form}: {answer:?}");
    }
    let settings = reader.get("/console/audit?verify=1").await;
    assert_eq!(settings.status, 403);
}
