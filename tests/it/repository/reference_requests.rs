//! The requests of the five reference documents, unchanged.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;

use crate::support::{Answer, Engine, ORDERS, Server, raw};

/// Documents 000 and 001 (T-01, T-03): JSON, first with the comma of the printed sample, then
/// without.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_json_sample_works_once_its_comma_is_gone(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let printed = format!(
        "{{\n    \"client_id\": \"{}\",\n    \"client_secret\": \"{}\",\n    \"grant_type\": \"client_credentials\",\n}}",
        client.id, client.secret
    );
    let answer = server.json(&printed).await;
    answer.assert_rejected(400, "invalid_request");
    assert_eq!(
        answer.description(),
        "The JSON body has a trailing comma at line 4, column 39: remove it."
    );
    let answer = server.json(&printed.replace("\",\n}", "\"\n}")).await;
    let claims = server.claims(&answer.token()).await;
    assert_eq!(claims["sub"], client.id.as_str());
    assert_eq!(answer.json()["token_type"], "Bearer");
    assert_eq!(answer.json()["expires_in"].as_i64(), Some(3600));
}

/// Document 002 (N-01, N-02, N-05): Basic without form-encoding, a form, two scopes, `/token`.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_node_client_gets_both_its_scopes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.resource("https://api.example.com", &["api.read", "api.write"]).await;
    let client = server
        .new_client(|new| new.grants = vec![crate::support::grant("https://api.example.com", None)])
        .await;
    let request = server
        .http
        .post(server.url("/token"))
        .basic_auth(&client.id, Some(&client.secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&scope=api.read+api.write");
    let answer = Answer::of(request).await;
    assert_eq!(answer.json()["scope"], "api.read api.write");
    assert!(answer.json()["expires_in"].is_i64() && answer.json()["access_token"].is_string());
}

/// Document 003 (G-01, G-03, G-05): the raw request, with id and secret in the form.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_raw_request_of_the_guide_works(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    for (secret, status) in [(client.secret.as_str(), 200), ("CLIENT_SECRET", 401)] {
        let body =
            format!("grant_type=client_credentials&client_id={}&client_secret={secret}", client.id);
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: authorization-server.com\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = raw::exchange(&server, request.as_bytes()).await.expect("an answer");
        assert_eq!(raw::status(&answer), status, "{answer}");
        assert_eq!(raw::body(&answer).contains("access_token"), status == 200, "{answer}");
    }
}

/// Document 004 (K-01, K-06, K-07, K-13): an id and a secret of another system, Basic, and only the
/// grant type.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_curl_of_the_platform_works_with_its_own_id_and_secret(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let secret = "tfSl0c6_-bcdefghijklmnopqrstuvwx";
    let line = format!(
        r#"{{"client_id":"7590139168389961","client_secret":"{secret}","grants":[{{"resource":"{ORDERS}"}}]}}"#
    );
    server.import(&line).await;
    server.keep_secret(secret);
    let output = curl(&server, secret);
    let body: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    let claims = server.claims(body["access_token"].as_str().expect("a token")).await;
    assert_eq!(claims["sub"], "7590139168389961");
}

/// Runs curl with the options of the document.
fn curl(server: &Server, secret: &str) -> String {
    let header = BASE64_STANDARD.encode(format!("7590139168389961:{secret}"));
    // The beginning of the header that the document prints.
    assert!(header.starts_with("NzU5MDEzOTE2ODM4OTk2MTp0ZlNsMGM2"), "{header}");
    let output = std::process::Command::new("curl")
        .args(["-sS", "--location", "--request", "POST", &server.url("/sc/oauth2/token")])
        .args(["--header", &format!("Authorization: Basic {header}")])
        .args(["--header", "Content-Type: application/x-www-form-urlencoded"])
        .args(["--data-urlencode", "grant_type=client_credentials"])
        .output()
        .expect("curl");
    String::from_utf8(output.stdout).expect("text")
}
