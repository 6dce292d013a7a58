//! The page on the doctor: its commands are run unchanged, and its screens are real output.

use serde_json::Value;

use crate::repository::readme::blocks;
use crate::support::Engine;
use crate::support::process::Cli;
use crate::support::script::Script;

const PAGE: &str = "docs/operations/doctor.md";

/// The screen of the page, of a server behind a proxy with two faulty settings.
#[tokio::test(flavor = "multi_thread")]
async fn the_screen_of_the_page_is_a_real_one() {
    let cli = Cli::without_database(Engine::Sqlite).await.unset_database().unset("TOKEND_ISSUER");
    let folder = cli.place.folder.path();
    let issuer = "issuer = \"https://id.example.com\"\n";
    let settings = format!("{issuer}[backup]\nschedule = \"24h\"\n");
    std::fs::write(folder.join("tokend.toml"), &settings).expect("written");
    let mut server = cli.serve_at(([127, 0, 0, 1], 0).into()).await;
    let server_made = folder.join(".tokend/backups");
    crate::support::eventually::eventually("a backup", async || {
        let mut names = std::fs::read_dir(&server_made).ok()?.flatten();
        names.any(|name| name.path().extension().is_some_and(|end| end == "backup")).then_some(())
    })
    .await;
    cli.json(&["client", "create", "billing", "--secret-ttl", "5d"]);
    let run = cli.run(&["doctor"]);
    assert_eq!(run.code, 10, "{run:?}");
    assert_eq!(shape(&run.stdout), shape(&blocks(PAGE, "console")[0]), "{}", run.stdout);
    server.signal("TERM");
    server.ended().await;
}

/// Returns the lines of a screen without its command, and without the parts that differ in each
/// run.
fn shape(screen: &str) -> Vec<String> {
    let lines = screen.lines().filter(|line| !line.starts_with('$') && !line.is_empty());
    lines
        .map(|line| {
            let line = line.split("  fix: ").next().unwrap_or(line);
            let words = line.split_whitespace().take(2).collect::<Vec<_>>();
            let is_check = line.starts_with("  ");
            if is_check { words.join(" ") } else { line.to_owned() }
        })
        .collect()
}

/// The commands of the page work on a server unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_page_works() {
    let cli = Cli::new(Engine::Sqlite).await;
    let server = cli.serve().await;
    let cli = cli.set("TOKEND_ISSUER", &server.base);
    let script = Script::of_cli(&cli).with_urls(&server.base, &server.management);
    let runs: Vec<_> = blocks(PAGE, "sh").iter().map(|block| script.done(block)).collect();
    assert_eq!(runs.len(), 2, "other blocks");
    assert!(runs[0].stdout.contains("0 errors"), "{runs:?}");
    let report: Value = serde_json::from_str(&runs[1].stdout).expect("JSON");
    assert_eq!(report["worst"], "ok", "{report}");
    let block = blocks(PAGE, "json").swap_remove(0);
    let sample: Value = serde_json::from_str(&block).expect("JSON");
    assert_eq!(members(&sample), members(&report));
    assert_eq!(members(&sample["checks"][0]), members(&report["checks"][0]));
    assert_eq!(members(&sample["summary"]), members(&report["summary"]));
    drop(server);
}

fn members(value: &Value) -> Vec<&String> {
    value.as_object().expect("an object").keys().collect()
}
