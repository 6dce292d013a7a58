//! Databases of released schemas, filled by the programs of that time. Their data is still correct
//! after the migration.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin;
use tokend::model::client::{ClientState, GrantType};
use tokend::model::resource::ResourceId;
use tokend::model::time::Clock;

use crate::authentication::private_key_jwt::ask as ask_with_assertion;
use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::released::Released;
use crate::support::{Answer, Engine, INVOICES, ORDERS, Server, TestClient, client_id, operator};

async fn ask_for_orders(server: &Server, client: &TestClient) -> Answer {
    server.ask_for(client, &[("resource", ORDERS)]).await
}

/// Asserts that a value has every member of an older one, with the same values.
fn assert_contains(new: &Value, old: &Value, place: &str) {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            for (name, old) in old {
                let place = format!("{place}/{name}");
                let new = new.get(name).unwrap_or_else(|| panic!("{place} is missing in {new:?}"));
                assert_contains(new, old, &place);
            }
        }
        (Value::Array(new), Value::Array(old)) => {
            assert_eq!(new.len(), old.len(), "{place}: {new:?} {old:?}");
            for (index, (new, old)) in new.iter().zip(old).enumerate() {
                assert_contains(new, old, &format!("{place}/{index}"));
            }
        }
        _ => assert_eq!(new, old, "{place}"),
    }
}

/// Returns a client or a resource of an old program with the present names of the admin API, which
/// the command line prints.
fn with_current_names(old: &Value) -> Value {
    match old {
        Value::Object(members) => {
            let named = members.iter().map(|(name, value)| match (name.as_str(), value) {
                ("token_lifetime", value) => ("token_ttl_seconds".to_owned(), value.clone()),
                ("signing_algorithm", value) => ("signing_alg".to_owned(), value.clone()),
                ("hint", value) => ("suffix".to_owned(), value.clone()),
                ("kind", value) if value == "minted" => (name.clone(), json!("generated")),
                ("scopes", value) if value == "all" => (name.clone(), Value::Null),
                (_, value) => (name.clone(), with_current_names(value)),
            });
            Value::Object(named.collect())
        }
        Value::Array(items) => items.iter().map(with_current_names).collect(),
        value => value.clone(),
    }
}

/// Asserts that a list has every item of an older one, found by the member `key`.
fn assert_list_contains(cli: &Cli, command: &str, old: &[Value], key: &str) {
    let arguments: Vec<_> = command.split(' ').collect();
    let new = cli.json(&arguments);
    assert!(!old.is_empty(), "{command}");
    for old in old {
        let mut items = new.as_array().expect("a list").iter();
        let item = items.find(|item| item[key] == old[key]);
        let item = item.unwrap_or_else(|| panic!("{command}: {} is missing in {new}", old[key]));
        if old[key] == ResourceId::SERVER {
            // Since schema 10 the server itself has the scopes of administrators.
            continue;
        }
        assert_contains(item, old, &format!("{command}/{}", old[key]));
    }
}

/// D1: every value is equal to the output of the old program.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_lists_show_what_the_old_program_showed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(1, 2, 3)] schema: u32,
) {
    let released = Released::load(schema, engine).await;
    let cli = released.migrated();
    for (command, key) in [("client list", "client_id"), ("resource list", "resource")] {
        let old: Vec<_> = released.printed(command).iter().map(with_current_names).collect();
        assert_list_contains(&cli, command, &old, key);
    }
    let clients = cli.json(&["client", "list"]);
    assert_eq!(clients.as_array().map(Vec::len), Some(released.printed("client list").len()));
    // The state of a key depends on the time.
    let mut keys = released.printed("key list").clone();
    for key in &mut keys {
        key.as_object_mut().expect("a key").remove("state");
    }
    assert_list_contains(&cli, "key list", &keys, "kid");
    // The chain is that of the old program, and the new one continues it. The detail of an event
    // was a string with JSON; now it is JSON.
    let mut events = released.printed("audit list").clone();
    for event in &mut events {
        let detail = event["detail"].as_str().expect("a text");
        event["detail"] = serde_json::from_str(detail).expect("JSON");
    }
    assert_list_contains(&cli, "audit list --limit 500", &events, "sequence");
    cli.json(&["client", "disable", "shop"]);
    let verified = cli.json(&["audit", "verify"]);
    assert_eq!(verified["events"], events.len() + 1, "{verified}");
}

/// Secrets of every origin: the correct ones work, the others do not.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn secrets_work_or_fail_as_before(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(1, 2, 3)] schema: u32,
) {
    let released = Released::load(schema, engine).await;
    let server = released.serve(Clock::fixed(released.at())).await;
    // Generated, imported as text, and the second one of a client with an ended first one.
    for secret in ["billing", "billing second", "shop", "basic-only", "imported", "ended second"] {
        let client = released.client(secret);
        let claims = server.claims(&ask_for_orders(&server, &client).await.token()).await;
        assert_eq!(claims["client_id"], client.id, "{secret}");
    }
    // Imported as a hash, for one method only.
    let hashed = released.client("hashed");
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        hashed.id, hashed.secret
    );
    assert_eq!(server.form(&body).await.json()["expires_in"], 120);
    for secret in ["hashed", "disabled", "deleted", "expired", "ended"] {
        ask_for_orders(&server, &released.client(secret))
            .await
            .assert_rejected(401, "invalid_client");
    }
    // Scopes, lifetimes of clients and of resources.
    let shop = released.client("shop");
    let answer = ask_for_orders(&server, &shop).await.json();
    assert_eq!((&answer["scope"], &answer["expires_in"]), (&json!("orders:read"), &json!(1800)));
    let answer = server.ask_for(&shop, &[("resource", INVOICES)]).await.json();
    assert_eq!((&answer["scope"], &answer["expires_in"]), (&json!("invoices:read"), &json!(3600)));
    let answer = ask_for_orders(&server, &released.client("billing")).await.json();
    assert_eq!(answer["scope"], "orders:read orders:write");
    assert_eq!(answer["expires_in"], 600);

    // After the overlap, the first of two secrets has ended.
    server.clock.advance(24 * 3600 + 1);
    server.catch_up().await;
    ask_for_orders(&server, &released.client("billing"))
        .await
        .assert_rejected(401, "invalid_client");
    ask_for_orders(&server, &released.client("billing second")).await.token();
}

