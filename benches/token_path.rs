//! The token path: measures the release server on one core, with this load on the other, in turn
//! with the baseline (`baseline.rs`). The last column is the result: the ratio to the baseline.
//!
//! Run it by `make bench`. With words as arguments, it runs only the rows that contain all of them,
//! and keeps no results, as in `cargo bench --bench token_path -- ES256 SQLite`.

use tokend_testing::Engine;
use tokend_testing::bench::compare::{Comparison, compare};
use tokend_testing::bench::fixture::{Fixture, Hashing, Peer};
use tokend_testing::bench::load::{self, Body};
use tokend_testing::bench::report::{self, Table};

const SERVER_CORE: &str = "0";
const COLUMNS: &str = "| row | tokens/s | p50 ms | p99 ms | CPU µs/token | RSS MiB | baseline: tokens/s | p99 ms | CPU µs | ratio |";

fn main() {
    report::run(bench(&report::words()));
}

async fn bench(words: &[String]) {
    let mut table = Table::new(COLUMNS);
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let baseline = Peer::baseline(&[algorithm], SERVER_CORE);
        for (clients, engine) in [1, 10_000].iter().flat_map(|n| Engine::ALL.map(|e| (*n, e))) {
            for body in [Body::FormBasic, Body::JsonBody] {
                let name =
                    format!("{algorithm}, {}, {}, {clients} clients", engine.name(), body.name());
                if words.iter().all(|word| name.contains(word.as_str())) {
                    table.row(&row(&name, &baseline, algorithm, engine, body, clients).await);
                }
            }
        }
    }
    let name = "baseline that writes responses together, ES256, SQLite, form + Basic, 1 client";
    if words.iter().all(|word| name.contains(word.as_str())) {
        let baseline = Peer::baseline(&["ES256", "together"], SERVER_CORE);
        table.row(&row(name, &baseline, "ES256", Engine::Sqlite, Body::FormBasic, 1).await);
    }
    let name = "10 static claims of 300 bytes, ES256, SQLite, form + Basic, 1 client";
    if words.iter().all(|word| name.contains(word.as_str())) {
        table.row(&Box::pin(claims_row(name)).await);
    }
    if words.is_empty() {
        table.keep("The token path", include_str!("token_path.md"));
    }
}

async fn row(
    name: &str,
    baseline: &Peer,
    algorithm: &str,
    engine: Engine,
    body: Body,
    clients: usize,
) -> String {
    let fixture = Box::pin(Fixture::new(engine, clients, 1, Hashing::Cheap)).await;
    let fixture = fixture.set("TOKEND_TOKEN_ALGORITHM", algorithm);
    let server = fixture.serve(Some(SERVER_CORE));
    server.ready().await;
    let requests = load::requests(&fixture.credentials, body);
    load::once_each(server.port, &requests, 16).await;
    let bare = load::bare_requests();
    line(name, &compare(&server, &requests, baseline, &bare).await)
}

/// Measures a client with static claims. Here the baseline is the same server and a client without
/// static claims.
async fn claims_row(name: &str) -> String {
    let fixture = || Box::pin(Fixture::new(Engine::Sqlite, 1, 1, Hashing::Cheap));
    let with_claims = Box::pin(fixture().await.with_claims(&ten_claims())).await;
    let fixtures = [with_claims, fixture().await];
    let servers = fixtures.each_ref().map(|fixture| fixture.serve(Some(SERVER_CORE)));
    let requests = fixtures.each_ref().map(|one| load::requests(&one.credentials, Body::FormBasic));
    for (server, requests) in servers.iter().zip(&requests) {
        server.ready().await;
        load::once_each(server.port, requests, 16).await;
    }
    line(name, &compare(&servers[0], &requests[0], &servers[1], &requests[1]).await)
}

/// Returns ten claims, about 300 bytes of JSON together.
fn ten_claims() -> String {
    let claims = (0..10).map(|number| format!("\"claim_{number}\":\"{}\"", "v".repeat(17)));
    format!("{{{}}}", claims.collect::<Vec<_>>().join(","))
}

fn line(name: &str, Comparison { ours, theirs, ratio }: &Comparison) -> String {
    format!(
        "| {name} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.0} | {:.2} | {:.1} | **{:.2}** |",
        ours.per_second,
        ours.p50_ms,
        ours.p99_ms,
        ours.cpu_micros,
        ours.rss_mib,
        theirs.per_second,
        theirs.p99_ms,
        theirs.cpu_micros,
        ratio,
    )
}
