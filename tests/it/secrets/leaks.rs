//! Reports of leaked secrets: found in any text, ended by the policy of the client, and without
//! information that the caller must not see.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokend::admin::client::{self, ClientUpdate};
use tokend::admin::secret::leak::LeakReport;
use tokend::admin::{Principal, secret};
use tokend::model::admin_scope::AdminScope;
use tokend::model::leak_policy::LeakPolicy;
use tokend::model::owner::Owner;
use tokend::secrets::offline;

use crate::secrets::life::events;
use crate::support::api::Api;
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{Answer, Engine, Server, TestClient, client_id, grant, operator};

async fn with_policy(server: &Server, policy: LeakPolicy) -> TestClient {
    server.new_client(|new| new.leak_policy = policy).await
}

async fn report(api: &Api<'_>, text: &str) -> Answer {
    api.call("POST", "/v1/leaks", Some(json!({ "text": text }))).await
}

/// Returns a text with each byte percent-encoded.
fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Returns the clients of the secrets in an answer.
fn clients(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let secrets = answer.json()["secrets"].as_array().expect("a list").clone();
    secrets.iter().map(|secret| secret["client_id"].as_str().expect("an id").to_owned()).collect()
}

/// Each policy has its effect with one event, also if the report is repeated.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_secret_ends_by_the_policy_of_its_client(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, "secrets:write").await;
    let kept = with_policy(&server, LeakPolicy::Report).await;
    let soon = with_policy(&server, LeakPolicy::EndIn24h).await;
    let now = with_policy(&server, LeakPolicy::EndNow).await;
    let text = format!("A={}\nB=\"{}\" {}", kept.secret, soon.secret, now.secret);
    let first = report(&api, &text).await;
    let mut found = clients(&first);
    found.sort();
    let mut expected = vec![kept.id.clone(), soon.id.clone(), now.id.clone()];
    expected.sort();
    assert_eq!(found, expected);
    assert!(!first.text.contains(&kept.secret), "{}", first.text);
    server.ask(&kept).await.token();
    server.ask(&soon).await.token();
    server.ask(&now).await.assert_rejected(401, "invalid_client");
    let reported = events(&server, "secret.leaked").await;
    assert_eq!(reported.len(), 3);
    assert_eq!(reported[0].actor, format!("client:{}", api.administrator.id));
    assert_eq!(report(&api, &text).await.json(), first.json(), "a repetition");
    assert_eq!(events(&server, "secret.leaked").await.len(), 3, "a repetition is not an event");
    server.clock.advance(86_401);
    server.catch_up().await;
    server.ask(&kept).await.token();
    server.ask(&soon).await.assert_rejected(401, "invalid_client");
    for event in reported {
        assert!(!event.detail.contains("tkd_"), "{}", event.detail);
    }
}

/// Secrets are found in the source of a program, in HTTP Basic, and by their digest; a text without
/// a secret of this database changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_found_in_any_text() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "secrets:write").await;
    let client = with_policy(&server, LeakPolicy::Report).await;
    let basic = BASE64_STANDARD.encode(format!("{}:{}", client.id, client.secret));
    for text in [
        format!("{{\"secret\":\"{}\"}}", client.secret),
        format!("x{}y", client.secret),
        format!("curl -H 'Authorization: Basic {basic}'"),
        format!("+ ä {}\u{0}", client.secret),
        format!("https://a.example/?{}", percent_encoded(&client.secret)),
        format!("Authorization=Basic%20{}", percent_encoded(&basic)),
        format!("%zz%{}%E4", client.secret.replace('_', "%5F")),
    ] {
        assert_eq!(clients(&report(&api, &text).await), [client.id.as_str()], "{text}");
    }
    let secret = offline::generate().expect("a secret");
    let digest = offline::digest_of(secret.expose_secret());
    let offline = server.new_client(|new| new.secret.get_or_insert_default().digest = digest).await;
    let text = format!("TF_VAR={}", secret.expose_secret());
    assert_eq!(clients(&report(&api, &text).await), [offline.id]);
    let other = offline::generate().expect("a secret");
    let mistyped = format!("{}x", &client.secret[..52]);
    for text in ["", "tkd_", other.expose_secret(), &client.secret[..52], &mistyped] {
        assert!(clients(&report(&api, text).await).is_empty(), "{text}");
    }
    let long = report(&api, &"x".repeat(64 * 1024 + 1)).await;
    assert_eq!((long.status, &long.json()["errors"][0]["pointer"]), (422, &json!("/text")));
    let many: String = (0..101)
        .map(|_| offline::generate().expect("a secret").expose_secret().to_owned() + " ")
        .collect();
    assert_eq!(report(&api, &many).await.status, 422);
}

