//! A session of the console never has more rights than its sign-in proved.

use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::json;
use tokend::admin;
use tokend::admin::client::ClientUpdate;
use tokend::model::client::{AuthenticationMethod, GrantType};
use tokend::secrets::offline;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::browser::console::{Browser, between, limits};
use crate::support::{Answer, Engine, Server, TestClient, client_id, operator};

fn is_signed_out(answer: &Answer) -> bool {
    answer.status == 303 && answer.header("location").starts_with("/console/sign-in?next=")
}

/// Returns a secret that was generated offline and registered through the API for this client.
async fn with_digest(api: &Api<'_>, id: &str) -> (TestClient, String) {
    let secret = offline::generate().expect("a secret");
    let digest = offline::digest_of(secret.expose_secret()).expect("a digest");
    let body = json!({ "secret_digest": digest.to_string() });
    let made = api.call("POST", &format!("/v1/clients/{id}/secrets"), Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let secret_id = made.json()["secret_id"].as_str().expect("an id").to_owned();
    (api.server.known(id, &secret), secret_id)
}

/// A caller with few rights adds a secret to an administrator and signs in with it. When the
/// administrator gets more rights, the secret and the session end.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_gains_no_right_from_a_promotion(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let full = Api::with(&server, ALL_SCOPES).await;
    let helpdesk = Api::with(&server, "clients:read secrets:write").await;
    let robot = server.administrator("clients:read").await;
    let (digest, _) = with_digest(&helpdesk, &robot.id).await;
    let browser = Browser::by_client(&server, &digest).await;
    assert_eq!(browser.get("/console/clients").await.status, 200);
    let path = format!("/v1/clients/{}/grants/urn:tokend", robot.id);
    let body = json!({ "scopes": ["clients:read", "clients:write", "keys:read"] });
    let answer = full.call("PUT", &path, Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(is_signed_out(&browser.get("/console/signing-keys").await));
    assert!(is_signed_out(&browser.get("/console/clients").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_a_secret_of_any_kind() {
    let server = Server::start(Engine::Sqlite).await;
    let full = Api::with(&server, ALL_SCOPES).await;
    let robot = server.administrator("clients:read").await;
    let (digest, secret_id) = with_digest(&full, &robot.id).await;
    let line = json!({
        "client_id": "imported", "client_secret": "guessable-and-imported",
        "grants": [{ "resource": "urn:tokend", "scopes": ["clients:read"] }],
    });
    server.import(&line.to_string()).await;
    let imported = server.known("imported", &"guessable-and-imported".into());
    let known = server.services().store.registration(&client_id("imported")).await;
    let known = known.expect("an answer").expect("the client");
    let secret_of_import = known.secrets[0].secret_id.to_string();
    for (client, secret_id) in [(&digest, secret_id), (&imported, secret_of_import)] {
        let browser = Browser::by_client(&server, client).await;
        assert_eq!(browser.get("/console/clients").await.status, 200);
        let path = format!("/v1/clients/{}/secrets/{secret_id}", client.id);
        let end = json!({ "expires_in_seconds": 0 });
        let answer = full.call("PATCH", &path, Some(end)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(is_signed_out(&browser.get("/console/clients").await), "{}", client.id);
    }
}

/// The memory of an instance follows a change. Until then, a sign-in uses the old state.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_has_just_ended_opens_no_session(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let full = Api::with(&server, ALL_SCOPES).await;
    let robot = server.administrator("clients:read").await;
    let (client, _) = with_digest(&full, &robot.id).await;
    let services = server.services();
    let found = services.store.registration(&client_id(&robot.id)).await.expect("an answer");
    for secret in found.expect("the client").secrets {
        let id = client_id(&robot.id);
        admin::secret::expire(services, &operator(), &id, &secret.secret_id, None)
            .await
            .expect("ended");
    }
    let answer = Browser::new(&server).sign_in_as(&client).await;
    // The status depends on whether the memory has already followed.
    assert!([401, 403].contains(&answer.status), "{answer:?}");
    assert!(answer.header("set-cookie").is_empty(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_client_may_not_request_tokens_by_secret() {
    let server = Server::start(Engine::Sqlite).await;
    let by_key = || ClientUpdate {
        auth_methods: Some(vec![AuthenticationMethod::PrivateKeyJwt]),
        ..ClientUpdate::default()
    };
    let by_assertion = || ClientUpdate {
        grant_types: Some(vec![GrantType::JwtBearer]),
        ..ClientUpdate::default()
    };
    for (update, sign_in) in [(by_key(), 401), (by_assertion(), 403)] {
        let client = server.administrator("clients:read").await;
        let browser = Browser::by_client(&server, &client).await;
        let id = client_id(&client.id);
        let services = server.services();
        admin::client::update(services, &operator(), &id, update).await.expect("a change");
        assert!(is_signed_out(&browser.get("/console/").await));
        server.catch_up().await;
        assert_eq!(Browser::new(&server).sign_in_as(&client).await.status, sign_in);
    }
}

/// The name of an operator comes from its link, so it gives no right over another session.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_only_those_that_have_no_more_rights() {
    let server = Server::start(Engine::Sqlite).await;
    let unlimited = Browser::by_link(&server, limits(None, None)).await;
    let narrow = limits(Some(&["clients:read"]), None);
    let limited = Browser::by_link(&server, narrow.clone()).await;
    let same = Browser::by_link(&server, narrow).await;
    let of_team = Browser::by_link(&server, limits(None, Some(&["payments"]))).await;
    let strong = server.administrator("clients:read keys:write").await;
    let strong = Browser::by_client(&server, &strong).await;
    let weaker = server.administrator("clients:read admins:write").await;
    let weaker = Browser::by_client(&server, &weaker).await;
    let ids = async |browser: &Browser<'_>| {
        let page = browser.page("/console/sessions").await;
        let found = between(&page, "/console/sessions/", "/end").into_iter().map(str::to_owned);
        found.collect::<Vec<_>>()
    };
    let all = ids(&unlimited).await;
    assert_eq!(all.len(), 6, "{all:?}");
    for (browser, count) in [(&limited, 2), (&of_team, 1), (&strong, 1), (&weaker, 3)] {
        let own = ids(browser).await;
        assert_eq!(own.len(), count, "{own:?}");
        for id in all.iter().filter(|id| !own.contains(id)) {
            browser.send(&format!("/console/sessions/{id}/end"), &[]).await;
        }
    }
    for browser in [&unlimited, &limited, &same, &of_team, &strong, &weaker] {
        assert_eq!(browser.get("/console/").await.status, 200);
    }
}

/// Ten minutes after the sign-in, a short overlap and a secret of an administrator need a fresh
/// one.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_an_administrator_and_a_short_overlap_need_a_fresh_sign_in() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let admin = server.administrator("clients:read").await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    server.clock.advance(601);
    let needs_sign_in =
        |answer: &Answer| is_signed_out(answer) && answer.header("location").ends_with("&fresh=1");
    for (client, overlap, is_needed) in [
        (&client, "0s", true),
        (&client, "60s", true),
        (&client, "until_unused:1m,max:7d", true),
        (&admin, "24h", true),
        (&client, "24h", false),
    ] {
        let path = format!("/console/clients/{}", client.id);
        let once = browser.once(&format!("{path}/credentials")).await;
        let fields = [("overlap", overlap), ("lifetime", ""), ("once", once.as_str())];
        let answer = browser.send(&format!("{path}/rotate"), &fields).await;
        assert_eq!(needs_sign_in(&answer), is_needed, "{overlap}: {answer:?}");
        if !is_needed {
            assert_eq!(answer.status, 200, "{answer:?}");
            let secret = between(&answer.text, "<pre id=\"client-secret\"", "</pre>")[0];
            server.keep_secret(secret.rsplit('>').next().expect("a text"));
        }
    }
    let once = browser.once("/console/clients/new").await;
    let fields = [("name", "X"), ("scope", "urn:tokend clients:read"), ("once", once.as_str())];
    let answer = browser.send("/console/clients/new", &fields).await;
    assert!(needs_sign_in(&answer), "{answer:?}");
}

/// The settings belong to the whole server.
#[tokio::test]
async fn an_administrator_of_some_owners_does_not_see_the_settings() {
    let server = Server::start(Engine::Sqlite).await;
    let limited = limits(Some(&["server:read"]), Some(&["payments"]));
    let browser = Browser::by_link(&server, limited).await;
    assert_eq!(browser.get("/console/settings").await.status, 403);
    assert!(!browser.page("/console/").await.contains("/console/settings"));
    let all = Browser::by_link(&server, limits(Some(&["server:read"]), None)).await;
    assert_eq!(all.get("/console/settings").await.status, 200);
    assert!(all.page("/console/").await.contains("/console/settings"));
}
