//! Introspection and the check for gateways, each compared with a bare verification of the same
//! kind of token by the baseline (`baseline.rs`), in turn. The last column must be at least 0.8.
//!
//! Run it by `make bench`; the words `introspection` and `check` select rows.

use tokend_testing::Engine;
use tokend_testing::bench::compare::{Comparison, compare};
use tokend_testing::bench::fixture::{Fixture, Hashing, Peer};
use tokend_testing::bench::load::{self, Body, Credentials};
use tokend_testing::bench::report::{self, Table};

const SERVER_CORE: &str = "0";
const MIN_RATIO: f64 = 0.8;
const COLUMNS: &str = "| row | answers/s | p50 ms | p99 ms | CPU µs | baseline: answers/s | p99 ms | CPU µs | ratio |";

fn main() {
    report::run(bench(&report::words()));
}

async fn bench(words: &[String]) {
    let mut table = Table::new(COLUMNS);
    let mut is_enough = true;
    let rows = Engine::ALL.map(|engine| (Question::Introspection, engine));
    for (question, engine) in rows.into_iter().chain([(Question::Check, Engine::Sqlite)]) {
        if !words.is_empty() && !words.iter().any(|word| question.name().starts_with(word)) {
            continue;
        }
        let (row, ratio) = Box::pin(row(question, engine)).await;
        is_enough &= ratio >= MIN_RATIO;
        table.row(&row);
    }
    if words.is_empty() {
        table.keep("Introspection", include_str!("introspection.md"));
    }
    assert!(
        is_enough,
        "introspection or the check reaches less than {MIN_RATIO} of a bare verification"
    );
}

/// The request that is sent about a token.
#[derive(Clone, Copy)]
enum Question {
    Introspection,
    Check,
}

impl Question {
    fn name(self) -> &'static str {
        match self {
            Self::Introspection => "introspection",
            Self::Check => "check for a gateway",
        }
    }

    fn request(self, client: &Credentials, token: &str) -> Vec<u8> {
        match self {
            Self::Introspection => load::introspection(client, token),
            Self::Check => load::check(token),
        }
    }
}

async fn row(question: Question, engine: Engine) -> (String, f64) {
    let baseline = Peer::baseline(&["ES256"], SERVER_CORE);
    let fixture = Box::pin(Fixture::new(engine, 1, 1, Hashing::Cheap)).await;
    let server = fixture.serve(Some(SERVER_CORE));
    server.ready().await;
    let client = &fixture.credentials[0];
    let asking = load::requests(&fixture.credentials, Body::FormBasic);
    let token = load::token(server.port, &asking[0]).await;
    let requests = [question.request(client, &token)];
    let bare = load::token(baseline.port, &load::bare_requests()[0]).await;
    let bare = [question.request(client, &bare)];
    let Comparison { ours, theirs, ratio } = compare(&server, &requests, &baseline, &bare).await;
    let row = format!(
        "| {}, ES256, {} | {:.0} | {:.2} | {:.2} | {:.1} | {:.0} | {:.2} | {:.1} | **{ratio:.2}** |",
        question.name(),
        engine.name(),
        ours.per_second,
        ours.p50_ms,
        ours.p99_ms,
        ours.cpu_micros,
        theirs.per_second,
        theirs.p99_ms,
        theirs.cpu_micros,
    );
    (row, ratio)
}