/// An imported secret is found for the named client, with the same number of hashes for every
/// client.
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_secret_is_found_for_its_client() {
    let server = Server::start(Engine::Sqlite).await;
    let line = r#"{"client_id":"legacy","secrets":[{"client_secret":"a-secret-of-another-system"},
        {"client_secret":"short-one"}]}"#;
    server.import(&(line.replace('\n', "") + "\n")).await;
    let generated = server.client().await;
    let api = Api::with(&server, "secrets:write").await;
    let mut costs = BTreeSet::new();
    for (id, text, is_found) in [
        ("legacy", "a-secret-of-another-system", true),
        ("legacy", "PASSWORD='short-one'", true),
        ("legacy", "https://a.example/ password=short%2Done", true),
        ("legacy", "another-secret", false),
        (generated.id.as_str(), "a-secret-of-another-system", false),
        ("absent", "a-secret-of-another-system", false),
    ] {
        let before = server.services().hasher.checks();
        let body = json!({ "text": text, "client_id": id });
        let answer = api.call("POST", "/v1/leaks", Some(body)).await;
        assert_eq!(!clients(&answer).is_empty(), is_found, "{id}: {}", answer.text);
        costs.insert(server.services().hasher.checks() - before);
    }
    assert_eq!(costs.len(), 1, "{costs:?}");
    assert!(clients(&report(&api, "a-secret-of-another-system").await).is_empty());
}

/// The policy takes effect for a secret of another owner, and the caller gets the answer of an
/// unknown secret.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_learns_nothing_about_secrets_of_another_owner(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let owner = |name: &str| Some(Owner::parse(name).expect("an owner"));
    let of = async |name: Option<&str>| {
        server
            .new_client(|new| {
                new.leak_policy = LeakPolicy::EndNow;
                new.facts.owner = name.and_then(owner);
            })
            .await
    };
    let (own, other, ownerless) = (of(Some("pay")).await, of(Some("hr")).await, of(None).await);
    let caller = server
        .new_client(|new| {
            new.grants = vec![grant("urn:tokend", Some("secrets:write"))];
            new.admin_of = Some(BTreeSet::from([Owner::parse("pay").expect("an owner")]));
        })
        .await;
    let scopes = BTreeSet::from([AdminScope::SecretsWrite]);
    let owners = Some(BTreeSet::from([Owner::parse("pay").expect("an owner")]));
    let caller = Principal::administrator(&client_id(&caller.id), scopes, owners);
    let services = server.services();
    for (client, is_visible) in [(&own, true), (&other, false), (&ownerless, false)] {
        let text = SecretString::from(client.secret.as_str());
        let report = LeakReport { text, client_id: None };
        let found = secret::leak::find(services, &caller, &report).await.expect("a search");
        assert_eq!((found.visible.len(), found.hidden.len()).0 == 1, is_visible, "{found:?}");
        assert_eq!(found.visible.len() + found.hidden.len(), 1);
        secret::leak::run_policies(services, &caller, &found.hidden).await.expect("the policy");
        secret::leak::run_policies(services, &caller, &found.visible).await.expect("the policy");
        server.catch_up().await;
        server.ask(client).await.assert_rejected(401, "invalid_client");
    }
    let reader = Principal::administrator(
        &client_id("absent"),
        BTreeSet::from([AdminScope::ClientsRead]),
        None,
    );
    let report = LeakReport { text: "".into(), client_id: None };
    assert!(secret::leak::find(services, &reader, &report).await.is_err(), "the scope is missing");
}

