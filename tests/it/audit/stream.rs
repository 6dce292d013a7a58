//! `GET /v1/audit-events?follow=true`: live events, resumed without loss, until the rights of the
//! caller end.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::client::{self, ClientUpdate};
use tokend::model::owner::Owner;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::eventually::{HANGS_AFTER, eventually};
use crate::support::{Answer, Engine, Server, client_id, grant, operator};

/// A server-sent event.
#[derive(Debug, Clone, Default)]
struct Sent {
    id: Option<i64>,
    kind: Option<String>,
    data: Option<Value>,
}

/// An open stream.
struct Stream {
    response: reqwest::Response,
    text: String,
    comments: usize,
}

impl Stream {
    async fn open(api: &Api<'_>, query: &str, after: Option<i64>) -> Self {
        let response = request(api, query, after).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut stream = Self { response, text: String::new(), comments: 0 };
        let first = stream.next().await.expect("the place where it begins");
        assert!(first.data.is_none() && first.id.is_some(), "{first:?}");
        stream
    }

    /// Returns the next event; `None` at the end.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if block.starts_with(':') {
                    self.comments += 1;
                    continue;
                }
                return Some(sent(&block));
            }
            let chunk = tokio::time::timeout(HANGS_AFTER, self.response.chunk()).await;
            let chunk = chunk.expect("an event never comes").expect("a chunk")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// Returns the sequences of the next events.
    async fn sequences(&mut self, count: usize) -> Vec<i64> {
        let mut found = Vec::new();
        while found.len() < count {
            let sent = self.next().await.expect("an event");
            let data = sent.data.expect("data");
            assert_eq!(data["sequence"].as_i64(), sent.id, "{data}");
            assert_eq!(sent.kind, None);
            found.extend(sent.id);
        }
        found
    }

    /// Returns the code of the last event, after which the stream ends.
    async fn end(&mut self) -> String {
        loop {
            let sent = self.next().await.expect("an end that says why");
            if sent.kind.as_deref() == Some("end") {
                assert_eq!(sent.id, None, "the place to resume stays");
                assert!(self.next().await.is_none());
                return sent.data.expect("data")["code"].as_str().expect("a code").to_owned();
            }
        }
    }
}

fn sent(block: &str) -> Sent {
    let mut sent = Sent::default();
    for line in block.lines() {
        let (name, value) = line.split_once(": ").expect("a field");
        match name {
            "id" => sent.id = Some(value.parse().expect("a sequence")),
            "event" => sent.kind = Some(value.to_owned()),
            "data" => sent.data = Some(serde_json::from_str(value).expect("JSON")),
            "retry" => assert_eq!(value, "2000"),
            _ => panic!("{line}"),
        }
    }
    sent
}

fn request(api: &Api<'_>, query: &str, after: Option<i64>) -> reqwest::RequestBuilder {
    let url = format!("{}/v1/audit-events?follow=true{query}", api.server.management);
    let request = api.server.http.get(url).bearer_auth(&api.token);
    match after {
        Some(after) => request.header("last-event-id", after),
        None => request,
    }
}

