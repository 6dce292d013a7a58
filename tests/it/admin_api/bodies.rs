//! Admin API requests without a body.

use serde_json::json;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Engine, ORDERS, Server};

/// `curl -X POST` sends neither a body nor a `Content-Type`, and `curl -d ''` sends an empty form.
#[tokio::test]
async fn a_post_without_a_body_has_the_defaults() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let made = api.send("PUT", "/v1/clients/acme", &[], Some("{}")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let form = [("content-type", "application/x-www-form-urlencoded"), ("content-length", "0")];
    for headers in [&[][..], &form] {
        let added = api.send("POST", "/v1/clients/acme/secrets", headers, None).await;
        assert_eq!(added.status, 201, "{}", added.text);
        server.keep_secret(added.json()["client_secret"].as_str().expect("a secret"));
    }
    let disabled = api.send("POST", "/v1/clients/acme/disable", &[], None).await;
    assert_eq!((disabled.status, &disabled.json()["state"]), (200, &json!("disabled")));

    // A missing member without a default is an error, and a body of another type is not read.
    let rotated = api.send("POST", "/v1/clients/acme/secrets/rotate", &[], None).await;
    assert_eq!(rotated.status, 422, "{}", rotated.text);
    assert!(rotated.text.contains("overlap"), "{}", rotated.text);
    let url = format!("{}/v1/clients/acme/secrets", server.management);
    let form = server.http.post(url).bearer_auth(&api.token).form(&[("label", "a")]);
    assert_eq!(form.send().await.expect("an answer").status(), 415);
}

/// A `PUT` would reset every member, and a `PATCH` would change none: both are mistakes.
#[tokio::test]
async fn a_put_and_a_patch_need_a_body() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let claims = r#"{"claims":{"tenant":"acme"}}"#;
    let made = api.send("PUT", "/v1/clients/acme", &[], Some(claims)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    for method in ["PUT", "PATCH"] {
        let answer = api.send(method, "/v1/clients/acme", &[("if-match", "*")], None).await;
        assert_eq!(answer.status, 415, "{method}: {}", answer.text);
    }
    let client = api.call("GET", "/v1/clients/acme", None).await.json();
    assert_eq!(client["claims"], json!({ "tenant": "acme" }));
}

/// RFC 7396: `null` is the default of a member.
#[tokio::test]
async fn null_in_a_patch_of_a_grant_is_the_default() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let grant = json!({
        "resource": ORDERS, "scopes": ["orders:read"],
        "networks": ["10.0.0.0/8"], "claims": { "tenant": "acme" },
    });
    let client = json!({ "client_id": "acme", "name": "Acme", "grants": [grant] });
    let made = api.call("POST", "/v1/clients", Some(client)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = "/v1/clients/acme/grants/https%3A%2F%2Forders.example.com";
    for (patch, member, value) in [
        (json!({}), "networks", json!(["10.0.0.0/8"])),
        (json!({ "networks": null }), "networks", json!([])),
        (json!({ "claims": { "tenant": null, "zone": 1 } }), "claims", json!({ "zone": 1 })),
        (json!({ "claims": null }), "claims", json!({})),
        (json!({ "scopes": null }), "scopes", json!(null)),
    ] {
        let answer = api.call("PATCH", path, Some(patch.clone())).await;
        assert_eq!(answer.status, 200, "{patch}: {}", answer.text);
        assert_eq!(answer.json()[member], value, "{patch}: {}", answer.text);
    }
}
