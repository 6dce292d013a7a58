//! The content that the `ETag` of a client covers. Every answer with a client has the same one.

use rstest::rstest;
use serde_json::json;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, Server, TestClient};

const ACME: &str = "/v1/clients/acme";

async fn acme(api: &Api<'_>) -> (String, TestClient) {
    let made = api.call("POST", "/v1/clients", Some(json!({ "client_id": "acme" }))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    (made.header("etag").to_owned(), of_answer(api, &made))
}

/// Returns the client with the secret of an answer.
fn of_answer(api: &Api<'_>, answer: &Answer) -> TestClient {
    let secret = answer.json()["client_secret"].as_str().expect("a secret").to_owned();
    api.server.keep_secret(&secret);
    TestClient { id: "acme".to_owned(), secret }
}

/// An answer with a client includes its secrets and trusts, so the `ETag` covers them. It does not
/// cover usage, so a client in use can be changed.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_etag_covers_secrets_and_trusts_and_not_their_use(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let (mut last, client) = acme(&api).await;
    assert_eq!(api.call("GET", ACME, None).await.header("etag"), last, "that of the POST");
    server.catch_up().await;
    server.basic(&client.id, &client.secret, &CLIENT_CREDENTIALS).await;
    server.app.write_usage().await.expect("written");
    server.clock.advance(60);
    let used = api.call("GET", ACME, None).await;
    assert!(!used.json()["secrets"][0]["usage"].is_null(), "{}", used.text);
    assert_eq!(used.header("etag"), last, "use");
    let trust = json!({ "issuer": "https://token.actions.githubusercontent.com",
        "audience": "https://auth.example.com", "subject": "repo:acme/api:ref:refs/heads/main",
        "conditions": { "repository_id": "1" } });
    let leak = json!({ "text": client.secret });
    for (path, body) in [
        (format!("{ACME}/secrets"), json!({ "label": "second" })),
        ("/v1/leaks".to_owned(), leak),
        (format!("{ACME}/secrets/rotate"), json!({ "overlap": "1h" })),
        (format!("{ACME}/trusts"), trust),
    ] {
        let changed = api.call("POST", &path, Some(body)).await;
        assert!(changed.status < 300, "{path}: {}", changed.text);
        if changed.json()["client_secret"].is_string() {
            of_answer(&api, &changed);
        }
        let stale = api.call_if("PATCH", ACME, &last, Some(json!({ "name": "X" }))).await;
        assert_eq!(stale.status, 412, "{path}: {}", stale.text);
        let now = api.call("GET", ACME, None).await.header("etag").to_owned();
        assert_ne!(now, last, "{path}");
        last = now;
    }
    let secret = api.call("GET", ACME, None).await.json()["secrets"][0]["secret_id"].clone();
    let path = format!("{ACME}/secrets/{}", secret.as_str().expect("an id"));
    assert_eq!(api.call("DELETE", &path, None).await.status, 204);
    let ended = api.call("GET", ACME, None).await.header("etag").to_owned();
    assert_ne!(ended, last, "an end");
    let patched = api.call_if("PATCH", ACME, &ended, Some(json!({ "name": "X" }))).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(api.call("GET", ACME, None).await.header("etag"), patched.header("etag"));
}

/// `If-None-Match: *` limits a PUT to creation (RFC 9110, section 13.1.2).
#[tokio::test]
async fn if_none_match_limits_a_put_to_creation() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for path in [ACME, "/v1/resources/urn:acme:a"] {
        for status in [201, 412] {
            let answer = api.send("PUT", path, &[("if-none-match", "*")], Some("{}")).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
        }
        let both = [("if-none-match", "*"), ("if-match", "*")];
        assert_eq!(api.send("PUT", path, &both, Some("{}")).await.status, 412, "{path}");
    }
    let deletion = api.send("DELETE", ACME, &[("if-none-match", "*")], None).await;
    assert_eq!(deletion.status, 412, "{}", deletion.text);
}

/// Each answer with secrets states which ones are safe to end.
#[tokio::test]
async fn the_response_to_a_change_includes_the_status_of_secrets() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let made = api.call("POST", "/v1/clients", Some(json!({ "client_id": "acme" }))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let wanted = api.call("GET", ACME, None).await.json()["secrets"].clone();
    assert!(wanted[0]["safe_to_end"].is_object(), "{wanted}");
    let disable = format!("{ACME}/disable");
    for (method, path, body) in [
        ("PATCH", ACME, json!({ "description": "x" })),
        ("PUT", ACME, json!({ "description": "y" })),
        ("POST", &disable, json!({})),
    ] {
        let answer = api.call_if(method, path, "*", Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let secret = &answer.json()["secrets"][0];
        assert!(secret["safe_to_end"].is_object(), "{method} {path}: {secret}");
        assert_eq!(secret["expiring_soon"], wanted[0]["expiring_soon"], "{method} {path}");
    }
}
