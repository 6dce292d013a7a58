//! The sink of the audit log: each event is delivered at least once and in order, by one instance
//! at a time.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rstest::rstest;
use serde_json::Value;
use tokend::model::time::Clock;
use tokend::services::audit_delivery;

use crate::listeners::stopping::execute;
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::receiver::{DOWN, Received, Receiver};
use crate::support::{Engine, Place, Server, now};

/// Stands for the id of a killed process.
const KILLED: u32 = u32::MAX;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Starts an instance with this sink.
async fn start(place: &Arc<Place>, clock: Clock, sink: &str, more: &[(&str, String)]) -> Server {
    let mut settings = vec![("TOKEND_AUDIT_SINK", sink)];
    settings.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
    if sink.starts_with("https:") {
        settings.push(("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET", SECRET));
    }
    Server::at(place.clone(), clock, &settings).await
}

/// Returns the JSON lines of a file, without a line that a crash has cut.
fn events_in(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn sequences(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["sequence"].as_i64().expect("a number")).collect()
}

/// Returns the log from the API.
async fn log_of(server: &Server) -> Vec<Value> {
    let events = server.services().store.events(0, 10_000).await.expect("events");
    events.iter().map(|event| serde_json::to_value(event).expect("JSON")).collect()
}

/// Waits until a file ends with the last event of the log, and until the position is stored. Before
/// that, the writer may not have checked whether the file was rotated: its last events would also
/// be in the next file.
async fn until_delivered(server: &Server, path: &Path) -> Vec<Value> {
    let services = server.services();
    let sink = services.config.audit.sink.as_ref().expect("a sink");
    eventually("every event in the file", async || {
        let noted = audit_delivery::delivered_until(services, sink).await.expect("a place");
        let (log, found) = (log_of(server).await, events_in(path));
        let is_noted = noted == log.last().and_then(|event| event["sequence"].as_i64());
        (is_noted && found.last() == log.last()).then_some(found)
    })
    .await
}

fn sink_in(place: &Place) -> (PathBuf, String) {
    let path = place.folder.path().join("audit.jsonl");
    let sink = format!("file:{}", path.display());
    (path, sink)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn events_are_appended_to_a_file_which_may_be_rotated(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Arc::new(Place::new(engine).await);
    // Events from before the sink was configured are delivered too.
    let mut server = Server::at(place.clone(), Clock::System, &[]).await;
    server.new_client(|new| new.grants.clear()).await;
    server.request_shutdown();
    drop(server);
    let (path, sink) = sink_in(&place);
    let server = start(&place, Clock::System, &sink, &[]).await;
    server.new_client(|new| new.grants.clear()).await;
    let first = until_delivered(&server, &path).await;
    assert_eq!(first, log_of(&server).await, "each event once, as the API has it");
    let rotated = place.folder.path().join("audit.jsonl.1");
    std::fs::rename(&path, &rotated).expect("rotated");
    server.new_client(|new| new.grants.clear()).await;
    let second = until_delivered(&server, &path).await;
    assert_eq!([first, second].concat(), log_of(&server).await);
    // A crash has cut a line: the next line is complete.
    let mut text = std::fs::read_to_string(&path).expect("the file");
    text.push_str("{\"sequence\":9");
    std::fs::write(&path, text).expect("written");
    server.new_client(|new| new.grants.clear()).await;
    until_delivered(&server, &path).await;
}

/// A sink that rejects an event delays neither changes nor, in the end, the other events.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_gets_every_event_in_its_order(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(DOWN, 400, 503)] status: u16,
) {
    let receiver = Receiver::new(move |_| status).await;
    let place = Arc::new(Place::new(engine).await);
    let url = receiver.url("/audit");
    let server = start(&place, Clock::fixed(now()), &url, &receiver.settings()).await;
    eventually("a first attempt", async || (!receiver.received().is_empty()).then_some(())).await;
    for _ in 0..3 {
        server.new_client(|new| new.grants.clear()).await;
    }
    assert!(server.app.audit_delivery.behind() > 0);
    receiver.answer(|_| 204);
    let delivered = async || {
        // SQLite uses the clock of the test, Postgres its own.
        server.clock.advance(600);
        let confirmed = receiver.received().into_iter().filter(|found| found.status == 204);
        let found: Vec<Value> = confirmed.map(|found| data(&found)).collect();
        (found.last() == log_of(&server).await.last()).then_some(found)
    };
    let found = eventually("every event", delivered).await;
    assert_eq!(found, log_of(&server).await);
    let first = &receiver.received()[0];
    let id = format!("evt_{}", data(first)["hash"].as_str().expect("a hash"));
    assert_eq!(first.headers["webhook-id"], id);
    assert!(first.headers["webhook-signature"].starts_with("v1,"), "{first:?}");
    eventually("no lag", async || {
        (server.app.audit_delivery.behind() == 0
            && server.app.audit_delivery.lag_seconds(server.clock.now()) == 0)
            .then_some(())
    })
    .await;
}

fn data(received: &Received) -> Value {
    let body: Value = serde_json::from_str(&received.body).expect("JSON");
    body["data"].clone()
}

/// A failure is logged once, not for each attempt, although the database answers other queries.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_the_database_is_logged_once() {
    const FAILED: &str = "a delivery of events failed";
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let (path, sink) = sink_in(&place);
    let cli = Cli::at(place.clone()).set("TOKEND_AUDIT_SINK", &sink);
    let server = cli.serve().await;
    let sql = async |statement| execute(Engine::Sqlite, &place.database_url, statement).await;
    sql("ALTER TABLE notification_cursor RENAME TO absent").await;
    assert_eq!(cli.run(&["client", "create", "a"]).code, 0);
    let log = server.log_with(FAILED).await;
    assert!(log.contains("deliver_audit_events"), "{log}");
    assert_eq!(cli.run(&["client", "create", "b"]).code, 0);
    sql("ALTER TABLE absent RENAME TO notification_cursor").await;
    eventually("the event of b", async || {
        events_in(&path).iter().any(|event| event["subject"] == "client/b").then_some(())
    })
    .await;
    assert_eq!(server.log().matches(FAILED).count(), 1, "{}", server.log());
}

