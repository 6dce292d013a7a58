//! Owners, labels and the other facts of clients and resources.

use rstest::rstest;
use serde_json::{Value, json};

use crate::listeners::stopping::execute;
use crate::support::process::Cli;
use crate::support::{Engine, INVOICES, ORDERS, Server, client_id};

/// Returns the facts in the JSON of `client show` and `resource show`.
fn facts_of(shown: &Value) -> Value {
    let names = ["owner", "description", "contact", "labels"];
    names.iter().map(|name| ((*name).to_owned(), shown[name].clone())).collect()
}

const NO_FACTS: [&str; 4] = ["owner", "description", "contact", "labels"];

/// O-16: owner, description and labels.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_facts_that_can_be_changed_and_removed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let plain = cli.json(&["client", "create", "plain"]);
    let nothing = json!({ "owner": null, "description": null, "contact": null, "labels": {} });
    assert_eq!((facts_of(&plain), &plain["admin_of"]), (nothing.clone(), &Value::Null));
    let words = [
        "client",
        "create",
        "billing",
        "--name",
        "Billing",
        "--owner",
        "payments",
        "--description",
        "Sends invoices",
        "--contact",
        "#payments",
        "--label",
        "env=prod",
        "--label",
        "example.com/tier=",
        "--secret-label",
        "first",
    ];
    let made = cli.json(&words);
    let facts = json!({
        "owner": "payments", "description": "Sends invoices", "contact": "#payments",
        "labels": { "env": "prod", "example.com/tier": "" },
    });
    assert_eq!(facts_of(&made), facts);
    assert_eq!(made["secrets"][0]["label"], "first");
    let shown = cli.json(&["client", "show", "billing"]);
    assert_eq!(facts_of(&shown), facts);
    let edit = ["client", "update", "billing", "--label", "env=test", "--label", "a=b"];
    let edited = cli.json(&[&edit[..], &["--label", "example.com/tier-"]].concat());
    assert_eq!(edited["labels"], json!({ "a": "b", "env": "test" }));
    assert_eq!(edited["owner"], "payments", "what is not named stays");
    let event = &cli.json(&["audit", "list", "--limit", "1"])[0];
    let was = json!({ "labels": { "env": "prod", "example.com/tier": "" } });
    assert_eq!(event["detail"]["was"], was);
    assert_eq!(event["detail"]["is"], json!({ "labels": { "a": "b", "env": "test" } }));
    // Removing an absent label writes no event.
    let run = cli.run(&["client", "update", "billing", "--label", "absent-"]);
    assert!(run.code == 0 && run.stderr.contains("nothing changed"), "{run:?}");
    let empty =
        ["client", "update", "billing", "--owner", "", "--description", "", "--contact", ""];
    let emptied = cli.json(&[&empty[..], &["--label", "a-", "--label", "env-"]].concat());
    assert_eq!(facts_of(&emptied), nothing);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_has_facts_and_the_server_has_no_owner(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let words = ["resource", "create", ORDERS, "--scope", "orders:read", "--owner", "shop"];
    let made = cli.json(&[&words[..], &["--label", "env=prod", "--contact", "#shop"]].concat());
    let expected = json!({
        "owner": "shop", "description": null, "contact": "#shop", "labels": { "env": "prod" },
    });
    assert_eq!(facts_of(&made), expected);
    assert_eq!(facts_of(&cli.json(&["resource", "show", ORDERS])), expected);
    let words = ["resource", "update", ORDERS, "--description", "Orders", "--label", "env-"];
    let changed = cli.json(&words);
    assert_eq!((&changed["description"], &changed["labels"]), (&json!("Orders"), &json!({})));
    assert_eq!(changed["scopes"].as_array().map(Vec::len), Some(1), "scopes stay");
    let run = cli.run(&["resource", "update", "urn:tokend", "--owner", "shop"]);
    assert!(run.code == 2 && run.stderr.contains("has no owner"), "{run:?}");
    let contact = ["resource", "update", "urn:tokend", "--contact", "#platform"];
    assert_eq!(cli.json(&contact)["contact"], "#platform");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_limited_to_owners(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let grant = "urn:tokend=clients:read";
    let words = ["client", "create", "ops", "--grant", grant, "--admin-of", "b", "--admin-of", "a"];
    assert_eq!(cli.json(&words)["admin_of"], json!(["a", "b"]));
    assert_eq!(cli.json(&["client", "show", "ops"])["admin_of"], json!(["a", "b"]));
    let update = |option: &[&str]| {
        cli.json(&[&["client", "update", "ops"][..], option].concat())["admin_of"].clone()
    };
    assert_eq!(update(&["--admin-of", "c"]), json!(["c"]));
    assert_eq!(update(&["--name", "Ops"]), json!(["c"]), "what is not named stays");
    assert_eq!(update(&["--admin-of-none"]), json!([]));
    let event = &cli.json(&["audit", "list", "--limit", "1"])[0]["detail"];
    assert_eq!((&event["was"]["admin_of"], &event["is"]["admin_of"]), (&json!(["c"]), &json!([])));
    assert_eq!(cli.json(&["client", "show", "ops"])["admin_of"], json!([]), "not all owners");
    assert_eq!(update(&["--admin-of-all"]), Value::Null);
    let words = ["client", "create", "none", "--admin-of-none"];
    assert_eq!(cli.json(&words)["admin_of"], json!([]));
    let run = cli.run(&["client", "update", "ops", "--admin-of-all", "--admin-of", "a"]);
    assert_eq!(run.code, 2, "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_break_a_rule_are_rejected() {
    let cli = Cli::new(Engine::Sqlite).await;
    let long = "x".repeat(501);
    let many: Vec<String> =
        (0..33).flat_map(|n| ["--label".to_owned(), format!("k{n}=v")]).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (options, text) in [
        (&["--owner", "a b"][..], "--owner: an owner is 1 to 63"),
        (&["--owner", ""], "--owner: an owner is 1 to 63"),
        (&["--description", &long], "--description: a description is 1 to 500"),
        (&["--description", "two\nlines"], "--description: a description"),
        (&["--contact", " "], "--contact: a contact is 1 to 200"),
        (&["--label", "a b=c"], "--label: the key of a label"),
        (&["--label", "a=b/c"], "the value of a label"),
        (&["--label", "a=1", "--label", "a=2"], "duplicate label a"),
        (&["--label", "first"], "The label of a secret is --secret-label"),
        (&["--admin-of", "-"], "--admin-of: an owner"),
        (&many, "at most 32 labels"),
    ] {
        let run = cli.run(&[&["client", "create", "a"][..], options].concat());
        assert!(run.code == 2 && run.stderr.contains(text), "{options:?}: {run:?}");
    }
    // The limit applies to the labels of an object, not to those of one command.
    cli.json(&[&["client", "create", "a"][..], &many[..64]].concat());
    let run = cli.run(&["client", "update", "a", "--label", "one-more=v"]);
    assert!(run.code == 2 && run.stderr.contains("at most 32 labels"), "{run:?}");
    // Where --label has no other meaning, the old name still works.
    let run = cli.run(&["client", "add-secret", "a", "--label", "second"]);
    assert!(run.code == 0 && run.stderr.contains("write: --secret-label"), "{run:?}");
    // Two secrets of the same second are sorted by their random ids.
    let shown = cli.json(&["client", "show", "a"]);
    let secrets = shown["secrets"].as_array().expect("a list");
    assert!(secrets.iter().any(|secret| secret["label"] == "second"), "{shown}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_by_owner_and_label(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    for (id, owner, labels) in [
        ("a", "payments", &["env=prod", "tier=1"][..]),
        ("b", "payments", &["env=test"]),
        ("c", "shop", &["env=prod", "tier=env"]),
        ("d", "shop", &["other=prod", "env=production"]),
    ] {
        let labels = labels.iter().flat_map(|label| ["--label", label]);
        let words = ["client", "create", id, "--owner", owner, "--grant", ORDERS];
        cli.json(&words.into_iter().chain(labels).collect::<Vec<_>>());
    }
    cli.json(&["client", "create", "e", "--grant", ORDERS, "--secret-ttl", "1h"]);
    let ids = |options: &[&str]| -> Vec<String> {
        let run = cli.run(&[&["client", "list", "-o", "id"][..], options].concat());
        assert_eq!(run.code, 0, "{options:?}: {run:?}");
        run.stdout.lines().map(str::to_owned).collect()
    };
    let cases: [(&[&str], &[&str]); 12] = [
        (&["--owner", "payments"], &["a", "b"]),
        (&["--owner", "Payments"], &[]),
        (&["--label", "env=prod"], &["a", "c"]),
        (&["--label", "env=prod", "--label", "tier=1"], &["a"]),
        (&["--label", "env=prod", "--owner", "shop"], &["c"]),
        (&["--label", "env="], &[]),
        // Part of a value, and a value in the place of a key.
        (&["--label", "env=pro"], &[]),
        (&["--label", "prod=env"], &[]),
        (&["--owner", "shop", "--resource", ORDERS], &["c", "d"]),
        (&["--label", "tier=1", "--resource", ORDERS, "--state", "active"], &["a"]),
        (&["--owner", "shop", "--after", "c"], &["d"]),
        (&["--owner", "shop", "--expiring", "2h"], &[]),
    ];
    for (options, expected) in cases {
        assert_eq!(ids(options), expected, "{options:?}");
    }
    let run = cli.run(&["client", "list", "--label", "env"]);
    assert!(run.code == 2 && run.stderr.contains("is not KEY=VALUE"), "{run:?}");
}

/// D18: an event keeps the owners of its time, even after the object is deleted.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_event_keeps_the_owners_of_its_time(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "a", "--scope", "b", "--owner", "shop"]);
    cli.json(&["client", "create", "x", "--owner", "payments"]);
    cli.json(&["client", "grant", "x", "--resource", ORDERS, "--scope", "a", "--scope", "b"]);
    cli.json(&["resource", "update", ORDERS, "--remove-scope", "b", "--yes"]);
    cli.json(&["client", "update", "x", "--owner", "billing"]);
    cli.json(&["client", "disable", "x"]);
    cli.json(&["resource", "delete", ORDERS, "--yes"]);
    cli.json(&["client", "delete", "x", "--yes"]);
    let events = cli.json(&["audit", "list", "--after", "0"]);
    let seen: Vec<Value> = events
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| json!([event["action"], event["owner"], event["other_owner"]]))
        .collect();
    let expected = [
        json!(["resource.created", "shop", null]),
        json!(["client.created", "payments", null]),
        json!(["grant.changed", "payments", "shop"]),
        json!(["grant.changed", "payments", "shop"]),
        json!(["resource.updated", "shop", null]),
        json!(["client.updated", "billing", "payments"]),
        json!(["grant.revoked", "billing", "shop"]),
        json!(["client.disabled", "billing", null]),
        json!(["resource.deleted", "shop", null]),
        json!(["client.deleted", "billing", null]),
    ];
    assert_eq!(seen, expected);
    let of = |owner: &str| -> Vec<i64> {
        let events = cli.json(&["audit", "list", "--after", "0", "--owner", owner]);
        let events = events.as_array().expect("a list");
        events.iter().map(|event| event["sequence"].as_i64().expect("a number")).collect()
    };
    assert_eq!(of("payments"), [2, 3, 4, 6]);
    assert_eq!(of("shop"), [1, 3, 4, 5, 7, 9]);
    assert_eq!(of("nobody"), Vec::<i64>::new());
    assert_eq!(cli.run(&["audit", "verify"]).code, 0);
    // A manually changed owner is detected.
    execute(engine, &cli.place.database_url, "UPDATE event SET owner = 'shop' WHERE sequence = 2")
        .await;
    assert_eq!(cli.run(&["audit", "verify"]).code, 8);
}

