//! The token path, measured: the release server on one core, this load on the other, and beside
//! it, in turn, the limit (`limit.rs`). The last column is what counts: how much of the limit
//! tokend reaches.
//!
//! Run it by `make bench`. With words as arguments it runs only the rows that have all of them,
//! and keeps no results, as in `cargo bench --bench token_path -- ES256 SQLite`.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    unreachable_pub,
    dead_code,
    reason = "a benchmark is no library"
)]

mod load;
mod report;
mod stage;

use std::time::Duration;

use crate::load::{Body, Figures};
use crate::report::Table;
use crate::stage::{Engine, Hashing, Measured, Peer, Stage};

const RUNS: usize = 3;
/// A run is made of short slices, of tokend and of the limit in turn: a machine that others use
/// too changes its speed within seconds, and so both see the same of it.
const SLICES: usize = 8;
const SLICE: Duration = Duration::from_millis(400);
const WARM_UP: Duration = Duration::from_secs(1);
const SERVER_CORE: &str = "0";
const COLUMNS: &str = "| row | tokens/s | p50 ms | p99 ms | CPU µs/token | RSS MiB | limit: tokens/s | p99 ms | CPU µs | ratio |";

fn main() {
    report::run(bench(&report::words()));
}

async fn bench(words: &[String]) {
    let mut table = Table::new(COLUMNS);
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let limit = Peer::limit(algorithm, SERVER_CORE);
        for (clients, engine) in [1, 10_000].iter().flat_map(|n| Engine::ALL.map(|e| (*n, e))) {
            for body in [Body::FormBasic, Body::JsonBody] {
                let name =
                    format!("{algorithm}, {}, {}, {clients} clients", engine.name(), body.name());
                if words.iter().all(|word| name.contains(word.as_str())) {
                    table.row(&row(&name, &limit, algorithm, engine, body, clients).await);
                }
            }
        }
    }
    if words.is_empty() {
        table.keep("The token path", include_str!("token_path.md"));
    }
}

async fn row(
    name: &str,
    limit: &Peer,
    algorithm: &str,
    engine: Engine,
    body: Body,
    clients: usize,
) -> String {
    let stage = Stage::new(engine, clients, 1, Hashing::Cheap).await;
    let stage = stage.set("TOKEND_TOKEN_ALGORITHM", algorithm);
    let server = stage.serve(Some(SERVER_CORE));
    server.ready().await;
    let requests = load::requests(&stage.credentials, body);
    load::once_each(server.port, &requests).await;
    let bare = load::bare_requests();
    load::run(server.port, &requests, stage::CONNECTIONS, WARM_UP).await;
    load::run(limit.port, &bare, stage::CONNECTIONS, WARM_UP).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (mut our, mut their) = (Measured::default(), Measured::default());
        for _ in 0..SLICES {
            their.slice(limit, &bare, SLICE).await;
            our.slice(&server, &requests, SLICE).await;
        }
        ours.push(our.figures(&server));
        theirs.push(their.figures(limit));
    }
    let mut ratios: Vec<f64> =
        ours.iter().zip(&theirs).map(|(our, their)| our.per_second / their.per_second).collect();
    ratios.sort_by(f64::total_cmp);
    let (our, their) = (Figures::median(&ours), Figures::median(&theirs));
    format!(
        "| {name} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.0} | {:.2} | {:.1} | **{:.2}** |",
        our.per_second,
        our.p50_ms,
        our.p99_ms,
        our.cpu_micros,
        our.rss_mib,
        their.per_second,
        their.p99_ms,
        their.cpu_micros,
        ratios[RUNS / 2],
    )
}
