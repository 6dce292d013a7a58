//! Growth: measures start time, memory and throughput of a server with up to a million clients,
//! each with one secret and two grants.
//!
//! Run it by `make growth`. With numbers or names of engines as arguments, it measures only those,
//! and keeps no results.

use std::time::Duration;

use tokend_testing::bench::fixture::{Fixture, Hashing, Measured, Peer};
use tokend_testing::bench::load::{self, Body};
use tokend_testing::bench::report::{self, Table};
use tokend_testing::{Engine, ORDERS};

const SLICES: usize = 10;
const SLICE: Duration = Duration::from_millis(500);
const SERVER_CORE: &str = "0";
/// The cores on which the server starts.
const START_CORES: &str = "0,1";
const COLUMNS: &str = "| clients | engine | ready after | RSS, started | peak anonymous memory until ready | RSS, all warm | tokens/s | of the baseline |";
const ALL_SIZES: [usize; 5] = [0, 1, 1_000, 100_000, 1_000_000];

fn main() {
    report::run(bench(&report::words()));
}

async fn bench(words: &[String]) {
    let mut table = Table::new(COLUMNS);
    let baseline = Peer::baseline(&["ES256"], SERVER_CORE);
    let is_named = |engine: &Engine| words.iter().any(|word| word == engine.name());
    let any_engine = !Engine::ALL.iter().any(is_named);
    let sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    for clients in if sizes.is_empty() { &ALL_SIZES[..] } else { &sizes } {
        for engine in Engine::ALL.into_iter().filter(|engine| any_engine || is_named(engine)) {
            table.row(&Box::pin(row(&baseline, engine, *clients)).await);
        }
    }
    if words.is_empty() {
        table.keep("Growth", include_str!("growth.md"));
    }
}

async fn row(baseline: &Peer, engine: Engine, clients: usize) -> String {
    let fixture = Box::pin(Fixture::new(engine, clients, 2, Hashing::Cheap)).await;
    let server = fixture.serve(Some(START_CORES));
    let (ready, peak) = server.ready_and_peak_anonymous_mib().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let started = server.rss_mib();
    drop(server);
    let start = format!(
        "| {clients} | {} | {} | {started:.0} MiB | {peak:.0} MiB",
        engine.name(),
        if ready < Duration::from_secs(1) {
            format!("{} ms", ready.as_millis())
        } else {
            format!("{:.1} s", ready.as_secs_f64())
        }
    );
    if clients == 0 {
        return format!("{start} | | | |");
    }
    let server = fixture.serve(Some(SERVER_CORE));
    server.ready().await;
    let requests = load::requests_for(&fixture.credentials, Body::FormBasic, ORDERS);
    load::once_each(server.port, &requests, 16).await;
    let bare = load::bare_requests();
    let (mut our, mut their) = (Measured::default(), Measured::default());
    for _ in 0..SLICES {
        their.slice(baseline, &bare, SLICE).await;
        our.slice(&server, &requests, SLICE).await;
    }
    let (our, their) = (our.figures(&server), their.figures(baseline));
    format!(
        "{start} | {:.0} MiB | {:.0} | {:.2} |",
        our.rss_mib,
        our.per_second,
        our.per_second / their.per_second
    )
}
