//! The page on the audit log: its commands are run unchanged.

use tokend::config::DEFAULTS;

use crate::audit::export::lines;
use crate::repository::readme::blocks;
use crate::support::Engine;
use crate::support::process::Cli;
use crate::support::script::Script;

const PAGE: &str = "docs/audit.md";

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_page_on_the_audit_log_works() {
    let cli = Cli::without_database(Engine::Sqlite).await.unset_database();
    let mut server = cli.serve().await;
    cli.json(&["client", "create", "acme"]);
    server.signal("TERM");
    server.ended().await;
    let [verify, export] = &blocks(PAGE, "sh")[..] else { panic!("other blocks") };
    let run = Script::of_cli(&cli).done(verify);
    for words in ["intact", "checkpoint       event", "note elsewhere"] {
        assert!(run.stdout.contains(words), "no {words:?} in {}", run.stdout);
    }
    let run = Script::of_cli(&cli).done(export);
    assert!(run.stderr.contains("week.csv has"), "{run:?}");
    let folder = cli.place.folder.path();
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file");
    assert_eq!(lines(&text("first.jsonl")).len(), 2);
    assert!(text("week.csv").contains("\"client/acme\""));
    // The claims on the page are those of a checkpoint.
    let shown: serde_json::Value = serde_json::from_str(&blocks(PAGE, "json")[0]).expect("JSON");
    let (_, claims) =
        tokend::jose::jwt::read_unchecked(text("checkpoint.jwt").trim()).expect("a JWT");
    let names = |value: &serde_json::Value| {
        value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(&shown), names(&claims));
}

#[test]
fn the_settings_of_the_page_exist() {
    let section = DEFAULTS.split_once("\n[audit]\n").expect("a section").1;
    for block in blocks(PAGE, "toml") {
        for name in block.lines().filter_map(|line| Some(line.split_once(" = ")?.0)) {
            assert!(section.contains(&format!("\n{name} = ")), "{name}");
        }
    }
}
