//! `tokend explain`: each rejection is stored with its true reason and its remedy.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin;
use tokend::model::client::{ClientName, ClientState, JWT_BEARER_ASSERTION};
use tokend::model::security::{KeySetUri, KeySource, TlsSubject};
use tokend::model::signing_key::Algorithm;

use crate::support::eventually::eventually;
use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, Server, TestClient, client_id, lifetime, method, operator,
};

/// Returns the stored details of a rejected request, as the command shows them.
async fn explain(server: &Server, answer: &Answer) -> Value {
    assert!(answer.status >= 400, "{answer:?}");
    server.app.write_rejections().await.expect("written");
    let id = answer.header("x-request-id").to_owned();
    let place = server.place.clone();
    let explaining = tokio::task::spawn_blocking(move || Cli::at(place).json(&["explain", &id]));
    explaining.await.expect("a command")
}

async fn basic(server: &Server, id: &str, secret: &str) -> Answer {
    // An id that is sent as a secret is not one, and may be in the log.
    if secret.contains("tkd_") {
        server.keep_secret(secret);
    }
    server.basic(id, secret, &CLIENT_CREDENTIALS).await
}

fn assert_explained(found: &Value, reason: &str, remedy: &str) {
    let of = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
    assert!(of("reason").contains(reason), "{reason}: {found}");
    assert!(of("remedy").contains(remedy), "{remedy}: {found}");
}

/// The common mistakes with a secret have different reasons (O-26, D11).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_usual_mistakes_are_distinguished(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let other = server.client().await;
    let (id, secret) = (client.id.as_str(), client.secret.as_str());
    let encoded = |text: &str| text.replace('_', "%5F");
    let twice = encoded(secret).replace('%', "%25");
    let mut mistyped = secret.to_owned();
    mistyped.replace_range(10..11, if &secret[10..11] == "a" { "b" } else { "a" });
    let cases: [(&str, String, &str, &str); 13] = [
        ("nobody", secret.to_owned(), "no client has that id", "client list"),
        (id, format!("{secret}%0A"), "line break", "tr -d"),
        (id, format!("\"{secret}\""), "quotation", "Remove the quotation marks"),
        // The library encodes a value that is already encoded.
        (id, twice, "percent-encoded", "once"),
        (id, mistyped, "checksum", "Copy it again"),
        (id, secret[..30].to_owned(), "checksum", "Copy it again"),
        (id, "password".to_owned(), "does not have the form of this server's secrets", "Compare"),
        (id, other.secret.clone(), "another client", "its own secret"),
        (id, "eyJhbGciOi.x.y".to_owned(), "looks like a token", "client_assertion"),
        (secret, id.to_owned(), "as the client id", "swapped"),
        // Variants of an imported secret cannot be tried; oddities in it are reported.
        (id, "a%252Bb".to_owned(), "percent sequence", "once"),
        (id, "an imported%0A".to_owned(), "line break", "tr -d"),
        (id, "'imported'".to_owned(), "quotation", "Remove the quotation marks"),
    ];
    for (id, wrong, reason, remedy) in cases {
        let answer = basic(&server, id, &wrong).await;
        answer.assert_rejected(401, "invalid_client");
        assert!(!answer.text.contains(reason), "the caller is not told");
        let found = explain(&server, &answer).await;
        assert_explained(&found, reason, remedy);
        assert!(!found.to_string().contains(secret), "{found}");
    }
    let answer = basic(&server, id, &other.secret).await;
    assert_eq!(explain(&server, &answer).await["secret_of"], json!([other.id]));
    let answer = basic(&server, &format!("{id}%20"), secret).await;
    assert_explained(&explain(&server, &answer).await, id, "tr -d");
    // An id with a plus, sent unencoded: the plus becomes a space.
    server.import("{\"client_id\":\"a+b\",\"client_secret\":\"hush-hush\"}\n").await;
    let answer = server.form("grant_type=client_credentials&client_id=a+b&client_secret=x").await;
    assert_explained(&explain(&server, &answer).await, "a+b would be one", "once");
    let answer = server.http.post(server.token_url()).header("authorization", "Basic !!!");
    let answer = Answer::of(answer.form(&CLIENT_CREDENTIALS)).await;
    assert_explained(&explain(&server, &answer).await, "", "curl: -u");
    // JSON values are not decoded.
    let body = json!({
        "grant_type": "client_credentials", "client_id": id, "client_secret": encoded(secret),
    });
    let answer = server.json(&body.to_string()).await;
    assert_explained(&explain(&server, &answer).await, "percent-encoded", "once");
}

