//! Lists for the daily work of operators: clients, rejections, events.

use rstest::rstest;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use tokend::model::client::{ClientName, ClientState};
use tokend::model::labels::{LabelKey, LabelValue};
use tokend::model::owner::Owner;
use tokend::model::resource::ResourceId;
use tokend::model::time::Timestamp;
use tokend::store::clients::list::{ClientFilter, Expiring, GrantFilter, Position};
use tokend::store::events::{Access, EventFilter, Order};

use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::{Engine, INVOICES, ORDERS};

/// Creates clients `a`, `b` and `c`; a secret of `b` expires in an hour, one of `c` in ten days.
async fn cli_with_clients(engine: Engine) -> Cli {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read", "--scope", "orders:write"]);
    cli.json(&["resource", "create", INVOICES, "--scope", "invoices:read"]);
    let (read, write) = (format!("{ORDERS}=orders:read"), format!("{ORDERS}=orders:write"));
    cli.json(&["client", "create", "a", "--name", "Alpha", "--grant", &read, "--grant", INVOICES]);
    let ending =
        ["client", "create", "b", "--name", "Beta", "--grant", ORDERS, "--secret-ttl", "10d"];
    cli.json(&ending);
    cli.json(&["client", "add-secret", "b", "--secret-ttl", "1h"]);
    let ending =
        ["client", "create", "c", "--name", "Gamma", "--grant", &write, "--secret-ttl", "9d"];
    cli.json(&ending);
    cli.json(&["client", "disable", "a", "--reason", "a test"]);
    cli
}

fn ids(cli: &Cli, options: &[&str]) -> Vec<String> {
    let words = ["client", "list", "-o", "id"];
    let run = cli.run(&[&words[..], options].concat());
    assert_eq!(run.code, 0, "{options:?}: {run:?}");
    run.stdout.lines().map(str::to_owned).collect()
}

/// O-31: each filter; an absent value is an error.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_by_each_filter(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_clients(engine).await;
    let cases: [(&[&str], &[&str]); 14] = [
        (&[], &["a", "b", "c"]),
        (&["--state", "disabled"], &["a"]),
        (&["--name", "Beta"], &["b"]),
        (&["--resource", ORDERS], &["a", "b", "c"]),
        (&["--resource", INVOICES], &["a"]),
        // A grant of all scopes includes each one.
        (&["--scope", "orders:write"], &["b", "c"]),
        (&["--resource", ORDERS, "--scope", "orders:read"], &["a", "b"]),
        // Clients are sorted by the first expiry, and each one is listed once.
        (&["--expiring", "14d"], &["b", "c"]),
        (&["--expiring", "2h"], &["b"]),
        (&["--expiring", "14d", "--scope", "orders:write", "--name", "Gamma"], &["c"]),
        (&["--expiring", "14d", "--after", "b"], &["c"]),
        (&["--after", "a", "--limit", "1"], &["b"]),
        // A client that is younger than a day cannot be unused for a day.
        (&["--unused", "1d"], &[]),
        (&["--state", "active", "--resource", INVOICES], &[]),
    ];
    for (options, expected) in cases {
        assert_eq!(ids(&cli, options), expected, "{options:?}");
    }
    for (options, text) in [
        (&["--resource", "https://order.example.com"][..], ORDERS),
        (&["--resource", "orders"], "orders does not exist"),
        (&["--scope", "orders:raed"], "orders:read"),
        (&["--resource", INVOICES, "--scope", "orders:read"], "orders:read does not exist"),
        (&["--expiring", "14d", "--after", "a"], "a"),
    ] {
        let run = cli.run(&[&["client", "list"][..], options].concat());
        assert!(run.code == 4 && run.stderr.contains(text), "{options:?}: {run:?}");
    }
    let lines = cli.run(&["client", "list", "-o", "jsonl"]).stdout;
    let objects: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(json!(objects), cli.json(&["client", "list"]));
    assert_eq!(objects[1]["secrets"].as_array().map(Vec::len), Some(2));
    let run = cli.run(&["client", "list", "--limit", "1"]);
    assert!(run.stderr.contains("2 more clients: --after a"), "{run:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_are_not_used_are_found(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_clients(engine).await;
    let url = &cli.place.database_url;
    for statement in [
        "UPDATE client SET created_at = created_at - 8640000",
        "INSERT INTO secret_use (secret_id, first_used_at, last_used_at, uses, last_address)
         SELECT secret_id, created_at - 8640000, created_at - 8640000, 1, '127.0.0.1'
         FROM client_secret WHERE client_id = 'b' AND label = ''",
        "INSERT INTO client_use (client_id, first_used_at, last_used_at, uses, last_address)
         SELECT client_id, created_at, created_at + 8640000, 1, '127.0.0.1'
         FROM client WHERE client_id = 'c'",
    ] {
        crate::listeners::stopping::execute(engine, url, statement).await;
    }
    assert_eq!(ids(&cli, &["--unused", "90d"]), ["a", "b"]);
    assert_eq!(ids(&cli, &["--unused", "90d", "--state", "active"]), ["b"]);
    assert_eq!(ids(&cli, &["--unused", "200d"]), Vec::<String>::new());
}

