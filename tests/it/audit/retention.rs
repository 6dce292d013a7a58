//! Retention: old events are removed up to a signed checkpoint, where the log begins afterwards.

use std::sync::Arc;

use rstest::rstest;
use serde_json::Value;
use tokend::admin::AdminError;
use tokend::admin::audit::retention::{Removal, remove_old};
use tokend::app::App;
use tokend::config::sources::Flags;
use tokend::config::{Config, Requirement};
use tokend::model::time::Clock;
use tokend::services::Services;

use crate::database::backup::{back_up, restored};
use crate::fleet::following::tamper;
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{Engine, Place, Server, now};

const DAY: i64 = 86_400;

/// A server with events that are 100 days old and events of today.
struct Stage {
    engine: Engine,
    server: Server,
    cli: Cli,
    /// The sequence of the last old event.
    old: i64,
}

impl Stage {
    async fn new(engine: Engine, more: &[(&str, &str)]) -> Self {
        let place = Arc::new(Place::new(engine).await);
        let clock = Clock::fixed(now().minus_seconds(100 * DAY));
        let settings = [&[("TOKEND_AUDIT_RETENTION", "30d")], more].concat();
        let server = Server::at(place.clone(), clock, &settings).await;
        for _ in 0..5 {
            server.new_client(|new| new.grants.clear()).await;
        }
        let old = server.services().store.head().await.expect("a head").sequence;
        server.clock.advance(100 * DAY);
        for _ in 0..3 {
            server.new_client(|new| new.grants.clear()).await;
        }
        let cli = Cli::at(place);
        Self { engine, server, cli, old }
    }

    async fn remove(&self) -> Result<Option<Removal>, AdminError> {
        remove_old(self.server.services(), self.server.app.issuer.as_str()).await
    }

    async fn first(&self) -> i64 {
        let events = self.server.services().store.events(0, 1).await.expect("events");
        events[0].sequence
    }

    async fn execute(&self, statement: String) {
        tamper(&self.server, self.engine, &[statement]).await;
    }

    fn verified(&self) -> Value {
        self.cli.json(&["audit", "verify"])
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn old_events_are_removed_and_the_log_begins_at_a_checkpoint(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine, &[]).await;
    let before = stage.verified();
    let second = stage.server.services().store.events(1, 1).await.expect("events").remove(0);
    let removal = stage.remove().await.expect("removed");
    assert_eq!(removal, Some(Removal { until: stage.old, events: stage.old }));
    assert_eq!(stage.first().await, stage.old + 1);
    let verified = stage.verified();
    let begins = verified["begins_after"].as_str().expect("a beginning").to_owned();
    assert!(begins.starts_with(&format!("{}:", stage.old)), "{verified}");
    // An event records the removal.
    let events = stage.cli.json(&["audit", "list", "--action", "audit.events_removed"]);
    let detail = &events[0]["detail"];
    assert_eq!((&detail["from"], &detail["until"]), (&1.into(), &stage.old.into()), "{events}");
    assert_eq!(events[0]["actor"], "server");
    let listed = stage.cli.json(&["audit", "checkpoints"]);
    assert_eq!(listed[0]["is_anchor"], true, "{listed}");

    // A noted hash of an event that still exists, or of the beginning, can be compared.
    let noted = before["expect"].as_str().expect("a text");
    let verify = |expect: &str| stage.cli.run(&["audit", "verify", "--expect", expect]);
    assert_eq!(verify(noted).code, 0);
    assert_eq!(verify(&begins).code, 0);
    let run = verify(&format!("{}:{}", second.sequence, second.hash));
    assert!(run.code == 8 && run.stderr.contains("removed for its age"), "{run:?}");
    let run = verify(&format!("{}:{}", stage.old, second.hash));
    assert!(run.code == 8 && run.stderr.contains("has the hash"), "{run:?}");

    // An export that continues at a removed event reports the missing events.
    let export = |since: &str| stage.cli.run(&["audit", "export", "--since", since]);
    let run = export("3");
    assert!(run.code == 5 && run.stderr.contains("removed for their age"), "{run:?}");
    for since in ["0", "1", "200d", &(stage.old + 1).to_string()] {
        let run = export(since);
        let first = run.stdout.lines().next().unwrap_or_default().to_owned();
        let first: Value = serde_json::from_str(&first).expect("JSON");
        assert_eq!(first["sequence"], stage.old + 1, "{since}: {run:?}");
    }

    // A removal runs once a day. The leftovers of a killed process are not part of the log, and are
    // deleted.
    assert_eq!(stage.remove().await.expect("no error"), None);
    stage
        .execute(
            "INSERT INTO event (sequence, at, actor, action, subject, detail, previous_hash, hash) \
             VALUES (2, 0, 'a', 'b', 'c', '{}', 'd', 'e')"
                .to_owned(),
        )
        .await;
    assert_eq!(stage.verified()["begins_after"], begins);
    assert_eq!(stage.remove().await.expect("no error"), None);
    assert_eq!(stage.first().await, stage.old + 1);
    // The beginning cannot be moved by hand.
    stage.execute(format!("DELETE FROM event WHERE sequence <= {}", stage.old + 1)).await;
    let run = stage.cli.run(&["audit", "verify"]);
    assert!(run.code == 8 && run.stderr.contains("an event is missing"), "{run:?}");
}

/// An instance that has not seen the events before the beginning loads everything.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_from_before_the_beginning_loads_everything(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Arc::new(Place::new(engine).await);
    let clock = Clock::fixed(now().minus_seconds(100 * DAY));
    let settings = [("TOKEND_AUDIT_RETENTION", "30d")];
    let server = Server::at(place.clone(), clock.clone(), &settings).await;
    server.new_client(|new| new.grants.clear()).await;
    // It follows only on demand.
    let config = Config::load(&Flags::default(), &place.environment(), Requirement::Issuer);
    let config = config.expect("settings");
    let issuer = config.issuer.clone().expect("an issuer");
    let services = Services::open(config, clock.clone()).await.expect("services");
    let behind = Box::pin(App::load(services, issuer)).await.expect("an app");
    let position = behind.directory.published_sequence();
    for _ in 0..4 {
        server.new_client(|new| new.grants.clear()).await;
    }
    clock.advance(100 * DAY);
    server.new_client(|new| new.grants.clear()).await;
    let removal = remove_old(server.services(), server.app.issuer.as_str()).await;
    let removal = removal.expect("no error").expect("events are removed");
    assert!(removal.until > position + 1, "{removal:?} {position}");
    assert!(behind.catch_up().await.expect("followed"));
    assert_eq!(behind.directory.metrics.reloads(), 1);
    let head = server.services().store.head().await.expect("a head");
    assert_eq!(behind.directory.published_sequence(), head.sequence);
    // It follows again from there.
    server.new_client(|new| new.grants.clear()).await;
    assert!(behind.catch_up().await.expect("followed"));
    assert_eq!(behind.directory.metrics.reloads(), 1);
}