/// The team of a resource does not see the event of another team's client, so each grant has an
/// event for that team.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_has_an_event_for_the_team_of_its_resource(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "a", "--owner", "shop"]);
    cli.json(&["resource", "create", INVOICES, "--scope", "a", "--owner", "payments"]);
    let grants = ["--grant", ORDERS, "--grant", INVOICES];
    cli.json(&[&["client", "create", "x", "--owner", "payments"][..], &grants].concat());
    let line = json!({
        "client_id": "y", "client_secret": "abc", "grants": [{ "resource": ORDERS }],
    });
    let line = line.to_string();
    cli.json_with(&["client", "import", "-"], &line);
    let narrow = line.replace("}]", ",\"scopes\":[\"a\"]}]");
    cli.json_with(&["client", "import", "-", "--update"], &narrow);
    cli.json_with(&["client", "import", "-", "--update"], &narrow);
    cli.json_with(
        &["client", "import", "-", "--update"],
        &json!({ "client_id": "y", "grants": [] }).to_string(),
    );
    cli.json(&["client", "delete", "x", "--yes"]);
    let events = cli.json(&["audit", "list", "--after", "0", "--owner", "shop"]);
    let seen: Vec<Value> = events
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| {
            let detail = &event["detail"];
            let (was, is) = (&detail["was"]["scopes"], &detail["is"]["scopes"]);
            json!([event["action"], event["subject"], event["owner"], was, is])
        })
        .collect();
    let expected = [
        json!(["resource.created", format!("resource/{ORDERS}"), "shop", null, null]),
        json!(["grant.changed", "client/x", "payments", null, "all"]),
        json!(["grant.changed", "client/y", null, null, "all"]),
        json!(["grant.changed", "client/y", null, "all", ["a"]]),
        json!(["grant.revoked", "client/y", null, ["a"], null]),
        json!(["grant.revoked", "client/x", "payments", "all", null]),
    ];
    assert_eq!(seen, expected);
    let events = cli.json(&["audit", "list", "--action", "grant", "--subject", "x"]);
    assert_eq!(events.as_array().map(Vec::len), Some(2), "none for a resource of the same team");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_gives_facts(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let cli = Cli::new(engine).await;
    let import = |line: Value, options: &[&str]| {
        let words = [&["client", "import", "-"][..], options].concat();
        cli.run_with(&words, &line.to_string())
    };
    let line = json!({
        "client_id": "a", "client_secret": "abc", "owner": "payments", "description": "Invoices",
        "contact": "#payments", "labels": { "env": "prod" },
    });
    assert_eq!(import(line.clone(), &[]).code, 0);
    let shown = facts_of(&cli.json(&["client", "show", "a"]));
    for name in NO_FACTS {
        assert_eq!(shown[name], line[name]);
    }
    let event = &cli.json(&["audit", "list", "--limit", "1"])[0];
    assert_eq!(
        (&event["owner"], &event["detail"]["labels"]),
        (&json!("payments"), &line["labels"])
    );
    assert_eq!(import(json!({ "client_id": "a", "labels": { "a": "b" } }), &["--update"]).code, 0);
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!((&shown["labels"], &shown["owner"]), (&json!({ "a": "b" }), &json!("payments")));
    let emptied = json!({
        "client_id": "a", "owner": null, "description": null, "contact": null, "labels": null,
    });
    assert_eq!(import(emptied, &["--update"]).code, 0);
    let nothing = json!({ "owner": null, "description": null, "contact": null, "labels": {} });
    assert_eq!(facts_of(&cli.json(&["client", "show", "a"])), nothing);
    let event = &cli.json(&["audit", "list", "--limit", "1"])[0];
    assert_eq!((&event["owner"], &event["other_owner"]), (&Value::Null, &json!("payments")));
    let wrong = json!({
        "client_id": "b", "client_secret": "abc", "owner": "a b", "labels": { "a": "b c" },
        "contact": "", "description": 7,
    });
    let run = import(wrong, &[]);
    for text in ["owner: an owner", "labels: label a", "contact: a contact", "description is a"] {
        assert!(run.code == 2 && run.stderr.contains(text), "{text}: {run:?}");
    }
}

