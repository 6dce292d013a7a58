//! Notifications: signed, in order, at least once, by one instance at a time.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin;
use tokend::crypto::{digest, mac};
use tokend::model::client::ClientState;
use tokend::model::time::Clock;

use crate::repository::readme::blocks;
use crate::support::eventually::eventually;
use crate::support::foreign::python_program;
use crate::support::process::Cli;
use crate::support::receiver::{DOWN, Received, Receiver};
use crate::support::script::Script;
use crate::support::{Engine, Place, Server, TestClient, client_id, now, operator};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn start(place: &Arc<Place>, clock: Clock, receiver: &Receiver, urls: &str) -> Server {
    let fetch = receiver.settings();
    let mut settings: Vec<_> = fetch.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("TOKEND_NOTIFICATIONS_WEBHOOKS", urls));
    settings.push(("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET", SECRET));
    Server::at(place.clone(), clock, &settings).await
}

async fn set_state(server: &Server, client: &TestClient, state: ClientState) {
    let (services, id) = (server.services(), client_id(&client.id));
    admin::client::set_state(services, &operator(), &id, state, None).await.expect("changed");
}

/// Creates a client and disables it; returns its subject.
async fn disabled(server: &Server) -> String {
    let client = server.new_client(|new| new.grants.clear()).await;
    set_state(server, &client, ClientState::Disabled).await;
    format!("client/{}", client.id)
}

fn data(received: &Received) -> Value {
    let body: Value = serde_json::from_str(&received.body).expect("JSON");
    body["data"].clone()
}

fn subjects(receiver: &Receiver) -> Vec<String> {
    let delivered = receiver.received().into_iter().filter(|found| found.status == 204);
    delivered.map(|found| data(&found)["subject"].as_str().expect("a text").to_owned()).collect()
}