/// An event is kept until every receiver has it, however old it is.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_that_is_not_delivered(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let sinks = folder.path().join("sinks");
    let sink = format!("file:{}", sinks.join("audit.jsonl").display());
    let stage = Stage::new(engine, &[("TOKEND_AUDIT_SINK", &sink)]).await;
    assert_eq!(stage.remove().await.expect("no error"), None, "the folder does not exist");
    assert_eq!(stage.first().await, 1);
    std::fs::create_dir(&sinks).expect("a folder");
    let removal = eventually("a removal", async || {
        // SQLite uses the clock of the test, Postgres its own.
        stage.server.clock.advance(5);
        stage.remove().await.expect("no error").filter(|removal| removal.until == stage.old)
    });
    removal.await;
    assert_eq!(stage.verified()["intact"], true);
}

/// An altered log is kept as evidence.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_altered_is_not_shortened(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine, &[]).await;
    stage.execute("UPDATE event SET actor = 'x' WHERE sequence = 2".to_owned()).await;
    let error = stage.remove().await.expect_err("an error");
    assert_eq!(error.code().as_str(), "audit_log_altered");
    assert_eq!(stage.first().await, 1);
}

/// Of several instances, one removes the events. A restored backup has the same beginning.
#[rstest]
#[case(Engine::Sqlite, Engine::Postgres)]
#[case(Engine::Postgres, Engine::Sqlite)]
#[tokio::test(flavor = "multi_thread")]
async fn a_beginning_survives_a_restore(#[case] from: Engine, #[case] to: Engine) {
    let stage = Stage::new(from, &[]).await;
    let settings = [("TOKEND_AUDIT_RETENTION", "30d")];
    let other = Server::at(stage.server.place.clone(), stage.server.clock.clone(), &settings).await;
    let issuer = stage.server.app.issuer.as_str();
    let (one, two) = tokio::join!(
        remove_old(stage.server.services(), issuer),
        remove_old(other.services(), issuer)
    );
    let removals = [one.expect("no error"), two.expect("no error")];
    assert_eq!(removals.iter().flatten().count(), 1, "{removals:?}");
    let before = stage.verified();
    let (file, _) = back_up(&stage.server.place);
    let cli = Cli::at(restored(&file, to).await);
    let after = cli.json(&["audit", "verify"]);
    assert_eq!(after["begins_after"], before["begins_after"], "{after}");
    assert_eq!(after["hash"], before["hash"]);
    let noted = before["begins_after"].as_str().expect("a text");
    assert_eq!(cli.run(&["audit", "verify", "--expect", noted]).code, 0);
}