/// The process is killed after an event was received and before the position is stored. The next
/// instance sends the event again, once the lease of the first one has expired.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_killed_between_write_and_note_loses_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // The states: not yet known, known, and killed.
    let victim = Arc::new(AtomicU32::new(0));
    let known = victim.clone();
    let receiver = Receiver::new(move |received| match known.load(Ordering::SeqCst) {
        0 => 503,
        KILLED => 204,
        id if data(received)["sequence"] == 3 => {
            known.store(KILLED, Ordering::SeqCst);
            let kill = Command::new("kill").args(["-9", &id.to_string()]).status();
            assert!(kill.expect("kill").success());
            DOWN
        }
        _ => 204,
    })
    .await;
    let mut cli = Cli::new(engine).await;
    for number in 0..6 {
        assert_eq!(cli.run(&["client", "create", &format!("c{number}")]).code, 0);
    }
    for (name, value) in receiver.settings() {
        cli = cli.set(name, &value);
    }
    let cli = cli
        .set("TOKEND_AUDIT_SINK", &receiver.url("/audit"))
        .set("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET", SECRET);
    let head = cli.json(&["audit", "list", "--limit", "1"])[0]["sequence"].clone();
    let head = head.as_i64().expect("a number");
    let mut process = cli.serve().await;
    victim.store(process.child.id(), Ordering::SeqCst);
    process.ended().await;
    assert_eq!(victim.load(Ordering::SeqCst), KILLED);
    let _second = cli.serve().await;
    let found = eventually("every event", async || {
        let taken = receiver.received().into_iter().filter(|found| found.status != 503);
        let found: Vec<Value> = taken.map(|found| data(&found)).collect();
        let known: BTreeSet<i64> = sequences(&found).into_iter().collect();
        (1..=head).all(|sequence| known.contains(&sequence)).then_some(found)
    })
    .await;
    // The events are in order; a duplicate is the same event. The third one is a duplicate.
    let thirds = sequences(&found).into_iter().filter(|sequence| *sequence == 3).count();
    assert!(thirds >= 2, "{thirds}");
    let mut seen = Vec::new();
    for event in &found {
        let sequence = event["sequence"].as_i64().expect("a number");
        let next = i64::try_from(seen.len() + 1).expect("small");
        assert!(sequence <= next, "{sequence} is too early: {seen:?}");
        match usize::try_from(sequence - 1).ok().and_then(|place| seen.get(place)) {
            Some(known) => assert_eq!(known, &event["hash"]),
            None => seen.push(event["hash"].clone()),
        }
    }
}

/// Two instances use one file: one delivers, and the other continues when the first one stops.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_instances_deliver_each_event_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Arc::new(Place::new(engine).await);
    let (path, sink) = sink_in(&place);
    let mut one = start(&place, Clock::System, &sink, &[]).await;
    let other = start(&place, Clock::System, &sink, &[]).await;
    for number in 0..20 {
        if number % 2 == 0 {
            one.new_client(|new| new.grants.clear()).await
        } else {
            other.new_client(|new| new.grants.clear()).await
        };
    }
    let found = until_delivered(&other, &path).await;
    assert_eq!(found, log_of(&other).await, "each event once");
    one.request_shutdown();
    drop(one);
    other.new_client(|new| new.grants.clear()).await;
    // The first one may have stopped between writing an event and storing its position.
    let found: BTreeSet<_> = sequences(&until_delivered(&other, &path).await).into_iter().collect();
    assert_eq!(Vec::from_iter(found), sequences(&log_of(&other).await));
}

/// On standard output, a member distinguishes events from other lines.
#[tokio::test(flavor = "multi_thread")]
async fn events_go_to_standard_output() {
    let cli = Cli::new(Engine::Sqlite).await;
    assert_eq!(cli.run(&["client", "create", "acme"]).code, 0);
    let mut child = cli
        .command(&["serve"])
        .env("TOKEND_LISTEN", "127.0.0.1:0")
        .env("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:0")
        .env("TOKEND_AUDIT_SINK", "stdout")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let output = child.stdout.take().expect("its output");
    let line = tokio::task::spawn_blocking(move || {
        BufReader::new(output).lines().next().expect("a line").expect("text")
    });
    let line: Value = serde_json::from_str(&line.await.expect("a line")).expect("JSON");
    child.kill().expect("killed");
    child.wait().expect("its end");
    assert_eq!((&line["log"], &line["sequence"]), (&"audit".into(), &1.into()), "{line}");
    assert_eq!(line["subject"], "client/acme");
}

/// A lease that another instance holds is respected until it expires.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_instance_at_a_time_has_a_lease(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let store = &server.services().store;
    let now = now();
    let later = now.plus_seconds(30);
    let take = async |instance: &str, now| {
        store.take_lease("x", instance, now, later).await.expect("a store")
    };
    assert!(take("a", now).await);
    assert!(take("a", now).await, "lengthened");
    assert!(!take("b", now.plus_seconds(29)).await);
    assert!(take("b", later).await, "the holder was killed");
    assert!(!take("a", now).await);
    store.end_lease("x", "a").await.expect("a store");
    assert!(!take("a", now).await, "only its holder ends a lease");
    store.end_lease("x", "b").await.expect("a store");
    assert!(take("a", now).await);
}
