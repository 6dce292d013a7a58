//! The cost of log lines and traces on the token path: the release server with them, compared in
//! turn with the same program without them.
//!
//! Run it by `make bench`. With any word as argument, it keeps no results.

#![expect(clippy::expect_used, reason = "a benchmark is no library")]

use axum::Router;
use tokend_testing::Engine;
use tokend_testing::bench::compare::{Comparison, compare};
use tokend_testing::bench::fixture::{Fixture, Hashing};
use tokend_testing::bench::load::{self, Body};
use tokend_testing::bench::report::{self, Table};

const SERVER_CORE: &str = "0";
const COLUMNS: &str =
    "| row | tokens/s | p99 ms | CPU µs/token | without: tokens/s | p99 ms | CPU µs | ratio |";

fn main() {
    report::run(bench(&report::words()));
}

async fn bench(words: &[String]) {
    let mut table = Table::new(COLUMNS);
    let with_lines = fixture().await;
    let without_lines = fixture().await.set("TOKEND_LOG_REQUESTS", "off");
    table.row(&row("a log line for each token", &with_lines, &without_lines).await);
    let traced = fixture().await.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector().await);
    let traced =
        traced.set("OTEL_TRACES_SAMPLER", "traceidratio").set("OTEL_TRACES_SAMPLER_ARG", "0.01");
    table.row(&row("traces of 1 % of the requests", &traced, &fixture().await).await);
    if words.is_empty() {
        table.keep("Log lines and traces", include_str!("telemetry.md"));
    }
}

async fn fixture() -> Fixture {
    Box::pin(Fixture::new(Engine::Sqlite, 1, 1, Hashing::Cheap)).await
}

/// Starts a collector that accepts all spans. Returns its URL.
async fn collector() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = Router::new().fallback(async || ());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

async fn row(name: &str, with: &Fixture, without: &Fixture) -> String {
    let servers = [with, without].map(|fixture| fixture.serve(Some(SERVER_CORE)));
    let requests =
        [with, without].map(|fixture| load::requests(&fixture.credentials, Body::FormBasic));
    for (server, requests) in servers.iter().zip(&requests) {
        server.ready().await;
        load::once_each(server.port, requests, 16).await;
    }
    let Comparison { ours, theirs, ratio } =
        compare(&servers[0], &requests[0], &servers[1], &requests[1]).await;
    format!(
        "| {name} | {:.0} | {:.2} | {:.1} | {:.0} | {:.2} | {:.1} | **{ratio:.2}** |",
        ours.per_second,
        ours.p99_ms,
        ours.cpu_micros,
        theirs.per_second,
        theirs.p99_ms,
        theirs.cpu_micros,
    )
}