async fn end_of_log(server: &Server) -> i64 {
    server.services().store.head().await.expect("the end of the log").sequence
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_resumed_without_loss_or_repetition(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let start = end_of_log(&server).await;
    let mut stream = Stream::open(&api, "", None).await;
    server.resource("urn:a", &["read"]).await;
    server.resource("urn:b", &["read"]).await;
    assert_eq!(stream.sequences(2).await, [start + 1, start + 2]);
    drop(stream);
    // More than a page is written while no stream is open, and more while one is.
    for number in 0..130 {
        server.resource(&format!("urn:missed:{number}"), &["read"]).await;
    }
    let mut stream = Stream::open(&api, "", Some(start + 2)).await;
    let missed: Vec<i64> = (start + 3..=start + 132).collect();
    assert_eq!(stream.sequences(130).await, missed);
    server.resource("urn:c", &["read"]).await;
    assert_eq!(stream.sequences(1).await, [start + 133]);
    // From the beginning, with only the events that match the filter.
    let mut stream = Stream::open(&api, "&action=resource&subject=urn:c", Some(0)).await;
    assert_eq!(stream.sequences(1).await, [start + 133]);
    server.resource("urn:d", &["read"]).await;
    server.client().await;
    assert_eq!(api.call("DELETE", "/v1/resources/urn:c", None).await.status, 204);
    assert_eq!(stream.sequences(1).await, [start + 136]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_rights_of_its_caller(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let settings = [("TOKEND_DIRECTORY_MAX_STALENESS", "24h")];
    let server = Server::with(engine, &settings).await;
    let operator = Api::with(&server, ALL_SCOPES).await;
    let path = |api: &Api<'_>, rest: &str| format!("/v1/clients/{}{rest}", api.administrator.id);

    let api = Api::with(&server, "audit:read").await;
    let mut stream = Stream::open(&api, "", None).await;
    let body = json!({ "token": api.token });
    let answer = operator.call("POST", "/v1/tokens/revoke", Some(body)).await;
    assert!(answer.status < 300, "{}", answer.text);
    assert_eq!(stream.end().await, "invalid_token");

    let api = Api::with(&server, "audit:read").await;
    let mut stream = Stream::open(&api, "", None).await;
    let disable = path(&api, "/disable");
    assert_eq!(operator.call("POST", &disable, Some(json!({}))).await.status, 200);
    let last = end_of_log(&server).await;
    server.resource("urn:later", &["read"]).await;
    while let Some(sent) = stream.next().await {
        assert!(
            sent.id.is_none_or(|id| id < last),
            "nothing after the end of the rights: {sent:?}"
        );
    }

    let api = Api::with(&server, "audit:read server:read").await;
    let mut stream = Stream::open(&api, "", None).await;
    let body = Some(json!({ "scopes": ["server:read"] }));
    let grant = path(&api, "/grants/urn:tokend");
    assert_eq!(operator.call("PUT", &grant, body).await.status, 200);
    assert_eq!(stream.end().await, "scope_missing");

    let api = Api::with(&server, "audit:read").await;
    let mut stream = Stream::open(&api, "", None).await;
    assert_eq!(operator.call("DELETE", &path(&api, ""), None).await.status, 204);
    assert_eq!(stream.end().await, "invalid_token");

    let api = Api::with(&server, "audit:read").await;
    let mut stream = Stream::open(&api, "", None).await;
    server.clock.advance(3_601);
    assert_eq!(stream.end().await, "invalid_token");
}

#[tokio::test]
async fn a_request_for_a_stream_is_checked() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "audit:read").await;
    let end = end_of_log(&server).await;
    for (accept, status) in [
        ("application/json", 406),
        ("text/event-stream;q=0, */*", 406),
        ("text/event-stream", 200),
        ("*/*", 200),
    ] {
        let answer = request(&api, "", None).header("accept", accept).send().await;
        assert_eq!(answer.expect("an answer").status(), status, "{accept}");
    }
    for (query, after, status, code) in [
        ("&limit=5", "1", 400, "invalid_query"),
        ("&cursor=5", "1", 400, "invalid_query"),
        ("&action=nothing", "1", 422, "invalid_value"),
        ("", "x", 400, "invalid_last_event_id"),
        ("", "-1", 400, "invalid_last_event_id"),
        ("", &(end + 1).to_string(), 409, "event_not_found"),
    ] {
        let answer = Answer::of(request(&api, query, None).header("last-event-id", after)).await;
        assert_eq!(answer.status, status, "{query} {after}: {}", answer.text);
        assert_eq!(answer.json()["code"], code, "{query} {after}");
    }
    // Without `follow`, the Accept header has no effect.
    let answer = api.call("GET", "/v1/audit-events?follow=false", None).await;
    assert!(answer.json()["data"].is_array(), "{}", answer.text);
}

#[tokio::test]
async fn a_caller_has_a_bounded_number_of_streams() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "audit:read").await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(Stream::open(&api, "", None).await);
    }
    let answer = Answer::of(request(&api, "", None)).await;
    assert_eq!(answer.status, 429, "{}", answer.text);
    assert_eq!(answer.json()["code"], "too_many_streams");
    assert!(answer.headers.contains_key("retry-after"));
    let other = Api::with(&server, "audit:read").await;
    Stream::open(&other, "", None).await;
    // A closed connection is noticed even without an event.
    drop(open.pop());
    eventually("a free place", async || {
        let answer = request(&api, "", None).send().await.expect("an answer");
        (answer.status() == 200).then_some(())
    })
    .await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_the_server_stops(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let mut server = Server::start(engine).await;
    let api = Api::with(&server, "audit:read").await;
    let mut stream = Stream::open(&api, "", None).await;
    server.resource("urn:a", &["read"]).await;
    assert_eq!(stream.sequences(1).await.len(), 1);
    let token = api.token.clone();
    server.request_shutdown();
    assert_eq!(stream.end().await, "temporarily_unavailable");
    // No new stream is opened while the server stops.
    let url = format!("{}/v1/audit-events?follow=true", server.management);
    if let Ok(answer) = server.http.get(url).bearer_auth(token).send().await {
        assert_eq!(answer.status(), 503);
    }
}

