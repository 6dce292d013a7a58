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

use crate::load::{Body, Credentials, Figures};
use crate::stage::{Engine, Hashing, Peer, Stage};

const CONNECTIONS: usize = 32;
const RUNS: usize = 3;
/// A run is made of short slices, of tokend and of the limit in turn: a machine that others use
/// too changes its speed within seconds, and so both see the same of it.
const SLICES: usize = 8;
const SLICE: Duration = Duration::from_millis(400);
const WARM_UP: Duration = Duration::from_secs(1);
const SERVER_CORE: &str = "0";
const HEAD: &str = "| row | tokens/s | p50 ms | p99 ms | CPU µs/token | RSS MiB | limit: tokens/s | p99 ms | CPU µs | ratio |\n|---|---|---|---|---|---|---|---|---|---|";

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(bench(&words));
}

async fn bench(words: &[String]) {
    println!("{HEAD}");
    let mut table = HEAD.to_owned();
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let limit = Peer::limit(algorithm, SERVER_CORE);
        for (engine, clients) in [
            (Engine::Sqlite, 1),
            (Engine::Postgres, 1),
            (Engine::Sqlite, 10_000),
            (Engine::Postgres, 10_000),
        ] {
            for body in [Body::FormBasic, Body::JsonBody] {
                let name =
                    format!("{algorithm}, {}, {}, {clients} clients", engine.name(), body.name());
                if words.iter().all(|word| name.contains(word.as_str())) {
                    let line = row(&name, &limit, algorithm, engine, body, clients).await;
                    println!("{line}");
                    table.push('\n');
                    table.push_str(&line);
                }
            }
        }
    }
    if words.is_empty() {
        report::keep(
            "The token path",
            &format!("{}\n\n{table}", include_str!("token_path.md").trim_end()),
        );
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
    let anybody = [Credentials { id: "cl".into(), secret: "tkd".into() }];
    let bare = load::requests(&anybody, Body::FormBasic);
    load::run(server.port, &requests, CONNECTIONS, WARM_UP).await;
    load::run(limit.port, &bare, CONNECTIONS, WARM_UP).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (mut our, mut their) = (Measured::default(), Measured::default());
        for _ in 0..SLICES {
            their.slice(limit, &bare).await;
            our.slice(&server, &requests).await;
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

/// A run, slice by slice.
#[derive(Default)]
struct Measured {
    latencies: Vec<f64>,
    seconds: f64,
    cpu: f64,
}

impl Measured {
    async fn slice(&mut self, peer: &Peer, requests: &[Vec<u8>]) {
        let before = peer.cpu();
        let (latencies, took) = load::run(peer.port, requests, CONNECTIONS, SLICE).await;
        self.cpu += peer.cpu() - before;
        self.latencies.extend(latencies);
        self.seconds += took;
    }

    fn figures(self, peer: &Peer) -> Figures {
        let mut figures = Figures::of(self.latencies, self.seconds);
        figures.cpu_micros = self.cpu * 1e6 / figures.tokens;
        figures.rss_mib = peer.rss_mib();
        figures
    }
}