/// Expired and disabled objects, and methods that are not permitted.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn explain_reports_expiry_times_and_permitted_alternatives(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let ends = server
        .new_client(|new| new.secret.get_or_insert_default().lifetime = Some(lifetime(86_400)))
        .await;
    let narrow = server.new_client(|new| new.auth_methods = vec![method("client_secret_post")]);
    let narrow = narrow.await;
    let disabled = server.client().await;
    let state = ClientState::Disabled;
    let id = client_id(&disabled.id);
    admin::client::set_state(server.services(), &operator(), &id, state, None)
        .await
        .expect("disabled");
    server.clock.advance(3 * 86_400);
    server.catch_up().await;
    let ask = async |client: &TestClient| basic(&server, &client.id, &client.secret).await;
    assert_explained(&explain(&server, &ask(&ends).await).await, "2 days ago", "rotate-secret");
    let found = explain(&server, &ask(&narrow).await).await;
    assert_explained(&found, "may not use client_secret_basic", "client_secret_post");
    assert_eq!(found["client_id"], narrow.id.as_str());
    assert_explained(&explain(&server, &ask(&disabled).await).await, "disabled", "client enable");
    let scope = server.ask_for(&narrow, &[("scope", "x")]).await;
    assert_eq!(explain(&server, &scope).await["error"], "invalid_client");
}

/// The rejection of an assertion contains the number.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_assertion_reports_the_time_difference() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = server.new_client(|new| new.security.keys = Some(key.source())).await;
    let now = server.clock.now().0;
    let ask = async |claims: &Value| {
        let assertion = key.sign(claims);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", JWT_BEARER_ASSERTION),
            ("client_assertion", assertion.as_str()),
        ];
        Answer::of(server.http.post(server.token_url()).form(&form)).await
    };
    let mut claims = json!({
        "iss": client.id, "sub": client.id, "aud": server.base, "jti": "j", "exp": now + 60,
        "iat": now + 47,
    });
    assert_explained(&explain(&server, &ask(&claims).await).await, "47 s in the future", "clock");
    claims["iat"] = json!(now);
    claims["aud"] = json!(server.token_url());
    let found = explain(&server, &ask(&claims).await).await;
    assert_explained(&found, &server.base, &server.base);
    assert_eq!(found["client_id"], client.id.as_str());
}

/// Problems with the text of an assertion, its key, and a remote key set.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_assertion_reports_its_format_or_key_problem() {
    let server = Server::start(Engine::Sqlite).await;
    let (key, other) = (KeyPair::new(Algorithm::Es256), KeyPair::new(Algorithm::Es256));
    let client = server.new_client(|new| new.security.keys = Some(key.source())).await;
    let uri = KeySetUri::parse("https://127.0.0.1:1/jwks").expect("a URI");
    let remote = KeySource::Remote(uri);
    let inner = server.new_client(|new| new.security.keys = Some(remote)).await;
    let ask = async |assertion: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", JWT_BEARER_ASSERTION),
            ("client_assertion", assertion),
        ];
        let answer = Answer::of(server.http.post(server.token_url()).form(&form)).await;
        answer.assert_rejected(401, "invalid_client");
        explain(&server, &answer).await
    };
    let claims = |id: &str| json!({ "iss": id, "sub": id, "aud": server.base, "jti": "j" });
    assert_explained(
        &ask(&format!("{}\n", key.sign(&claims(&client.id)))).await,
        "line break",
        "one line",
    );
    assert_explained(&ask("no JWT").await, "space", "three parts");
    assert_explained(&ask("no.jwt.").await, "it is not a JWT", "three parts");
    assert_explained(
        &ask(&other.sign(&claims(&client.id))).await,
        "has its kid",
        "client keys list",
    );
    let mut header = other.header();
    header["kid"] = json!(key.kid());
    let forged = other.sign_under(&header, &claims(&client.id));
    assert_explained(&ask(&forged).await, "signature does not match", "client keys list");
    let found = eventually("an attempt to fetch", async || {
        let found = ask(&key.sign(&claims(&inner.id))).await;
        let is_tried = !found["reason"].as_str().is_some_and(|text| text.contains("not tried yet"));
        is_tried.then_some(found)
    })
    .await;
    assert_explained(&found, "has not been fetched", "fetch.allowed_networks");
    assert_explained(&found, "127.0.0.1", "private networks");
}

