//! The admin API: keys, trusts, tokens, signing keys and rejections.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::signing_key::Algorithm;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::keys::KeyPair;
use crate::support::{Answer, Engine, ORDERS, Server, grant};

const ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

/// The key of RFC 8410, section 10.1, as above.
fn jwk() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE" })
}

fn code(answer: &Answer) -> Value {
    answer.json()["code"].clone()
}

#[rstest]
#[tokio::test]
async fn keys_are_added_listed_and_removed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, "clients:read secrets:write").await;
    let client = server.client().await;
    let path = format!("/v1/clients/{}/keys", client.id);
    let added = api.call("POST", &path, Some(json!({ "pem": ED25519 }))).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let kid = added.json()["data"][0]["kid"].as_str().expect("a kid").to_owned();
    let listed = api.call("GET", &path, None).await.json();
    assert_eq!(listed["data"][0]["thumbprint"], kid);
    assert_eq!(listed["data"][0]["algorithms"], "EdDSA");
    assert_eq!(listed["data"][0]["jwk"]["x"], jwk()["x"]);
    assert_eq!((&listed["jwks_uri"], &listed["next_cursor"]), (&Value::Null, &Value::Null));
    let remote = json!({ "jwks_uri": "https://acme.example/keys" });
    let answer = api.call("POST", &path, Some(remote.clone())).await;
    assert_eq!((answer.status, code(&answer)), (409, json!("key_source_conflict")));
    assert_eq!(api.call("DELETE", &format!("{path}/{kid}"), None).await.status, 204);
    assert_eq!(api.call("DELETE", &format!("{path}/{kid}"), None).await.status, 404);
    // A key without a kid is removed by its thumbprint.
    let added = api.call("POST", &path, Some(json!({ "jwk": jwk() }))).await;
    assert_eq!(added.json()["data"][0]["kid"], Value::Null, "{}", added.text);
    assert_eq!(api.call("DELETE", &format!("{path}/{kid}"), None).await.status, 204);
    let added = api.call("POST", &path, Some(remote)).await.json();
    assert_eq!(
        (&added["jwks_uri"], &added["data"]),
        (&json!("https://acme.example/keys"), &json!([]))
    );
    assert_eq!(api.call("DELETE", &path, None).await.status, 204);
    assert_eq!(api.call("GET", &path, None).await.json()["jwks_uri"], Value::Null);
    for body in [
        json!({}),
        json!({ "jwk": jwk(), "pem": ED25519 }),
        json!({ "pem": "nothing" }),
        json!({ "jwk": "text" }),
        json!({ "jwk": { "kty": "oct", "k": "AAAA" } }),
        json!({ "jwks_uri": "http://acme.example/keys" }),
    ] {
        let answer = api.call("POST", &path, Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
    }
}

#[rstest]
#[tokio::test]
async fn trusts_are_made_listed_and_removed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, "clients:read secrets:write").await;
    let client = server.client().await;
    let path = format!("/v1/clients/{}/trusts", client.id);
    let in_issuer = json!({
        "issuer": "https://token.actions.githubusercontent.com",
        "conditions": { "repository_id": "1234" }, "subject": "repo:acme/api:ref:refs/heads/main",
    });
    let made = api.call("POST", &path, Some(in_issuer)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["conditions"]["repository_id"], "1234");
    assert_eq!(made.json()["audience"], server.base);
    let in_domain = json!({
        "trust_domain": "acme.example", "bundle_endpoint": "https://acme.example/bundle",
        "subject": "spiffe://acme.example/ns/*",
    });
    let spiffe = api.call("POST", &path, Some(in_domain)).await;
    assert_eq!(spiffe.status, 201, "{}", spiffe.text);
    let listed = api.call("GET", &path, None).await.json();
    assert_eq!(listed["data"], json!([made.json(), spiffe.json()]));
    for trust in [&made, &spiffe] {
        let id = trust.json()["trust_id"].as_str().expect("an id").to_owned();
        assert_eq!(api.call("DELETE", &format!("{path}/{id}"), None).await.status, 204);
        assert_eq!(api.call("DELETE", &format!("{path}/{id}"), None).await.status, 404);
    }
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "issuer": "https://a.example" }), "/conditions"),
        (json!({ "issuer": "https://a.example", "trust_domain": "a.example" }), ""),
        (json!({ "issuer": "https://a.example", "bundle_endpoint": "x" }), "/bundle_endpoint"),
        (json!({ "issuer": "a b", "subject": "x" }), "/issuer"),
        (json!({ "issuer": "https://a.example", "conditions": { "a/b": "" } }), "/conditions/a~1b"),
        (json!({ "trust_domain": "acme.example", "subject": "x" }), "/bundle_endpoint"),
        (
            json!({ "trust_domain": "acme.example", "bundle_endpoint": "https://a.example",
                    "subject": "spiffe://evil.example/a" }),
            "/subject",
        ),
    ] {
        let answer = api.call("POST", &path, Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}: {}", answer.text);
    }
}

