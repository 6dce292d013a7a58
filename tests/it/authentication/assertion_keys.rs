//! The keys of client assertions: fetched, replaced and removed.

use crate::authentication::private_key_jwt::{ask, claims, keyed};
use crate::support::eventually::eventually;
use crate::support::https::{self, Https};
use crate::support::keys::{self, KeyPair};
use crate::support::process::Cli;
use crate::support::{Engine, ORDERS, Server, client_id, method, operator};
use rstest::rstest;
use serde_json::json;
use tokend::admin::client;
use tokend::model::security::{KeySetUri, KeySource};
use tokend::model::signing_key::Algorithm;

/// Keys are fetched, and a new key is found without a restart. A request never waits for a fetch.
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
    let is_accepted = async |key: &KeyPair| {
        ask(&server, &key.sign(&claims(&server, &client))).await.status == 200
    };
    eventually("the first key", async || is_accepted(&first).await.then_some(())).await;
    let requests = elsewhere.requests();
    for _ in 0..20 {
        ask(&server, &first.sign(&claims(&server, &client))).await.token();
    }
    assert_eq!(elsewhere.requests(), requests, "kept, not fetched for each request");

    let set = keys::set(&[&second.jwk]);
    elsewhere.answer(move |_| https::json(&set));
    server.clock.advance(11);
    server.catch_up().await;
    // An unknown key triggers another fetch.
    eventually("the second key", async || is_accepted(&second).await.then_some(())).await;
    let old = ask(&server, &first.sign(&claims(&server, &client))).await;
    old.assert_rejected(401, "invalid_client");

    // All keys are withdrawn: the empty set takes effect.
    elsewhere.answer(|_| https::json(r#"{"keys":[]}"#));
    server.clock.advance(11);
    let foreign = KeyPair::new(Algorithm::Es256);
    ask(&server, &foreign.sign(&claims(&server, &client))).await;
    eventually("the withdrawal", async || (!is_accepted(&second).await).then_some(())).await;
}

/// SECURITY 26: redirects, long bodies and malformed ones are rejected, and private addresses are
/// not contacted.
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_follows_no_redirect_and_reads_no_more_than_it_must() {
    let elsewhere = Https::new(|path| match path {
        "/moved" => "HTTP/1.1 302 Found\r\nlocation: /jwks\r\ncontent-length: 0\r\n\r\n".into(),
        "/large" => https::json(&format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000))),
        _ => https::json("{}"),
    })
    .await;
    let config = |networks: &str| tokend::config::FetchSettings {
        allowed_networks: networks.split(',').filter_map(|word| word.parse().ok()).collect(),
        ca_file: Some(elsewhere.ca_file.path().to_owned()),
    };
    let fetcher =
        tokend::outbound::Fetcher::new(&config("127.0.0.0/8,::1/128")).expect("a fetcher");
    assert!(fetcher.text(&elsewhere.url("/jwks")).await.is_ok());
    let moved = fetcher.text(&elsewhere.url("/moved")).await.expect_err("a redirect");
    assert!(moved.to_string().contains("302"), "{moved}");
    let large = fetcher.text(&elsewhere.url("/large")).await.expect_err("too long");
    assert!(large.to_string().contains("longer"), "{large}");
    let requests = elsewhere.requests();
    let guarded = tokend::outbound::Fetcher::new(&config("")).expect("a fetcher");
    assert!(guarded.text(&elsewhere.url("/jwks")).await.is_err());
    assert_eq!(elsewhere.requests(), requests);
}

/// Changing keys and disabling a client take effect at once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_is_no_longer_accepted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    let next = KeyPair::new(Algorithm::EdDsa);
    let client = keyed(&server, &key).await;
    let id = client_id(&client.id);
    let services = server.services();
    client::key::add(services, &operator(), &id, next.source(), method("private_key_jwt"))
        .await
        .expect("added");
    server.catch_up().await;
    for key in [&key, &next] {
        ask(&server, &key.sign(&claims(&server, &client))).await.token();
    }
    client::key::remove(services, &operator(), &id, Some(key.kid())).await.expect("removed");
    server.catch_up().await;
    let old = ask(&server, &key.sign(&claims(&server, &client))).await;
    old.assert_rejected(401, "invalid_client");
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
    // Removing a key does not enable another method that the operator has disabled.
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

/// A kid in base64url may begin with a hyphen. It must not be parsed as an option then.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_a_leading_hyphen_in_its_kid_can_be_removed() {
    let cli = Cli::new(Engine::Sqlite).await;
    let kids = ["-uPkE3xO", "--all-of-it", "kept"];
    let jwks = kids.map(|kid| {
        let mut jwk = KeyPair::new(Algorithm::Es256).jwk;
        jwk["kid"] = json!(kid);
        jwk
    });
    let set = json!({ "keys": jwks }).to_string();
    let create = ["client", "create", "A", "--id", "a", "--auth-method", "private_key_jwt"];
    cli.json_with(&[&create[..], &["--jwks", "-"]].concat(), &set);
    cli.json(&["client", "keys", "remove", "a", kids[0]]);
    let left = cli.json(&["client", "keys", "remove", "a", kids[1]]);
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(left[0]["kid"], kids[2]);
}
