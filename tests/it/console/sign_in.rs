//! Signing in to the console, and the lifetime of sessions.

use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokend::model::client::ClientState;
use tokend::{admin, model};

use crate::support::api::ALL_SCOPES;
use crate::support::browser::console::{Browser, between, cookie, limits, link};
use crate::support::process::Cli;
use crate::support::{Engine, Server, TestClient, client_id, grant, operator};

const HOUR: i64 = 3_600;

fn is_signed_out(answer: &crate::support::Answer) -> bool {
    answer.status == 303 && answer.header("location").starts_with("/console/sign-in?next=")
}

/// D22: a sign-in by a one-time link.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_signs_in_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let secret = link(&server, limits(None, None)).await;
    let secret = secret.expose_secret();
    let browser = Browser::new(&server);
    // A person may paste the whole link.
    let text = format!("http://127.0.0.1:1/console/#{secret}");
    let fields = [("link", text.as_str()), ("next", "/console/clients")];
    let answer = browser.post("/console/sign-in/link", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/console/clients"), "{answer:?}");
    let set = answer.header("set-cookie").to_owned();
    for part in ["tokend_session=", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    server.keep_secret(cookie(&answer).split_once('=').expect("a value").1);
    let signed_in = Browser { server: &server, cookie: cookie(&answer) };
    let page = signed_in.page("/console/").await;
    assert!(page.contains("operator:ana"), "{page}");
    let again = browser.post("/console/sign-in/link", &[("link", secret)]).await;
    assert_eq!(again.status, 401, "{again:?}");
    assert!(again.text.contains("This link does not work"), "{again:?}");
    assert!(again.header("set-cookie").is_empty());
    // The audit log contains the link and the sign-in, but no secret.
    let events = signed_in.page("/console/audit?action=console").await;
    for word in ["console.link_created", "console.signed_in", "operator:ana", "cli:ana"] {
        assert!(events.contains(word), "{word}: {events}");
    }
    assert!(!events.contains(secret), "{events}");
}

#[tokio::test]
async fn a_link_expires() {
    let server = Server::start(Engine::Sqlite).await;
    let secret = link(&server, limits(None, None)).await;
    server.clock.advance(1_800);
    let fields = [("link", secret.expose_secret())];
    let answer = Browser::new(&server).post("/console/sign-in/link", &fields).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    server.app.purge_expired().await.expect("purged");
}

#[tokio::test]
async fn a_wrong_link_is_like_an_expired_one() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::new(&server);
    let unknown = "a".repeat(43);
    for text in ["", "x", "http://a/console/#", &unknown, "<script>alert(1)</script>"] {
        let answer = browser.post("/console/sign-in/link", &[("link", text)]).await;
        assert_eq!(answer.status, 401, "{text}: {answer:?}");
        assert!(!answer.text.contains("<script>alert"), "{answer:?}");
        let id = answer.header("x-request-id");
        assert!(answer.text.contains(id), "{id}: {answer:?}");
    }
}

/// D22: a sign-in as an administrator client.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_signs_in_by_its_secret(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.administrator(ALL_SCOPES).await;
    let browser = Browser::by_client(&server, &client).await;
    let page = browser.page("/console/clients").await;
    assert!(page.contains(&format!("client:{}", client.id)), "{page}");
    let wrong = TestClient { id: client.id.clone(), secret: format!("{}x", client.secret) };
    for (id, secret) in [(&wrong.id, &wrong.secret), (&"absent".to_owned(), &client.secret)] {
        let client = TestClient { id: id.clone(), secret: secret.clone() };
        let answer = Browser::new(&server).sign_in_as(&client).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.header("www-authenticate").is_empty(), "no dialog of the browser");
        assert!(answer.text.contains(&format!("value=\"{id}\"")), "{answer:?}");
        // The person learns nothing; the operator finds the reason.
        let id = answer.header("x-request-id").to_owned();
        let explained = browser.page(&format!("/console/rejections/{id}")).await;
        assert!(explained.contains("How to fix it"), "{explained}");
    }
}

