//! Hostile and faulty peers: they get an answer with a body or a closed connection. The server
//! never fails or hangs, and the next valid request succeeds.

use std::time::{Duration, Instant};

use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::eventually::{HANGS_AFTER, eventually};
use crate::support::{CLIENT_CREDENTIALS, Engine, Server, TestClient, raw};

/// Returns a complete request with these header lines and this body.
fn post(lines: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}content-length: {length}\r\n\r\n{body}"
    )
}

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "content-type: application/json\r\n";
const GRANT: &str = "grant_type=client_credentials";

/// The codes of RFC 6749 for a malformed request.
const ERRORS: [&str; 4] =
    ["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"];

/// Asserts that a raw answer is a rejection with this status and a JSON body with `error`.
fn assert_json_rejection(name: &str, answer: &str, status: u16) {
    assert_eq!(raw::status(answer), status, "{name}: {answer}");
    let body = raw::body(answer);
    let body: serde_json::Value =
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{name}: {error}: {answer}"));
    let error = body["error"].as_str().unwrap_or_default();
    assert!(ERRORS.contains(&error), "{name}: {answer}");
    assert!(answer.contains("x-request-id: req_"), "{name}: {answer}");
}

async fn assert_issues_token(server: &Server, client: &TestClient) {
    server.ask(client).await.token();
}

