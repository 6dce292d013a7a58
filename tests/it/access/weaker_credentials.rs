//! Credentials created by weaker callers end when their client becomes an administrator.

use std::collections::BTreeMap;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::client::ClientUpdate;
use tokend::admin::grant::{GrantChange, ScopeChange};
use tokend::admin::import::{Existing, ImportOptions, import};
use tokend::admin::trust::NewTrust;
use tokend::admin::{Principal, client, grant as grants, secret, trust};
use tokend::model::claim_pattern::Pattern;
use tokend::model::client::Registration;
use tokend::model::resource::ResourceId;
use tokend::model::scope::Scopes;
use tokend::model::security::{KeySetUri, TlsSubject};
use tokend::model::signing_key::Algorithm;
use tokend::model::spiffe_id::SpiffeIdPattern;
use tokend::model::spiffe_trust::SpiffeSource;
use tokend::model::trust::ExternalIssuer;
use tokend::services::Services;

use crate::admin_api::escalation::{call, principal};
use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::{Engine, Server, TestClient, client_id, method, operator};

async fn shown(server: &Server, client: &TestClient) -> Registration {
    let found = client::show(&server.services().store, &operator(), &client_id(&client.id)).await;
    found.expect("a client")
}

/// Adds a credential of each kind except secrets.
async fn add_credentials(services: &Services, who: &Principal, client: &TestClient) {
    let id = client_id(&client.id);
    let keys = KeyPair::new(Algorithm::Es256).source();
    let by_key = method("private_key_jwt");
    client::key::add(services, who, &id, keys, by_key).await.expect("keys");
    let pattern = Pattern::parse("sub", "worker").expect("a pattern");
    let new = NewTrust {
        issuer: ExternalIssuer::parse("https://ci.example.com").expect("an issuer"),
        keys: Some(KeyPair::new(Algorithm::Es256).source()),
        audience: Some("tokend".to_owned()),
        conditions: BTreeMap::from([("sub".to_owned(), pattern)]),
    };
    trust::add(services, who, &id, new).await.expect("a trust");
    let subject = SpiffeIdPattern::parse("spiffe://acme.example/worker").expect("a pattern");
    let endpoint = KeySetUri::bundle_endpoint("https://127.0.0.1:1/bundle").expect("a URL");
    let source = SpiffeSource::new(subject.trust_domain().clone(), endpoint, subject);
    trust::spiffe::add(services, who, &id, source.expect("a source")).await.expect("a trust");
    let tls_subject = TlsSubject::parse("san_dns=worker.example.com").expect("a subject");
    let update = ClientUpdate { tls_subject: Some(tls_subject), ..ClientUpdate::default() };
    client::update(services, who, &id, update).await.expect("updated");
}

async fn promote(server: &Server, who: &Principal, client: &TestClient, scopes: &str) -> Value {
    let change = GrantChange {
        resource: ResourceId::parse(ResourceId::SERVER).expect("a resource"),
        scopes: ScopeChange::Only(Scopes::parse(scopes).expect("scopes")),
        networks: None,
        claims: None,
    };
    let id = client_id(&client.id);
    let changed = grants::change(server.services(), who, &id, change).await.expect("granted");
    server.catch_up().await;
    json!(changed.value.ended_credentials)
}

/// Credentials of weaker callers end when the client becomes an administrator. Those of operators
/// and equal callers are kept.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_weaker_callers_end_with_a_promotion(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let services = server.services();
    let weaker = principal(&server, "clients:write secrets:write").await;
    let equal = principal(&server, "clients:write secrets:write audit:read").await;
    let client = server.client().await;
    let id = client_id(&client.id);
    let new = secret::NewSecret::default();
    let made = secret::add(services, &weaker, &id, &new).await.expect("a secret");
    let of_weaker = made.record;
    let by_weaker = server.known(&client.id, &made.plain.expect("generated"));
    let made = secret::add(services, &equal, &id, &new).await.expect("a secret");
    let by_equal = server.known(&client.id, &made.plain.expect("generated"));
    add_credentials(services, &weaker, &client).await;
    server.catch_up().await;
    assert_eq!(server.ask(&by_weaker).await.status, 200);
    let before = shown(&server, &client).await;

    let ended = promote(&server, &operator(), &client, "audit:read").await;
    let trusts = [&before.trusts[0].trust_id, &before.spiffe_trusts[0].trust_id];
    let expected = json!({
        "secrets": [of_weaker.secret_id], "trusts": trusts, "keys": true, "tls_subject": true,
    });
    assert_eq!(ended, expected);
    assert_eq!(server.ask(&by_weaker).await.status, 401);
    for kept in [&client, &by_equal] {
        assert_eq!(server.ask_for(kept, &[("resource", "urn:tokend")]).await.status, 200);
    }
    let after = shown(&server, &client).await;
    assert!(after.trusts.is_empty() && after.spiffe_trusts.is_empty());
    let security = &after.client.security;
    assert!(security.keys.is_none() && security.tls_subject.is_none());
    let head = services.store.head().await.expect("a head").sequence;
    let events = services.store.events(head - 1, 1).await.expect("a store");
    let event = events.first().expect("an event");
    let detail: Value = serde_json::from_str(&event.detail).expect("JSON");
    assert_eq!((event.action.as_str(), &detail["ended_credentials"]), ("grant.changed", &expected));

    // With one scope more, the equal caller is the weaker one.
    let ended = promote(&server, &operator(), &client, "audit:read stats:read").await;
    assert_eq!(ended["secrets"].as_array().map(Vec::len), Some(1), "{ended}");
    assert_eq!(server.ask(&by_equal).await.status, 401);
    assert_eq!(server.ask_for(&client, &[("resource", "urn:tokend")]).await.status, 200);
    let ended = promote(&server, &operator(), &client, "audit:read").await;
    assert_eq!(ended, json!({}), "fewer scopes end nothing");
}