#[rstest]
#[tokio::test]
async fn a_token_is_issued_verified_and_revoked(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let client = server.client().await;
    let body = json!({ "client_id": client.id, "resource": ORDERS, "scopes": ["orders:read"] });
    let issued = api.call("POST", "/v1/tokens", Some(body)).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    assert_eq!(
        (&issued.json()["scope"], &issued.json()["resource"]),
        (&json!("orders:read"), &json!(ORDERS))
    );
    let token = issued.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(server.claims(&token).await["client_id"], client.id);
    let event = &api.call("GET", "/v1/audit-events?limit=1", None).await.json()["data"][0];
    assert_eq!(event["action"], "token.issued_by_operator");
    assert_eq!(event["actor"], format!("client:{}", api.administrator.id));
    let text = json!({ "token": token });
    let inspected = api.call("POST", "/v1/tokens/inspect", Some(text.clone())).await.json();
    assert_eq!(inspected["claims"]["client_id"], client.id);
    assert_eq!(inspected["header"]["typ"], "at+jwt");
    let verify = || api.call("POST", "/v1/tokens/verify", Some(text.clone()));
    let verified = verify().await.json();
    assert_eq!((&verified["valid"], &verified["claims"]["aud"]), (&json!(true), &json!(ORDERS)));
    let forged = json!({ "token": format!("{token}x") });
    for path in ["/v1/tokens/verify", "/v1/tokens/revoke"] {
        let answer = api.call("POST", path, Some(forged.clone())).await;
        let shown = answer.json();
        assert!(shown["valid"] == json!(false) || shown["code"] == "token_invalid", "{shown}");
    }
    let revoked = api.call("POST", "/v1/tokens/revoke", Some(text.clone())).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    let verified = verify().await.json();
    let reason = "it has been revoked";
    assert_eq!(verified, json!({ "valid": false, "code": "revoked", "reason": reason }));
    assert!(!server.is_active(&api.administrator, &token).await);
}

/// A jti alone does not reveal when the token expires, so its revocation outlasts every token.
#[tokio::test]
async fn a_revocation_by_jti_needs_rights_over_the_client_and_is_kept() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "tokens:revoke introspect").await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    let jti = server.claims(&token).await["jti"].clone();
    for body in [
        json!({}),
        json!({ "jti": jti }),
        json!({ "jti": jti, "token": token, "client_id": client.id }),
        json!({ "jti": jti, "client_id": client.id, "expires_at": "2020-01-01T00:00:00Z" }),
        json!({ "jti": "short", "client_id": client.id }),
    ] {
        let answer = api.call("POST", "/v1/tokens/revoke", Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
    }
    assert!(server.is_active(&api.administrator, &token).await);
    let stronger = Api::with(&server, ALL_SCOPES).await;
    let own = stronger.token.clone();
    for body in
        [json!({ "token": own }), json!({ "jti": jti, "client_id": stronger.administrator.id })]
    {
        let answer = api.call("POST", "/v1/tokens/revoke", Some(body)).await;
        assert_eq!((answer.status, code(&answer)), (403, json!("client_more_powerful")));
    }
    let body = json!({ "jti": jti, "client_id": client.id });
    let revoked = api.call("POST", "/v1/tokens/revoke", Some(body)).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    assert!(!server.is_active(&api.administrator, &token).await);
    let longest = server.services().config.token.lifetime_max;
    let kept_until = server.clock.now().plus(longest).to_string();
    assert_eq!(revoked.json()["kept_until"], kept_until);
    assert_eq!(stronger.call("GET", "/v1/clients", None).await.status, 200);
}

