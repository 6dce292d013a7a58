//! `tokend dev` only uses folders that it created (O-23).

use std::path::Path;

use crate::commands::first_minute::{Dev, new_dev};
use crate::support::process::{Cli, Run};
use crate::support::{Engine, postgres};

fn dev_in(cli: &Cli, more: &[&str]) -> Run {
    cli.run(&[&["dev", "--listen", "127.0.0.1:0"], more].concat())
}

fn assert_rejected(run: &Run) {
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("was not made by dev"), "{run:?}");
    assert!(run.stderr.contains("Nothing was changed."), "{run:?}");
}

fn files(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| {
        let entry = entry.expect("an entry");
        (entry.file_name().display().to_string(), entry.metadata().expect("it").len())
    });
    let mut found: Vec<_> = entries.collect();
    found.sort();
    found
}

/// O-23: the data of a server is neither used nor deleted.
#[tokio::test(flavor = "multi_thread")]
async fn dev_and_fresh_reject_a_folder_of_serve() {
    let cli = Cli::new(Engine::Sqlite).await;
    drop(cli.serve().await);
    cli.json(&["client", "create", "production"]);
    let cli = cli.unset("TOKEND_ISSUER").unset("TOKEND_MASTER_KEY").unset("TOKEND_DATABASE_URL");
    let before = files(cli.place.folder.path());
    assert_rejected(&dev_in(&cli, &[]));
    assert_rejected(&dev_in(&cli, &["--fresh"]));
    assert_eq!(files(cli.place.folder.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_rejects_its_folder_after_serve_has_used_it() {
    let cli = new_dev().await;
    let folder = cli.place.folder.path().join(".tokend");
    drop(Dev::start(&cli, &[]));
    assert!(folder.join("made-by-dev").exists());
    drop(Dev::start(&cli, &["--fresh"]));
    let cli = cli.set("TOKEND_LOG_LEVEL", "info");
    drop(cli.serve().await);
    assert!(!folder.join("made-by-dev").exists());
    let cli = cli.unset("TOKEND_LOG_LEVEL");
    assert_rejected(&dev_in(&cli, &[]));
    assert_rejected(&dev_in(&cli, &["--fresh"]));
    assert_eq!(cli.run(&["client", "list", "-o", "id"]).stdout, "cl_demo\n");
}

/// A folder of an earlier release has no marker: its first client shows that `dev` created it.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_the_demo_as_first_client_is_treated_as_made_by_dev() {
    let cli = new_dev().await;
    let folder = cli.place.folder.path().join(".tokend");
    drop(Dev::start(&cli, &[]));
    std::fs::remove_file(folder.join("made-by-dev")).expect("the mark");
    drop(Dev::start(&cli, &[]));
    assert!(folder.join("made-by-dev").exists());
    // A key with a database elsewhere is not deleted.
    let other = new_dev().await;
    let folder = other.place.folder.path().join(".tokend");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("master.key"), "the only copy").expect("a key");
    assert_rejected(&dev_in(&other, &["--fresh"]));
    assert_eq!(std::fs::read_to_string(folder.join("master.key")).expect("it"), "the only copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_rejects_a_postgres_database_that_serve_has_used() {
    let key = "dGVzdHMgb25seSB0ZXN0cyBvbmx5IHRlc3RzIG9ubHk=";
    let own = postgres::database().await;
    let cli = new_dev().await.set("TOKEND_MASTER_KEY", key).set("TOKEND_DATABASE_URL", &own);
    drop(Dev::start(&cli, &[]));
    drop(Dev::start(&cli, &[]));

    let used = Cli::new(Engine::Postgres).await;
    drop(used.serve().await);
    let url = used.place.database_url.clone();
    let cli = new_dev().await.set("TOKEND_MASTER_KEY", key).set("TOKEND_DATABASE_URL", &url);
    assert_rejected(&dev_in(&cli, &[]));
    used.json(&["client", "create", "production"]);
    assert_rejected(&dev_in(&cli, &[]));
    assert_eq!(used.run(&["client", "list", "-o", "id"]).stdout, "production\n");
}
