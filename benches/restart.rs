//! A restart: measures how long a server with up to a million clients takes to start from a
//! snapshot, and the latency of its clients if all of them request a token at once afterwards.
//!
//! Run it by `make growth`. With numbers or names of engines as arguments, it measures only those,
//! and keeps no results.

use std::time::Duration;

use tokend_testing::bench::fixture::{Fixture, Hashing};
use tokend_testing::bench::load::{self, Body, Figures};
use tokend_testing::bench::report::{self, Table};
use tokend_testing::{Engine, ORDERS};

/// The number of clients that request a token after the restart.
const ASKING: usize = 10_000;

/// The number of connections that they share.
const CONNECTIONS: usize = 256;

/// The number of restarts. The median start is reported, and the load with the smallest p99.
const RESTARTS: usize = 3;

const COLUMNS: &str = "| clients | engine | ready, from the database | ready, from a snapshot | RSS, started | at most until then | ask at once | p50 ms | p99 ms | slowest ms | hashes |";
const ALL_SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

fn main() {
    report::run(bench(&report::words()));
}

async fn bench(words: &[String]) {
    let mut table = Table::new(COLUMNS);
    let is_named = |engine: &Engine| words.iter().any(|word| word == engine.name());
    let any_engine = !Engine::ALL.iter().any(is_named);
    let sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    for clients in if sizes.is_empty() { &ALL_SIZES[..] } else { &sizes } {
        for engine in Engine::ALL.into_iter().filter(|engine| any_engine || is_named(engine)) {
            table.row(&Box::pin(row(engine, *clients)).await);
        }
    }
    if words.is_empty() {
        table.keep("Restart", include_str!("restart.md"));
    }
}

async fn row(engine: Engine, clients: usize) -> String {
    let fixture = Box::pin(Fixture::new(engine, clients, 2, Hashing::Cheap)).await;
    let asking = &fixture.credentials[..clients.min(ASKING)];
    let requests = load::requests_for(asking, Body::FormBasic, ORDERS);
    let server = fixture.serve(None);
    let cold = server.ready().await;
    load::once_each(server.port, &requests, 16).await;
    server.stop();
    let (mut starts, mut latencies, mut hashes) = (Vec::new(), Vec::new(), 0);
    let (mut started, mut peak) = (0.0_f64, 0.0_f64);
    for _ in 0..RESTARTS {
        let server = fixture.serve(None);
        starts.push(server.ready().await);
        // Lets the tasks of the start finish.
        tokio::time::sleep(Duration::from_secs(1)).await;
        (started, peak) = (started.max(server.rss_mib()), peak.max(server.peak_rss_mib()));
        latencies.push(load::once_each(server.port, &requests, CONNECTIONS).await);
        hashes += fixture.hashes().await;
        server.stop();
    }
    starts.sort();
    let figures: Vec<Figures> =
        latencies.into_iter().map(|latencies| Figures::of(latencies, 1.0)).collect();
    let best = figures.iter().min_by(|one, other| one.p99_ms.total_cmp(&other.p99_ms));
    let Some(best) = best else { return String::new() };
    format!(
        "| {clients} | {} | {} | {} | {started:.0} MiB | {peak:.0} MiB | {} | {:.1} | {:.1} | {:.1} | {hashes} |",
        engine.name(),
        shown(cold),
        shown(starts[RESTARTS / 2]),
        asking.len(),
        best.p50_ms,
        best.p99_ms,
        best.max_ms,
    )
}

fn shown(time: Duration) -> String {
    match time {
        time if time < Duration::from_secs(1) => format!("{} ms", time.as_millis()),
        time => format!("{:.1} s", time.as_secs_f64()),
    }
}
