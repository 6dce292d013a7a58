//! Access log lines: their content, the requests that have one, and a blocked reader, which delays
//! no request.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::Stdio;

use serde_json::Value;
use tokend::jose::jwt::AccessTokenClaims;

use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::reserved_port::ReservedPort;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, client};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Starts an instance with a JSON log and one client; returns the secret of the client.
async fn serving(settings: &[(&str, &str)]) -> (Cli, Process, String) {
    let mut cli = Cli::new(Engine::Sqlite)
        .await
        .set("TOKEND_LOG_FORMAT", "json")
        .set("TOKEND_LOG_LEVEL", "info");
    for (name, value) in settings {
        cli = cli.set(name, value);
    }
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "A", "--id", "a", "--grant", ORDERS]);
    let server = cli.serve().await;
    (cli, server, made["client_secret"].as_str().expect("a secret").to_owned())
}

fn token_request(server: &Process, secret: &str) -> reqwest::RequestBuilder {
    client()
        .post(format!("{}/v1/oauth/token", server.base))
        .basic_auth("a", Some(secret))
        .form(&CLIENT_CREDENTIALS)
}

/// Returns the lines with a message.
fn lines(server: &Process, message: &str) -> Vec<Value> {
    let log = server.log();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["message"] == message).collect()
}

/// Waits for the line with a message.
async fn line(server: &Process, message: &str) -> Value {
    eventually(message, async || lines(server, message).pop()).await
}

/// Returns the claims and the key id of a token, unverified.
fn read(token: &str) -> (AccessTokenClaims, String) {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let mut parts =
        token.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let mut next = || parts.next().expect("a part");
    let header: Value = serde_json::from_slice(&next()).expect("a header");
    let claims = serde_json::from_slice(&next()).expect("claims");
    (claims, header["kid"].as_str().expect("a kid").to_owned())
}

/// UX 6.4: an issued token has one line with all its properties, and no line contains the token
/// (O-10).
#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_a_token_names_client_resource_and_scope() {
    let (_cli, server, secret) = serving(&[]).await;
    let parent = format!("00-{TRACE}-53995c3f42cd8ad8-01");
    let answer = Answer::of(token_request(&server, &secret).header("traceparent", parent)).await;
    let token = answer.token();
    let (claims, kid) = read(&token);
    let line = line(&server, "token issued").await;
    for (name, value) in [
        ("request_id", answer.header("x-request-id")),
        ("trace_id", TRACE),
        ("http.request.method", "POST"),
        ("http.route", "/v1/oauth/token"),
        ("client.address", "127.0.0.1"),
        ("client.id", "a"),
        ("grant_type", "client_credentials"),
        ("auth_method", "client_secret_basic"),
        ("resource", ORDERS),
        ("scope", "orders:read"),
        ("token.jti", &claims.jti),
        ("token.kid", &kid),
        ("level", "INFO"),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    assert_eq!(line["http.response.status_code"], 200);
    assert!(line["duration_ms"].as_f64().is_some_and(|duration| duration > 0.0), "{line}");
    let signature = token.rsplit('.').next().expect("a signature");
    assert!(!server.log().contains(signature), "a token is in the log");
}

/// A rejection names the client, if it exists, and the reason; the caller learns neither.
#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_a_rejection_has_its_reason() {
    let (_cli, server, _) = serving(&[]).await;
    let answer = Answer::of(token_request(&server, "wrong")).await;
    answer.assert_rejected(401, "invalid_client");
    let line = line(&server, "request rejected").await;
    for (name, value) in [
        ("request_id", answer.header("x-request-id")),
        ("http.route", "/v1/oauth/token"),
        ("client.id", "a"),
        ("error.type", "invalid_client"),
        ("reason_code", "wrong_secret"),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    assert_eq!(line["http.response.status_code"], 401);
    assert!(line["reason"].as_str().is_some_and(|reason| reason.starts_with("a: ")), "{line}");
    assert!(line.get("trace_id").is_none(), "{line}");
    // The path does not exist, and is not in the log.
    Answer::of(client().get(format!("{}/never/logged", server.base))).await;
    let absent = eventually("the other line", async || {
        lines(&server, "request rejected")
            .into_iter()
            .find(|line| line["error.type"] == "not_found")
    })
    .await;
    assert!(absent.get("http.route").is_none(), "{absent}");
    assert!(!server.log().contains("never/logged"));
}

