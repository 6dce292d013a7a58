//! Workloads that authenticate by a token of an external issuer (RFC 7523), without a secret.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::client::set_state;
use tokend::admin::trust::{self, NewTrust};
use tokend::model::claim_pattern::Pattern;
use tokend::model::client::{ClientState, GrantType, JWT_BEARER_ASSERTION};
use tokend::model::signing_key::Algorithm;
use tokend::model::trust::{ExternalIssuer, FederatedCredential};
use tokend::remote_keys::RemoteSource;

use crate::support::eventually::eventually;
use crate::support::https::{self, Https};
use crate::support::keys::{self, KeyPair};
use crate::support::process::Cli;
use crate::support::{Answer, Engine, ORDERS, Server, TestClient, client_id, method, operator};

const GITHUB: &str = "https://token.actions.example";
const SUBJECT: &str = "repo:acme/api:ref:refs/heads/main";

fn claims(server: &Server) -> Value {
    let now = server.clock.now().0;
    json!({
        "iss": GITHUB, "sub": SUBJECT, "aud": server.base, "exp": now + 300, "iat": now,
        "repository_id": "1234", "ref_protected": true,
    })
}

async fn without_secret(server: &Server) -> TestClient {
    server.new_client(|new| new.auth_methods = vec![method("private_key_jwt")]).await
}

async fn trusts(
    server: &Server,
    client: &TestClient,
    key: &KeyPair,
    sub: &str,
) -> FederatedCredential {
    let mut conditions = BTreeMap::new();
    conditions.insert("sub".to_owned(), Pattern::parse("sub", sub).expect("a pattern"));
    let new = NewTrust {
        issuer: ExternalIssuer::parse(GITHUB).expect("an issuer"),
        keys: Some(key.source()),
        audience: None,
        conditions,
    };
    let id = client_id(&client.id);
    let made = trust::add(server.services(), &operator(), &id, new).await.expect("a trust");
    server.catch_up().await;
    made
}

async fn post(server: &Server, form: &[(&str, &str)]) -> Answer {
    Answer::of(server.http.post(server.token_url()).form(form)).await
}

async fn as_assertion(server: &Server, id: Option<&str>, token: &str) -> Answer {
    server.keep_secret(token);
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER_ASSERTION),
        ("client_assertion", token),
    ];
    form.extend(id.map(|id| ("client_id", id)));
    post(server, &form).await
}

async fn as_grant(server: &Server, id: Option<&str>, token: &str) -> Answer {
    let mut form = vec![("grant_type", GrantType::JWT_BEARER), ("assertion", token)];
    form.extend(id.map(|id| ("client_id", id)));
    post(server, &form).await
}

/// Tests both methods, with and without a `client_id` next to the token.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_trusted_issuer_authenticates_by_both_methods(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("RS256", "ES256")] algorithm: &str,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::parse(algorithm).expect("an algorithm"));
    let client = without_secret(&server).await;
    trusts(&server, &client, &key, SUBJECT).await;
    let token = key.sign(&claims(&server));
    let answers = [
        as_assertion(&server, Some(&client.id), &token).await,
        as_assertion(&server, None, &token).await,
        as_grant(&server, Some(&client.id), &token).await,
        as_grant(&server, None, &token).await,
    ];
    for answer in answers {
        let claims = server.claims(&answer.token()).await;
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(client.id), &json!(ORDERS)));
    }
    // A change of the client does not reset what was counted.
    trusts(&server, &client, &key, "repo:acme/other:ref:refs/heads/main").await;
    let usage = server.usage(&client).await.expect("a use");
    assert_eq!((usage.uses, usage.last_used_at), (4, server.clock.now()));
    let mut several = claims(&server);
    several["aud"] = json!(["https://b.example", server.base]);
    as_grant(&server, None, &key.sign(&several)).await.token();
    let bare = post(&server, &[("grant_type", GrantType::JWT_BEARER)]).await;
    bare.assert_rejected(400, "invalid_request");
}