/// The query plans of SQLite: a filter with an index reads only the clients that it lists, and
/// sorts nothing. So the first page costs the same with a thousand clients and a million.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_of_a_list_is_found_by_an_index() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let mut database =
        SqliteConnection::connect(&cli.place.database_url).await.expect("a connection");
    let resources = vec![ResourceId::parse(ORDERS).expect("a resource")];
    let (now, until) = (Timestamp(1), Timestamp(2));
    let name = ClientName::parse("A").expect("a name");
    let owner = Owner::parse("payments").expect("an owner");
    let grant = GrantFilter { resources, scope: None };
    let clients = |filter: ClientFilter| filter.page(&Position::start(), 1000);
    let none = ClientFilter::default;
    let label = (LabelKey::parse("a").expect("a key"), LabelValue::parse("b").expect("a value"));
    let subjects = vec!["client/a".to_owned(), "resource/a".to_owned()];
    let events = |filter: EventFilter| filter.select(Access::InOrder, Order::NewestFirst, 1000);
    let plans = [
        ("client_state", clients(ClientFilter { state: Some(ClientState::Disabled), ..none() })),
        ("client_name", clients(ClientFilter { name: Some(name), ..none() })),
        ("client_owner", clients(ClientFilter { owners: Some([owner].into()), ..none() })),
        ("client_grant_resource", clients(ClientFilter { grant: Some(grant), ..none() })),
        ("client_label_label", clients(ClientFilter { labels: vec![label], ..none() })),
        (
            "client_secret_expires_at",
            clients(ClientFilter { expiring: Some(Expiring { now, until }), ..none() }),
        ),
        ("sqlite_autoindex_client_1", clients(none())),
        ("event_subject", events(EventFilter { subjects, ..EventFilter::default() })),
    ];
    for (index, statement) in plans {
        let sql = format!("EXPLAIN QUERY PLAN {}", statement.text());
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut database).await.expect("a plan");
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let plan = plan.join("\n");
        assert!(plan.starts_with("SEARCH") && plan.contains(index), "{index}: {plan}");
        assert!(!plan.contains("SCAN"), "{index}: {plan}");
        // Events of several subjects are sorted; clients never are.
        assert!(index == "event_subject" || !plan.contains("B-TREE"), "{index}: {plan}");
    }
}

