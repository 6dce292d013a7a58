//! Growth: how long a server takes to start, how much memory it needs and how fast it is, with up
//! to a million clients of one secret and two grants each.
//!
//! Run it by `make growth`. With numbers or names of engines as arguments it measures only those,
//! and keeps no results.

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
use crate::stage::{Engine, Hashing, Peer, Stage};

const CONNECTIONS: usize = 32;
const SLICES: usize = 10;
const SLICE: Duration = Duration::from_millis(500);
const SERVER_CORE: &str = "0";
const HEAD: &str = "| clients | engine | ready after | RSS, started | at most until then | RSS, all warm | tokens/s | of the limit |\n|---|---|---|---|---|---|---|---|";

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(bench(&words));
}

async fn bench(words: &[String]) {
    println!("{HEAD}");
    let mut table = HEAD.to_owned();
    let limit = Peer::limit("ES256", SERVER_CORE);
    let named: Vec<_> = Engine::ALL
        .into_iter()
        .filter(|engine| words.iter().any(|word| word == engine.name()))
        .collect();
    let is_wanted = |engine| named.is_empty() || named.contains(&engine);
    let sizes: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let all = [0, 1, 1_000, 100_000, 1_000_000];
    for clients in if sizes.is_empty() { &all[..] } else { &sizes } {
        for engine in Engine::ALL.into_iter().filter(|engine| is_wanted(*engine)) {
            let line = row(&limit, engine, *clients).await;
            println!("{line}");
            table.push('\n');
            table.push_str(&line);
        }
    }
    if words.is_empty() {
        report::keep("Growth", &format!("{}\n\n{table}", include_str!("growth.md").trim_end()));
    }
}

async fn row(limit: &Peer, engine: Engine, clients: usize) -> String {
    let stage = Stage::new(engine, clients, 2, Hashing::Cheap).await;
    let server = stage.serve(None);
    let ready = server.ready().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (started, peak) = (server.rss_mib(), server.peak_rss_mib());
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
    let server = stage.serve(Some(SERVER_CORE));
    server.ready().await;
    let requests = load::requests_for(&stage.credentials, Body::FormBasic, stage::ORDERS);
    load::once_each(server.port, &requests).await;
    let anybody = [load::Credentials { id: "cl".into(), secret: "tkd".into() }];
    let bare = load::requests(&anybody, Body::FormBasic);
    let (mut ours, mut theirs) = ((Vec::new(), 0.0), (Vec::new(), 0.0));
    for _ in 0..SLICES {
        for (peer, requests, sum) in [(limit, &bare, &mut theirs), (&server, &requests, &mut ours)]
        {
            let (latencies, took) = load::run(peer.port, requests, CONNECTIONS, SLICE).await;
            sum.0.extend(latencies);
            sum.1 += took;
        }
    }
    let (our, their) = (Figures::of(ours.0, ours.1), Figures::of(theirs.0, theirs.1));
    format!(
        "{start} | {:.0} MiB | {:.0} | {:.2} |",
        server.rss_mib(),
        our.per_second,
        our.per_second / their.per_second
    )
}