/// Neither a token for this server is issued, nor one of a client with more rights.
#[tokio::test]
async fn issuing_a_token_gives_no_rights() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "tokens:issue clients:read").await;
    let only_server = server.administrator("clients:read").await;
    for body in [
        json!({ "client_id": only_server.id }),
        json!({ "client_id": only_server.id, "resource": "urn:tokend" }),
        json!({ "client_id": only_server.id, "scopes": ["clients:read"] }),
        json!({ "client_id": api.administrator.id, "resource": "urn:tokend" }),
    ] {
        let answer = api.call("POST", "/v1/tokens", Some(body.clone())).await;
        assert_eq!((answer.status, code(&answer)), (422, json!("token_for_server")), "{body}");
        assert!(!answer.text.contains("access_token"), "{}", answer.text);
    }
    let stronger = server
        .new_client(|new| {
            new.grants = vec![grant(ORDERS, None), grant("urn:tokend", Some("secrets:write"))];
        })
        .await;
    let body = json!({ "client_id": stronger.id, "resource": ORDERS });
    let answer = api.call("POST", "/v1/tokens", Some(body)).await;
    assert_eq!((answer.status, code(&answer)), (403, json!("client_more_powerful")));
    let client = server.client().await;
    for (body, wanted) in [
        (json!({ "client_id": "absent" }), "client_not_found"),
        (json!({ "client_id": client.id, "resource": "urn:other" }), "token_refused"),
        (json!({ "client_id": client.id, "scopes": ["orders:none"] }), "token_refused"),
        (json!({ "client_id": client.id, "scopes": [] }), "invalid_value"),
    ] {
        let answer = api.call("POST", "/v1/tokens", Some(body.clone())).await;
        assert_eq!(code(&answer), wanted, "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn signing_keys_are_shown_without_their_private_half() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "keys:read").await;
    let listed = api.call("GET", "/v1/signing-keys", None).await;
    let key = &listed.json()["data"][0];
    assert_eq!((&key["state"], &key["algorithm"]), (&json!("signing"), &json!("ES256")));
    assert_eq!(key["public_jwk"]["kid"], key["kid"]);
    assert!(key["public_jwk"].get("d").is_none() && !listed.text.contains("sealed"), "{key}");
    let kid = key["kid"].as_str().expect("a kid");
    let shown = api.call("GET", &format!("/v1/signing-keys/{kid}"), None).await.json();
    assert_eq!(&shown, key);
}

/// A remedy is plain text, not JSON in a string.
#[tokio::test]
async fn the_remedy_of_a_rejection_is_a_text() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "clients:read clients:write").await;
    let client = server.client().await;
    let disabled = api.call("POST", &format!("/v1/clients/{}/disable", client.id), None).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    let rejected = server.ask(&client).await;
    let id = rejected.header("x-request-id");
    let shown = api.call("GET", &format!("/v1/rejections/{id}"), None).await.json();
    let list = api.call("GET", "/v1/rejections", None).await.json();
    for found in [&shown, &list["data"][0]] {
        let remedy = found["remedy"].as_str().expect("a remedy");
        assert!(remedy.starts_with("Why: tokend audit list --subject"), "{remedy}");
        assert!(remedy.contains(&format!("tokend client enable {}", client.id)), "{remedy}");
    }
}

