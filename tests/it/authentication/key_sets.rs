//! Remote key sets: a hostile or broken host harms only the clients that depend on it (D25).

use std::collections::BTreeMap;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::trust::{self, NewTrust};
use tokend::crypto::random;
use tokend::model::claim_pattern::Pattern;
use tokend::model::client::JWT_BEARER_ASSERTION;
use tokend::model::security::{KeySetUri, KeySource};
use tokend::model::signing_key::Algorithm;
use tokend::model::trust::ExternalIssuer;
use tokend::outbound::Fetcher;
use tokend::remote_keys::RemoteSource;

use crate::support::eventually::eventually;
use crate::support::https::{self, HANG, Https, INTERIM};
use crate::support::keys::{self, KeyPair};
use crate::support::process::Cli;
use crate::support::{Answer, Engine, ORDERS, Server, TestClient, client_id, method, operator};

/// JSON that is not a key set, as failing or hostile hosts send it.
const NOT_SETS: [&str; 7] = ["[]", "\"busy\"", "1", "true", "null", "[[]]", "{\"keys\":null}"];

async fn instance(engine: Engine, elsewhere: &Https) -> Server {
    let settings = elsewhere.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::with(engine, &settings).await
}

/// Creates a client with keys that are fetched from this URL.
async fn fetched(server: &Server, url: &str) -> TestClient {
    let uri = KeySetUri::parse(url).expect("a URI");
    let new = |new: &mut tokend::admin::client::NewClient| {
        new.auth_methods = vec![method("private_key_jwt")];
        new.security.keys = Some(KeySource::Remote(uri));
    };
    server.new_client(new).await
}

async fn ask(server: &Server, client: &TestClient, key: &KeyPair) -> Answer {
    let jti = random::identifier("jti_").expect("an id");
    let assertion = key.sign(&json!({
        "iss": client.id, "sub": client.id, "aud": server.base, "jti": jti,
        "exp": server.clock.now().0 + 60,
    }));
    server.keep_secret(&assertion);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER_ASSERTION),
        ("client_assertion", assertion.as_str()),
    ];
    Answer::of(server.http.post(server.token_url()).form(&form)).await
}

/// Waits until the client gets a token.
async fn until_token(server: &Server, client: &TestClient, key: &KeyPair) {
    let got = async || (ask(server, client, key).await.status == 200).then_some(());
    eventually("a token for the fetched key", got).await;
}

async fn until(is_true: impl Fn() -> bool) {
    eventually("what the test waits for", async || is_true().then_some(())).await;
}

/// S-2: JSON that is not a key set used to stop all fetching in the process.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_not_a_key_set_stops_no_other(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let key = KeyPair::new(Algorithm::Es256);
    let set = keys::set(&[&key.jwk]);
    let elsewhere = Https::new(move |path| match path.strip_prefix("/not/") {
        Some(number) => https::json(NOT_SETS[number.parse::<usize>().expect("a number")]),
        None => https::json(&set),
    })
    .await;
    let server = instance(engine, &elsewhere).await;
    let mut hostile = Vec::new();
    for number in 0..NOT_SETS.len() {
        hostile.push(fetched(&server, &elsewhere.url(&format!("/not/{number}"))).await);
    }
    until(|| elsewhere.requests() >= NOT_SETS.len()).await;
    let good = fetched(&server, &elsewhere.url("/good")).await;
    until_token(&server, &good, &key).await;
    // The failed hosts are tried again after their pause.
    let before = elsewhere.requests();
    eventually("another attempt for each", async || {
        server.clock.advance(10);
        server.catch_up().await;
        (elsewhere.requests() >= before + NOT_SETS.len()).then_some(())
    })
    .await;
    for client in &hostile {
        ask(&server, client, &key).await.assert_rejected(401, "invalid_client");
    }
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["background_tasks"]), (200, &json!("ok")));
}

/// S-8: dozens of key sets of one host that never answer delay neither a new key set of that host
/// nor others.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_hangs_delays_no_other() {
    let key = KeyPair::new(Algorithm::Es256);
    let set = keys::set(&[&key.jwk]);
    let hanging = Https::new(|_| HANG.to_owned()).await;
    let good = Https::new(move |_| https::json(&set)).await;
    let both = tempfile::NamedTempFile::new().expect("a file");
    let pem = [&hanging.ca_file, &good.ca_file]
        .map(|file| std::fs::read_to_string(file.path()).expect("a certificate"));
    std::fs::write(both.path(), pem.concat()).expect("a file");
    let ca_file = both.path().display().to_string();
    let settings = [
        ("TOKEND_FETCH_CA_FILE", ca_file.as_str()),
        ("TOKEND_FETCH_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128"),
    ];
    let server = Server::with(Engine::Sqlite, &settings).await;
    for number in 0..60 {
        fetched(&server, &hanging.url(&format!("/{number}"))).await;
    }
    until(|| hanging.requests() >= 8).await;
    let client = fetched(&server, &good.url("/jwks")).await;
    until_token(&server, &client, &key).await;
}

