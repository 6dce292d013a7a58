//! The page on backups: its commands are run unchanged. Also the scheduled backups of a server.

use std::path::Path;
use std::sync::Arc;

use tokend::config::DEFAULTS;

use crate::database::backup::text;
use crate::listeners::stopping::ask;
use crate::repository::readme::blocks;
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::script::Script;
use crate::support::{Answer, Engine, Place, Server};

const PAGE: &str = "docs/backup.md";

/// Starts a SQLite server with a folder and a master key that it creates itself.
async fn first_server() -> Cli {
    Cli::without_database(Engine::Sqlite).await.unset_database()
}

/// Runs a block in the folder of the first server; returns its output.
fn run(cli: &Cli, text: &str) -> String {
    let run = Script::of_cli(cli).done(text);
    format!("{}{}", run.stdout, run.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_page_on_backups_works() {
    let cli = first_server().await;
    let mut server = cli.serve().await;
    cli.json(&["resource", "create", "https://a.example", "--scope", "a"]);
    let made =
        cli.json(&["client", "create", "Ops", "--id", "ops", "--grant", "https://a.example"]);
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    let [create, restore, to_postgres] = &blocks(PAGE, "sh")[..] else { panic!("other blocks") };
    let output = run(&cli, create);
    for words in ["of SQLite", "clients        1", "master key"] {
        assert!(output.contains(words), "no {words:?} in {output}");
    }
    let rotated = cli.json(&["client", "rotate-secret", "ops"]);
    let output = run(&cli, restore);
    for words in ["tokens revoked of clients   1", "secrets ended               1", "intact"] {
        assert!(output.contains(words), "no {words:?} in {output}");
    }
    let postgres = Place::new(Engine::Postgres).await.database_url;
    let script = to_postgres.replace("postgres://tokend@db.internal/tokend", &postgres);
    assert!(script.contains(&postgres), "{script}");
    let output = run(&cli, &script);
    assert!(output.contains("restored to    Postgres"), "{output}");
    server.signal("TERM");
    server.ended().await;
    // The moved server has the newest secret; the restored one has none.
    let key = cli.place.folder.path().join(".tokend/master.key");
    let moved = first_server().await.set("TOKEND_DATABASE_URL", &postgres);
    let moved = moved.set("TOKEND_MASTER_KEY_FILE", text(&key));
    let server = moved.serve().await;
    let newest = rotated["client_secret"].as_str().expect("a secret");
    ask(&server.base, "ops", newest).await.token();
    let data = cli.place.folder.path().join("restored");
    let restored = first_server().await.set("TOKEND_DATA_DIR", text(&data));
    let server = restored.serve().await;
    for secret in [&secret, newest] {
        ask(&server.base, "ops", secret).await.assert_rejected(401, "invalid_client");
    }
}

#[test]
fn the_settings_of_the_page_exist() {
    let block = blocks(PAGE, "toml").swap_remove(0);
    let names = block.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
    let section = DEFAULTS.split_once("\n[backup]\n").expect("a section").1;
    for name in names {
        assert!(section.contains(&format!("\n{name} = ")), "{name}");
    }
}

/// A server makes a backup when the newest one is old enough, keeps the newest ones, and reports
/// the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_makes_backups_and_reports_the_time_of_the_newest() {
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let dir = place.folder.path().join("backups");
    std::fs::create_dir(&dir).expect("a folder");
    let old = ["tokend-20200101T000000Z.backup", "tokend-20200102T000000Z.backup", "mine.backup"];
    for name in old {
        std::fs::write(dir.join(name), "").expect("written");
    }
    let settings = [("TOKEND_BACKUP_SCHEDULE", "24h"), ("TOKEND_BACKUP_KEEP", "2")];
    let clock = tokend::model::time::Clock::fixed(crate::support::now());
    let server = Server::at(place, clock, &settings).await;
    let made = server.clock.now().0;
    eventually("a backup", async || {
        let answer = Answer::of(server.http.get(format!("{}/metrics", server.management))).await;
        let line = format!("tokend_backup_last_success_timestamp_seconds {made}");
        answer.text.contains(&line).then_some(())
    })
    .await;
    let names = names_in(&dir);
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&old[1].to_owned()) && names.contains(&old[2].to_owned()), "{names:?}");
    let newest = names.iter().find(|name| !old.contains(&name.as_str())).expect("a new one");
    let cli = Cli::at(server.place.clone());
    let verified = cli.json(&["backup", "verify", text(&dir.join(newest))]);
    assert_eq!(verified["sequence"], server.services().store.head().await.expect("it").sequence);
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().expect("a text");
    entries.map(|entry| name(entry.expect("an entry"))).collect()
}
