//! Public documents: metadata (RFC 8414) and the key set (RFC 7517).

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Server};

const METADATA: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// A shared cache may use its copy for a day while it cannot reach the server.
const CACHED: &str = "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400";

/// RFC 8414, sections 2 and 3.2; D12 (W-07, C-70, C-72, C-73, C-74, C-75, C-76, C-77, C-78,
/// C-79, C-80, C-92, C-104, C-107).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn both_metadata_paths_list_the_same_supported_features(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let base = &server.base;
    let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "spiffe_jwt"];
    // C-77: never none.
    let signatures = ["ES256", "RS256", "PS256", "EdDSA"];
    for path in METADATA {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), CACHED);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(
            answer.json(),
            json!({
                "issuer": base,
                "authorization_endpoint": format!("{base}/v1/oauth/authorize"),
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint": format!("{base}/v1/oauth/token"),
                "introspection_endpoint": format!("{base}/v1/oauth/introspect"),
                "revocation_endpoint": format!("{base}/v1/oauth/revoke"),
                "revocation_list_uri": format!("{base}/v1/oauth/revocations"),
                "check_endpoint": format!("{base}/v1/oauth/check"),
                "jwks_uri": format!("{base}/.well-known/jwks.json"),
                "grant_types_supported": [
                    "client_credentials",
                    "urn:ietf:params:oauth:grant-type:jwt-bearer",
                ],
                "token_endpoint_auth_methods_supported": methods,
                "token_endpoint_auth_signing_alg_values_supported": signatures,
                "introspection_endpoint_auth_methods_supported": methods,
                "introspection_endpoint_auth_signing_alg_values_supported": signatures,
                "revocation_endpoint_auth_methods_supported": methods,
                "revocation_endpoint_auth_signing_alg_values_supported": signatures,
                "dpop_signing_alg_values_supported": signatures,
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            })
        );
    }
    // C-106, SECURITY 20: the content depends on the settings, never on the request.
    let request = server
        .http
        .get(server.url(METADATA[0]))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "https");
    assert_eq!(Answer::of(request).await.json()["issuer"], base.as_str());
}

/// C-105, C-170, C-175: only an operator creates clients, so no client chooses its id or its
/// rights.
#[tokio::test(flavor = "multi_thread")]
async fn no_client_registers_itself() {
    let server = Server::start(Engine::Sqlite).await;
    for path in METADATA {
        let metadata = server.get(path).await.json();
        assert!(metadata.get("registration_endpoint").is_none(), "{metadata}");
    }
    let request = json!({ "client_name": "alice", "grant_types": ["client_credentials"] });
    for path in ["/register", "/v1/oauth/register", "/oauth2/register", "/connect/register"] {
        let asked = server.http.post(server.url(path)).json(&request);
        Answer::of(asked).await.assert_rejected(404, "not_found");
    }
    // The route that creates clients is on the other listener, and needs its right.
    let made = server.http.post(format!("{}/v1/clients", server.management)).json(&request);
    assert_eq!(Answer::of(made).await.status, 401);
    let plain = server.ask(&server.client().await).await.token();
    let made = server.http.post(format!("{}/v1/clients", server.management)).json(&request);
    assert_eq!(Answer::of(made.bearer_auth(plain)).await.status, 401);
}

/// RFC 8414, section 3.1 (C-71): an issuer with a path.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_with_a_path_is_found_where_libraries_look(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let settings =
        [("TOKEND_ISSUER", "{base}/tenant/a"), ("TOKEND_TOKEN_ALIASES", "/token,/tenant/a/token")];
    let server = Server::with(engine, &settings).await;
    let client = server.client().await;
    let issuer = format!("{}/tenant/a", server.base);
    let paths = [
        "/.well-known/oauth-authorization-server/tenant/a",
        "/.well-known/openid-configuration/tenant/a",
        "/tenant/a/.well-known/openid-configuration",
        "/tenant/a/.well-known/oauth-authorization-server",
    ];
    for path in paths {
        let metadata = server.get(path).await.json();
        assert_eq!(metadata["issuer"], issuer.as_str(), "{path}");
        let endpoint = metadata["token_endpoint"].as_str().expect("an endpoint");
        let request = server
            .http
            .post(endpoint)
            .basic_auth(&client.id, Some(&client.secret))
            .form(&CLIENT_CREDENTIALS);
        let token = Answer::of(request).await.token();
        let keys = metadata["jwks_uri"].as_str().expect("keys");
        let keys = Answer::of(server.http.get(keys)).await;
        let keys = tokend::jose::jwt::key_set(&keys.text).expect("a key set");
        let now = server.clock.now();
        let verified = tokend::jose::jwt::verify(&token, &keys, Some(&issuer), now);
        assert_eq!(verified.expect("a valid token").claims.iss, issuer);
    }
}

/// RFC 7517, section 5; RFC 7638; RFC 9110, section 13.1.2 (C-190, C-191).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_is_public_small_and_cacheable(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let path = "/.well-known/jwks.json";
    let answer = server.get(path).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), CACHED);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let set = answer.json();
    let key = set["keys"][0].as_object().expect("a key");
    let members: Vec<_> = key.keys().cloned().collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    // RFC 7638: the thumbprint is computed over these members in this order.
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, key["x"], key["y"]);
    let jwk: Value = json!({"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"]});
    assert_eq!(canonical, jwk.to_string());
    let parsed: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwk).expect("a key");
    let thumbprint =
        parsed.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).expect("a thumbprint");
    assert_eq!(key["kid"], thumbprint.as_str());

    let tag = answer.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 20, "{tag}");
    for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let again =
            Answer::of(server.http.get(server.url(path)).header("if-none-match", &known)).await;
        assert_eq!(
            (again.status, again.text.as_str(), again.header("etag")),
            (304, "", tag.as_str())
        );
    }
    let other = server.http.get(server.url(path)).header("if-none-match", "\"other\"");
    assert_eq!(Answer::of(other).await.status, 200);
    let head = server.http.head(server.url(path));
    assert_eq!(Answer::of(head).await.status, 200);
    let post = Answer::of(server.http.post(server.url(path))).await;
    post.assert_rejected(405, "invalid_request");
    assert_eq!(post.header("allow"), "GET, HEAD, OPTIONS");
}