/// Each claim is checked, and a mismatch reveals nothing to the caller.
#[tokio::test(flavor = "multi_thread")]
async fn every_claim_is_checked() {
    let server = Server::start(Engine::Sqlite).await;
    let (key, other) = (KeyPair::new(Algorithm::Rs256), KeyPair::new(Algorithm::Rs256));
    let client = without_secret(&server).await;
    trusts(&server, &client, &key, SUBJECT).await;
    let now = server.clock.now().0;
    let wrong: [(&str, Value); 12] = [
        ("iss", json!("https://evil.example")),
        ("sub", json!("repo:acme/api:ref:refs/heads/dev")),
        ("sub", json!("repo:evil/api:ref:refs/heads/main")),
        ("sub", json!([SUBJECT])),
        ("sub", Value::Null),
        ("aud", json!("https://b.example")),
        ("aud", Value::Null),
        ("exp", json!(now - 11)),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("nbf", json!(now + 60)),
        ("iat", json!(now + 60)),
    ];
    for (claim, value) in wrong {
        let mut claims = claims(&server);
        claims[claim] = value;
        let token = key.sign(&claims);
        let answer = as_assertion(&server, Some(&client.id), &token).await;
        answer.assert_rejected(401, "invalid_client");
        assert!(answer.description().starts_with("Client authentication failed. The reason"));
        // RFC 7523, section 3.1.
        let answer = as_grant(&server, None, &token).await;
        answer.assert_rejected(400, "invalid_grant");
        assert!(answer.description().starts_with("The assertion is not accepted. The reason"));
    }
    let mut header = other.header();
    header["kid"] = key.header()["kid"].clone();
    header["jwk"] = other.jwk.clone();
    for forged in [other.sign(&claims(&server)), other.sign_under(&header, &claims(&server))] {
        as_grant(&server, Some(&client.id), &forged).await.assert_rejected(400, "invalid_grant");
    }
    let stranger = without_secret(&server).await;
    let token = key.sign(&claims(&server));
    as_grant(&server, Some(&stranger.id), &token).await.assert_rejected(400, "invalid_grant");
    // A client that authenticates by another method must be the trusted one.
    let by_secret = server.client().await;
    let form = [("grant_type", GrantType::JWT_BEARER), ("assertion", token.as_str())];
    let mixed = server.post("/v1/oauth/token", &by_secret, &form).await;
    mixed.assert_rejected(400, "invalid_grant");
    let unknown = TestClient { secret: "wrong".into(), ..by_secret };
    let mixed = server.post("/v1/oauth/token", &unknown, &form).await;
    mixed.assert_rejected(401, "invalid_client");
    as_grant(&server, None, "no.jwt").await.assert_rejected(400, "invalid_grant");
}

/// Two clusters may use the same issuer name, and one may change its keys: the signature selects
/// the trust. A disabled client does not prevent this.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_signature_decides_between_trusts_that_fit(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let [old, new, other] = [(); 3].map(|()| KeyPair::new(Algorithm::Es256));
    let (one, two) = (without_secret(&server).await, without_secret(&server).await);
    for key in [&old, &new] {
        trusts(&server, &one, key, SUBJECT).await;
    }
    trusts(&server, &two, &other, SUBJECT).await;
    for (key, client) in [(&old, &one), (&new, &one), (&other, &two)] {
        let token = as_grant(&server, None, &key.sign(&claims(&server))).await.token();
        assert_eq!(server.claims(&token).await["sub"], client.id.as_str());
    }
    trusts(&server, &two, &new, SUBJECT).await;
    let token = new.sign(&claims(&server));
    as_grant(&server, None, &token).await.assert_rejected(400, "invalid_grant");
    let id = client_id(&two.id);
    let state = ClientState::Disabled;
    set_state(server.services(), &operator(), &id, state, None).await.expect("disabled");
    server.catch_up().await;
    let token = as_grant(&server, None, &token).await.token();
    assert_eq!(server.claims(&token).await["sub"], one.id.as_str());
}

/// A removed trust and a disabled client are rejected at once. Two clients with the same trust must
/// be distinguished by `client_id`.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn removing_a_trust_or_disabling_a_client_takes_effect_at_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    let (one, two) = (without_secret(&server).await, without_secret(&server).await);
    let trust = trusts(&server, &one, &key, SUBJECT).await;
    trusts(&server, &two, &key, "repo:acme/*:ref:refs/heads/main").await;
    let token = key.sign(&claims(&server));
    as_grant(&server, None, &token).await.assert_rejected(400, "invalid_grant");
    as_grant(&server, Some(&one.id), &token).await.token();
    as_grant(&server, Some(&two.id), &token).await.token();

    let id = client_id(&one.id);
    trust::remove(server.services(), &operator(), &id, &trust.trust_id).await.expect("removed");
    server.catch_up().await;
    as_grant(&server, Some(&one.id), &token).await.assert_rejected(400, "invalid_grant");
    as_grant(&server, None, &token).await.token();
    let id = client_id(&two.id);
    set_state(server.services(), &operator(), &id, ClientState::Disabled, None)
        .await
        .expect("disabled");
    server.catch_up().await;
    as_grant(&server, None, &token).await.assert_rejected(400, "invalid_grant");
}

