//! Grants: a command widens only what it names, and every change reports the old and the new state.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::process::{Cli, Run};
use crate::support::{Engine, INVOICES, ORDERS, Server, client_id, operator};

async fn cli_with_client(engine: Engine) -> Cli {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read", "--scope", "orders:write"]);
    let grant = format!("{ORDERS}=orders:read");
    cli.json(&["client", "create", "billing", "--name", "Billing", "--grant", &grant]);
    cli
}

fn grant(cli: &Cli, options: &[&str]) -> Run {
    let words = ["client", "grant", "billing", "--resource", ORDERS, "-o", "json"];
    cli.run(&[&words[..], options].concat())
}

fn changed(cli: &Cli, options: &[&str]) -> Value {
    let run = grant(cli, options);
    assert_eq!(run.code, 0, "{options:?}: {run:?}");
    serde_json::from_str(&run.stdout).expect("JSON")
}

fn events(cli: &Cli) -> Vec<Value> {
    cli.json(&["audit", "list", "--action", "grant"]).as_array().expect("a list").clone()
}

/// O-7: the command in the README gave a client every scope.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_existing_grant_changes_only_by_the_given_options(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_client(engine).await;
    let run = grant(&cli, &[]);
    assert!(run.code == 0 && run.stderr.contains("nothing changed"), "{run:?}");
    let same: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!((&same["changed"], &same["scopes"]), (&json!(false), &json!(["orders:read"])));
    assert_eq!(events(&cli), Vec::<Value>::new(), "an event of a change that changed nothing");

    let both = json!(["orders:read", "orders:write"]);
    let added = changed(&cli, &["--scope", "orders:write"]);
    assert_eq!(added["was"]["scopes"], json!(["orders:read"]));
    assert_eq!((&added["is"]["scopes"], &added["scopes"]), (&both, &both));
    let network = changed(&cli, &["--network", "10.0.0.0/8"]);
    assert_eq!((&network["scopes"], &network["was"]["networks"]), (&both, &json!([])));
    let removed = changed(&cli, &["--remove-scope", "orders:read"]);
    assert_eq!(removed["is"]["scopes"], json!(["orders:write"]));
    assert_eq!(removed["is"]["networks"], json!(["10.0.0.0/8"]));
    let only = changed(&cli, &["--only-scope", "orders:read"]);
    assert_eq!(only["is"]["scopes"], json!(["orders:read"]));
    let all = changed(&cli, &["--all-scopes"]);
    assert_eq!((&all["is"]["scopes"], &all["is"]["includes"]), (&json!("all"), &both));
    // All scopes already include this one.
    assert_eq!(changed(&cli, &["--scope", "orders:read"])["changed"], false);
    assert_eq!(
        changed(&cli, &["--remove-scope", "orders:write"])["is"]["scopes"][0],
        "orders:read"
    );

    for (options, code, text) in [
        (&["--remove-scope", "orders:write"][..], 4, "scope orders:write is not in this grant"),
        (&["--remove-scope", "orders:read"], 2, "revoke-grant"),
        (&["--scope", "orders:raed"], 2, "did you mean orders:read?"),
        (&["--scope", "orders:read", "--all-scopes"], 2, "cannot be used with"),
    ] {
        let run = grant(&cli, options);
        assert!(run.code == code && run.stderr.contains(text), "{options:?}: {run:?}");
    }
    let events = events(&cli);
    assert_eq!(events.len(), 6);
    assert_eq!(events[0]["detail"]["was"]["includes"], both);
    assert_eq!(events[0]["detail"]["is"]["scopes"], json!(["orders:read"]));
    cli.json(&["client", "revoke-grant", "billing", "--resource", ORDERS]);
    let revoked = &cli.json(&["audit", "list", "--action", "grant.revoked"])[0]["detail"];
    assert_eq!(revoked["was"]["scopes"], json!(["orders:read"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_grant_without_scopes_reports_that_it_has_all_scopes() {
    let cli = cli_with_client(Engine::Sqlite).await;
    cli.json(&["resource", "create", INVOICES, "--scope", "invoices:read"]);
    let run = cli.run(&["client", "grant", "billing", "--resource", INVOICES]);
    assert!(run.stdout.contains("all scopes: invoices:read"), "{run:?}");
    assert!(run.stdout.contains("no grant"), "{run:?}");
    assert_eq!(run.stderr, "");
    let unknown = cli.run(&["client", "grant", "nope", "--resource", INVOICES]);
    assert_eq!(unknown.code, 4, "{unknown:?}");
    let unknown = cli.run(&["client", "grant", "billing", "--resource", "https://nope.example"]);
    assert_eq!(unknown.code, 4, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_scopes_that_include_introspection_are_pointed_out() {
    let cli = cli_with_client(Engine::Sqlite).await;
    cli.json(&["client", "create", "all", "--name", "All", "--grant", ORDERS]);
    let run = cli.run(&["resource", "update", ORDERS, "--scope", "introspect"]);
    assert!(run.stderr.contains("1 client with all scopes"), "{run:?}");
    assert!(run.stderr.contains("may now introspect its tokens: all."), "{run:?}");
    // The second time, nothing changes.
    let run = cli.run(&["resource", "update", ORDERS, "--scope", "introspect"]);
    assert!(run.stderr.contains("nothing changed") && !run.stderr.contains("warning"), "{run:?}");
    let run = grant(&cli, &["--all-scopes"]);
    assert!(run.stderr.contains("billing may introspect its tokens"), "{run:?}");
    let named = format!("{ORDERS}=introspect");
    let run = cli.run(&["client", "create", "named", "--name", "Named", "--grant", &named]);
    assert_eq!(run.stderr, "", "a scope that is named needs no warning");

    let shown = cli.json(&["resource", "show", ORDERS]);
    assert_eq!(shown["client_count"], 3);
    assert_eq!(shown["clients"][0], json!({ "client_id": "all", "scopes": null, "networks": [] }));
    let shown = cli.run(&["resource", "show", ORDERS]).stdout;
    assert!(shown.contains("named (introspect)"), "{shown}");
}

/// Concurrent changes are not lost: each reads the result of the one before.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_are_added_at_once_are_all_there(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    use tokend::admin::grant::{GrantChange, ScopeChange, change};
    use tokend::model::resource::ResourceId;
    use tokend::model::scope::Scopes;

    let server = Server::start(engine).await;
    let names: Vec<String> = (0..8).map(|number| format!("scope-{number}")).collect();
    server.resource(INVOICES, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let client = server.client().await;
    let id = client_id(&client.id);
    let changes = names.iter().map(|name| {
        let (services, id) = (server.services(), id.clone());
        let scopes = ScopeChange::Edit {
            add: Scopes::parse(name).expect("a scope"),
            remove: Scopes::default(),
        };
        let resource = ResourceId::parse(INVOICES).expect("a resource");
        async move {
            let wanted = GrantChange { resource, scopes, networks: None, claims: None };
            change(services, &operator(), &id, wanted).await.expect("a change");
        }
    });
    futures_util::future::join_all(changes).await;
    let found = server.services().store.registration(&id).await.expect("a store");
    let grants = json!(found.expect("a client").grants);
    assert_eq!(grants[0]["scopes"], json!(names), "{grants}");
}