/// A rejection of the admin API also has a reason of the closed list.
#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_a_problem_has_its_code() {
    let (_cli, server, _) = serving(&[]).await;
    let url = format!("{}/v1/clients?cursor=x", server.management);
    assert_eq!(Answer::of(client().get(url)).await.status, 401);
    let line = line(&server, "request rejected").await;
    assert_eq!(line["error.type"], "token_missing", "{line}");
    assert_eq!(line["reason_code"], "token_missing", "{line}");
}

/// Probes are not logged at the level info; `log.requests = off` logs only rejections.
#[tokio::test(flavor = "multi_thread")]
async fn probes_and_unwanted_requests_have_no_line() {
    for (setting, expected) in [
        ("on", &["token issued", "request answered", "request rejected"][..]),
        ("off", &["request rejected"]),
    ] {
        let (_cli, mut server, secret) = serving(&[("TOKEND_LOG_REQUESTS", setting)]).await;
        for (base, path) in [
            (&server.base, "/readyz"),
            (&server.base, "/livez"),
            (&server.management, "/healthz"),
            (&server.management, "/metrics"),
            (&server.base, "/.well-known/jwks.json"),
        ] {
            let answer = Answer::of(client().get(format!("{base}{path}"))).await;
            assert_eq!(answer.status, 200, "{path}");
        }
        Answer::of(token_request(&server, &secret)).await.token();
        Answer::of(token_request(&server, "wrong")).await.assert_rejected(401, "invalid_client");
        server.signal("TERM");
        assert_eq!(server.ended().await, Some(0), "{}", server.log());
        let log = server.log();
        let of_requests: BTreeSet<_> = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .filter(|line| line.get("request_id").is_some())
            .map(|line| line["message"].as_str().expect("a message").to_owned())
            .collect();
        let expected: BTreeSet<_> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(of_requests, expected, "{setting}: {log}");
        assert!(log.lines().last().is_some_and(|line| line.contains("stopped")), "{log}");
    }
}

/// The request id of a trusted proxy is used; that of another caller is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_request_id_of_a_trusted_proxy_is_kept() {
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    for (trusted, is_kept) in [("127.0.0.1/32", true), ("", false)] {
        let (cli, server, _) = serving(&[("TOKEND_PROXY_TRUSTED", trusted)]).await;
        let request = token_request(&server, "wrong").header("x-request-id", id);
        let answer = Answer::of(request).await;
        assert_eq!(answer.header("x-request-id") == id, is_kept, "{answer:?}");
        assert_eq!(answer.description().contains(id), is_kept, "{answer:?}");
        let line = line(&server, "request rejected").await;
        assert_eq!(line["request_id"], answer.header("x-request-id"), "{line}");
        let explained = cli.json(&["explain", answer.header("x-request-id")]);
        assert_eq!(explained["client_id"], "a", "{explained}");
    }
}

/// If standard error is not read, lines are dropped and counted, and no request waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_read_holds_up_no_request() {
    let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_LOG_FORMAT", "json");
    let (public, management) = (ReservedPort::new(), ReservedPort::new());
    let mut child = cli
        .command(&["serve"])
        .env("TOKEND_LISTEN", public.address.to_string())
        .env("TOKEND_MANAGEMENT_LISTEN", management.address.to_string())
        .env("TOKEND_LOG_LEVEL", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut log = child.stderr.take().expect("its log");
    let (http, base) = (client(), format!("http://{}", public.address));
    eventually("readiness", async || {
        let answer = http.get(format!("{base}/readyz")).send().await;
        answer.is_ok_and(|answer| answer.status() == 200).then_some(())
    })
    .await;
    // Each request logs several lines at this level: some megabytes until lines are dropped.
    let metrics = format!("http://{}/metrics", management.address);
    let name = "tokend_log_lines_dropped_total ";
    eventually("a dropped line", async || {
        for _ in 0..500 {
            let form = [("grant_type", "x".repeat(4000))];
            let request = http.post(format!("{base}/v1/oauth/token")).form(&form);
            assert_eq!(Answer::of(request).await.status, 400);
        }
        let metrics = Answer::of(http.get(&metrics)).await.text;
        let dropped = metrics.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        (dropped != "0").then_some(())
    })
    .await;
    // Once it is read again, the log reports the number of dropped lines.
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).expect("the log");
        text
    });
    for _ in 0..20 {
        Answer::of(http.get(format!("{base}/readyz"))).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let stop = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(stop.expect("kill").success());
    assert_eq!(child.wait().expect("a status").code(), Some(0));
    let text = reading.join().expect("the log");
    assert!(text.contains("lines of the log were dropped"), "it does not say so");
    assert!(text.lines().last().is_some_and(|line| line.contains("\"stopped\"")), "the last line");
}