/// D7 (W-21, C-190, SECURITY 32): a key is published a day before it signs, and kept until its last
/// token has expired.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_hands_over_to_the_next_without_a_gap(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    const DAY: i64 = 86_400;
    let server = Server::start(engine).await;
    let client = server.client().await;
    let kids = async || -> Vec<String> {
        let set = server.get("/.well-known/jwks.json").await.json();
        let keys = set["keys"].as_array().expect("keys");
        keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
    };
    let signs_with = async || {
        let token = server.ask(&client).await.token();
        server.claims(&token).await;
        jsonwebtoken::decode_header(&token).expect("a header").kid.expect("a kid")
    };
    let pass = async |seconds: i64| {
        server.clock.advance(seconds);
        server.catch_up().await;
        tokend::admin::signing_key::rotation::rotate_due_keys(
            &server.app,
            tokend::admin::signing_key::rotation::RotationPolicy::CreateAndRetire,
        )
        .await
        .expect("a rotation");
    };
    let first = kids().await;
    pass(89 * DAY - 60).await;
    assert_eq!(kids().await, first, "the next key came too soon");
    pass(60).await;
    let both = kids().await;
    assert_eq!(both.len(), 2);
    assert_eq!(signs_with().await, first[0], "a key signs before it was published for a day");
    pass(DAY - 1).await;
    assert_eq!(signs_with().await, first[0]);
    let last_token = server.ask(&client).await.token();
    pass(1).await;
    assert_eq!(signs_with().await, both[1]);
    server.claims(&last_token).await;
    // token.lifetime_max and keys.keep_after: 25 hours.
    pass(25 * 3600 - 1).await;
    assert_eq!(kids().await.len(), 2, "a key is gone before its last token is dead");
    pass(1).await;
    assert_eq!(kids().await, both[1..]);
}

/// A change of the server's algorithm publishes the new key before it signs (SECURITY 32).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_algorithm_is_published_before_it_signs(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let settings = [("TOKEND_TOKEN_ALGORITHM", "RS256")];
    let again = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    assert!(
        again
            .services()
            .store
            .resource(&tokend::model::resource::ResourceId::parse(ORDERS).expect("a resource"))
            .await
            .expect("a store")
            .is_some()
    );
    let algorithm = async || {
        let token = again.ask(&client).await.token();
        again.claims(&token).await;
        jsonwebtoken::decode_header(&token).expect("a header").alg
    };
    assert_eq!(
        again.get("/.well-known/jwks.json").await.json()["keys"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(algorithm().await, jsonwebtoken::Algorithm::ES256);
    again.clock.advance(86_400);
    again.catch_up().await;
    assert_eq!(algorithm().await, jsonwebtoken::Algorithm::RS256);
}

/// O-40: the root describes the server, to a browser in a page and to a program in JSON.
#[tokio::test(flavor = "multi_thread")]
async fn the_root_describes_the_server() {
    let server = Server::start(Engine::Sqlite).await;
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = Answer::of(server.http.get(server.url("/")).header("accept", accept)).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{page:?}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.header("x-request-id").starts_with("req_"), "{page:?}");
    for words in [
        format!("href=\"{}/.well-known/oauth-authorization-server\"", server.base),
        format!("{}/v1/oauth/token", server.base),
        "docs/verifying-tokens.md".to_owned(),
    ] {
        assert!(page.text.contains(&words), "no {words} in {}", page.text);
    }
    let described = server.get("/").await;
    assert_eq!(described.status, 200, "{described:?}");
    assert_eq!(described.header("content-type"), "application/json");
    assert_eq!(described.json()["issuer"], server.base);
    for member in ["metadata", "jwks_uri"] {
        let url = described.json()[member].as_str().expect("a URL").to_owned();
        assert_eq!(Answer::of(server.http.get(url)).await.status, 200, "{member}");
    }
    assert_eq!(described.json()["token_endpoint"], format!("{}/v1/oauth/token", server.base));
    for answer in [&page, &described] {
        assert!(!answer.text.contains(&server.management), "{}", answer.text);
    }
    assert!(!page.text.contains("<script") && !page.text.contains("src="), "{}", page.text);
    server.get("/nothing").await.assert_rejected(404, "not_found");
    let elsewhere = server.http.get(server.url("/nothing")).header("accept", accept);
    Answer::of(elsewhere).await.assert_rejected(404, "not_found");
    let posted = server.http.post(server.url("/")).header("accept", accept);
    Answer::of(posted).await.assert_rejected(404, "not_found");
}

/// The management listener does not refer callers to an endpoint of the other listener.
#[tokio::test(flavor = "multi_thread")]
async fn a_404_of_the_management_listener_names_its_own_paths() {
    let server = Server::start(Engine::Sqlite).await;
    let url = format!("{}/nothing", server.management);
    let client = server.administrator("server:read").await;
    let token = server.ask(&client).await.token();
    let answer = Answer::of(server.http.get(&url).bearer_auth(token)).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    assert!(answer.text.contains("/readyz"), "{answer:?}");
    for answer in [answer, Answer::of(server.http.get(&url)).await] {
        assert!(!answer.text.contains("/v1/oauth/token"), "{answer:?}");
    }
}
