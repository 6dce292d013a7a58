//! Clients that sign an assertion with a key of their own (RFC 7523, RFC 10070).

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::client_key;
use tokend::crypto::{digest, random};
use tokend::model::security::{KeySetUri, KeySource};
use tokend::model::signing_key::Algorithm;

use crate::support::https::{self, Https};
use crate::support::keys::{self, KeyPair};
use crate::support::process::Cli;
use crate::support::{Answer, Engine, ORDERS, Server, TestClient, actor, client_id, method};

/// What a test does to claims or to a header.
type Change<'a> = &'a dyn Fn(&mut Value);

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn jti() -> String {
    random::identifier("").expect("an id")
}

/// A client without a secret, with that key.
async fn keyed(server: &Server, key: &KeyPair) -> TestClient {
    server
        .new_client(|new| {
            new.auth_methods = vec![method("private_key_jwt")];
            new.security.keys = Some(key.source());
        })
        .await
}

fn claims(server: &Server, client: &TestClient) -> Value {
    json!({
        "iss": client.id,
        "sub": client.id,
        "aud": server.base,
        "exp": server.clock.now().0 + 60,
        "jti": jti(),
    })
}

async fn present(server: &Server, path: &str, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("client_assertion_type", TYPE), ("client_assertion", assertion)];
    form.extend(more);
    server.keep_secret(assertion);
    Answer::of(server.http.post(server.url(path)).form(&form)).await
}

async fn ask(server: &Server, assertion: &str) -> Answer {
    let grant = [("grant_type", "client_credentials")];
    present(server, "/v1/oauth/token", assertion, &grant).await
}

/// C-130, C-131: every algorithm, form and JSON, at all three endpoints.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_assertion_authenticates(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("ES256", "RS256", "PS256", "EdDSA")] algorithm: &str,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::parse(algorithm).expect("an algorithm"));
    let client = keyed(&server, &key).await;
    assert_eq!(client.secret, "", "it needs none, so it has none");
    let token = ask(&server, &key.sign(&claims(&server, &client))).await.token();
    assert_eq!(server.claims(&token).await["sub"], client.id.as_str());

    let assertion = key.sign(&claims(&server, &client));
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": client.id,
        "client_assertion_type": TYPE,
        "client_assertion": assertion,
    });
    Answer::of(server.http.post(server.token_url()).json(&body)).await.token();

    let form = [("token", token.as_str())];
    let assertion = key.sign(&claims(&server, &client));
    let answer = present(&server, "/v1/oauth/introspect", &assertion, &form).await;
    assert_eq!(answer.json()["active"], true);
    let assertion = key.sign(&claims(&server, &client));
    assert_eq!(present(&server, "/v1/oauth/revoke", &assertion, &form).await.status, 200);
    assert_eq!(server.usage(&client).await.expect("a use").uses, 4);
}