/// Keys are discovered by metadata, which must be of exactly this issuer.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_an_issuer_are_discovered(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let key = KeyPair::new(Algorithm::Rs256);
    let elsewhere = Https::new(|_| String::new()).await;
    let (issuer, jwks_uri) = (elsewhere.url("/ci"), elsewhere.url("/ci/jwks"));
    let metadata = json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string();
    let set = keys::set(&[&key.jwk]);
    elsewhere.answer(move |path| match path {
        "/ci/.well-known/openid-configuration" | "/lie/.well-known/openid-configuration" => {
            https::json(&metadata)
        }
        "/ci/jwks" => https::json(&set),
        _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
    });
    let settings = elsewhere.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::with(engine, &settings).await;
    let trusting = async |issuer: &str| {
        let client = without_secret(&server).await;
        let pattern = Pattern::parse("sub", "worker").expect("a pattern");
        let new = NewTrust {
            issuer: ExternalIssuer::parse(issuer).expect("an issuer"),
            keys: None,
            audience: Some("tokend".to_owned()),
            conditions: BTreeMap::from([("sub".to_owned(), pattern)]),
        };
        let id = client_id(&client.id);
        trust::add(server.services(), &operator(), &id, new).await.expect("a trust");
        server.catch_up().await;
        let token = key.sign(&json!({
            "iss": issuer, "sub": "worker", "aud": "tokend", "exp": server.clock.now().0 + 60,
        }));
        (client, token)
    };
    let (client, token) = trusting(&issuer).await;
    eventually("a token for the discovered keys", async || {
        (as_grant(&server, Some(&client.id), &token).await.status == 200).then_some(())
    })
    .await;
    let liar = elsewhere.url("/lie");
    let (client, token) = trusting(&liar).await;
    let source = RemoteSource::Discovered(ExternalIssuer::parse(&liar).expect("an issuer"));
    let set = server.app.directory.key_sets.entry(source);
    let problem = eventually("the failed discovery", async || set.problem()).await;
    assert!(problem.contains("another issuer"), "{problem}");
    as_grant(&server, Some(&client.id), &token).await.assert_rejected(400, "invalid_grant");
}

/// The operator's commands create trusts, reject invalid ones with an explanation, and report what
/// a token lacks.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_adds_tests_and_removes_trusts(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let key = KeyPair::new(Algorithm::Rs256);
    cli.json(&["resource", "create", ORDERS]);
    let made = cli.json(&["client", "create", "A", "--id", "a", "--no-secret", "--grant", ORDERS]);
    assert_eq!(made["secrets"], json!([]));
    let add = |more: &[&str]| {
        let mut arguments = vec!["client", "trust", "add", "a", "--issuer", GITHUB];
        arguments.extend(["--audience", "tokend", "--jwks", "-"]);
        arguments.extend(more);
        cli.run_with(&arguments, &key.jwk.to_string())
    };
    for (more, word) in [
        (&["--claim", "repository_owner=acme"][..], "which workload"),
        (&["--subject", "repo:*/api"], "another owner"),
        (&["--subject", "repo:acme/api-*"], "whole segment"),
        (&["--claim", "aud=x"], "always checked"),
        (&["--claim", "sub"], "CLAIM=PATTERN"),
    ] {
        let run = add(more);
        assert!(run.code == 2 && run.stderr.contains(word), "{word}: {run:?}");
    }
    let run =
        add(&["--subject", "repo:acme/*:ref:refs/heads/main", "--claim", "ref_protected=true"]);
    assert_eq!(run.code, 0, "{run:?}");
    let listed = cli.json(&["client", "trust", "list", "a"]);
    let trust_id = listed[0]["trust_id"].as_str().expect("an id").to_owned();

    let now = tokend::model::time::Clock::System.now().0;
    let mut claims = json!({
        "iss": GITHUB, "sub": SUBJECT, "aud": "tokend", "exp": now + 300, "ref_protected": true,
    });
    let test = |claims: &Value| cli.run_with(&["client", "trust", "test", "a"], &key.sign(claims));
    let run = test(&claims);
    assert!(run.code == 0 && run.stdout.contains(&trust_id), "{run:?}");
    for (claim, value, word) in [
        ("sub", json!("repo:evil/api:ref:refs/heads/main"), "sub is 'repo:evil"),
        ("aud", json!("other"), "aud is 'other', not tokend"),
        ("ref_protected", json!(false), "ref_protected is false"),
        ("exp", json!(now - 100), "expired"),
    ] {
        let right = std::mem::replace(&mut claims[claim], value);
        let run = test(&claims);
        assert!(run.code == 8 && run.stderr.contains(word), "{word}: {run:?}");
        claims[claim] = right;
    }
    let other = KeyPair::new(Algorithm::Rs256).sign(&claims);
    let run = cli.run_with(&["client", "trust", "test", "a"], &other);
    assert!(run.code == 8 && run.stderr.contains("no key of the signer"), "{run:?}");
    cli.json(&["client", "trust", "remove", "a", &trust_id]);
    assert_eq!(cli.run(&["client", "trust", "remove", "a", &trust_id]).code, 4);
    assert_eq!(test(&claims).code, 8);
}