/// Operators created all of these, so nothing ends.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_operators_outlive_a_promotion() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    add_credentials(server.services(), &operator(), &client).await;
    let ended = promote(&server, &operator(), &client, "clients:read admins:write").await;
    assert_eq!(ended, json!({}));
    let after = shown(&server, &client).await;
    assert_eq!((after.trusts.len(), after.spiffe_trusts.len()), (1, 1));
    assert!(after.client.security.keys.is_some() && after.client.security.tls_subject.is_some());
}

/// A key of a weaker caller is not protected by one of an operator, in either order.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_set_of_keys_is_as_strong_as_its_weakest_creator(
    #[values(false, true)] is_operator_first: bool,
) {
    let server = Server::start(Engine::Sqlite).await;
    let services = server.services();
    let weaker = principal(&server, "secrets:write").await;
    let client = server.client().await;
    let id = client_id(&client.id);
    let mut callers = [weaker, operator()];
    if is_operator_first {
        callers.reverse();
    }
    for who in &callers {
        let keys = KeyPair::new(Algorithm::Es256).source();
        let by_key = method("private_key_jwt");
        client::key::add(services, who, &id, keys, by_key).await.expect("keys");
    }
    let ended = promote(&server, &operator(), &client, "clients:read").await;
    assert_eq!(ended, json!({ "keys": true }));
    // After their removal, keys of an operator have the rights of an operator.
    let keys = KeyPair::new(Algorithm::Es256).source();
    let by_key = method("private_key_jwt");
    client::key::add(services, &operator(), &id, keys, by_key).await.expect("keys");
    assert_eq!(promote(&server, &operator(), &client, "audit:read").await, json!({}));
}

/// The attack over HTTP, from end to end, and the answer that lists the ended credentials.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_secret_does_not_become_an_administrator() {
    let server = Server::start(Engine::Sqlite).await;
    let attacker = server.administrator("clients:read clients:write secrets:write").await;
    let body = json!({ "client_id": "deploy", "secret": { "label": "prepared" } });
    let made = call(&server, &attacker, "POST", "/v1/clients", Some(body)).await.json();
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    server.keep_secret(&secret);
    let prepared = TestClient { id: "deploy".to_owned(), secret };
    let scopes = "clients:read grants:write admins:write";
    let admin = server.administrator(scopes).await;
    let path = "/v1/clients/deploy/grants/urn:tokend";
    let body = json!({ "scopes": ["clients:read", "admins:write"] });
    let answer = call(&server, &admin, "PUT", path, Some(body.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ended = &answer.json()["ended_credentials"];
    assert_eq!(ended["secrets"].as_array().map(Vec::len), Some(1), "{}", answer.text);
    assert_eq!(server.ask(&prepared).await.status, 401);
    let repeated = call(&server, &admin, "PUT", path, Some(body)).await;
    assert!(repeated.json()["ended_credentials"].is_null(), "{}", repeated.text);
    // The client is now stronger than the attacker, who cannot repeat this.
    let again =
        call(&server, &attacker, "POST", "/v1/clients/deploy/secrets", Some(json!({}))).await;
    assert_eq!(again.json()["code"], "client_more_powerful", "{}", again.text);
}

/// The command line lists the ended credentials, and an import ends them too.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_and_an_import_end_them_too(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let weaker = principal(&server, "clients:write secrets:write").await;
    let mut prepared = Vec::new();
    for _ in 0..2 {
        let client = server.client().await;
        let (new, id) = (secret::NewSecret::default(), client_id(&client.id));
        let made = secret::add(server.services(), &weaker, &id, &new).await.expect("a secret");
        let plain = made.plain.expect("generated");
        prepared.push((server.known(&client.id, &plain), made.record.secret_id.to_string()));
    }
    let (by_command, secret_id) = &prepared[0];
    let cli = Cli::at(server.place.clone());
    let words = ["client", "grant", &by_command.id, "--admin", "viewer", "-o", "json"];
    let run = cli.run(&words);
    let value: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(value["ended_credentials"], json!({ "secrets": [secret_id] }), "{run:?}");
    assert!(run.stderr.contains(secret_id), "{run:?}");
    let (by_import, secret_id) = &prepared[1];
    let line = json!({
        "client_id": by_import.id,
        "grants": [{ "resource": "urn:tokend", "scopes": ["server:read"] }],
    });
    let config = server.services().config.clone();
    let services = Services::open(config, server.clock.clone()).await.expect("services");
    let options = ImportOptions { existing: Existing::Update, ..ImportOptions::default() };
    let text = line.to_string();
    import(&Arc::new(services), &operator(), text.as_bytes(), options, &|_| {})
        .await
        .expect("imported");
    let event = &cli.json(&["audit", "list", "--limit", "1"])[0];
    assert_eq!(event["detail"]["ended_credentials"], json!({ "secrets": [secret_id] }), "{event}");
    server.catch_up().await;
    for (client, _) in &prepared {
        assert_eq!(server.ask(client).await.status, 401);
    }
}