/// SECURITY 1, 9, 22, 23 (T-13, C-41, W-03, W-43): malformed requests are rejected.
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_gets_a_json_rejection() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_LIMITS_BODY_TIMEOUT", "500ms")]).await;
    let client = server.client().await;
    let long = |n: usize| "a".repeat(n);
    let cases: Vec<(&str, String, u16)> = vec![
        ("garbage", "GARBAGE\r\n\r\n".into(), 400),
        ("no host", "GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n".into(), 400),
        ("two hosts", "GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".into(), 400),
        ("a bad header", "GET /livez HTTP/1.1\r\nhost: a\r\nb\u{1}d: x\r\n\r\n".into(), 400),
        ("a huge head", format!("GET /livez HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", long(17_000)), 431),
        ("many headers", format!("GET /livez HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(500)), 431),
        ("a huge target", format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", long(70_000)), 431),
        ("two lengths", "POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".into(), 400),
        ("a negative length", "POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n".into(), 400),
        ("broken chunks", format!("POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{FORM}transfer-encoding: chunked\r\n\r\nzz\r\n\r\n"), 400),
        ("a cut body", format!("POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{FORM}content-length: 2\r\n\r\na"), 408),
        ("an announced huge body", format!("POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\n{FORM}content-length: 9000000000\r\n\r\n"), 413),
        ("a huge body that waits to be asked for", format!("POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n{FORM}content-length: 9000000\r\n\r\n"), 413),
        ("a huge body", post(FORM, &long(70_000)), 413),
        ("a huge body in chunks", format!("POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{FORM}transfer-encoding: chunked\r\n\r\n11170\r\n{}\r\n0\r\n\r\n", long(70_000)), 413),
        ("a compressed body", post(&format!("{FORM}content-encoding: gzip\r\n"), "abc"), 415),
        ("no type", post("", GRANT), 415),
        ("two types", post(&format!("{FORM}{JSON}"), GRANT), 415),
        ("another type", post("content-type: text/plain\r\n", GRANT), 415),
        ("a multipart form", post("content-type: multipart/form-data; boundary=x\r\n", "--x--"), 415),
        ("another charset", post("content-type: application/json; charset=utf-16\r\n", "{}"), 415),
        ("deep JSON", post(JSON, &format!("{{\"x\":{}", "[".repeat(60_000))), 400),
        ("deep JSON that ends", post(JSON, &format!("{{\"x\":{}{}}}", "[".repeat(9_000), "]".repeat(9_000))), 400),
        ("JSON with two values", post(JSON, "{}{}"), 400),
        ("NUL in JSON", post(JSON, "{\"grant_type\":\"a\\u0000b\"}"), 400),
        ("a lone surrogate", post(JSON, "{\"grant_type\":\"\\ud800\"}"), 400),
        ("percent that is not UTF-8", post(FORM, "grant_type=%ff"), 400),
        ("an empty form", post(FORM, ""), 400),
        ("an empty JSON", post(JSON, ""), 400),
        ("two Authorization headers", post(&format!("{FORM}authorization: Basic YTpi\r\nauthorization: Basic YTpi\r\n"), GRANT), 400),
        ("a huge secret", post(FORM, &format!("{GRANT}&client_id=a&client_secret={}", long(60_000))), 401),
        ("a huge id", post(FORM, &format!("{GRANT}&client_secret=a&client_id={}", long(60_000))), 401),
        ("NUL in the id", post(FORM, &format!("{GRANT}&client_secret=a&client_id=a%00b")), 401),
        ("a huge scope", post(FORM, &format!("{GRANT}&client_id={}&client_secret={}&scope={}", client.id, client.secret, long(50_000))), 400),
        ("many scopes", post(FORM, &format!("{GRANT}&client_id={}&client_secret={}&scope={}", client.id, client.secret, "a+".repeat(20_000))), 400),
        ("many parameters", post(FORM, &"a=b&".repeat(10_000)), 400),
    ];
    for (name, request, status) in cases {
        let mut answer = raw::exchange(&server, request.as_bytes()).await;
        if name == "a cut body" {
            // A peer that announced more is disconnected, with or without an answer.
            answer = answer.filter(|answer| raw::status(answer) != 0);
            if answer.is_none() {
                continue;
            }
        }
        let answer = answer.unwrap_or_else(|| panic!("{name}: the connection hangs"));
        assert_json_rejection(name, &answer, status);
    }
    let not_utf8 = [post(FORM, "xx").trim_end_matches("xx").as_bytes(), &[0xFF, 0xFE]].concat();
    let answer = raw::exchange(&server, &not_utf8).await.expect("an answer");
    assert_json_rejection("bytes that are not UTF-8", &answer, 400);
    assert_issues_token(&server, &client).await;
}

/// The second request on a connection is checked like the first.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_input_after_a_good_request_gets_a_json_rejection_too() {
    let server = Server::start(Engine::Sqlite).await;
    let address = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    let mut buffer = [0; 2048];
    let count = stream.read(&mut buffer).await.expect("an answer");
    assert!(buffer[..count].starts_with(b"HTTP/1.1 200"));
    stream.write_all(b"\x16\x03\x01 what\r\n\r\n").await.expect("written");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("the rest");
    assert_json_rejection("noise", &rest, 400);
}

/// In one packet, the valid request has its own answer, and the rest gets the answer of tokend
/// instead of hyper's.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_input_in_the_packet_of_a_good_request_gets_a_json_rejection_too() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let form = format!("{GRANT}&client_id={}&client_secret={}", client.id, client.secret);
    let good = post(FORM, &form).replace("connection: close\r\n", "");
    let health = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    for good in [good.as_str(), health] {
        let both = format!("{good}{health}GARBAGE\r\n\r\n");
        let answer = raw::exchange(&server, both.as_bytes()).await.expect("an end");
        let answers: Vec<_> = answer.split("HTTP/1.1 ").skip(1).collect();
        assert_eq!(answers.len(), 3, "{answer}");
        assert!(answers[0].starts_with("200") && answers[1].starts_with("200"), "{answer}");
        assert_json_rejection("noise", &format!("HTTP/1.1 {}", answers[2]), 400);
    }
}

/// SECURITY 22, T-16: only a slow peer is disconnected.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_peer_is_cut_off() {
    let settings =
        [("TOKEND_LIMITS_HEADER_TIMEOUT", "300ms"), ("TOKEND_LIMITS_BODY_TIMEOUT", "300ms")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let head = format!(
        "POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\n{FORM}content-length: 50\r\n\r\ngrant"
    );
    let cases =
        [("a silent peer", ""), ("half a head", "POST /v1/oauth/token HT"), ("half a body", &head)];
    for (name, bytes) in cases {
        let address = server.base.trim_start_matches("http://");
        // Before the server can start its timer.
        let started = Instant::now();
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(bytes.as_bytes()).await.expect("written");
        let mut answer = String::new();
        let reading = stream.read_to_string(&mut answer);
        let ended = tokio::time::timeout(HANGS_AFTER, reading).await;
        assert!(ended.is_ok(), "{name}: the connection hangs");
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(300), "{name}: cut off after {took:?}");
        if name == "half a body" {
            assert_json_rejection(name, &answer, 408);
        }
    }
    // An idle connection between two requests is not slow. A test that is not scheduled for 300 ms
    // is a slow peer itself, and tries again.
    eventually("two answers with a pause between them", async || two_answers(&server).await).await;
}