async fn until_subjects(receiver: &Receiver, expected: &[String]) {
    eventually("every notification", async || {
        (subjects(receiver).len() >= expected.len()).then_some(())
    })
    .await;
    assert_eq!(subjects(receiver), expected);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_sent_signed_and_again_after_a_failure(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let receiver = Receiver::new(|_| 500).await;
    let place = Arc::new(Place::new(engine).await);
    let server = start(&place, Clock::fixed(now()), &receiver, &receiver.url("/hook?a=b")).await;
    let client = server.new_client(|new| new.grants.clear()).await;
    // Neither of these is sent.
    set_state(&server, &client, ClientState::Disabled).await;
    set_state(&server, &client, ClientState::Active).await;
    eventually("a first attempt", async || (!receiver.received().is_empty()).then_some(())).await;
    receiver.answer(|_| 204);
    // SQLite uses the clock of the test, Postgres its own.
    server.clock.advance(5);
    until_subjects(&receiver, &[format!("client/{}", client.id)]).await;
    let received = receiver.received();
    let [first, again] = &received[..] else { panic!("{received:?}") };
    let id = &first.headers["webhook-id"];
    assert_eq!((id, &first.body), (&again.headers["webhook-id"], &again.body));
    for Received { path, headers, body, .. } in [first, again] {
        assert_eq!(
            (path.as_str(), headers["content-type"].as_str()),
            ("/hook?a=b", "application/json")
        );
        let signed = format!("{id}.{}.{body}", headers["webhook-timestamp"]);
        let key = BASE64_STANDARD.decode(&SECRET[6..]).expect("base64");
        let code = BASE64_STANDARD.encode(mac::hmac_sha256(&key, signed.as_bytes()));
        assert_eq!(headers["webhook-signature"], format!("v1,{code}"));
    }
    let body: Value = serde_json::from_str(&again.body).expect("JSON");
    assert_eq!(body["type"], "client.disabled");
    let sequence = body["data"]["sequence"].as_i64().expect("a number");
    let found = server.services().store.events(sequence - 1, 1).await.expect("a store");
    let event = found.into_iter().find(|event| event.sequence == sequence);
    let event = serde_json::to_value(event.expect("an event")).expect("JSON");
    assert_eq!((&body["data"], &body["timestamp"]), (&event, &event["at"]));
    assert_eq!(*id, format!("evt_{}", event["hash"].as_str().expect("a hash")));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_gets_every_event_after_a_restart(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let receiver = Receiver::new(|_| DOWN).await;
    let place = Arc::new(Place::new(engine).await);
    let mut server = start(&place, Clock::fixed(now()), &receiver, &receiver.url("/")).await;
    let mut expected = vec![disabled(&server).await];
    eventually("a first attempt", async || (!receiver.received().is_empty()).then_some(())).await;
    expected.push(disabled(&server).await);
    server.request_shutdown();
    drop(server);
    receiver.answer(|_| 204);
    let later = Clock::fixed(now().plus_seconds(60));
    let server = start(&place, later, &receiver, &receiver.url("/")).await;
    expected.push(disabled(&server).await);
    until_subjects(&receiver, &expected).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_instances_send_each_event_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let receiver = Receiver::new(|_| 204).await;
    let place = Arc::new(Place::new(engine).await);
    let clock = Clock::fixed(now());
    let one = start(&place, clock.clone(), &receiver, &receiver.url("/")).await;
    let other = start(&place, clock, &receiver, &receiver.url("/")).await;
    let mut expected = Vec::new();
    for number in 0..30 {
        let server = if number % 2 == 0 { &one } else { &other };
        expected.push(disabled(server).await);
    }
    until_subjects(&receiver, &expected).await;
    // Both have seen that no event is left.
    expected.push(disabled(&one).await);
    until_subjects(&receiver, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_rejected_again_and_again_holds_up_no_other() {
    let receiver = Receiver::new(|_| 204).await;
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let server = start(&place, Clock::fixed(now()), &receiver, &receiver.url("/")).await;
    let first = disabled(&server).await;
    until_subjects(&receiver, std::slice::from_ref(&first)).await;
    let client = server.new_client(|new| new.grants.clear()).await;
    let poison = format!("client/{}", client.id);
    let rejected = poison.clone();
    receiver.answer(move |found| if data(found)["subject"] == rejected { 422 } else { 204 });
    set_state(&server, &client, ClientState::Disabled).await;
    let last = disabled(&server).await;
    eventually("the next event", async || {
        server.clock.advance(600);
        subjects(&receiver).contains(&last).then_some(())
    })
    .await;
    assert_eq!(subjects(&receiver), [first, last]);
    let attempts = receiver.received().iter().filter(|found| found.status == 422).count();
    assert_eq!(attempts, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_delays_no_other_one() {
    let receiver = Receiver::new(|found| if found.path == "/down" { DOWN } else { 204 }).await;
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let urls = [receiver.url("/down"), receiver.url("/up")].join(",");
    let server = start(&place, Clock::fixed(now()), &receiver, &urls).await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push(disabled(&server).await);
    }
    until_subjects(&receiver, &expected).await;
    receiver.answer(|_| 204);
    server.clock.advance(600);
    eventually("the rest", async || (subjects(&receiver).len() == 6).then_some(())).await;
}

/// A receiver that rejects everything does not delay the other one.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_rejects_everything_delays_no_other_one() {
    let receiver = Receiver::new(|found| match found.path.as_str() {
        "/large" => 413,
        "/broken" => 500,
        _ => 204,
    })
    .await;
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let urls = ["/large", "/broken", "/up"].map(|path| receiver.url(path)).join(",");
    // The clock is fixed, so no second attempt is due.
    let server = start(&place, Clock::fixed(now()), &receiver, &urls).await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(disabled(&server).await);
    }
    until_subjects(&receiver, &expected).await;
    let of = |path: &str| receiver.received().iter().filter(|found| found.path == path).count();
    assert_eq!((of("/large"), of("/broken")), (1, 1));
}

/// RFC 9110, section 10.2.3.
#[tokio::test(flavor = "multi_thread")]
async fn retry_after_of_a_receiver_sets_the_time_of_the_next_attempt() {
    let receiver = Receiver::new(|_| 503).await;
    receiver.ask_to_wait(90);
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let url = receiver.url("/");
    let server = start(&place, Clock::fixed(now()), &receiver, &url).await;
    let subject = disabled(&server).await;
    let id = digest::of_bytes(url.as_bytes());
    let cursor = eventually("a failed attempt", async || {
        let found = server.services().store.notification_cursor(&id).await.expect("a store");
        found.filter(|cursor| cursor.failures > 0)
    })
    .await;
    assert_eq!(cursor.next_attempt_at, server.clock.now().plus_seconds(90));
    receiver.answer(|_| 204);
    server.clock.advance(90);
    until_subjects(&receiver, &[subject]).await;
}

/// A receiver with its own secret cannot sign for another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_may_have_a_secret_of_its_own() {
    let receiver = Receiver::new(|_| 204).await;
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let urls = [receiver.url("/own"), receiver.url("/common")];
    let own = format!("whsec_{}", BASE64_STANDARD.encode([7; 32]));
    let host = urls[0].strip_prefix("https://").expect("a URL").to_owned();
    let secrets = format!("{SECRET},{host}={own}");
    let fetch = receiver.settings();
    let mut settings: Vec<_> = fetch.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let urls = urls.join(",");
    settings.push(("TOKEND_NOTIFICATIONS_WEBHOOKS", &urls));
    settings.push(("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET", &secrets));
    let server = Server::at(place, Clock::fixed(now()), &settings).await;
    disabled(&server).await;
    eventually("both messages", async || (receiver.received().len() == 2).then_some(())).await;
    for Received { path, headers, body, .. } in receiver.received() {
        let signed = format!("{}.{}.{body}", headers["webhook-id"], headers["webhook-timestamp"]);
        let secret = if path == "/own" { own.as_str() } else { SECRET };
        let key = BASE64_STANDARD.decode(&secret[6..]).expect("base64");
        let code = BASE64_STANDARD.encode(mac::hmac_sha256(&key, signed.as_bytes()));
        assert_eq!(headers["webhook-signature"], format!("v1,{code}"), "{path}");
    }
}

/// A network that is allowed for receivers is not allowed for key sets of clients, and the other
/// way round.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_receivers_is_not_open_to_key_sets() {
    let receiver = Receiver::new(|_| 204).await;
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let url = receiver.url("/");
    let server = start(&place, Clock::fixed(now()), &receiver, &url).await;
    let error = server.services().fetcher.text(&url).await.expect_err("a rejection").to_string();
    assert!(error.contains("fetch.allowed_networks"), "{error}");
    drop(server);
    let ca_file = receiver.settings()[0].1.clone();
    let settings = [
        ("TOKEND_FETCH_CA_FILE", ca_file.as_str()),
        ("TOKEND_FETCH_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128"),
    ];
    let server = Server::at(place, Clock::fixed(now()), &settings).await;
    let services = server.services();
    let error = services.notifier.post(&url, &[], "{}".to_owned()).await.expect_err("a rejection");
    assert!(error.to_string().contains("notifications.allowed_networks"), "{error}");
    assert!(services.fetcher.text(&url).await.is_err(), "it answers POST requests alone");
    assert!(receiver.received().is_empty());
}

/// SECURITY 26: like a key set, a webhook reaches no private address.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_not_connected_to_unless_the_settings_allow_it() {
    let receiver = Receiver::new(|_| 204).await;
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let url = receiver.url("/");
    let settings = [
        ("TOKEND_NOTIFICATIONS_WEBHOOKS", url.as_str()),
        ("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET", SECRET),
    ];
    let mut server = Server::at(place.clone(), Clock::fixed(now()), &settings).await;
    let id = digest::of_bytes(url.as_bytes());
    let cursor = async |server: &Server| {
        server.services().store.notification_cursor(&id).await.expect("a store")
    };
    let subject = disabled(&server).await;
    eventually("a failed attempt", async || {
        cursor(&server).await.filter(|cursor| cursor.failures > 0)
    })
    .await;
    assert!(receiver.received().is_empty());
    server.request_shutdown();
    let later = Clock::fixed(now().plus_seconds(60));
    let _allowed = start(&place, later, &receiver, &url).await;
    until_subjects(&receiver, &[subject]).await;
}

