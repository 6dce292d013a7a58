//! The lifetime of a secret: replacement until it is unused, and the warning before it expires.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::secret::NewSecret;
use tokend::admin::{client, secret};
use tokend::model::client::ClientState;
use tokend::model::event::Event;
use tokend::model::overlap::Overlap;
use tokend::model::secret::SecretRecord;
use tokend::model::time::{Clock, Timestamp};
use tokend::store::events::{EventFilter, Order};
use tokend::store::instances::heartbeat::Heartbeat;

use crate::listeners::stopping::execute;
use crate::support::api::Api;
use crate::support::process::Cli;
use crate::support::{Engine, ORDERS, Place, Server, TestClient, client_id, lifetime, operator};

/// Makes the stored times of secrets two hours older.
const AGE: [&str; 2] = [
    "UPDATE secret_use SET last_used_at = last_used_at - 7200, first_used_at = first_used_at - 7200",
    "UPDATE client_secret SET created_at = created_at - 7200",
];

/// Replaces the secret of a client, and returns the client with the new one.
async fn rotated(server: &Server, old: &TestClient, overlap: &str) -> TestClient {
    let overlap = Overlap::parse(overlap).expect("an overlap");
    let (id, new) = (client_id(&old.id), NewSecret::default());
    let made = secret::rotation::rotate(server.services(), &operator(), &id, &new, overlap).await;
    let secret = made.expect("a rotation").plain.expect("a secret");
    server.catch_up().await;
    server.known(&old.id, &secret)
}

async fn secrets(server: &Server, id: &str) -> Vec<SecretRecord> {
    let found = server.services().store.registration(&client_id(id)).await;
    found.expect("a store").expect("a client").secrets
}

/// Returns the events of an action, oldest first.
pub async fn events(server: &Server, action: &str) -> Vec<Event> {
    let filter = EventFilter { actions: vec![action.to_owned()], ..EventFilter::default() };
    let found = server.services().store.find_events(&filter, Order::OldestFirst, 100).await;
    found.expect("the events")
}

/// Writes the heartbeat of another instance, by the clock of the database.
async fn write_heartbeat(server: &Server, seconds_ago: i64) {
    let store = &server.services().store;
    let now = store.time(&server.clock).await.expect("the time");
    let heartbeat = Heartbeat {
        instance: "ins_other",
        host: "another machine",
        master_keys: "",
        written_until: now.minus_seconds(seconds_ago),
        expires_at: now.plus_seconds(3600),
    };
    store.add_use(&[], &heartbeat).await.expect("written");
}

async fn end_unused(server: &Server) -> usize {
    secret::life::end_unused(server.services()).await.expect("a look at the secrets")
}

/// The old secret ends early if the new one was used, it was unused itself, and each instance has
/// written its usage so far. Any instance ends it, also one that started later.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_secret_ends_when_it_is_unused_on_every_instance(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Arc::new(Place::new(engine).await);
    let first = Server::at(place.clone(), Clock::System, &[]).await;
    first.resource(ORDERS, &["orders:read"]).await;
    let old = first.client().await;
    let new = rotated(&first, &old, "until_unused:1h,max:7d").await;
    first.ask(&old).await.token();
    first.app.write_usage().await.expect("written");
    for sql in AGE {
        execute(engine, &place.database_url, sql).await;
    }
    write_heartbeat(&first, 0).await;
    assert_eq!(end_unused(&first).await, 0, "the new one was not used");

    let second = Server::at(place.clone(), Clock::System, &[]).await;
    second.ask(&new).await.token();
    second.app.write_usage().await.expect("written");
    first.app.write_usage().await.expect("written");
    write_heartbeat(&first, 3605).await;
    assert_eq!(end_unused(&second).await, 0, "an instance may have used it since");
    first.ask(&old).await.token();
    assert!(events(&first, "secret.expired").await.is_empty());
    first.app.write_usage().await.expect("written");
    write_heartbeat(&first, 0).await;
    assert_eq!(end_unused(&second).await, 0, "it was used again");

    execute(engine, &place.database_url, AGE[0]).await;
    let (one, other) = tokio::join!(end_unused(&first), end_unused(&second));
    assert!(one + other <= 1, "{one} {other}");
    let found = events(&first, "secret.expired").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let detail: Value = serde_json::from_str(&found[0].detail).expect("JSON");
    let mut stored = secrets(&first, &old.id).await.into_iter();
    let ended = stored.find(|secret| secret.replaced_by.is_some()).expect("a replaced secret");
    assert_eq!(detail["secret_id"], ended.secret_id.as_str());
    assert_eq!(
        (&detail["cause"], &detail["unused_window_seconds"]),
        (&json!("unused"), &json!(3600))
    );
    assert_eq!(found[0].actor, "server");
    for server in [&first, &second] {
        server.catch_up().await;
        server.ask(&old).await.assert_rejected(401, "invalid_client");
        server.ask(&new).await.token();
        assert_eq!(end_unused(server).await, 0, "once");
    }
}

