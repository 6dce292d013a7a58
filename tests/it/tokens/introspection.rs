//! Introspection (RFC 7662): the state of a token, for authorized callers.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::{client, revocation};
use tokend::model::client::{ClientId, ClientState};

use crate::support::{Answer, Engine, INVOICES, ORDERS, Server, TestClient, grant, operator};

const INTROSPECT: &str = "/v1/oauth/introspect";

async fn introspect(server: &Server, caller: &TestClient, token: &str) -> Answer {
    server.post(INTROSPECT, caller, &[("token", token)]).await
}

async fn granted(server: &Server, resource: &str, scopes: Option<&str>) -> TestClient {
    server.new_client(|new| new.grants = vec![grant(resource, scopes)]).await
}

/// C-110, C-113: all claims of the token; a wrong hint has no effect.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_learns_all_about_its_own_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    let mut expected = server.claims(&token).await;
    expected["active"] = json!(true);
    expected["token_type"] = json!("Bearer");
    for hint in [None, Some("access_token"), Some("refresh_token"), Some("nonsense")] {
        let mut form = vec![("token", token.as_str())];
        form.extend(hint.map(|hint| ("token_type_hint", hint)));
        let answer = server.post(INTROSPECT, &client, &form).await;
        assert_eq!((answer.status, answer.json()), (200, expected.clone()));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let body = json!({ "client_id": client.id, "client_secret": client.secret, "token": token });
    let answer = Answer::of(server.http.post(server.url(INTROSPECT)).json(&body)).await;
    assert_eq!(answer.json(), expected, "JSON works as a form does");
}

/// C-111, C-112, C-115: a client with the introspection scope of the audience or the server is
/// accepted, and no other caller.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_holder_of_the_scope_on_the_audience_or_the_server_may_introspect(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.resource(INVOICES, &["invoices:read", "introspect"]).await;
    let client = granted(&server, INVOICES, Some("invoices:read")).await;
    let token = server.ask(&client).await.token();
    let reads = granted(&server, INVOICES, Some("introspect")).await;
    let all = granted(&server, INVOICES, None).await;
    let server_wide = granted(&server, "urn:tokend", Some("introspect")).await;
    for knows in [&client, &reads, &all, &server_wide] {
        assert!(server.is_active(knows, &token).await, "{}", knows.id);
    }
    let same_resource = granted(&server, INVOICES, Some("invoices:read")).await;
    let other = granted(&server, ORDERS, None).await;
    for stranger in [&same_resource, &other] {
        assert!(!server.is_active(stranger, &token).await, "{}", stranger.id);
    }
    let orders = server.ask(&other).await.token();
    assert!(!server.is_active(&reads, &orders).await, "another audience");
    assert!(server.is_active(&server_wide, &orders).await);
}

/// C-110, C-111, C-114, SECURITY 14: the caller must authenticate, and the request must be valid.
#[tokio::test(flavor = "multi_thread")]
async fn an_unauthenticated_caller_gets_invalid_client() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    let stranger = TestClient { secret: "wrong".to_owned(), ..client.clone() };
    let answer = introspect(&server, &stranger, &token).await;
    answer.assert_rejected(401, "invalid_client");
    assert!(answer.header("www-authenticate").starts_with("Basic "));
    let form = [("token", token.as_str())];
    let nobody = Answer::of(server.http.post(server.url(INTROSPECT)).form(&form)).await;
    nobody.assert_rejected(401, "invalid_client");
    server.post(INTROSPECT, &client, &[]).await.assert_rejected(400, "invalid_request");
    server
        .post(INTROSPECT, &client, &[("token", "")])
        .await
        .assert_rejected(400, "invalid_request");
    let twice = [("token", "a"), ("token", "b")];
    server.post(INTROSPECT, &client, &twice).await.assert_rejected(400, "invalid_request");
    let in_url = format!("{INTROSPECT}?token={token}");
    server.post(&in_url, &client, &form).await.assert_rejected(400, "invalid_request");
    assert_eq!(server.get(INTROSPECT).await.status, 405);
}

/// C-112, C-115, SECURITY 13: unknown, expired, forged, external and revoked tokens, and those of a
/// disabled or deleted client.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_token_is_inactive_without_other_members(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let other_server = Server::start(Engine::Sqlite).await;
    let watcher = granted(&server, "urn:tokend", Some("introspect")).await;
    let client = server.client().await;
    let id = ClientId::parse(&client.id).expect("an id");
    let token = server.ask(&client).await.token();
    let foreign = other_server.ask(&other_server.client().await).await.token();
    let (head, signature) = token.rsplit_once('.').expect("a JWS");
    let swapped: String = signature.chars().rev().collect();
    let (header, payload) = head.split_once('.').expect("a JWS");
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{payload}.");
    let forged = [
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        format!("{head}.{swapped}"),
        format!("{header}.{payload}x.{signature}"),
        format!("{head}."),
        unsigned,
        foreign,
        "\u{0}".to_owned(),
        "x".repeat(60_000),
    ];
    for token in &forged {
        assert!(!server.is_active(&watcher, token).await, "{token:.80}");
    }
    assert!(server.is_active(&watcher, &token).await);

    let (services, actor) = (server.services(), operator());
    let set = |state| client::set_state(services, &actor, &id, state, None);
    set(ClientState::Disabled).await.expect("disabled");
    server.catch_up().await;
    assert!(!server.is_active(&watcher, &token).await, "disabled");
    set(ClientState::Active).await.expect("enabled");
    server.catch_up().await;
    assert!(!server.is_active(&watcher, &token).await, "dead is dead, as offline verifiers know");
    server.clock.advance(1);
    let second = server.ask(&client).await.token();
    assert!(server.is_active(&watcher, &second).await);
    revocation::revoke_tokens(services, &actor, &id).await.expect("revoked");
    server.catch_up().await;
    assert!(!server.is_active(&watcher, &second).await, "revoked");
    server.clock.advance(1);
    let third = server.ask(&client).await.token();
    client::delete(services, &actor, &id).await.expect("deleted");
    server.catch_up().await;
    assert!(!server.is_active(&watcher, &third).await, "deleted");

    let fourth = server.ask(&watcher).await.token();
    assert!(server.is_active(&watcher, &fourth).await);
    server.clock.advance(3600);
    server.catch_up().await;
    assert!(!server.is_active(&watcher, &fourth).await, "expired");
}

/// The built-in resource always exists, and cannot be deleted.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_itself_is_a_resource_that_stays() {
    let server = Server::start(Engine::Sqlite).await;
    let id = tokend::model::resource::ResourceId::parse("urn:tokend").expect("a resource");
    let refused = tokend::admin::resource::delete(server.services(), &operator(), &id).await;
    assert!(refused.is_err());
    let metadata: Value = server.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["introspection_endpoint"], server.url(INTROSPECT));
    assert_eq!(metadata["revocation_endpoint"], server.url("/v1/oauth/revoke"));
}