/// C-131, C-132, C-135, C-136: what a signer may do, claim by claim and header by header.
#[tokio::test(flavor = "multi_thread")]
async fn each_claim_and_header_is_checked() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let now = server.clock.now().0;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims(&server, &client);
        change(&mut claims);
        key.sign(&claims)
    };
    let token_endpoint = server.token_url();
    let right: [Change<'_>; 5] = [
        &|claims| claims["nbf"] = json!(now + 8),
        &|claims| claims["iat"] = json!(now),
        &|claims| claims["exp"] = json!(now + 3600),
        &|claims| claims["aud"] = json!([claims["aud"]]),
        &|claims| claims["exp"] = json!(f64::from(i32::try_from(now).expect("now")) + 30.5),
    ];
    for change in right {
        ask(&server, &with(change)).await.token();
    }
    let told: [(Change<'_>, &str); 12] = [
        (&|claims| claims["aud"] = json!(token_endpoint), &server.base),
        (&|claims| claims["aud"] = json!([claims["aud"], "https://b.example"]), "or several"),
        (&|claims| claims["aud"] = json!(format!("{}/", server.base)), &server.base),
        (&|claims| claims["aud"] = Value::Null, "it has none"),
        (&|claims| claims["exp"] = json!(now - 11), "expired 11 s ago"),
        (&|claims| claims["exp"] = json!(now + 3611), "the maximum is 3600 s"),
        (&|claims| claims["exp"] = json!("soon"), "not a number"),
        (&|claims| claims["exp"] = Value::Null, "no exp"),
        (&|claims| claims["nbf"] = json!(now + 60), "60 s in the future"),
        (&|claims| claims["iat"] = json!(now + 47), "47 s in the future"),
        (&|claims| claims["jti"] = Value::Null, "no jti"),
        (&|claims| claims["jti"] = json!("x".repeat(300)), "longer"),
    ];
    for (change, word) in told {
        let answer = ask(&server, &with(change)).await;
        answer.assert_refused(401, "invalid_client");
        assert!(answer.description().contains(word), "{word}: {answer:?}");
    }
    let under = |change: &dyn Fn(&mut Value)| {
        let mut header = key.header();
        change(&mut header);
        key.sign_under(&header, &claims(&server, &client))
    };
    for typ in ["JWT", "client-authentication+jwt", "application/client-authentication+jwt"] {
        ask(&server, &under(&|header| header["typ"] = json!(typ))).await.token();
    }
    for typ in ["at+jwt", "dpop+jwt", "authorization-grant+jwt"] {
        let answer = ask(&server, &under(&|header| header["typ"] = json!(typ))).await;
        answer.assert_refused(401, "invalid_client");
    }
    // Ignored, not followed: the registered key counts.
    let other = KeyPair::new(Algorithm::Es256);
    for member in ["jku", "x5u"] {
        ask(&server, &under(&|header| header[member] = json!("https://e.example/"))).await.token();
    }
    ask(&server, &under(&|header| header["jwk"] = other.jwk.clone())).await.token();
    let mut header = other.header();
    header["jwk"] = other.jwk.clone();
    header["kid"] = key.header()["kid"].clone();
    let smuggled = other.sign_under(&header, &claims(&server, &client));
    ask(&server, &smuggled).await.assert_refused(401, "invalid_client");
}

/// C-134, C-135: whoever has not signed with the key learns nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_told_the_one_sentence() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let other = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let by_secret = server.client().await;
    let good = claims(&server, &client);
    let mut unknown = good.clone();
    unknown["iss"] = json!("nobody");
    unknown["sub"] = json!("nobody");
    let mut split = good.clone();
    split["sub"] = json!(by_secret.id);
    let payload = key.sign(&good).split('.').nth(1).expect("claims").to_owned();
    let mut header = other.header();
    header["kid"] = key.header()["kid"].clone();
    let mut hmac = key.header();
    hmac["alg"] = json!("HS256");
    let mut critical = key.header();
    critical["crit"] = json!(["exp"]);
    let strangers = [
        other.sign(&good),
        other.sign_under(&header, &good),
        key.sign(&unknown),
        key.sign(&split),
        key.sign(&claims(&server, &by_secret)),
        key.sign_under(&hmac, &good),
        key.sign_under(&critical, &good),
        // {"alg":"none"}
        format!("eyJhbGciOiJub25lIn0.{payload}."),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(20_000),
    ];
    for assertion in &strangers {
        let answer = ask(&server, assertion).await;
        answer.assert_refused(401, "invalid_client");
        assert!(answer.description().starts_with("Client authentication failed."), "{answer:?}");
    }
}

/// C-130, C-04: the shape of the request.
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_comes_alone_and_with_its_type() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let grant = ("grant_type", "client_credentials");
    let assertion = key.sign(&claims(&server, &client));
    let post = async |form: &[(&str, &str)]| {
        Answer::of(server.http.post(server.token_url()).form(form)).await
    };
    let given = ("client_assertion", assertion.as_str());
    post(&[grant, given]).await.assert_refused(400, "invalid_request");
    post(&[grant, ("client_assertion_type", TYPE)]).await.assert_refused(400, "invalid_request");
    let wrong = ("client_assertion_type", "urn:x");
    post(&[grant, given, wrong]).await.assert_refused(400, "invalid_request");
    let right = ("client_assertion_type", TYPE);
    let secret = ("client_secret", "s");
    post(&[grant, given, right, secret]).await.assert_refused(400, "invalid_request");
    let basic = server.post("/v1/oauth/token", &client, &[grant, given, right]).await;
    basic.assert_refused(400, "invalid_request");
    let other = ("client_id", "other");
    post(&[grant, given, right, other]).await.assert_refused(401, "invalid_client");
    post(&[grant, given, right]).await.token();
}

