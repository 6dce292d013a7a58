//! `POST /v1/clients/{id}/trusts/test`: a token is tested, and the answer reveals only what the
//! caller may know.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::client::set_state;
use tokend::model::client::ClientState;
use tokend::model::signing_key::Algorithm;

use crate::support::api::Api;
use crate::support::eventually::eventually;
use crate::support::https::{self, Https};
use crate::support::keys::{self, KeyPair};
use crate::support::process::Cli;
use crate::support::{Engine, Server, TestClient, client_id, method, operator};

const SUBJECT: &str = "repo:acme/api:ref:refs/heads/main";

async fn instance(engine: Engine, elsewhere: &Https) -> Server {
    let settings = elsewhere.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::with(engine, &settings).await
}

async fn without_secret(server: &Server) -> TestClient {
    server.new_client(|new| new.auth_methods = vec![method("private_key_jwt")]).await
}

fn path(client: &TestClient, rest: &str) -> String {
    format!("/v1/clients/{}/trusts{rest}", client.id)
}

/// Adds a trust in an issuer with an existing key set; returns its id.
async fn add(api: &Api<'_>, client: &TestClient, issuer: &str, key_set: &str) -> String {
    let body = json!({
        "issuer": issuer, "jwks_uri": key_set, "audience": "tokend", "subject": SUBJECT,
    });
    let made = api.call("POST", &path(client, ""), Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["trust_id"].as_str().expect("an id").to_owned()
}

fn claims(server: &Server, issuer: &str) -> Value {
    let now = server.clock.now().0;
    json!({ "iss": issuer, "sub": SUBJECT, "aud": "tokend", "exp": now + 300, "iat": now })
}

async fn test_trusts(api: &Api<'_>, client: &TestClient, token: &str) -> Value {
    api.server.keep_secret(token);
    let body = json!({ "token": format!("{token}\n") });
    let answer = api.call("POST", &path(client, "/test"), Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_tried_against_the_trusts_of_a_client(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let key = KeyPair::new(Algorithm::Es256);
    let set = keys::set(&[&key.jwk]);
    let elsewhere = Https::new(move |_| https::json(&set)).await;
    let server = instance(engine, &elsewhere).await;
    let api = Api::with(&server, "secrets:write").await;
    let client = without_secret(&server).await;
    let none = test_trusts(&api, &client, &key.sign(&claims(&server, "https://ci.example"))).await;
    assert_eq!((&none["matches"], &none["code"]), (&json!(false), &json!("no_trust_met")));
    let id = add(&api, &client, "https://ci.example", &elsewhere.url("/keys")).await;
    let right = claims(&server, "https://ci.example");
    let met = test_trusts(&api, &client, &key.sign(&right)).await;
    assert_eq!(
        met,
        json!({
            "client_id": client.id, "matches": true, "trust_id": id,
            "issuer": "https://ci.example",
        })
    );
    for (claim, value, reason) in [
        ("sub", json!("repo:evil/api:x"), "sub is 'repo:evil/api:x'"),
        ("aud", json!("other"), "aud is 'other', not tokend"),
        ("exp", json!(server.clock.now().0 - 100), "expired"),
    ] {
        let mut wrong = right.clone();
        wrong[claim] = value;
        let found = test_trusts(&api, &client, &key.sign(&wrong)).await;
        let told = found["trusts"][0]["reason"].as_str().expect("a reason");
        assert!(found["matches"] == false && told.contains(reason), "{reason}: {found}");
        assert_eq!(found["trusts"][0]["trust_id"], id.as_str());
    }
    let other = KeyPair::new(Algorithm::Es256).sign(&right);
    let found = test_trusts(&api, &client, &other).await;
    assert!(found.to_string().contains("no key of the signer"), "{found}");
    assert_eq!(test_trusts(&api, &client, "x").await["code"], "malformed_token");
    // A test does not use the token and writes no event.
    let state = ClientState::Disabled;
    let services = server.services();
    let target = client_id(&client.id);
    set_state(services, &operator(), &target, state, None).await.expect("disabled");
    assert_eq!(test_trusts(&api, &client, &key.sign(&right)).await["code"], "client_disabled");
    let answer = api.call("POST", &path(&client, "/test"), Some(json!({}))).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
}

/// SECURITY 26: the reason of a failed connection would reveal the network of the server.
#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_failed_fetch_is_shown_only_to_the_operator() {
    let elsewhere = Https::new(|_| https::json("\"busy\"")).await;
    let server = instance(Engine::Sqlite, &elsewhere).await;
    let api = Api::with(&server, "secrets:write").await;
    let client = without_secret(&server).await;
    let key = KeyPair::new(Algorithm::Es256);
    let urls = [elsewhere.url("/1"), "https://10.1.2.3:1/".into(), "https://127.0.0.1:1/".into()];
    let mut told = Vec::new();
    for (number, url) in urls.iter().enumerate() {
        let issuer = format!("https://ci{number}.example");
        add(&api, &client, &issuer, url).await;
        let found = test_trusts(&api, &client, &key.sign(&claims(&server, &issuer))).await;
        let unmet = found["trusts"].as_array().expect("trusts").iter();
        let reasons = unmet.map(|unmet| unmet["reason"].as_str().expect("a reason").to_owned());
        told.extend(reasons.filter(|reason| !reason.starts_with("iss is")));
    }
    assert!(told.iter().all(|reason| *reason == told[0]), "{told:?}");
    assert!(told[0].contains("its log has the reason"), "{told:?}");
    let mut cli = Cli::at(server.place.clone());
    for (name, value) in elsewhere.settings() {
        cli = cli.set(name, &value);
    }
    let token = key.sign(&claims(&server, "https://ci1.example"));
    let run = cli.run_with(&["client", "trust", "test", &client.id], &token);
    assert!(run.code == 8 && run.stderr.contains("10.1.2.3 is not a public"), "{run:?}");
}

/// Each test fetches a few key sets, each once, and a caller can run a few tests a minute.
#[tokio::test(flavor = "multi_thread")]
async fn tests_are_bounded() {
    let key = KeyPair::new(Algorithm::Es256);
    let elsewhere = Https::new(|_| https::json("{\"keys\":[]}")).await;
    let server = instance(Engine::Sqlite, &elsewhere).await;
    let api = Api::with(&server, "secrets:write").await;
    let client = without_secret(&server).await;
    for number in 0..8 {
        let url = elsewhere.url(&format!("/{}", number % 6));
        add(&api, &client, "https://ci.example", &url).await;
    }
    // The server fetches each of the six again.
    eventually("the fetches of the server", async || (elsewhere.requests() >= 6).then_some(()))
        .await;
    let before = elsewhere.requests();
    let token = key.sign(&claims(&server, "https://ci.example"));
    let found = test_trusts(&api, &client, &token).await;
    assert_eq!(elsewhere.requests() - before, 4, "{found}");
    assert!(found.to_string().contains("the maximum"), "{found}");
    let mut status = 200;
    for _ in 0..30 {
        let body = json!({ "token": "x" });
        status = api.call("POST", &path(&client, "/test"), Some(body)).await.status;
    }
    assert_eq!(status, 429);
    let other = Api::with(&server, "secrets:write").await;
    assert_eq!(test_trusts(&other, &client, "x").await["matches"], false);
}