/// S-16: a token that was issued for another purpose authenticates no client.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_purpose_authenticates_no_client() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = without_secret(&server).await;
    trusts(&server, &client, &key, SUBJECT).await;
    let of_type = |typ: Value| {
        let mut header = key.header();
        header["typ"] = typ;
        key.sign_under(&header, &claims(&server))
    };
    for typ in ["logout+jwt", "secevent+jwt", "application/dpop+jwt", "oauth-authz-req+jwt"] {
        for id in [Some(client.id.as_str()), None] {
            let answer = as_grant(&server, id, &of_type(json!(typ))).await;
            answer.assert_rejected(400, "invalid_grant");
            let answer = as_assertion(&server, id, &of_type(json!(typ))).await;
            answer.assert_rejected(401, "invalid_client");
        }
    }
    // The types that Kubernetes, GitHub, GitLab, Google, Azure and SPIFFE send.
    for typ in [Value::Null, json!("JWT"), json!("JOSE"), json!("at+jwt")] {
        as_grant(&server, Some(&client.id), &of_type(typ)).await.token();
    }
}

/// S-16, S-13: a wildcard prints a note for the operator, and weak keys are rejected.
#[tokio::test(flavor = "multi_thread")]
async fn trust_add_warns_of_pull_requests_and_rejects_weak_keys() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["resource", "create", ORDERS]);
    cli.json(&["client", "create", "A", "--id", "a", "--no-secret", "--grant", ORDERS]);
    let add = |subject: &str, jwk: &Value| {
        let arguments = ["client", "trust", "add", "a", "--issuer", GITHUB, "--audience", "tokend"];
        let arguments = [&arguments[..], &["--jwks", "-", "--subject", subject]].concat();
        cli.run_with(&arguments, &jwk.to_string())
    };
    let key = KeyPair::new(Algorithm::Es256);
    let run = add("repo:acme/api:*", &key.jwk);
    assert!(run.code == 0 && run.stderr.contains("does not match pull_request"), "{run:?}");
    let run = add("repo:acme/api:environment:prod", &key.jwk);
    assert!(run.code == 0 && !run.stderr.contains("pull_request"), "{run:?}");
    let now = tokend::model::time::Clock::System.now().0;
    let sub = "repo:acme/api:pull_request";
    let token = key.sign(&json!({ "iss": GITHUB, "sub": sub, "aud": "tokend", "exp": now + 60 }));
    assert_eq!(cli.run_with(&["client", "trust", "test", "a"], &token).code, 8);
    let neutral = format!("AQ{}", "A".repeat(41));
    let mut exponent = KeyPair::new(Algorithm::Rs256).jwk;
    exponent["e"] = json!("AQ");
    for (weak, word) in [
        (json!({ "kty": "OKP", "crv": "Ed25519", "x": neutral }), "small order"),
        (exponent, "its e"),
    ] {
        let run = add(SUBJECT, &weak);
        assert!(run.code == 2 && run.stderr.contains(word), "{word}: {run:?}");
        let run = cli.run_with(&["client", "keys", "add", "a", "--jwks", "-"], &weak.to_string());
        assert!(run.code == 2 && run.stderr.contains(word), "{word}: {run:?}");
    }
}