/// After a restore, other events reuse the numbers.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_log_is_another_one(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, "audit:read").await;
    let head = server.services().store.head().await.expect("a head");
    let mut stream = Stream::open(&api, "", None).await;
    server.resource("urn:lost", &["read"]).await;
    assert_eq!(stream.sequences(1).await, [head.sequence + 1]);
    let statements = [
        format!("DELETE FROM event WHERE sequence > {}", head.sequence),
        format!("UPDATE event_head SET sequence = {}, hash = '{}'", head.sequence, head.hash),
    ];
    crate::fleet::following::tamper(&server, engine, &statements).await;
    server.catch_up().await;
    assert_eq!(stream.end().await, "log_replaced");
    let answer = Answer::of(request(&api, "", Some(head.sequence + 1))).await;
    assert_eq!(answer.json()["code"], "event_not_found", "{}", answer.text);
}

/// D17: a stream has the events of the owners to which its caller is limited at present.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_limited_administrator_gets_the_events_of_its_owners(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let all = Api::with(&server, ALL_SCOPES).await;
    let administrator = server
        .new_client(|new| {
            new.grants = vec![grant("urn:tokend", Some("audit:read"))];
            new.admin_of = Some(BTreeSet::from([Owner::parse("a").expect("an owner")]));
        })
        .await;
    let token = server.ask_for(&administrator, &[("resource", "urn:tokend")]).await.token();
    let api = Api { server: &server, token, administrator };
    let create = async |id: &str, owner: &str| {
        let body = json!({ "client_id": id, "owner": owner, "auth_methods": ["private_key_jwt"] });
        let answer = all.call("POST", "/v1/clients", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    };
    let mut stream = Stream::open(&api, "&action=client.created", None).await;
    let mut next = async || {
        let data = stream.next().await.expect("an event").data.expect("data");
        data["subject"].as_str().expect("a text").to_owned()
    };
    create("b1", "b").await;
    create("a1", "a").await;
    assert_eq!(next().await, "client/a1");
    let other = BTreeSet::from([Owner::parse("b").expect("an owner")]);
    let update = ClientUpdate { admin_of: Some(Some(other)), ..ClientUpdate::default() };
    let id = client_id(&api.administrator.id);
    client::update(server.services(), &operator(), &id, update).await.expect("changed");
    create("a2", "a").await;
    create("b2", "b").await;
    assert_eq!(next().await, "client/b2");
}
