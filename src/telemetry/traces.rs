//! Traces: sends a span for each request, and one for each stage of a token request, to an
//! OpenTelemetry collector.
//!
//! Spans are created after the response, from times that were recorded before. The token path
//! therefore does not depend on them, and they cost nothing without a collector.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{
    Span, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::telemetry::stage_times::StageTimes;
use crate::telemetry::trace_context::{TraceId, TraceParent};

/// The service name of this program in a trace, unless `OTEL_SERVICE_NAME` is set.
const SERVICE: &str = "tokend";

/// The maximum time that the end of the process waits for the last spans.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("the variables OTEL_… cannot be used: {0}")]
pub struct TracesError(String);

/// Creates spans, and sends them in batches on a separate thread. If the collector does not accept
/// them, they are dropped.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// An answered request.
#[derive(Debug)]
pub struct RequestSpan<'a> {
    /// The span of the caller.
    pub parent: Option<TraceParent>,
    /// The start of the request.
    pub started: Instant,
    /// The duration of the request.
    pub took: Duration,
    /// The method of the request.
    pub method: &'a str,
    /// The path pattern of the request.
    pub route: Option<&'a str>,
    /// The status of the response.
    pub status: u16,
    /// The error code of the response, if the request was rejected.
    pub error: Option<&'static str>,
    /// The request id.
    pub request_id: &'a str,
    /// The address of the client.
    pub address: IpAddr,
    /// The client that the request was about.
    pub client_id: Option<&'a str>,
    /// The stages, if it is a parsed token request.
    pub times: Option<&'a StageTimes>,
}

impl Traces {
    /// Creates an exporter that sends spans by `client` to the collector in the standard variables.
    ///
    /// # Errors
    /// If a variable has a value that the library does not support.
    pub fn to_collector(client: impl HttpClient + 'static) -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.map_err(|error| TracesError(error.to_string()))?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource())
            .build();
        let tracer = provider.tracer(SERVICE);
        Ok(Self { provider, tracer })
    }

    /// Creates the spans of a request, if it is sampled. Returns its trace id if it is sampled, or
    /// if the caller has provided one.
    pub fn record(&self, request: &RequestSpan<'_>) -> Option<TraceId> {
        let clock = WallClock::read();
        let context = request.parent.map_or_else(Context::new, |parent| {
            let flags = TraceFlags::default().with_sampled(parent.is_sampled);
            let (trace, span) = (parent.trace_id.0.into(), parent.span_id.into());
            let parent = SpanContext::new(trace, span, flags, true, TraceState::default());
            Context::new().with_remote_span_context(parent)
        });
        // A name without the route needs no allocation, which matters when few requests are
        // sampled.
        let builder = SpanBuilder::from_name(known_method(request.method))
            .with_kind(SpanKind::Server)
            .with_start_time(clock.time(request.started));
        let mut span = self.tracer.build_with_context(builder, &context);
        if !span.is_recording() {
            return request.parent.map(|parent| parent.trace_id);
        }
        describe(&mut span, request);
        let of_request = span.span_context().clone();
        let end = request.started + request.took;
        if let Some(times) = request.times {
            self.record_stages(of_request.clone(), times, end, clock);
        }
        span.end_with_timestamp(clock.time(end));
        let id = u128::from_be_bytes(of_request.trace_id().to_bytes());
        Some(TraceId(id))
    }

    fn record_stages(
        &self,
        request: SpanContext,
        times: &StageTimes,
        end: Instant,
        clock: WallClock,
    ) {
        let context = Context::new().with_remote_span_context(request);
        for (stage, started, ended) in times.spans() {
            let builder = SpanBuilder::from_name(stage.as_str())
                .with_kind(SpanKind::Internal)
                .with_start_time(clock.time(started));
            let mut span = self.tracer.build_with_context(builder, &context);
            if ended.is_none() {
                span.set_status(Status::error("rejected"));
            }
            span.end_with_timestamp(clock.time(ended.unwrap_or(end)));
        }
    }

    /// Sends the remaining spans and stops. Blocks for at most three seconds.
    pub fn shutdown(&self) {
        // Spans that the collector has not accepted by now are lost. The client has logged that.
        let _ = self.provider.shutdown_with_timeout(SHUTDOWN_LIMIT);
    }
}

/// Converts monotonic times of this process to system time.
#[derive(Debug, Clone, Copy)]
struct WallClock {
    now: SystemTime,
    at: Instant,
}

impl WallClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a collector compares the times of processes, and no test sets their clocks"
    )]
    fn read() -> Self {
        Self { now: SystemTime::now(), at: Instant::now() }
    }

    fn time(self, instant: Instant) -> SystemTime {
        let ago = self.at.saturating_duration_since(instant);
        self.now.checked_sub(ago).unwrap_or(self.now)
    }
}

/// Returns the resource attributes of this process: those of the variables, else name and version.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let found = Resource::builder().with_attribute(version.clone()).build();
    let name = found.get(&Key::from_static_str("service.name"));
    if name.is_none_or(|name| name.as_str().starts_with("unknown_service")) {
        return Resource::builder().with_attribute(version).with_service_name(SERVICE).build();
    }
    found
}

/// Returns the method, or the OpenTelemetry name for an unknown one.
fn known_method(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("HTTP")
}

/// Sets the name of a span and the attributes of its request.
fn describe(span: &mut impl Span, request: &RequestSpan<'_>) {
    let method = known_method(request.method);
    if let Some(route) = request.route {
        span.update_name(Cow::Owned(format!("{method} {route}")));
        span.set_attribute(KeyValue::new("http.route", route.to_owned()));
    }
    let shown = if method == "HTTP" { "_OTHER" } else { method };
    span.set_attribute(KeyValue::new("http.request.method", shown));
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(request.status)));
    span.set_attribute(KeyValue::new("client.address", request.address.to_string()));
    span.set_attribute(KeyValue::new("request_id", request.request_id.to_owned()));
    if let Some(client) = request.client_id {
        span.set_attribute(KeyValue::new("client.id", client.to_owned()));
    }
    if let Some(error) = request.error {
        span.set_attribute(KeyValue::new("error.type", error));
    }
    // A mistake of the caller is not an error of the server.
    if request.status >= 500 {
        span.set_status(Status::error(""));
    }
}