/// Text of a caller in an assertion neither corrupts the stored rejection nor hides other ones.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn text_of_a_caller_does_not_corrupt_stored_rejections(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = server.new_client(|new| new.security.keys = Some(key.source())).await;
    let mut header = key.header();
    header["kid"] = json!("a\u{0}b\u{1b}[31m\nc\u{202e}\u{200b}\u{9b}d\u{2028}");
    let assertion = key.sign_under(&header, &json!({ "iss": client.id, "sub": client.id }));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER_ASSERTION),
        ("client_assertion", assertion.as_str()),
    ];
    let answer = Answer::of(server.http.post(server.token_url()).form(&form)).await;
    let other = basic(&server, "nobody", "nothing").await;
    let shown = r"a\u{0}b\u{1b}[31m\u{a}c\u{202e}\u{200b}\u{9b}d\u{2028}";
    assert_explained(&explain(&server, &answer).await, shown, "");
    assert_explained(&explain(&server, &other).await, "no client has that id", "");
}

/// A running server stores rejections in the background. Rejections of other instances are found
/// too, and an unknown id is reported as such.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_keeps_its_rejections_for_the_command(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let answer = basic(&server, "nobody", "nothing").await;
    let id = answer.header("x-request-id").to_owned();
    let place = server.place.clone();
    let run = tokio::task::spawn_blocking(move || {
        let cli = Cli::at(place);
        (
            cli.run(&["explain", &id]),
            cli.run(&["explain", "req_unknown"]),
            cli.run(&["explain", "x"]),
        )
    });
    let (found, unknown, malformed) = run.await.expect("commands");
    assert!(found.code == 0 && found.stdout.contains("no client has that id"), "{found:?}");
    assert!(unknown.code == 4 && unknown.stderr.contains("log"), "{unknown:?}");
    assert_eq!(malformed.code, 2);

    server.clock.advance(8 * 86_400);
    let until = server.clock.now().minus_seconds(7 * 86_400);
    server.services().store.purge_rejections(until).await.expect("forgotten");
    let left = server.services().store.rejection(answer.header("x-request-id")).await;
    assert!(left.expect("a look").is_none());
}

/// O-35: the caller sent the name of a client as its id.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_sent_as_an_id_is_recognized(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let name = ClientName::parse("Demo client").expect("a name");
    let client = server.new_client(|new| new.name = Some(name)).await;
    let found = explain(&server, &basic(&server, "Demo client", &client.secret).await).await;
    assert_eq!(found["named_like"], json!([client.id]), "{found}");
    let found = explain(&server, &basic(&server, "Demo clients", &client.secret).await).await;
    assert_eq!(found["named_like"], json!([]), "{found}");
}

/// O-36: the client has no secret at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_for_a_client_without_secrets_reports_its_other_credentials() {
    let server = Server::start(Engine::Sqlite).await;
    let other = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let keyed = server
        .new_client(|new| {
            new.auth_methods = vec![method("private_key_jwt")];
            new.security.keys = Some(key.source());
        })
        .await;
    for secret in [&other.secret, "password"] {
        let found = explain(&server, &basic(&server, &keyed.id, secret).await).await;
        assert_explained(&found, "has no secret; it has public keys", "add-secret");
    }
    let trusting =
        server.new_client(|new| new.auth_methods = vec![method("private_key_jwt")]).await;
    let found = explain(&server, &basic(&server, &trusting.id, "password").await).await;
    assert_explained(&found, "has no secret, and nothing else", "add-secret");
}

/// O-37: only an id is sent, and the client uses another method than the caller expects. The caller
/// learns nothing about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_id_without_credentials_reports_the_expected_method() {
    let server = Server::start(Engine::Sqlite).await;
    let worker = server
        .new_client(|new| {
            new.auth_methods = vec![method("tls_client_auth")];
            new.security.tls_subject =
                Some(TlsSubject::parse("san_dns=worker.example.com").expect("a subject"));
        })
        .await;
    let plain = server.client().await;
    let mut told = Vec::new();
    for (id, reason, remedy) in [
        (
            worker.id.as_str(),
            "authenticates by certificate (tls_client_auth), and the request has none",
            "Client-Cert",
        ),
        (plain.id.as_str(), "client_secret_basic or client_secret_post", "in the same request"),
        ("nobody", "no client has that id", ""),
    ] {
        let answer = server.form(&format!("grant_type=client_credentials&client_id={id}")).await;
        answer.assert_rejected(401, "invalid_client");
        told.push(answer.description());
        assert_explained(&explain(&server, &answer).await, reason, remedy);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}