/// A caller may report a secret of a client with more rights: having the secret is enough.
#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_stronger_client_ends_too() {
    let server = Server::start(Engine::Sqlite).await;
    let stronger = server
        .new_client(|new| {
            new.grants = vec![grant("urn:tokend", Some("admins:write"))];
            new.leak_policy = LeakPolicy::EndNow;
        })
        .await;
    let api = Api::with(&server, "secrets:write").await;
    report(&api, &stronger.secret).await;
    eventually("the end of the secret", async || {
        server.catch_up().await;
        (server.ask(&stronger).await.status == 401).then_some(())
    })
    .await;
}

/// The limit applies to the reports of each caller.
#[tokio::test(flavor = "multi_thread")]
async fn reports_are_limited_by_caller() {
    let server = Server::start(Engine::Sqlite).await;
    let (busy, other) =
        (Api::with(&server, "secrets:write").await, Api::with(&server, "secrets:write").await);
    for _ in 0..60 {
        assert_eq!(report(&busy, "").await.status, 200);
    }
    let limited = report(&busy, "").await;
    assert_eq!((limited.status, &limited.json()["code"]), (429, &json!("too_many_requests")));
    let seconds: u32 = limited.header("retry-after").parse().expect("a number");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(report(&other, "").await.status, 200);
}

/// The policy is a member of a client; changing it needs the right to change secrets.
#[tokio::test(flavor = "multi_thread")]
async fn the_policy_is_set_and_needs_the_right_to_secrets() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let path = format!("/v1/clients/{}", client.id);
    let policy = async |scopes: &str, value: Value| {
        let api = Api::with(&server, scopes).await;
        api.call("PATCH", &path, Some(json!({ "leak_policy": value }))).await
    };
    let weak = policy("clients:write", json!("end_now")).await;
    assert_eq!((weak.status, &weak.json()["code"]), (403, &json!("scope_missing")));
    let both = "clients:write secrets:write";
    assert_eq!(policy(both, json!("end_now")).await.json()["leak_policy"], "end_now");
    assert_eq!(policy(both, json!("never")).await.status, 422);
    assert_eq!(policy(both, Value::Null).await.json()["leak_policy"], "report");
    let update = ClientUpdate { leak_policy: Some(LeakPolicy::EndIn24h), ..Default::default() };
    let id = client_id(&client.id);
    client::update(server.services(), &operator(), &id, update).await.expect("changed");
    let line = r#"{"client_id":"moved","client_secret":"as-it-was-there","leak_policy":"end_now"}"#;
    server.import(&format!("{line}\n")).await;
    let cli = Cli::at(server.place.clone());
    assert_eq!(cli.json(&["client", "show", "moved"])["leak_policy"], "end_now");
    assert_eq!(cli.json(&["client", "show", &client.id])["leak_policy"], "end_in_24h");
    assert!(cli.run(&["client", "show", &client.id]).stdout.contains("end_in_24h"));
}

/// `tokend secret leaked` reads any bytes from standard input.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_reports_what_is_on_standard_input() {
    let cli = Cli::new(Engine::Sqlite).await;
    let made = cli.json(&["client", "create", "a", "--leak-policy", "end_now"]);
    let secret = made["client_secret"].as_str().expect("a secret");
    let run = cli.run_with(&["secret", "leaked", "-", "-o", "json"], "nothing here");
    assert_eq!((run.code, run.stdout.trim()), (0, "[]"), "{run:?}");
    assert!(run.stderr.contains("contains no secret of this database"), "{run:?}");
    let found = cli.json_with(&["secret", "leaked"], &format!("- {secret}\n"));
    assert_eq!(
        (&found[0]["client_id"], &found[0]["leak_policy"]),
        (&json!("a"), &json!("end_now"))
    );
    let shown = cli.json(&["client", "show", "a"]);
    assert!(shown["secrets"][0]["leaked_at"].is_string(), "{shown}");
    assert!(cli.run(&["client", "show", "a"]).stdout.contains("reported as leaked"));
    let event = &cli.json(&["audit", "list", "--action", "secret.leaked"])[0];
    assert_eq!(event["subject"], "client/a");
    let long = cli.run_with(&["secret", "leaked", "-"], &"x".repeat(64 * 1024 + 1));
    assert_eq!(long.code, 2, "{long:?}");
}