#[tokio::test]
async fn a_client_that_is_not_an_administrator_does_not_sign_in() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let bound = server
        .new_client(|new| {
            new.grants = vec![grant("urn:tokend", Some("clients:read"))];
            new.security.dpop_bound = true;
        })
        .await;
    let elsewhere = server
        .new_client(|new| {
            new.grants = vec![grant("urn:tokend", Some("clients:read"))];
            new.grants[0].networks = model::security::Networks::parse("192.0.2.0/24").expect("one");
        })
        .await;
    for client in [client, bound, elsewhere] {
        let answer = Browser::new(&server).sign_in_as(&client).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.text.contains("not_an_administrator"), "{answer:?}");
        assert!(answer.header("set-cookie").is_empty());
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_after_twelve_hours() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    server.clock.advance(1_700);
    assert_eq!(browser.get("/console/").await.status, 200);
    server.clock.advance(1_700);
    assert_eq!(browser.get("/console/").await.status, 200, "it was used meanwhile");
    server.clock.advance(1_801);
    assert!(is_signed_out(&browser.get("/console/").await));
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for _ in 0..24 {
        server.clock.advance(HOUR / 2 - 60);
        browser.get("/console/").await;
    }
    server.clock.advance(24 * 60);
    assert!(is_signed_out(&browser.get("/console/").await));
}

