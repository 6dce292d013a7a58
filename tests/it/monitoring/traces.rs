//! Traces: the spans of requests that an OpenTelemetry collector receives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, client};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8-01";

/// A collector that stores its input.
#[derive(Clone, Default)]
struct Collector {
    received: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    /// Starts a collector; returns its URL as well.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let keeping = collector.clone();
        let keep = async move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let request = ExportTraceServiceRequest::decode(body).expect("spans");
            keeping.received.lock().expect("a lock").push(request);
        };
        let routes = axum::Router::new().route("/v1/traces", post(keep));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (collector, url)
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().expect("a lock");
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Returns the resource attributes of the process.
    fn resource(&self) -> BTreeMap<String, String> {
        let received = self.received.lock().expect("a lock");
        let resource = received[0].resource_spans[0].resource.clone().expect("a resource");
        texts(&resource.attributes)
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| {
        let value = attribute.value.clone()?.value?;
        let text = match value {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        Some((attribute.key.clone(), text))
    };
    attributes.iter().filter_map(text).collect()
}

/// Starts an instance with a client that sends spans there; returns the secret of the client.
async fn serving(url: &str, settings: &[(&str, &str)]) -> (Cli, Process, String) {
    let mut cli = Cli::new(Engine::Sqlite)
        .await
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        .set("OTEL_BSP_SCHEDULE_DELAY", "50")
        .set("TOKEND_LOG_LEVEL", "info")
        .set("TOKEND_LOG_FORMAT", "json");
    for (name, value) in settings {
        cli = cli.set(name, value);
    }
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "A", "--id", "a", "--grant", ORDERS]);
    let server = cli.serve().await;
    (cli, server, made["client_secret"].as_str().expect("a secret").to_owned())
}

async fn ask(server: &Process, secret: &str, parent: Option<&str>) -> Answer {
    let url = format!("{}/v1/oauth/token", server.base);
    let mut request = client().post(url).basic_auth("a", Some(secret)).form(&CLIENT_CREDENTIALS);
    if let Some(parent) = parent {
        request = request.header("traceparent", parent);
    }
    Answer::of(request).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the span of a request with its parts in order.
async fn of_request(collector: &Collector, request_id: &str) -> (Span, Vec<Span>) {
    eventually("the spans of the request", async || {
        let spans = collector.spans();
        let is_it = |span: &&Span| {
            texts(&span.attributes).get("request_id").is_some_and(|id| id == request_id)
        };
        let span = spans.iter().find(is_it)?.clone();
        let is_part = |part: &&Span| part.parent_span_id == span.span_id;
        let mut parts: Vec<_> = spans.iter().filter(is_part).cloned().collect();
        parts.sort_by_key(|part| part.start_time_unix_nano);
        (!parts.is_empty()).then_some((span, parts))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_request_has_a_span_with_its_stages() {
    let (collector, url) = Collector::start().await;
    let settings = [("OTEL_SERVICE_NAME", "id"), ("OTEL_RESOURCE_ATTRIBUTES", "zone=b")];
    let (_cli, server, secret) = serving(&url, &settings).await;
    let answer = ask(&server, &secret, Some(PARENT)).await;
    answer.token();
    let (span, stages) = of_request(&collector, answer.header("x-request-id")).await;
    assert_eq!(span.name, "POST /v1/oauth/token");
    assert_eq!(hex(&span.trace_id), TRACE);
    assert_eq!(hex(&span.parent_span_id), "53995c3f42cd8ad8");
    let attributes = texts(&span.attributes);
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/oauth/token"),
        ("http.response.status_code", "200"),
        ("client.address", "127.0.0.1"),
        ("client.id", "a"),
    ] {
        assert_eq!(attributes.get(name).map(String::as_str), Some(value), "{attributes:?}");
    }
    let names: Vec<_> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["authenticate", "authorize", "mint"]);
    let mut time = span.start_time_unix_nano;
    for stage in &stages {
        assert_eq!(stage.trace_id, span.trace_id);
        assert!(stage.start_time_unix_nano >= time, "{stage:?}");
        time = stage.end_time_unix_nano;
    }
    assert!(time <= span.end_time_unix_nano, "{span:?} {stages:?}");
    let resource = collector.resource();
    assert_eq!(resource["service.name"], "id");
    assert_eq!(resource["zone"], "b");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    // The log contains the trace id.
    let log = server.log_with("token issued").await;
    let line = log.lines().find(|line| line.contains("token issued"));
    assert!(line.is_some_and(|line| line.contains(TRACE)), "{log}");
}

/// A rejected request ends in the stage that rejected it. Probes have no spans.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_request_has_the_stages_that_it_reached() {
    let (collector, url) = Collector::start().await;
    let (_cli, mut server, secret) = serving(&url, &[]).await;
    let wrong = ask(&server, "wrong", None).await;
    wrong.assert_rejected(401, "invalid_client");
    let (span, stages) = of_request(&collector, wrong.header("x-request-id")).await;
    let names: Vec<_> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["authenticate"]);
    assert_eq!(texts(&span.attributes)["error.type"], "invalid_client");
    assert!(span.parent_span_id.is_empty() && span.trace_id.len() == 16, "{span:?}");
    assert_eq!(collector.resource()["service.name"], "tokend");
    Answer::of(client().get(format!("{}/readyz", server.base))).await;
    // The last spans are sent before the process ends.
    let last = ask(&server, &secret, None).await;
    last.token();
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0), "{}", server.log());
    let spans = collector.spans();
    let ids: Vec<_> =
        spans.iter().filter_map(|span| texts(&span.attributes).remove("request_id")).collect();
    assert!(ids.iter().any(|id| id == last.header("x-request-id")), "{ids:?}");
    assert!(spans.iter().all(|span| !span.name.contains("readyz")), "{spans:?}");
}

/// With the standard sampler, a request is sampled only if the caller has sampled it.
#[tokio::test(flavor = "multi_thread")]
async fn the_caller_decides_what_is_sampled() {
    let (collector, url) = Collector::start().await;
    let sampling =
        [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")];
    let (_cli, server, secret) = serving(&url, &sampling).await;
    ask(&server, &secret, None).await.token();
    ask(&server, &secret, Some(&PARENT.replace("-01", "-00"))).await.token();
    let sampled = ask(&server, &secret, Some(PARENT)).await;
    of_request(&collector, sampled.header("x-request-id")).await;
    let requests =
        collector.spans().into_iter().filter(|span| span.name.starts_with("POST")).count();
    assert_eq!(requests, 1);
}

/// Without an endpoint no collector is used. An unavailable collector only causes a log line.
#[tokio::test(flavor = "multi_thread")]
async fn an_unavailable_collector_costs_no_request() {
    let (_cli, server, secret) = serving("http://127.0.0.1:9", &[]).await;
    for _ in 0..20 {
        ask(&server, &secret, None).await.token();
    }
    eventually("a line about it", async || {
        server.log().contains("spans cannot be delivered").then_some(())
    })
    .await;
    ask(&server, &secret, None).await.token();
    assert_eq!(server.log().matches("spans cannot be delivered").count(), 1, "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_that_cannot_be_followed_stop_the_start() {
    let cli = Cli::new(Engine::Sqlite)
        .await
        .set("TOKEND_LISTEN", "127.0.0.1:0")
        .set("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:0")
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let run = cli.run(&["serve"]);
    assert_eq!(run.code, 3, "{run:?}");
    let expected = "OTEL_EXPORTER_OTLP_PROTOCOL is grpc: it must be http/protobuf";
    assert!(run.stderr.contains(expected), "{run:?}");
}