#[rstest]
#[tokio::test]
async fn a_rejection_is_explained_at_once_and_listed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, "clients:read").await;
    let client = server.client().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let answer = server.ask_for(&client, &[("scope", "orders:none")]).await;
        ids.push(answer.header("x-request-id").to_owned());
    }
    let shown = api.call("GET", &format!("/v1/rejections/{}", ids[0]), None).await.json();
    assert_eq!(
        (&shown["client_id"], &shown["error"]),
        (&json!(client.id), &json!("invalid_scope"))
    );
    assert_eq!((&shown["secret_of"], &shown["named_like"]), (&json!([]), &json!([])));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/rejections?limit=2&client_id={}{cursor}", client.id);
        let page = api.call("GET", &path, None).await.json();
        let ids = page["data"].as_array().expect("a list").iter();
        seen.extend(ids.map(|found| found["request_id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
    let none = api.call("GET", "/v1/rejections?reason=invalid_client", None).await.json();
    assert_eq!(none["data"], json!([]));
}

/// A long audit log is verified in parts.
#[tokio::test]
async fn the_audit_log_is_verified_in_parts() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "audit:read").await;
    let whole = api.call("GET", "/v1/audit-events/verify", None).await.json();
    assert_eq!((&whole["is_intact"], &whole["next_cursor"]), (&json!(true), &Value::Null));
    let (mut parts, mut cursor) = (0, String::new());
    let end = loop {
        let path = format!("/v1/audit-events/verify?limit=2{cursor}");
        let part = api.call("GET", &path, None).await.json();
        assert_eq!(part["is_intact"], true, "{part}");
        parts += 1;
        match part["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break part["verified_until"].clone(),
        }
    };
    assert_eq!(end, whole["verified_until"]);
    assert!(parts > 1, "{parts}");
    // An event that was rewritten after the cursor was noted is detected by its hash.
    let hash = "A".repeat(43);
    let path = format!("/v1/audit-events/verify?cursor=1:{hash}");
    let part = api.call("GET", &path, None).await.json();
    assert_eq!((&part["is_intact"], &part["broken_at"]), (&json!(false), &json!(2)));
    for query in ["limit=0", "limit=100001", "cursor=1"] {
        let answer = api.call("GET", &format!("/v1/audit-events/verify?{query}"), None).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
    }
}

/// One verification runs at a time, so that callers cannot keep the database busy.
#[tokio::test]
async fn a_concurrent_verification_of_the_log_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "audit:read").await;
    let running = server.app.log_verification.try_acquire().expect("the place");
    let answer = api.call("GET", "/v1/audit-events/verify", None).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"), "{}", answer.text);
    assert_eq!(answer.json()["code"], "verification_in_progress");
    drop(running);
    for _ in 0..2 {
        assert_eq!(api.call("GET", "/v1/audit-events/verify", None).await.status, 200);
    }
}

/// A key that was registered over the API authenticates the client.
#[tokio::test]
async fn a_registered_key_authenticates() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "secrets:write").await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let set = json!({ "keys": [key.jwk] });
    let path = format!("/v1/clients/{}/keys", client.id);
    let added = api.call("POST", &path, Some(json!({ "jwks": set }))).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let now = server.clock.now().0;
    let assertion = key.sign(&json!({
        "iss": client.id, "sub": client.id, "aud": server.base, "jti": "a", "exp": now + 60,
    }));
    let body = form_urlencoded(&assertion, &client.id);
    assert_eq!(server.form(&body).await.status, 200);
}

fn form_urlencoded(assertion: &str, id: &str) -> String {
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    format!(
        "grant_type=client_credentials&client_id={id}&client_assertion_type={kind}&client_assertion={assertion}"
    )
}
