//! Token requests: methods, content types, bodies, parameters.

use rstest::rstest;

use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, Server};

const GRANT: &str = "grant_type=client_credentials";

/// RFC 6749, sections 3.2, 4.4.3 and 5.1 (T-01, T-17, N-01, N-03, G-01, K-01, K-17, C-15, C-26,
/// C-27, C-28, C-29, C-30, C-56, SECURITY 6).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_form_and_a_json_object_get_the_same_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let (id, secret) = (&client.id, &client.secret);
    let json = format!(
        r#"{{"client_id":"{id}","client_secret":"{secret}","grant_type":"client_credentials","scope":"offline_access orders:read"}}"#
    );
    // C-26: a refresh token is never issued; an unknown scope is rejected as a whole.
    server.json(&json).await.assert_rejected(400, "invalid_scope");
    let answers = [
        server.ask(&client).await,
        server.form(&format!("{GRANT}&client_id={id}&client_secret={secret}")).await,
        server.json(&json.replace("offline_access orders:read", "orders:write orders:read")).await,
        // T-02: unknown members and parameters are ignored, with any value.
        server
            .json(
                &json.replace(
                    r#""scope":"offline_access orders:read""#,
                    r#""x":{"y":[1]},"z":null"#,
                ),
            )
            .await,
        server.ask_for(&client, &[("foo", "bar"), ("response_type", "code")]).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("pragma"), "no-cache");
        assert_eq!(answer.header("etag"), "");
        assert_eq!(answer.header("set-cookie"), "");
        let body = answer.json();
        let members: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"].as_i64(), Some(3600));
        assert_eq!(body["scope"], "orders:read orders:write");
    }
}

/// T-09, N-08, D10: the content type decides, in any case and with or without a charset.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_content_type_decides_how_a_body_is_read(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let form = format!("{GRANT}&client_id={}&client_secret={}", client.id, client.secret);
    let send = |content_type: &'static str| {
        let request = server.http.post(server.token_url()).body(form.clone());
        Answer::of(request.header("content-type", content_type))
    };
    for content_type in [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded;CHARSET=\"utf-8\"",
    ] {
        assert_eq!(send(content_type).await.status, 200, "{content_type}");
    }
    for content_type in ["text/plain", "application/json; charset=utf-16", "application/xml"] {
        send(content_type).await.assert_rejected(415, "invalid_request");
    }
    let refused = send("application/json").await;
    refused.assert_rejected(400, "invalid_request");
    assert!(refused.description().contains("The body is a form"), "{refused:?}");
    let without = Answer::of(server.http.post(server.token_url()).body(form.clone())).await;
    without.assert_rejected(415, "invalid_request");
}

/// RFC 6749, section 3.2 (T-12, C-13, C-55, C-193, SECURITY 30): only POST, and no CORS.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_post_is_taken(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = Answer::of(server.http.request(method, server.token_url())).await;
        answer.assert_rejected(405, "invalid_request");
        assert_eq!(answer.header("allow"), "POST, OPTIONS");
    }
    let options = server
        .http
        .request(reqwest::Method::OPTIONS, server.token_url())
        .header("origin", "https://browser.example")
        .header("access-control-request-method", "POST");
    let answer = Answer::of(options).await;
    assert_eq!((answer.status, answer.header("allow")), (204, "POST, OPTIONS"));
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

/// D10, N-09, C-17: aliases, a trailing slash and a query without a meaning are accepted, without a
/// redirect.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_has_several_paths_and_no_redirect(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_TOKEN_ALIASES", "/token,/token,/a/b")]).await;
    let client = server.client().await;
    for path in [
        "/v1/oauth/token",
        "/v1/oauth/token/",
        "/token",
        "/token/",
        "/a/b",
        "/a/b/",
        "/v1/oauth/token?tenant=1",
    ] {
        let request = server
            .http
            .post(server.url(path))
            .basic_auth(&client.id, Some(&client.secret))
            .form(&CLIENT_CREDENTIALS);
        assert_eq!(Answer::of(request).await.status, 200, "{path}");
    }
    for path in ["/oauth2/token", "/v1/oauth", "/V1/OAUTH/TOKEN"] {
        let answer = Answer::of(server.http.post(server.url(path))).await;
        answer.assert_rejected(404, "not_found");
    }
}

