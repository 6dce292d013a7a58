//! `tokend audit export`: every event once and unchanged, in both formats, for callers that may see
//! it.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::event::{Event, EventOwners};
use tokend::model::owner::Owner;
use tokend::model::time::{Clock, Timestamp};
use tokend::services::event_chain;

use crate::remote::declarations::administrator;
use crate::support::process::Cli;
use crate::support::{Engine, Place, Server};

/// Names that are hard to write and to parse.
const NAMES: [&str; 5] =
    ["=HYPERLINK(\"https://evil.example\")", "a,b \"c\"", "' leading", "Größe ≥ 5 🦀", "@SUM(1)"];

/// Creates three clients of two teams, as actors with such names.
fn make_events(cli: &Cli) {
    for (place, name) in NAMES.into_iter().enumerate() {
        let id = format!("c{place}");
        let owner = if place % 2 == 0 { "shop" } else { "bank" };
        let words = ["client", "create", &id, "--name", name, "--owner", owner, "--actor", name];
        cli.json(&words);
    }
    cli.json(&["client", "disable", "c0", "--reason", "first line\nsecond; =1+1"]);
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Returns the events of a CSV text as JSON, without the protective apostrophes.
fn of_csv(text: &str) -> Vec<Value> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> =
        reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let mut events = Vec::new();
    for record in reader.records() {
        let record = record.expect("a record");
        let mut event = json!({});
        for (name, cell) in names.iter().zip(record.iter()) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "a formula: {cell}");
            let cell = cell.strip_prefix('\'').unwrap_or(cell);
            event[name] = match name.as_str() {
                "sequence" => json!(cell.parse::<i64>().expect("a number")),
                "detail" => serde_json::from_str(cell).expect("JSON"),
                "owner" | "other_owner" if cell.is_empty() => Value::Null,
                _ => json!(cell),
            };
        }
        events.push(event);
    }
    events
}

/// Computes the hash of an event from an export alone.
fn hash_of(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let owner = |name: &str| event[name].as_str().map(Owner::stored);
    event_chain::hash(&Event {
        sequence: event["sequence"].as_i64().expect("a number"),
        at: Timestamp::parse(&text("at")).expect("a time"),
        actor: text("actor"),
        action: text("action"),
        subject: text("subject"),
        detail: event["detail"].to_string(),
        owners: EventOwners { owner: owner("owner"), other_owner: owner("other_owner") },
        previous_hash: text("previous_hash"),
        hash: String::new(),
    })
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_exported_once_and_its_hash_can_be_computed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    make_events(&cli);
    let listed = cli.json(&["audit", "list", "--after", "0"]);
    let run = cli.run(&["audit", "export"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    let exported = lines(&run.stdout);
    assert_eq!(json!(exported), listed);
    let mut previous = String::new();
    for event in &exported {
        assert_eq!(event["previous_hash"], previous, "{event}");
        previous = event["hash"].as_str().expect("a hash").to_owned();
        assert_eq!(hash_of(event), previous, "{event}");
    }
    let run = cli.run(&["audit", "export", "--format", "csv"]);
    assert!(run.stdout.ends_with("\r\n"), "{run:?}");
    assert_eq!(json!(of_csv(&run.stdout)), listed);
    let count = |options: &[&str]| {
        let run = cli.run(&[&["audit", "export"][..], options].concat());
        assert_eq!(run.code, 0, "{options:?}: {run:?}");
        lines(&run.stdout).iter().map(|event| event["sequence"].as_i64()).collect::<Vec<_>>()
    };
    for (options, sequences) in [
        (&["--since", "3", "--until", "4"][..], &[3, 4][..]),
        (&["--since", "6"], &[6]),
        (&["--since", "7"], &[]),
        (&["--since", "1h", "--until", "2"], &[1, 2]),
        (&["--until", "1h"], &[]),
        (&["--since", "0", "--until", "2000-01-01"], &[]),
    ] {
        let expected: Vec<_> = sequences.iter().copied().map(Some).collect();
        assert_eq!(count(options), expected, "{options:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_appears_complete_and_is_never_replaced() {
    let cli = Cli::new(Engine::Sqlite).await;
    make_events(&cli);
    let path = cli.place.folder.path().join("audit.csv");
    let export = ["audit", "export", "--format", "csv", "-f", "audit.csv"];
    let run = cli.run(&export);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("6 events") && run.stderr.contains("--since 7"), "{run:?}");
    let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).expect("the file");
    assert_eq!(of_csv(&text).len(), 6);
    let run = cli.run(&export);
    assert!(run.code == 5 && run.stderr.contains("not replaced"), "{run:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), text);
    let run = cli.run(&["audit", "export", "-f", "absent/audit.csv"]);
    assert!(run.code == 1 && run.stderr.contains("nothing was exported"), "{run:?}");
    let run = cli.run(&["audit", "export", "--since", "7", "-f", "none.jsonl"]);
    assert!(run.code == 0 && run.stderr.contains("no event"), "{run:?}");
}

/// D17: a team exports its own events, which fill more than one page.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_team_exports_its_own_events_from_a_server(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Arc::new(Place::new(engine).await);
    let server = Server::at(place.clone(), Clock::System, &[]).await;
    let local = Cli::at(place);
    make_events(&local);
    let imported: String = (0..1_100)
        .map(|number| {
            let owner = if number < 1_050 { "shop" } else { "bank" };
            format!(
                "{{\"client_id\":\"i{number}\",\"owner\":\"{owner}\",\
                 \"jwks_uri\":\"https://i.example/{number}\"}}\n"
            )
        })
        .collect();
    server.import(&imported).await;
    let shop = administrator(&server, &local, "ops", "audit:read").await;
    local.json(&["client", "update", "ops", "--admin-of", "shop"]);
    server.catch_up().await;
    let all = lines(&local.run(&["audit", "export"]).stdout);
    let of_shop = |event: &&Value| event["owner"] == "shop" || event["other_owner"] == "shop";
    let expected: Vec<Value> = all.iter().filter(of_shop).cloned().collect();
    assert!(expected.len() > 1_050 && expected.len() < all.len());
    for format in ["jsonl", "csv"] {
        let run = shop.run(&["audit", "export", "--format", format]);
        assert_eq!(run.code, 0, "{run:?}");
        let found = if format == "csv" { of_csv(&run.stdout) } else { lines(&run.stdout) };
        assert!(found == expected, "{format}: {} events", found.len());
    }
}