/// The maximum ends the old secret even if its usage is unknown. An instance without a heartbeat
/// for `directory.max_staleness` is ignored.
#[tokio::test(flavor = "multi_thread")]
async fn the_overlap_maximum_ends_a_secret_and_a_lost_instance_is_ignored() {
    let server = Server::start(Engine::Sqlite).await;
    let old = server.client().await;
    let new = rotated(&server, &old, "until_unused:1h,max:3h").await;
    server.clock.advance(3 * 3600 - 1);
    server.catch_up().await;
    server.ask(&old).await.token();
    server.clock.advance(1);
    server.catch_up().await;
    server.ask(&old).await.assert_rejected(401, "invalid_client");

    let newer = rotated(&server, &new, "until_unused:1h").await;
    server.ask(&newer).await.token();
    write_heartbeat(&server, 0).await;
    server.clock.advance(3600);
    server.app.write_usage().await.expect("written");
    assert_eq!(end_unused(&server).await, 0, "the margin of two intervals");
    server.clock.advance(31);
    server.app.write_usage().await.expect("written");
    // The other instance expired an hour after its last heartbeat.
    assert_eq!(end_unused(&server).await, 1);
    server.catch_up().await;
    server.ask(&new).await.assert_rejected(401, "invalid_client");
    server.ask(&newer).await.token();
}

/// An instance that stops removes its heartbeat, so that no other one waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_instance_removes_its_heartbeat() {
    let cli = Cli::new(Engine::Sqlite).await;
    let mut process = cli.serve().await;
    let server = Server::at(cli.place.clone(), Clock::System, &[]).await;
    let (store, far) = (&server.services().store, Timestamp(4_000_000_000));
    let written = async || store.usage_written_until(Timestamp(0)).await.expect("an answer");
    assert!(written().await.is_some());
    store.remove_heartbeat(&server.services().instance).await.expect("removed");
    assert!(written().await.is_some(), "the process has said that it runs");
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0));
    store.remove_heartbeat(&server.services().instance).await.expect("removed");
    assert_eq!(written().await, None);
    assert_eq!(store.usage_written_until(far).await.expect("an answer"), None);
}

/// Each secret states whether it is safe to end and why, in the API and on the command line.
#[tokio::test(flavor = "multi_thread")]
async fn every_secret_reports_whether_it_is_safe_to_end() {
    let server = Server::start(Engine::Sqlite).await;
    let old = server.client().await;
    server.ask(&old).await.token();
    server.clock.advance(10);
    let api = Api::with(&server, "clients:read secrets:write").await;
    let path = format!("/v1/clients/{}/secrets", old.id);
    let body = json!({ "overlap": "until_unused:6h,max:7d" });
    let rotation = api.call("POST", &format!("{path}/rotate"), Some(body)).await;
    assert_eq!(rotation.status, 201, "{}", rotation.text);
    let made = rotation.json();
    assert_eq!(made["safe_to_end"]["safe"], false, "{made}");
    let new = server.known(&old.id, &made["client_secret"].as_str().expect("a secret").into());
    server.ask(&new).await.token();
    server.clock.advance(3 * 86_400);
    server.app.write_usage().await.expect("written");
    // The token of the administrator has expired.
    let api = Api::with(&server, "clients:read").await;
    let listed = api.call("GET", &path, None).await.json();
    let [first, second] = &listed["data"].as_array().expect("a list")[..] else {
        panic!("two secrets: {listed}")
    };
    let id = second["secret_id"].as_str().expect("an id");
    let reason =
        format!("last used 3 days ago from 127.0.0.1; the newer secret {id} is used since");
    assert_eq!(first["safe_to_end"], json!({ "safe": true, "reason": reason }));
    assert_eq!(
        (&first["replaced_by"], &first["unused_window_seconds"]),
        (&json!(id), &json!(21_600))
    );
    assert_eq!(first["expiring_soon"], true, "its maximum is near");
    assert_eq!(second["safe_to_end"]["safe"], false);
    // A page with one of them has the same values as the whole list.
    let page = api.call("GET", &format!("{path}?limit=1"), None).await.json();
    assert_eq!((&page["data"], &page["next_cursor"]), (&json!([first]), &first["secret_id"]));
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let page = api.call("GET", &format!("{path}?limit=1&cursor={cursor}"), None).await.json();
    assert_eq!((&page["data"], &page["next_cursor"]), (&json!([second]), &Value::Null));
    let cli = Cli::at(server.place.clone());
    let shown = cli.json(&["client", "show", &old.id]);
    let reason = shown["secrets"][0]["safe_to_end"]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("last used ") && reason.contains(" from 127.0.0.1; "), "{reason}");
    let text = cli.run(&["client", "show", &old.id]).stdout;
    assert_eq!(text.lines().filter(|line| line.starts_with("safe to end ")).count(), 2, "{text}");
    assert!(text.contains("when unused for 6h, at the latest"), "{text}");
    let list = cli.json(&["client", "list"]);
    let found = list.as_array().expect("a list").iter().find(|it| it["client_id"] == *old.id);
    assert!(found.expect("the client")["secrets"][1]["safe_to_end"]["safe"].is_boolean());
}