/// Tokens of the old program verify with the key set of the new one. Tokens that the old program
/// revoked are inactive now.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_stay_active_or_inactive(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(1, 2, 3)] schema: u32,
) {
    let released = Released::load(schema, engine).await;
    let server = released.serve(Clock::fixed(released.at())).await;
    let reader = server.administrator("introspect").await;
    let mut cases = vec![
        ("shop", true),
        ("imported", true),
        ("billing", true),
        ("disabled", false),
        ("deleted", false),
    ];
    if schema >= 3 {
        cases.extend([("keyed", true), ("federated", true), ("near", true), ("reports", true)]);
        cases.extend([("revoked", false), ("revoked alone", false), ("revoked by jti", false)]);
    }
    for (name, expected) in cases {
        let token = released.token(name);
        assert_eq!(server.claims(token).await["iss"], server.app.issuer.as_str(), "{name}");
        assert_eq!(server.is_active(&reader, token).await, expected, "{name}");
    }
    let new = ask_for_orders(&server, &released.client("shop")).await.token();
    assert!(server.is_active(&reader, &new).await);
    // Schemas 1 and 2 have no revocation: only the state of the client ends a token.
    if schema >= 3 {
        server.new_client(|new| new.client_id = Some(client_id("deleted"))).await;
        let token = released.token("deleted");
        assert!(!server.is_active(&reader, token).await, "a new client of that id");
        let (services, operator, id) = (server.services(), operator(), client_id("disabled"));
        let enabled = ClientState::Active;
        admin::client::set_state(services, &operator, &id, enabled, None).await.expect("enabled");
        server.catch_up().await;
        let token = released.token("disabled");
        assert!(!server.is_active(&reader, token).await, "the client is enabled again");
    }
}

/// Features of schema 3 besides secrets: keys, trusts, bound tokens, networks, and signing
/// algorithms of resources.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_limits_of_schema_3_hold(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let released = Released::load(3, engine).await;
    let server = released.serve(Clock::fixed(released.at())).await;
    // An assertion with the client's key; one that was used before the migration stays used.
    let sign = |key: &KeyPair, jti: &str| {
        let exp = released.at().0 + 60;
        let issuer = server.app.issuer.as_str();
        key.sign(&json!({"iss": "keyed", "sub": "keyed", "aud": issuer, "exp": exp, "jti": jti}))
    };
    let key = released.key("keyed");
    ask_with_assertion(&server, &sign(&key, "second")).await.token();
    let used = ask_with_assertion(&server, &sign(&key, "first")).await;
    used.assert_rejected(401, "invalid_client");

    // A token of an external issuer, and one that does not meet the conditions.
    let exchange = async |git_ref: &str| {
        let assertion = released.key("foreign issuer").sign(&json!({
            "iss": "https://ci.example", "sub": "repo:acme/api:43", "ref": git_ref,
            "aud": server.app.issuer.as_str(), "exp": released.at().0 + 60, "iat": released.at().0,
        }));
        server.keep_secret(&assertion);
        let form = [("grant_type", GrantType::JWT_BEARER), ("assertion", &assertion)];
        Answer::of(server.http.post(server.token_url()).form(&form)).await
    };
    let token = exchange("refs/heads/main").await.token();
    assert_eq!(server.claims(&token).await["client_id"], "federated");
    exchange("refs/heads/other").await.assert_rejected(400, "invalid_grant");

    let ask = async |id: &str| server.ask(&released.client(id)).await;
    ask("bound").await.assert_rejected(400, "invalid_dpop_proof");
    ask("near").await.token();
    ask("far").await.assert_rejected(400, "unauthorized_client");
    let partly_near = released.client("partly-near");
    ask_for_orders(&server, &partly_near).await.token();
    let answer = server.ask_for(&partly_near, &[("resource", INVOICES)]).await;
    answer.assert_rejected(400, "unauthorized_client");
    // The resource was changed from RS256 to EdDSA.
    let token = ask("reports").await.token();
    let (header, _) = tokend::jose::jwt::read_unchecked(&token).expect("a token");
    assert_eq!(header["alg"], "EdDSA");
    let form = [("token", token.as_str())];
    let introspector = released.client("introspector");
    let answer = server.post("/v1/oauth/introspect", &introspector, &form).await;
    assert_eq!(answer.json()["active"], true);
}

/// Rejections of the old program can be explained by the new one.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn rejections_of_schema_3_are_explained(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let released = Released::load(3, engine).await;
    let cli = released.migrated();
    let explanations = released.explanations();
    assert_eq!(explanations.len(), 4);
    for (command, old) in explanations {
        let arguments: Vec<_> = command.split(' ').collect();
        let mut old = old.clone();
        // The member has another name now.
        old["suffix"] = old.as_object_mut().expect("an object").remove("hint").expect("a hint");
        assert_contains(&cli.json(&arguments), &old, command);
    }
}