/// O-11: the newest changes come first, with the old and the new values, and omitted events are
/// reported.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_filtered_by_actor_action_and_time(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_clients(engine).await.set("TOKEND_ACTOR", "ci");
    cli.json(&["client", "update", "b", "--name", "Beta two", "--token-ttl", "10m"]);
    cli.json(&["client", "update", "c", "--name", "Delta", "--actor", "ana"]);
    let sequences = |options: &[&str]| -> Vec<i64> {
        let events = cli.json(&[&["audit", "list"][..], options].concat());
        let events = events.as_array().expect("a list");
        events.iter().map(|event| event["sequence"].as_i64().expect("a number")).collect()
    };
    let all = sequences(&[]);
    assert_eq!(all, (1..=9).rev().collect::<Vec<_>>());
    let cases: [(&[&str], &[i64]); 13] = [
        (&["--limit", "2"], &[9, 8]),
        (&["--limit", "2", "--before", "8"], &[7, 6]),
        (&["--after", "7"], &[8, 9]),
        (&["--after", "2", "--limit", "2"], &[3, 4]),
        (&["--actor", "ana"], &[9]),
        (&["--actor", "cli:ci"], &[8]),
        (&["--action", "client.updated"], &[9, 8]),
        (&["--action", "secret"], &[5]),
        (&["--subject", "b"], &[8, 5, 4]),
        (&["--subject", "client/b", "--action", "client.created"], &[4]),
        (&["--subject", INVOICES], &[2]),
        (&["--since", "1h", "--limit", "1"], &[9]),
        (&["--until", "1h"], &[]),
    ];
    for (options, expected) in cases {
        assert_eq!(sequences(options), expected, "{options:?}");
    }
    let newest = &cli.json(&["audit", "list", "--limit", "2"])[1];
    assert_eq!(newest["actor"], "cli:ci");
    assert_eq!(newest["detail"]["was"], json!({ "name": "Beta", "token_lifetime": null }));
    assert_eq!(newest["detail"]["is"], json!({ "name": "Beta two", "token_lifetime": 600 }));
    let run = cli.run(&["audit", "list", "--limit", "2"]);
    assert!(run.stderr.contains("7 older events: --limit"), "{run:?}");
    assert_eq!(cli.run(&["audit", "list"]).stderr, "");
    let run = cli.run(&["audit", "list", "-o", "jsonl", "--limit", "3"]);
    assert_eq!(run.stdout.lines().count(), 3);
    for (options, text) in [
        (&["--action", "client.update"][..], "did you mean client.updated?"),
        (&["--since", "yesterday"], "2026-11-24"),
        (&["--follow", "-o", "json"], "jsonl"),
    ] {
        let run = cli.run(&[&["audit", "list"][..], options].concat());
        assert!(run.code == 2 && run.stderr.contains(text), "{options:?}: {run:?}");
    }
    for name in ["", "a\tb", &"a".repeat(81)] {
        let run = cli.run(&["client", "enable", "a", "--actor", name]);
        assert!(run.code == 2 && run.stderr.contains("--actor"), "{name:?}: {run:?}");
    }
    assert_eq!(cli.run(&["audit", "verify"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_changes_nothing_writes_no_event() {
    let cli = cli_with_clients(Engine::Sqlite).await;
    let count = || cli.run(&["audit", "list", "-o", "id"]).stdout.lines().count();
    let before = count();
    for words in [
        &["client", "update", "b"][..],
        &["client", "update", "b", "--name", "Beta"],
        &["client", "enable", "b"],
        &["client", "disable", "a"],
        &["client", "grant", "b", "--resource", ORDERS],
        &["resource", "update", ORDERS],
        &["resource", "update", ORDERS, "--scope", "orders:read", "--signing-alg", "default"],
    ] {
        let run = cli.run(words);
        assert!(run.code == 0 && run.stderr.contains("nothing changed"), "{words:?}: {run:?}");
    }
    assert_eq!(count(), before);
}

/// Events are followed, and a running server writes each one to its log.
#[tokio::test(flavor = "multi_thread")]
async fn changes_are_followed_and_logged() {
    use std::io::BufRead;
    let cli = cli_with_clients(Engine::Sqlite).await;
    let server = cli.serve().await;
    // The warning is about active clients; `a` has a secret without an expiry.
    let warning = "secrets of clients expire within 14d (secrets.warn_before)";
    until_logged(&server, &[warning, "b c"]).await;
    let mut following = cli
        .command(&["audit", "list", "--follow", "-o", "jsonl", "--subject", "c"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program");
    let output = following.stdout.take().expect("its output");
    let mut lines = std::io::BufReader::new(output).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("an object")
    };
    assert_eq!(next()["action"], "client.created");
    assert_eq!(next()["action"], "secret.expiring");
    cli.json(&["client", "update", "b", "--name", "Other"]);
    cli.json(&["client", "disable", "c", "--actor", "ana"]);
    let event = next();
    assert_eq!((&event["action"], &event["actor"]), (&json!("client.disabled"), &json!("cli:ana")));
    following.kill().expect("an end");
    following.wait().expect("an end");
    let sequence = event["sequence"].to_string();
    until_logged(&server, &["client.disabled", "client/c", "cli:ana", &sequence]).await;
}

/// Waits for a line with all of these texts.
async fn until_logged(server: &Process, texts: &[&str]) {
    let is_here = |line: &str| texts.iter().all(|text| line.contains(text));
    let what = format!("a line with {texts:?}");
    eventually(&what, async || server.log().lines().any(is_here).then_some(())).await;
}

/// O-63: the failing clients, with the reasons.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn rejections_are_listed(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let cli = cli_with_clients(engine).await;
    let server = cli.serve().await;
    let http = crate::support::client();
    let ask = async |id: &str, scope: &str| {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let url = format!("{}/v1/oauth/token", server.base);
        let request = http.post(url).basic_auth(id, Some("a wrong secret")).form(&form);
        let answer = request.send().await.expect("an answer");
        answer.headers()["x-request-id"].to_str().expect("a text").to_owned()
    };
    let first = ask("b", "orders:read").await;
    let second = ask("c", "orders:write").await;
    let list = |options: &[&str]| -> Vec<Value> {
        let found = cli.json(&[&["rejections", "list"][..], options].concat());
        found.as_array().expect("a list").clone()
    };
    eventually("both rejections", async || (list(&[]).len() == 2).then_some(())).await;
    let requests = |options: &[&str]| -> Vec<String> {
        let found = list(options);
        found.iter().map(|one| one["request_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(requests(&["--client", "b"]), [first]);
    assert_eq!(requests(&["--client", "c", "--since", "1h", "--reason", "SECRET"]), [second]);
    assert_eq!(requests(&["--reason", "invalid_client"]).len(), 2);
    assert_eq!(requests(&["--reason", "invalid_scope"]), Vec::<String>::new());
    assert_eq!(requests(&["--client", "a"]), Vec::<String>::new());
    let run = cli.run(&["rejections", "list", "--limit", "1"]);
    assert!(run.stderr.contains("1 older rejection"), "{run:?}");
    assert!(run.stdout.lines().count() == 2, "{run:?}");
    assert_eq!(cli.run(&["rejections", "list", "--client", "nope"]).code, 4);
}