/// C-133: used once, on whichever instance, also when it is presented many times at once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_counts_once_on_all_instances(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let settings = [("TOKEND_ISSUER", server.base.as_str())];
    let second = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    let claims = claims(&server, &client);
    let assertion = key.sign(&claims);
    let attempts = (0..20).map(|n| ask(if n % 2 == 0 { &server } else { &second }, &assertion));
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let again = ask(&second, &assertion).await;
    again.assert_refused(401, "invalid_client");
    assert!(again.description().contains("used before"), "{again:?}");
    // A clock that jumps two days ahead, and back, makes no assertion new again.
    server.clock.advance(2 * 86_400);
    server.app.purge_expired().await.expect("purged");
    server.clock.advance(-2 * 86_400);
    ask(&server, &assertion).await.assert_refused(401, "invalid_client");
    let store = &server.services().store;
    let used = digest::of(&[&client.id, claims["jti"].as_str().expect("a jti")]);
    let until = server.clock.now().plus_seconds(300);
    assert!(!store.use_assertion(&used, until).await.expect("a store"), "it is still there");
    let after = server.clock.now().plus_seconds(8 * 86_400);
    store.purge_assertions(after).await.expect("purged");
    assert!(store.use_assertion(&used, until).await.expect("a store"), "it was deleted in time");
}

/// O-70: the limit of `exp` is a setting, and a row lives as long as its own assertion.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_remembered_until_it_has_expired(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_ASSERTIONS_LIFETIME_MAX", "24h")]).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let now = server.clock.now();
    let expiring_in = |seconds: i64| {
        let mut claims = claims(&server, &client);
        claims["exp"] = json!(now.0 + seconds);
        claims
    };
    ask(&server, &key.sign(&expiring_in(86_411))).await.assert_refused(401, "invalid_client");
    let (short, long) = (expiring_in(60), expiring_in(86_400));
    for claims in [&short, &long] {
        ask(&server, &key.sign(claims)).await.token();
        ask(&server, &key.sign(claims)).await.assert_refused(401, "invalid_client");
    }
    let store = &server.services().store;
    let is_new = async |claims: &Value| {
        let used = digest::of(&[&client.id, claims["jti"].as_str().expect("a jti")]);
        store.use_assertion(&used, now).await.expect("a store")
    };
    // Rows go seven days after their end.
    let seven_days = 7 * 86_400;
    store.purge_assertions(now.plus_seconds(seven_days + 86_400)).await.expect("purged");
    assert!(is_new(&short).await, "the row of a short assertion went in time");
    assert!(!is_new(&long).await, "the row of a long assertion is there as long as it");
    server.clock.advance(86_399);
    server.catch_up().await;
    ask(&server, &key.sign(&long)).await.assert_refused(401, "invalid_client");
    store.purge_assertions(now.plus_seconds(seven_days + 86_400 + 60)).await.expect("purged");
    assert!(is_new(&long).await, "the row of a long assertion went in time");
}