/// The samples of docs/notifications.md: the settings and commands, and the verification of a
/// request.
#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_page_works() {
    let page = "docs/notifications.md";
    let receiver = Receiver::new(|_| 204).await;
    let mut cli = Cli::new(Engine::Sqlite).await;
    for (name, value) in receiver.settings() {
        cli = cli.set(name, &value);
    }
    let script = Script::of_cli(&cli);
    let scripts = blocks(page, "sh");
    script.run(&scripts[0]);
    let settings = blocks(page, "toml").concat();
    let settings = settings.replace("https://hooks.example.com/tokend", &receiver.url("/tokend"));
    script.write("tokend.toml", &settings);
    let shown = cli.run(&["config", "show"]).stdout;
    let secret = script.read("webhook-secret");
    assert!(shown.contains("webhook_secret") && !shown.contains(secret.trim()), "{shown}");
    let _server = cli.serve().await;
    script.run(&scripts[1]);
    let message = eventually("a message", async || receiver.received().first().cloned()).await;
    assert_eq!(
        (message.path.as_str(), data(&message)["subject"].as_str()),
        ("/tokend", Some("client/acme"))
    );
    let code = format!(
        "{}
import json, sys
secret, headers, body = json.load(sys.stdin)
verify(secret, headers, body)
for change in (lambda: verify(secret, headers, body + ' '), lambda: verify(secret, headers | {{'webhook-timestamp': '1'}}, body)):
    try:
        change()
    except ValueError:
        continue
    sys.exit('it is not checked')
",
        blocks(page, "python").concat()
    );
    let mut python = Command::new(python_program("python"));
    python.args(["-c", &code]).stdin(Stdio::piped());
    let mut python = python.spawn().expect("the interpreter");
    let input = json!([secret.trim(), message.headers, message.body]).to_string();
    let mut stdin = python.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    assert!(python.wait().expect("an end").success());
}