/// D18: a server does not read facts, so unreadable facts do not stop tokens.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn facts_are_not_read_for_tokens(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let client = server.new_client(|new| new.client_id = Some(client_id("billing"))).await;
    let change = "UPDATE client SET labels = 'broken', admin_of = 'broken'";
    execute(engine, &server.place.database_url, change).await;
    let restarted = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    assert_eq!(restarted.ask(&client).await.status, 200);
    let found = restarted.services().store.registration(&client_id("billing")).await;
    assert!(found.is_err(), "an administrator without a readable limit would have none");
}

#[tokio::test(flavor = "multi_thread")]
async fn screens_show_the_facts_that_there_are() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read", "--owner", "shop"]);
    let words = ["client", "create", "ops", "--owner", "platform", "--description", "Deploys"];
    let more = ["--contact", "#platform", "--label", "env=prod", "--label", "a=b", "--no-secret"];
    cli.json(&[&words[..], &more, &["--admin-of", "shop", "--admin-of", "payments"]].concat());
    let stable = |text: &str| -> String {
        let has_time = |line: &&str| !line.starts_with("created");
        text.lines().filter(has_time).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(stable(&cli.run(&["client", "show", "ops"]).stdout), @r"
    client         ops
    name           ops
    state          active
    owner          platform
    description    Deploys
    contact        #platform
    labels         a=b env=prod
    admin of       payments shop
    auth methods   private_key_jwt (no public key and no trust yet)
    grant types    client_credentials
    last used      never
    ");
    insta::assert_snapshot!(stable(&cli.run(&["resource", "show", ORDERS]).stdout), @r"
    resource   https://orders.example.com
    owner      shop
    scope      orders:read
    clients    none
    ");
    cli.json(&["client", "create", "plain", "--no-secret"]);
    insta::assert_snapshot!(cli.run(&["client", "list"]).stdout, @r"
    CLIENT   NAME    OWNER      APIS   SECRETS   LAST USED   STATE    SOURCE
    ops      ops     platform   0      none      never       active   -
    plain    plain   -          0      none      never       active   -
    ");
    let resources = cli.run(&["resource", "list"]).stdout;
    assert!(resources.starts_with("RESOURCE"), "{resources}");
    let row = resources.lines().find(|line| line.starts_with(ORDERS)).expect("a row");
    assert_eq!(row.split_whitespace().nth(1), Some("shop"), "{resources}");
}
