//! The scopes of administrators: a closed list of the built-in resource.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::admin_scope::AdminScope;

use crate::listeners::stopping::execute;
use crate::support::process::Cli;
use crate::support::{Engine, ORDERS, undone_migrations};

/// The forms of grants in schema 9, with its scopes.
const DATA_OF_SCHEMA_9: [&str; 6] = [
    "DELETE FROM resource_scope WHERE resource = 'urn:tokend' AND scope <> 'introspect'",
    "INSERT INTO resource_scope (resource, scope, description)
     VALUES ('urn:tokend', 'by-hand', '')",
    "UPDATE client_grant SET scopes = NULL WHERE client_id = 'all'",
    "UPDATE client_grant SET scopes = 'by-hand introspect' WHERE client_id = 'some'",
    "UPDATE client_grant SET scopes = 'clients:write by-hand' WHERE client_id = 'others'",
    "UPDATE client_grant SET scopes = NULL WHERE client_id = 'orders'",
];

/// D17: an upgrade makes no client an administrator.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_all_scopes_of_the_server_becomes_introspect(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    for id in ["all", "some", "others"] {
        cli.json(&["client", "create", id, "--grant", "urn:tokend=introspect"]);
    }
    cli.json(&["client", "create", "orders", "--grant", ORDERS]);
    for statement in DATA_OF_SCHEMA_9.into_iter().chain(undone_migrations::back_to(engine, 9)) {
        execute(engine, &cli.place.database_url, statement).await;
    }
    assert_eq!(cli.run(&["migrate"]).code, 0);
    let scopes = |id: &str| cli.json(&["client", "show", id])["grants"][0]["scopes"].clone();
    assert_eq!(scopes("all"), json!(["introspect"]));
    assert_eq!(scopes("some"), json!(["introspect"]));
    assert_eq!(scopes("others"), json!([]), "a scope made by hand has a new meaning");
    assert_eq!(scopes("orders"), json!(null), "grants of other resources stay");
    assert_eq!(cli.run(&["audit", "verify"]).code, 0, "old events have their old hash");
}

/// The scopes in the database are those in the code.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_server_offers_every_scope_of_administrators(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let mut expected = AdminScope::ALL.map(|scope| (scope.as_str(), scope.description()));
    expected.sort_unstable();
    let shown = cli.json(&["resource", "show", "urn:tokend"]);
    let text = |scope: &Value, name: &str| scope[name].as_str().expect("a text").to_owned();
    let offered: Vec<(String, String)> = shown["scopes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|scope| (text(scope, "name"), text(scope, "description")))
        .collect();
    let offered: Vec<_> = offered.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(offered, expected);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_the_server_names_each_scope(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let named = "urn:tokend=clients:read,clients:write,secrets:write,grants:write";
    let made = cli.json(&["client", "create", "ops", "--grant", named]);
    assert_eq!(made["grants"][0]["scopes"].as_array().map(Vec::len), Some(4));
    cli.json(&["client", "create", "other"]);
    let line =
        r#"{"client_id":"third","client_secret":"abc","grants":[{"resource":"urn:tokend"}]}"#;
    for (words, input) in [
        (&["client", "create", "third", "--grant", "urn:tokend"][..], ""),
        (&["client", "grant", "other", "--resource", "urn:tokend"], ""),
        (&["client", "grant", "ops", "--resource", "urn:tokend", "--all-scopes"], ""),
        (&["client", "import", "-"], line),
    ] {
        let run = cli.run_with(words, input);
        assert_eq!(run.code, 2, "{words:?}: {run:?}");
        assert!(run.stderr.contains("a grant of it names each scope"), "{words:?}: {run:?}");
    }
    let words = ["client", "grant", "other", "--resource", "urn:tokend", "-o", "json"];
    let problem: Value = serde_json::from_str(&cli.run(&words).stderr).expect("a problem");
    assert_eq!(problem["admin_code"], "all_server_scopes");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("--scope introspect")));
    // A grant that exists is changed by name.
    let words = ["client", "grant", "ops", "--resource", "urn:tokend", "--scope", "audit:read"];
    assert_eq!(cli.json(&words)["scopes"].as_array().map(Vec::len), Some(5));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_scopes_of_the_server_stay_as_they_are(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    for (words, code) in [
        (&["resource", "update", "urn:tokend", "--scope", "mine"][..], "built_in_scopes"),
        (&["resource", "update", "urn:tokend", "--scope", "introspect=Mine"], "built_in_scopes"),
        (&["resource", "update", "urn:tokend", "--remove-scope", "audit:read"], "built_in_scopes"),
        (&["resource", "delete", "urn:tokend", "--yes"], "built_in_resource"),
    ] {
        let run = cli.run(&[words, &["-o", "json"]].concat());
        // The command prints first what would be lost.
        let problem = run.stderr.lines().next_back().expect("a problem");
        let problem: Value = serde_json::from_str(problem).expect("a problem");
        assert_eq!((run.code, &problem["admin_code"]), (5, &json!(code)), "{words:?}: {run:?}");
    }
    let shown = cli.json(&["resource", "show", "urn:tokend"]);
    assert_eq!(shown["scopes"].as_array().map(Vec::len), Some(AdminScope::ALL.len()));
    // Members other than its scopes can be changed.
    let changed = cli.json(&["resource", "update", "urn:tokend", "--token-ttl", "5m"]);
    assert_eq!(changed["token_ttl_seconds"], 300);
}
