//! `tokend dev --demo-data`: data for exploring the console.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::commands::first_minute::{Dev, new_dev};
use crate::support::Engine;
use crate::support::process::Cli;

fn rows(cli: &Cli, arguments: &[&str]) -> Vec<Value> {
    let listed = cli.json(arguments);
    let list = listed.as_array().or_else(|| listed["items"].as_array());
    list.unwrap_or_else(|| panic!("{arguments:?}: {listed}")).clone()
}

fn ids(cli: &Cli, arguments: &[&str]) -> BTreeSet<String> {
    let id = |row: Value| row["client_id"].as_str().expect("an id").to_owned();
    rows(cli, arguments).into_iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_data_is_lively_and_a_second_start_adds_nothing() {
    let cli = new_dev().await;
    let dev = Dev::start(&cli, &["--demo-data"]);
    let clients = rows(&cli, &["client", "list", "--limit", "100"]);
    assert_eq!(clients.len(), 41, "forty, and that of dev");
    let owners: BTreeSet<_> =
        clients.iter().filter_map(|client| client["owner"].as_str()).collect();
    assert_eq!(owners, BTreeSet::from(["insights", "logistics", "payments"]));
    assert_eq!(rows(&cli, &["resource", "list"]).len(), 8, "seven, and that of the server");
    let expiring = ids(&cli, &["client", "list", "--expiring", "14d"]);
    assert!(expiring.contains("billing-worker"), "{expiring:?}");
    let unused = ids(&cli, &["client", "list", "--unused", "90d"]);
    assert!(unused.contains("old-importer") && unused.contains("scanner-pilot"), "{unused:?}");
    let disabled = ids(&cli, &["client", "list", "--state", "disabled"]);
    assert!(disabled.contains("churn-study"), "{disabled:?}");
    let pending = rows(&cli, &["grant-request", "list", "--state", "pending"]);
    assert_eq!(pending.len(), 2, "{pending:?}");
    let shown = cli.json(&["client", "show", "checkout"]);
    assert_eq!(shown["secrets"].as_array().map(Vec::len), Some(2), "{shown}");
    assert!(shown["secrets"][0]["usage"]["uses"].as_i64() > Some(0), "{shown}");
    assert_eq!(cli.run(&["audit", "verify"]).code, 0);
    let created = |cli: &Cli| rows(cli, &["audit", "list", "--action", "client.created"]).len();
    let before = created(&cli);
    drop(dev);
    let again = Dev::start(&cli, &["--demo-data"]);
    assert_eq!(created(&cli), before);
    assert_eq!(rows(&cli, &["client", "list", "--limit", "100"]).len(), 41);
    drop(again);
}

/// A person starts `dev` first, and adds the data later.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_data_is_added_to_a_database_of_dev() {
    let cli = new_dev().await;
    drop(Dev::start(&cli, &[]));
    let dev = Dev::start(&cli, &["--demo-data"]);
    assert_eq!(rows(&cli, &["client", "list", "--limit", "100"]).len(), 41);
    assert_eq!(cli.run(&["audit", "verify"]).code, 0);
    drop(dev);
    // Only `dev` has the option.
    let cli = Cli::new(Engine::Sqlite).await;
    assert_eq!(cli.run(&["serve", "--demo-data"]).code, 2);
}