/// S-7: interim responses and headers are included in the size limit, below TLS.
#[tokio::test(flavor = "multi_thread")]
async fn interim_responses_without_end_are_cut_off() {
    let elsewhere = Https::new(|path| match path {
        "/interim" => INTERIM.to_owned(),
        _ => format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1_000_000)),
    })
    .await;
    let config = tokend::config::FetchSettings {
        allowed_networks: vec!["127.0.0.0/8".parse().expect("a network")],
        ca_file: Some(elsewhere.ca_file.path().to_owned()),
    };
    let fetcher = Fetcher::new(&config).expect("a fetcher");
    let error = fetcher.text(&elsewhere.url("/interim")).await.expect_err("refused");
    assert!(error.to_string().contains("interim"), "{error}");
    let error = fetcher.text(&elsewhere.url("/heads")).await.expect_err("refused");
    assert!(error.to_string().contains("HTTP"), "{error}");
    // Unread bytes are in the buffers of the sockets.
    assert!(elsewhere.sent() < 8 << 20, "{} bytes were sent", elsewhere.sent());
}

/// S-7: a caller that names unknown keys does not shorten the pause after failures.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_shorten_the_pause_after_failures() {
    let elsewhere = Https::new(|_| https::json("[]")).await;
    let server = instance(Engine::Sqlite, &elsewhere).await;
    let url = elsewhere.url("/jwks");
    let client = fetched(&server, &url).await;
    let source = RemoteSource::KeySet(KeySetUri::parse(&url).expect("a URI"));
    // The pause begins when the server has recorded the failure, which is later than the request.
    let set = server.app.directory.key_sets.entry(source);
    let stranger = KeyPair::new(Algorithm::Es256);
    let pass = async |seconds: i64| {
        server.clock.advance(seconds);
        server.catch_up().await;
        for _ in 0..3 {
            ask(&server, &client, &stranger).await.assert_rejected(401, "invalid_client");
            // Longer than the interval at which the server looks for due sets.
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    };
    until(|| set.failures_in_a_row() == 1).await;
    pass(10).await;
    until(|| set.failures_in_a_row() == 2).await;
    pass(19).await;
    assert_eq!(elsewhere.requests(), 2, "the second pause has 20 seconds");
    pass(1).await;
    until(|| set.failures_in_a_row() == 3).await;
    assert_eq!(elsewhere.requests(), 3);
}

/// S-16: the URL in the metadata of an issuer must follow the rules of a registered one.
#[tokio::test(flavor = "multi_thread")]
async fn a_discovered_url_with_a_password_is_not_fetched() {
    let key = KeyPair::new(Algorithm::Es256);
    let elsewhere = Https::new(|_| String::new()).await;
    let issuer = elsewhere.url("");
    let with_password = format!("https://user:hush@localhost:{}/jwks", elsewhere.port);
    let metadata = json!({ "issuer": issuer, "jwks_uri": with_password }).to_string();
    let set = keys::set(&[&key.jwk]);
    let keys_asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counting = keys_asked.clone();
    elsewhere.answer(move |path| {
        if path == "/jwks" {
            counting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return https::json(&set);
        }
        https::json(&metadata)
    });
    let server = instance(Engine::Sqlite, &elsewhere).await;
    let client = fetched(&server, "https://localhost:1/").await;
    let pattern = Pattern::parse("sub", "worker").expect("a pattern");
    let new = NewTrust {
        issuer: ExternalIssuer::parse(&issuer).expect("an issuer"),
        keys: None,
        audience: Some("tokend".to_owned()),
        conditions: BTreeMap::from([("sub".to_owned(), pattern)]),
    };
    let id = client_id(&client.id);
    trust::add(server.services(), &operator(), &id, new).await.expect("a trust");
    server.catch_up().await;
    let source = RemoteSource::Discovered(ExternalIssuer::parse(&issuer).expect("an issuer"));
    let set = server.app.directory.key_sets.entry(source);
    until(|| set.failures_in_a_row() >= 1).await;
    assert!(
        set.problem().is_some_and(|problem| problem.contains("password")),
        "{:?}",
        set.problem()
    );
    assert_eq!(keys_asked.load(std::sync::atomic::Ordering::Relaxed), 0);
}

/// S-2: the operator's test of a trust reports the invalid key set, and does not panic.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_trust_test_reports_a_document_that_is_not_a_key_set(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let elsewhere =
        Https::new(|path| https::json(if path == "/0" { "[]" } else { "\"busy\"" })).await;
    let mut cli = Cli::new(engine).await;
    for (name, value) in elsewhere.settings() {
        cli = cli.set(name, &value);
    }
    cli.json(&["resource", "create", ORDERS]);
    cli.json(&["client", "create", "a", "--id", "a", "--no-secret", "--grant", ORDERS]);
    for path in ["/0", "/1"] {
        let (issuer, url) = (elsewhere.url(path), elsewhere.url(path));
        let add = ["client", "trust", "add", "a", "--issuer", &issuer, "--subject", "worker"];
        let made = cli.json(&[&add[..], &["--audience", "tokend", "--jwks-uri", &url]].concat());
        let now = tokend::model::time::Clock::System.now().0;
        let claims = json!({ "iss": issuer, "sub": "worker", "aud": "tokend", "exp": now + 60 });
        let token = KeyPair::new(Algorithm::Es256).sign(&claims);
        let run = cli.run_with(&["client", "trust", "test", "a"], &token);
        assert_eq!(run.code, 8, "{run:?}");
        assert!(run.stderr.contains("JWK set") && !run.stderr.contains("panicked"), "{run:?}");
        let trust_id = made[0]["trust_id"].as_str().map(str::to_owned);
        cli.json(&["client", "trust", "remove", "a", &trust_id.unwrap_or_else(|| id_of(&made))]);
    }
}

fn id_of(made: &Value) -> String {
    made["trust_id"].as_str().expect("an id").to_owned()
}