#[tokio::test]
async fn a_sign_in_gives_a_new_session_and_ends_the_one_before() {
    let server = Server::start(Engine::Sqlite).await;
    let before = Browser::by_link(&server, limits(None, None)).await;
    let secret = link(&server, limits(None, None)).await;
    let answer = before.post("/console/sign-in/link", &[("link", secret.expose_secret())]).await;
    let after = Browser { server: &server, cookie: cookie(&answer) };
    server.keep_secret(after.cookie.split_once('=').expect("a value").1);
    assert_ne!(before.cookie, after.cookie);
    assert!(is_signed_out(&before.get("/console/").await));
    assert_eq!(after.get("/console/").await.status, 200);
    // An attacker cannot choose the session of another person.
    let chosen = Browser { server: &server, cookie: format!("tokend_session={}", "x".repeat(43)) };
    assert!(is_signed_out(&chosen.get("/console/").await));
    let client = server.administrator("clients:read").await;
    let answer = chosen.sign_in_as(&client).await;
    assert_ne!(cookie(&answer), chosen.cookie);
    server.keep_secret(cookie(&answer).split_once('=').expect("a value").1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_the_rights_that_the_client_has_now(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let services = server.services();
    let scopes = "clients:read resources:read";
    let client = server.administrator(scopes).await;
    let id = client_id(&client.id);
    let browser = Browser::by_client(&server, &client).await;
    assert_eq!(browser.get("/console/resources").await.status, 200);
    let fewer = only("clients:read");
    admin::grant::change(services, &operator(), &id, fewer).await.expect("a grant");
    assert_eq!(browser.get("/console/resources").await.status, 403);
    assert_eq!(browser.get("/console/clients").await.status, 200);
    let revoked = admin::revocation::revoke_tokens(services, &operator(), &id).await;
    revoked.expect("revoked");
    assert!(is_signed_out(&browser.get("/console/").await), "its tokens were revoked");
    server.catch_up().await;
    let browser = Browser::by_client(&server, &client).await;
    let disabled = ClientState::Disabled;
    admin::client::set_state(services, &operator(), &id, disabled, None).await.expect("disabled");
    assert!(is_signed_out(&browser.get("/console/").await));
    admin::client::set_state(services, &operator(), &id, ClientState::Active, None)
        .await
        .expect("enabled");
    assert!(is_signed_out(&browser.get("/console/").await), "it does not come back to life");
}

/// Returns a grant of the server with only these scopes.
fn only(scopes: &str) -> admin::grant::GrantChange {
    let scopes = model::scope::Scopes::parse(scopes).expect("scopes");
    admin::grant::GrantChange {
        resource: model::resource::ResourceId::parse("urn:tokend").expect("one"),
        scopes: admin::grant::ScopeChange::Only(scopes),
        networks: None,
        claims: None,
    }
}

#[tokio::test]
async fn a_session_ends_with_the_secret_that_opened_it() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.administrator("clients:read secrets:write").await;
    let browser = Browser::by_client(&server, &client).await;
    let id = client_id(&client.id);
    let new = admin::secret::NewSecret::default();
    let overlap = model::overlap::Overlap::None;
    let made =
        admin::secret::rotation::rotate(server.services(), &operator(), &id, &new, overlap).await;
    server.keep_secret(made.expect("a secret").plain.expect("a text").expose_secret());
    assert!(is_signed_out(&browser.get("/console/").await));
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let server = Server::start(Engine::Sqlite).await;
    let operator = Browser::by_link(&server, limits(None, None)).await;
    let client = server.administrator("clients:read").await;
    let other = Browser::by_client(&server, &client).await;
    let page = operator.page("/console/sessions").await;
    let ids = between(&page, "/console/sessions/", "/end");
    assert_eq!(ids.len(), 2, "{page}");
    // A client without the right to create administrators sees only its own.
    let own = other.page("/console/sessions").await;
    assert_eq!(between(&own, "/console/sessions/", "/end").len(), 1, "{own}");
    let foreign = ids.iter().find(|id| !own.contains(**id)).expect("the other one");
    let path = format!("/console/sessions/{foreign}/end");
    for path in [path.as_str(), "/console/sessions/ses_none/end"] {
        let answer = other.send(path, &[]).await;
        assert!(answer.header("location").ends_with("done=session-unknown"), "{answer:?}");
    }
    assert_eq!(operator.get("/console/").await.status, 200, "it may not end that one");
    let theirs = ids.iter().find(|id| own.contains(**id)).expect("the own one");
    let answer = operator.send(&format!("/console/sessions/{theirs}/end"), &[]).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(is_signed_out(&other.get("/console/").await));
    let answer = operator.send("/console/sign-out", &[]).await;
    assert_eq!(answer.header("location"), "/console/sign-in");
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{answer:?}");
    assert!(is_signed_out(&operator.get("/console/").await));
}

#[tokio::test]
async fn a_dangerous_action_needs_a_fresh_sign_in() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    server.clock.advance(601);
    let path = format!("/console/clients/{}", client.id);
    let answer = browser.send(&format!("{path}/state"), &[("state", "disabled")]).await;
    let place = answer.header("location").to_owned();
    assert!(place.starts_with("/console/sign-in?next=") && place.ends_with("&fresh=1"), "{place}");
    let page = browser.page(&place).await;
    assert!(page.contains("Sign in again") && page.contains(&path), "{page}");
    let again = Browser::by_link(&server, limits(None, None)).await;
    let answer = again.send(&format!("{path}/state"), &[("state", "disabled")]).await;
    assert_eq!(answer.header("location"), format!("{path}?done=disabled"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_makes_a_link_for_the_server() {
    let server = Server::start(Engine::Sqlite).await;
    let cli = Cli::at(server.place.clone());
    let made: Value = cli.json(&["console", "link", "--owner", "payments"]);
    let members: Vec<_> = made.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["expires_at", "url"]);
    let url = made["url"].as_str().expect("a link");
    assert!(url.contains("/console/#"), "{url}");
    server.catch_up().await;
    let browser = Browser::new(&server);
    let answer = browser.post("/console/sign-in/link", &[("link", url)]).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    server.keep_secret(cookie(&answer).split_once('=').expect("a value").1);
    let signed_in = Browser { server: &server, cookie: cookie(&answer) };
    assert!(signed_in.page("/console/").await.contains("limited to payments"));
}
