//! The readers of the key set: those without the next key, and a rotation that waits for them.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::key_set_reader::KeySetReader;
use tokend::model::time::Timestamp;

use crate::keys::signing_keys::rotate_due;
use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Engine, Server};

const DAY: i64 = 86_400;

/// Reads the key set as a verifier with this name.
async fn read(server: &Server, method: reqwest::Method, agent: &str) {
    let url = server.url("/.well-known/jwks.json");
    let request = server.http.request(method, url).header("user-agent", agent);
    request.send().await.expect("an answer");
    server.app.write_key_set_readers().await.expect("written");
}

async fn next_key(server: &Server) -> Value {
    let api = Api::with(server, ALL_SCOPES).await;
    let keys = api.call("GET", "/v1/signing-keys", None).await.json();
    let mut keys = keys["data"].as_array().expect("keys").clone();
    keys.retain(|key| key["state"] == "published");
    keys.pop().expect("a published key")
}

async fn publish(server: &Server) {
    let api = Api::with(server, ALL_SCOPES).await;
    let answer = api.call("POST", "/v1/signing-keys/rotate", Some(json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_all_instances_without_the_next_key_are_listed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let one = Server::start(engine).await;
    let issuer = [("TOKEND_ISSUER", one.base.as_str())];
    let two = Server::at(one.place.clone(), one.clock.clone(), &issuer).await;
    read(&one, reqwest::Method::GET, "Go-http-client/1.1").await;
    read(&two, reqwest::Method::GET, "PyJWT/2.15 (a comment)").await;
    read(&one, reqwest::Method::HEAD, "probe/1").await;
    one.clock.advance(60);
    publish(&one).await;
    let readers = next_key(&one).await["readers"].clone();
    assert_eq!((&readers["active"], &readers["behind"]), (&json!(2), &json!(2)), "{readers}");
    two.catch_up().await;
    read(&two, reqwest::Method::GET, "Go-http-client/1.1").await;
    let readers = next_key(&one).await["readers"].clone();
    assert_eq!(readers["behind"], 1, "{readers}");
    let listed = &readers["listed"][0];
    assert_eq!(listed["user_agent"], "PyJWT/2.15");
    assert_eq!((&listed["network"], &listed["days"]), (&json!("127.0.0.0/24"), &json!(1)));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_waits_once_for_a_steady_reader(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(2, 3)] days: i64,
) {
    let server = Server::with(engine, &[("TOKEND_KEYS_WAIT_FOR_READERS", "true")]).await;
    for day in 0..days {
        if day > 0 {
            server.clock.advance(DAY);
            server.catch_up().await;
        }
        for _ in 0..2 {
            read(&server, reqwest::Method::GET, "verifier/1").await;
        }
    }
    server.clock.advance(60);
    server.catch_up().await;
    publish(&server).await;
    let before = next_key(&server).await;
    assert_eq!(before["readers"]["listed"][0]["days"], days);
    server.clock.advance(DAY - 1000);
    rotate_due(&server).await;
    assert_eq!(next_key(&server).await["postponed_at"], Value::Null, "it is not yet time");
    server.clock.advance(500);
    rotate_due(&server).await;
    let after = next_key(&server).await;
    let at = |key: &Value| {
        Timestamp::parse(key["signs_from"].as_str().expect("a time")).expect("a time").0
    };
    // A reader of only two days may be accidental.
    let delay = if days < 3 { 0 } else { DAY };
    assert_eq!(at(&after), at(&before) + delay);
    let api = Api::with(&server, ALL_SCOPES).await;
    let events = api.call("GET", "/v1/audit-events?action=key.postponed", None).await.json();
    let count = events["data"].as_array().map(Vec::len);
    assert_eq!(count, Some(usize::from(delay > 0)), "{events}");
    if delay > 0 {
        assert_eq!(events["data"][0]["detail"]["readers_behind"], 1, "{events}");
        // It does not wait a second time.
        server.clock.advance(DAY);
        rotate_due(&server).await;
        assert_eq!(at(&next_key(&server).await), at(&after));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_knows_the_key_delays_nothing() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_KEYS_WAIT_FOR_READERS", "true")]).await;
    for _ in 0..3 {
        server.clock.advance(DAY);
        server.catch_up().await;
        read(&server, reqwest::Method::GET, "verifier/1").await;
    }
    publish(&server).await;
    read(&server, reqwest::Method::GET, "verifier/1").await;
    server.clock.advance(DAY - 500);
    rotate_due(&server).await;
    assert_eq!(next_key(&server).await["postponed_at"], Value::Null);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn unknown_readers_do_not_replace_regular_readers(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (store, now) = (&server.services().store, server.clock.now());
    let reader = |number: i64, user_agent: &str, days: i64| KeySetReader {
        network: format!("10.{}.{}.0/24", number / 256, number % 256),
        user_agent: user_agent.to_owned(),
        first_seen_at: now,
        last_seen_at: now.plus_seconds(days),
        days: 1,
        newest_key_at: now,
    };
    for day in 0..3 {
        let steady =
            KeySetReader { last_seen_at: now.plus_seconds(day * DAY), ..reader(0, "s", 0) };
        store.add_key_set_readers(&[steady]).await.expect("written");
    }
    let strangers: Vec<_> = (0..1_500).map(|number| reader(number, "stranger", 0)).collect();
    store.add_key_set_readers(&strangers).await.expect("written");
    store.purge_key_set_readers(now).await.expect("purged");
    let kept = store.read().key_set_readers().await.expect("readers");
    assert_eq!((kept.len(), kept[0].user_agent.as_str(), kept[0].days), (1_000, "s", 3));
    store.purge_key_set_readers(now.plus_seconds(31 * DAY)).await.expect("purged");
    let kept = store.read().key_set_readers().await.expect("readers");
    assert_eq!(kept.len(), 1, "the others were not seen again");
}
