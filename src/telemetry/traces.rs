//! Traces: a span for each request, and one for each stage of a token request, sent to a collector of
//! OpenTelemetry.
//!
//! Spans are made when the answer is there, from times that were taken before. So the token path does
//! not know of them, and without a collector they cost nothing.

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

/// The name of this program in a trace, unless `OTEL_SERVICE_NAME` has another one.
const SERVICE: &str = "tokend";

/// How long the end of the process waits until the last spans are sent.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("the variables OTEL_… cannot be used: {0}")]
pub struct TracesError(String);

/// Makes spans, and has them sent in batches by a thread of its own. If the collector does not take
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
    /// When it began.
    pub started: Instant,
    /// How long it took.
    pub took: Duration,
    /// Its method.
    pub method: &'a str,
    /// The pattern of its path.
    pub route: Option<&'a str>,
    /// The status of its answer.
    pub status: u16,
    /// The code of its answer, if it was rejected.
    pub error: Option<&'static str>,
    /// Its id.
    pub request_id: &'a str,
    /// Where it came from.
    pub address: IpAddr,
    /// The client that it was about.
    pub client_id: Option<&'a str>,
    /// Its stages, if it is a token request that was read.
    pub times: Option<&'a StageTimes>,
}

impl Traces {
    /// Sends spans by `client` to the collector that the standard variables name.
    ///
    /// # Errors
    /// A variable has a value that the library cannot follow.
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

    /// Makes the spans of a request, if it is sampled. Gives its trace if it is, or if the caller has
    /// named one.
    pub fn record(&self, request: &RequestSpan<'_>) -> Option<TraceId> {
        let clock = WallClock::read();
        let context = request.parent.map_or_else(Context::new, |parent| {
            let flags = TraceFlags::default().with_sampled(parent.is_sampled);
            let (trace, span) = (parent.trace_id.0.into(), parent.span_id.into());
            let parent = SpanContext::new(trace, span, flags, true, TraceState::default());
            Context::new().with_remote_span_context(parent)
        });
        // The name without the route needs no allocation. Few requests may be sampled.
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

    /// Sends what is left, and ends. Blocks for three seconds at most.
    pub fn shutdown(&self) {
        // What a collector has not taken by now is lost, which the client has logged.
        let _ = self.provider.shutdown_with_timeout(SHUTDOWN_LIMIT);
    }
}

/// Turns the times of this process into those of the day.
#[derive(Debug, Clone, Copy)]
struct WallClock {
    now: SystemTime,
    at: Instant,
}

impl WallClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a collector compares the times of processes, whose clocks no test moves"
    )]
    fn read() -> Self {
        Self { now: SystemTime::now(), at: Instant::now() }
    }

    fn time(self, instant: Instant) -> SystemTime {
        let ago = self.at.saturating_duration_since(instant);
        self.now.checked_sub(ago).unwrap_or(self.now)
    }
}

/// What the collector knows of this process: the variables, else the name and version.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let found = Resource::builder().with_attribute(version.clone()).build();
    let name = found.get(&Key::from_static_str("service.name"));
    if name.is_none_or(|name| name.as_str().starts_with("unknown_service")) {
        return Resource::builder().with_attribute(version).with_service_name(SERVICE).build();
    }
    found
}

/// The method, or the word of OpenTelemetry for one that is not known.
fn known_method(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("HTTP")
}

/// Names a span and gives it the attributes of its request.
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
    // The mistake of a caller is not an error of the server.
    if request.status >= 500 {
        span.set_status(Status::error(""));
    }
}