/// Line 4: keys that are fetched; a new one is found without a restart; a fetch never waits in a
/// request.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_off_the_request_path(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let first = KeyPair::new(Algorithm::Es256);
    let second = KeyPair::new(Algorithm::Rs256);
    let set = keys::set(&[&first.jwk]);
    let elsewhere = Https::new(move |_| https::json(&set)).await;
    let settings = elsewhere.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::with(engine, &settings).await;
    let uri = KeySetUri::parse(&elsewhere.url("/jwks")).expect("a URI");
    let client = server
        .new_client(|new| {
            new.auth_methods = vec![method("private_key_jwt")];
            new.security.keys = Some(KeySource::Remote(uri));
        })
        .await;
    let comes_true = async |key: &KeyPair| {
        for _ in 0..100 {
            if ask(&server, &key.sign(&claims(&server, &client))).await.status == 200 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    };
    assert!(comes_true(&first).await);
    let requests = elsewhere.requests();
    for _ in 0..20 {
        ask(&server, &first.sign(&claims(&server, &client))).await.token();
    }
    assert_eq!(elsewhere.requests(), requests, "kept, not fetched for each request");

    let set = keys::set(&[&second.jwk]);
    elsewhere.answer(move |_| https::json(&set));
    server.clock.advance(11);
    server.catch_up().await;
    assert!(comes_true(&second).await, "an unknown key makes it look again");
    let old = ask(&server, &first.sign(&claims(&server, &client))).await;
    old.assert_refused(401, "invalid_client");

    // All keys are withdrawn: the set is empty, and that counts.
    elsewhere.answer(|_| https::json(r#"{"keys":[]}"#));
    server.clock.advance(11);
    let foreign = KeyPair::new(Algorithm::Es256);
    ask(&server, &foreign.sign(&claims(&server, &client))).await;
    let withdrawn = Instant::now();
    while ask(&server, &second.sign(&claims(&server, &client))).await.status == 200 {
        assert!(withdrawn.elapsed() < Duration::from_secs(10), "a withdrawn key still counts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// SECURITY 26: redirects, too much and non-sense are not taken, and inner addresses not asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_follows_no_redirect_and_reads_no_more_than_it_must() {
    let elsewhere = Https::new(|path| match path {
        "/moved" => "HTTP/1.1 302 Found\r\nlocation: /jwks\r\ncontent-length: 0\r\n\r\n".into(),
        "/large" => https::json(&format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000))),
        _ => https::json("{}"),
    })
    .await;
    let config = |networks: &str| tokend::config::Fetch {
        allowed_networks: networks.split(',').filter_map(|word| word.parse().ok()).collect(),
        ca_file: Some(elsewhere.ca_file.path().to_owned()),
    };
    let fetcher = tokend::remote_keys::fetch::Fetcher::new(&config("127.0.0.0/8,::1/128"))
        .expect("a fetcher");
    assert!(fetcher.text(&elsewhere.url("/jwks")).await.is_ok());
    let moved = fetcher.text(&elsewhere.url("/moved")).await.expect_err("a redirect");
    assert!(moved.to_string().contains("302"), "{moved}");
    let large = fetcher.text(&elsewhere.url("/large")).await.expect_err("too long");
    assert!(large.to_string().contains("longer"), "{large}");
    let requests = elsewhere.requests();
    let guarded = tokend::remote_keys::fetch::Fetcher::new(&config("")).expect("a fetcher");
    assert!(guarded.text(&elsewhere.url("/jwks")).await.is_err());
    assert_eq!(elsewhere.requests(), requests);
}

/// A change of keys and a disabled client count at once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_no_longer_counts(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    let next = KeyPair::new(Algorithm::EdDsa);
    let client = keyed(&server, &key).await;
    let id = client_id(&client.id);
    let services = server.services();
    client_key::add(services, &actor(), &id, next.source(), method("private_key_jwt"))
        .await
        .expect("added");
    server.catch_up().await;
    for key in [&key, &next] {
        ask(&server, &key.sign(&claims(&server, &client))).await.token();
    }
    client_key::remove(services, &actor(), &id, Some(key.kid())).await.expect("removed");
    server.catch_up().await;
    let old = ask(&server, &key.sign(&claims(&server, &client))).await;
    old.assert_refused(401, "invalid_client");
    ask(&server, &next.sign(&claims(&server, &client))).await.token();
}

/// The operator's commands.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_adds_lists_and_removes_keys(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    cli.json(&["resource", "create", ORDERS]);
    let made = cli.json_with(
        &["client", "create", "A", "--id", "a", "--auth-method", "private_key_jwt", "--jwks", "-"],
        &key.jwk.to_string(),
    );
    assert!(made["client_secret"].is_null() && made["secrets"] == json!([]), "{made}");
    let listed = cli.json(&["client", "keys", "list", "a"]);
    assert_eq!(listed[0]["kid"], key.kid());
    let next = KeyPair::new(Algorithm::Rs256);
    let both = cli.json_with(&["client", "keys", "add", "a", "--jwks", "-"], &next.jwk.to_string());
    assert_eq!(both.as_array().map(Vec::len), Some(2));
    let uri = ["client", "keys", "add", "a", "--jwks-uri", "https://a.example/jwks"];
    assert_eq!(cli.run(&uri).code, 5, "one or the other");
    let mut private = next.jwk.clone();
    private["d"] = json!("AAAA");
    let run = cli.run_with(&["client", "keys", "add", "a", "--jwks", "-"], &private.to_string());
    assert!(run.code == 2 && run.stderr.contains("leaked"), "{run:?}");
    assert_eq!(cli.run(&["client", "keys", "remove", "a", "nope"]).code, 4);
    // What an operator has shut stays shut while a key is removed.
    cli.json(&["client", "update", "a", "--auth-method", "client_secret_basic"]);
    let left = cli.json(&["client", "keys", "remove", "a", key.kid()]);
    let shown = cli.json(&["client", "update", "a", "--tls-subject", "san_dns=a.example"]);
    assert_eq!(shown["auth_methods"], json!(["client_secret_basic", "tls_client_auth"]));
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    assert_eq!(cli.json(&["client", "keys", "remove", "a", "--all"]), json!([]));
    cli.json(&uri);
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!(shown["jwks_uri"], "https://a.example/jwks");
}