/// Sends two requests on one connection with a pause of 700 ms; returns `None` if the server closes
/// it before.
async fn two_answers(server: &Server) -> Option<()> {
    let address = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.ok()?;
    for pause in [0, 700] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.ok()?;
        let mut buffer = [0; 2048];
        let count = stream.read(&mut buffer).await.ok()?;
        buffer[..count].starts_with(b"HTTP/1.1 200").then_some(())?;
    }
    Some(())
}

/// SECURITY 23: a request that two parsers could read differently ends the connection.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_smuggled_behind_a_request_with_length_and_chunks() {
    let server = Server::start(Engine::Sqlite).await;
    let second = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    for lines in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 44\r\n",
    ] {
        let request = format!(
            "POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\n{FORM}{lines}\r\n0\r\n\r\n{second}"
        );
        let answer = raw::exchange(&server, request.as_bytes()).await.expect("an end");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(!answer.contains("alive"), "{answer}");
    }
    let old = format!(
        "POST /v1/oauth/token HTTP/1.0\r\n{FORM}transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    let answer = raw::exchange(&server, old.as_bytes()).await.expect("an end");
    assert_json_rejection("chunks in HTTP/1.0", &answer, 400);
}

/// A peer that sends requests and never reads is disconnected.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_takes_no_answer_is_cut_off() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_LIMITS_BODY_TIMEOUT", "300ms")]).await;
    let address = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = "GET /.well-known/openid-configuration HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1000);
    let writing = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    let ended = tokio::time::timeout(HANGS_AFTER, writing).await;
    assert!(ended.is_ok(), "the connection is kept");
}

/// N-04, C-193, SECURITY 5: every path and method answers with a JSON body.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_path_and_method_answers_in_json(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let paths = [
        "/",
        "/nope",
        "/v1/oauth/token",
        "/v1/oauth/token/",
        "/token",
        "/v1/oauth/%2e%2e/x",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/livez",
        "/readyz",
        "//",
    ];
    for base in [&server.base, &server.management] {
        for path in paths {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
                let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
                let request = server.http.request(method.clone(), format!("{base}{path}"));
                let answer = crate::support::Answer::of(request).await;
                assert!(answer.json().is_object(), "{method} {path}: {answer:?}");
                assert!(answer.status < 500, "{method} {path}: {answer:?}");
                assert!(answer.header("x-request-id").starts_with("req_"), "{method} {path}");
                assert_eq!(answer.status == 405, !answer.header("allow").is_empty(), "{answer:?}");
                let challenge = answer.header("www-authenticate");
                assert_eq!(answer.status == 401, !challenge.is_empty(), "{answer:?}");
            }
        }
    }
}

/// The reason of a rejection is logged once, under the request id that the caller has.
#[tokio::test(flavor = "multi_thread")]
async fn the_true_reason_is_logged_once_under_the_request_id() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let other = server.client().await;
    let start = crate::support::log::length();
    let answer = server.basic(&client.id, &other.secret, &CLIENT_CREDENTIALS).await;
    let id = answer.header("x-request-id").to_owned();
    assert!(answer.description().contains(&id), "{answer:?}");
    let log = crate::support::log::since(start);
    let lines: Vec<_> = log.lines().filter(|line| line.contains(&id)).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("generated for another client"), "{lines:?}");
    assert!(lines[0].contains(&client.id), "{lines:?}");
}

/// D23: a peer that begins with HTTP/2 gets no HTTP/2 frame.
#[tokio::test(flavor = "multi_thread")]
async fn only_http_1_1_is_spoken() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let answer = raw::exchange(&server, preface).await.expect("an end");
    assert!(answer.is_empty() || raw::status(&answer) == 400, "{answer:?}");
    assert_issues_token(&server, &client).await;
}