/// RFC 6749, sections 2.3.1 and 3.2 (C-05, C-51, C-59, SECURITY 4): credentials are never accepted
/// in the URL.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_the_url_are_rejected_and_not_logged(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let queries = [
        format!("client_id={}&client_secret={}", client.id, client.secret),
        format!("client_secret={}", client.secret),
        format!("client%5Fsecret={}", client.secret),
        "client_assertion=eyJ".to_owned(),
    ];
    for query in queries {
        let request = server
            .http
            .post(format!("{}?{query}", server.token_url()))
            .basic_auth(&client.id, Some(&client.secret))
            .form(&CLIENT_CREDENTIALS);
        let answer = Answer::of(request).await;
        answer.assert_rejected(400, "invalid_request");
        assert!(answer.description().contains("must not be in the URL"), "{answer:?}");
    }
}

/// RFC 6749, sections 3.2 and 4.4.2 (T-07, T-08, T-10, T-11, C-14, C-16, C-25, C-37, C-38, C-54,
/// C-33, C-102, C-181, W-26, W-41, W-43, SECURITY 2).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_is_answered_with_its_problem(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let credentials = format!("client_id={}&client_secret={}", client.id, client.secret);
    let forms = [
        (credentials.clone(), "invalid_request", "'grant_type' is missing"),
        (format!("{credentials}&grant_type="), "invalid_request", "'grant_type' is missing"),
        (
            format!("{credentials}&grant_type=password"),
            "unsupported_grant_type",
            "'password' is not offered",
        ),
        (
            format!("{credentials}&grant_type=urn:ietf:params:oauth:grant-type:token-exchange"),
            "unsupported_grant_type",
            "not offered",
        ),
        (
            format!("{credentials}&grant_type=CLIENT_CREDENTIALS"),
            "unsupported_grant_type",
            "not offered",
        ),
        // Rejected before the client is looked up.
        (
            "grant_type=refresh_token&client_id=nobody&client_secret=x".into(),
            "unsupported_grant_type",
            "not offered",
        ),
        // O-34: parameter names of other libraries and languages.
        (
            format!("{credentials}&granttype=client_credentials"),
            "invalid_request",
            "'granttype' is not a parameter: names are written with underscores",
        ),
        (
            format!("{GRANT}&clientId=a&client_secret={}", client.secret),
            "invalid_request",
            "'clientId' is not a parameter",
        ),
        (format!("{credentials}&{GRANT}&{GRANT}"), "invalid_request", "occurs more than once"),
        (
            format!("{credentials}&{GRANT}&scope=orders:read&scope=orders:read"),
            "invalid_request",
            "occurs more than once",
        ),
        (format!("{credentials}&{GRANT}&x=1&x=2"), "invalid_request", "occurs more than once"),
        (format!("{GRANT}&client_secret={}", client.secret), "invalid_request", "no client_id"),
        (
            format!("{credentials}&grant_type=%22%5C%0D%0Ax%E2%82%AC"),
            "unsupported_grant_type",
            "not offered",
        ),
    ];
    for (form, error, words) in forms {
        let answer = server.form(&form).await;
        answer.assert_rejected(400, error);
        assert!(answer.description().contains(words), "{form}: {answer:?}");
    }
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"a\"",
        "{\"grant_type\":1}",
        "{\"grant_type\":[\"client_credentials\"]}",
        "{\"grant_type\":\"client_credentials\",\"client_id\":7590139168389961}",
        "{\"grant_type\":\"client_credentials\",\"grant_type\":\"client_credentials\"}",
        "{\"a\":1,\"a\":2,\"grant_type\":\"client_credentials\"}",
    ] {
        server.json(body).await.assert_rejected(400, "invalid_request");
    }
    // K-05, C-14: empty is treated as absent.
    assert_eq!(
        server.ask_for(&client, &[("scope", ""), ("resource", ""), ("audience", "")]).await.status,
        200
    );
}

/// K-15, C-12, C-57: custom headers are not credentials, and the description says so.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_credentials_gets_a_specific_description(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let bare = server.form(GRANT).await;
    // C-02: an id alone does not authenticate.
    let id_alone = server.form(&format!("{GRANT}&client_id={}", client.id)).await;
    let empty_secret =
        server.form(&format!("{GRANT}&client_id={}&client_secret=", client.id)).await;
    let own_headers = server
        .http
        .post(server.token_url())
        .header("client_id", &client.id)
        .header("client_secret", &client.secret)
        .form(&CLIENT_CREDENTIALS);
    let misspelt = server.form(&format!("{GRANT}&clientId=a&clientSecret=b")).await;
    misspelt.assert_rejected(401, "invalid_client");
    assert!(misspelt.description().contains("'clientId' is not a parameter"), "{misspelt:?}");
    for answer in [bare, id_alone, empty_secret, Answer::of(own_headers).await] {
        answer.assert_rejected(401, "invalid_client");
        assert!(answer.description().starts_with("No client authentication found"), "{answer:?}");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="), "{answer:?}");
    }
}