/// An invalid overlap is reported with the accepted forms, and nothing is changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_overlap_changes_nothing() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let api = Api::with(&server, "secrets:write").await;
    let path = format!("/v1/clients/{}/secrets/rotate", client.id);
    for overlap in ["24", "until_unused:", "until_unused:8d", "until_unused:6h,min:7d", "forever"] {
        let answer = api.call("POST", &path, Some(json!({ "overlap": overlap }))).await;
        assert_eq!(answer.status, 422, "{overlap}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/overlap", "{}", answer.text);
        let cli = Cli::at(server.place.clone());
        let run = cli.run(&["client", "rotate-secret", &client.id, "--overlap", overlap]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(&format!("--overlap: '{overlap}' ")), "{run:?}");
    }
    assert_eq!(secrets(&server, &client.id).await.len(), 1);
    server.ask(&client).await.token();
}

/// One event for each secret before it expires, on any instance; lists mark it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_warned_of_once_before_it_expires(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_SECRETS_WARN_BEFORE", "10d")]).await;
    let with_days = async |days: i64| {
        server
            .new_client(|new| {
                new.secret.get_or_insert_default().lifetime = Some(lifetime(days * 86_400));
            })
            .await
    };
    let (soon, later) = (with_days(10).await, with_days(11).await);
    let (disabled, replaced) = (with_days(5).await, with_days(5).await);
    let services = server.services();
    let id = client_id(&disabled.id);
    let off = ClientState::Disabled;
    client::set_state(services, &operator(), &id, off, None).await.expect("disabled");
    rotated(&server, &replaced, "24h").await;
    let look = async || secret::life::record_warnings(services).await.expect("a look");
    let (one, other) = tokio::join!(look(), look());
    assert!(one + other <= 1, "{one} {other}");
    let found = events(&server, "secret.expiring").await;
    let subjects: Vec<_> = found.iter().map(|event| event.subject.as_str()).collect();
    assert_eq!(subjects, [format!("client/{}", soon.id)]);
    let secret = secrets(&server, &soon.id).await.remove(0);
    let detail: Value = serde_json::from_str(&found[0].detail).expect("JSON");
    assert_eq!(detail["secret_id"], secret.secret_id.as_str());
    assert_eq!(detail["expires_at"], secret.expires_at.expect("an end").to_string());
    server.ask(&soon).await.token();

    let api = Api::with(&server, "clients:read").await;
    for (client, is_soon) in [(&soon, true), (&later, false)] {
        let shown = api.call("GET", &format!("/v1/clients/{}", client.id), None).await.json();
        assert_eq!(shown["expiring_soon"], is_soon, "{shown}");
        let path = format!("/v1/clients/{}/secrets", client.id);
        let secrets = api.call("GET", &path, None).await.json();
        assert_eq!(secrets["data"][0]["expiring_soon"], is_soon, "{secrets}");
    }
    // A day later the other one is about to expire.
    server.clock.advance(86_400);
    look().await;
    assert_eq!(look().await, 0);
    assert_eq!(events(&server, "secret.expiring").await.len(), 2);
}
