//! A flood: 64 connections send wrong, forged, unknown and malformed credentials as fast as they
//! can for half a minute, on the same cores as the server. Meanwhile a valid client requests a
//! token twenty times a second, and others request their first one. Exits with an error if a limit
//! is exceeded.
//!
//! Run it by `make bench`. With the path of a program as argument, it floods that program, to
//! measure another version, and keeps no results.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark is no library")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::ExposeSecret;
use tokend::admin::import::{ImportOptions, import};
use tokend::model::client::ClientId;
use tokend::secrets::secret::TagKey;
use tokend_testing::bench::fixture::{Fixture, Hashing, Peer, services};
use tokend_testing::bench::load::{self, Body, Connection, Credentials};
use tokend_testing::bench::report::{self, Table};
use tokend_testing::operator;
use tokend_testing::{Engine, ORDERS};

const FLOODERS: usize = 64;
const TIME: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(50);
const COLUMNS: &str = "| secrets of other systems | rejected/s | warm: asked | failed | p50 ms | p99 ms | first token of a cold client, ms | … of a cold imported client, ms | RSS before, MiB | most RSS, MiB |";

fn main() -> ExitCode {
    report::run(bench(report::words().first().map(String::as_str)))
}

async fn bench(program: Option<&str>) -> ExitCode {
    let mut table = Table::new(COLUMNS);
    let mut missed = Vec::new();
    for with_imports in [false, true] {
        let seen = Flood::new(with_imports).await.run(program).await;
        table.row(&seen.line(with_imports));
        missed.extend(seen.missed());
    }
    for bar in &missed {
        println!("missed: {bar}");
    }
    if program.is_none() {
        table.keep("A flood", include_str!("flood.md"));
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Flood {
    fixture: Fixture,
    imported: Vec<Credentials>,
    bad: Vec<Vec<u8>>,
}

/// The measurements of half a minute.
struct Seen {
    refused: usize,
    latencies: Vec<f64>,
    failed: usize,
    cold: Vec<f64>,
    cold_imported: Vec<f64>,
    rss_before: f64,
    rss_peak: f64,
}

impl Flood {
    /// Starts a server with default settings, with or without secrets that could be guessed.
    async fn new(with_imports: bool) -> Self {
        let fixture = Box::pin(Fixture::new(Engine::Sqlite, 20, 1, Hashing::Default)).await;
        let imported: Vec<_> = (0..if with_imports { 10 } else { 0 })
            .map(|n| Credentials { id: format!("legacy-{n}"), secret: format!("hush-hush-{n}") })
            .collect();
        if with_imports {
            let lines: String = imported.iter().map(line).collect();
            let services = Arc::new(services(&fixture.environment).await);
            let options = ImportOptions::default();
            let imported = import(&services, &operator(), lines.as_bytes(), options, &|_| {}).await;
            imported.expect("an import");
        }
        let bad = bad_requests(&fixture.credentials, &imported);
        Self { fixture, imported, bad }
    }

    async fn run(&self, program: Option<&str>) -> Seen {
        let server = match program {
            Some(program) => self.fixture.serve_with(Path::new(program), None),
            None => self.fixture.serve(None),
        };
        server.ready().await;
        let good = load::requests(&self.fixture.credentials, Body::FormBasic);
        let imported = load::requests(&self.imported, Body::FormBasic);
        let mut warm = Connection::open(server.port).await;
        assert_eq!(warm.status(&good[0]).await, 200);
        let rss_before = server.rss_mib();
        let until = Instant::now() + TIME;
        let flooding = (0..FLOODERS).map(|start| flood(&server, &self.bad, start, until));
        let (refused, (latencies, failed), cold, cold_imported) = tokio::join!(
            futures_util::future::join_all(flooding),
            ask_regularly(&server, &good[0], until),
            first_tokens(&server, &good[1..], until),
            first_tokens(&server, &imported, until),
        );
        Seen {
            refused: refused.iter().sum(),
            latencies,
            failed,
            cold,
            cold_imported,
            rss_before,
            rss_peak: server.peak_rss_mib(),
        }
    }
}

impl Seen {
    fn percentile(&self, percent: usize) -> f64 {
        self.latencies[(self.latencies.len() * percent / 100).min(self.latencies.len() - 1)]
    }

    fn line(&self, with_imports: bool) -> String {
        let worst = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
        let imported = match self.cold_imported.len() {
            0 => "–".to_owned(),
            _ => format!("{:.0}", worst(&self.cold_imported)),
        };
        format!(
            "| {} | {:.0} | {} | {} | {:.1} | {:.1} | {:.0} (worst of {}) | {imported} | {:.1} | {:.1} |",
            if with_imports { "some" } else { "none" },
            f64::from(u32::try_from(self.refused).expect("a count")) / TIME.as_secs_f64(),
            self.latencies.len(),
            self.failed,
            self.percentile(50),
            self.percentile(99),
            worst(&self.cold),
            self.cold.len(),
            self.rss_before,
            self.rss_peak,
        )
    }

    /// Returns the limits that were exceeded.
    fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        if self.failed * 1000 > self.latencies.len() {
            missed.push(format!(
                "{} of {} good requests failed",
                self.failed,
                self.latencies.len()
            ));
        }
        if self.percentile(99) > 50.0 {
            missed.push(format!("p99 of good requests is {:.0} ms", self.percentile(99)));
        }
        if self.cold.is_empty() || self.cold.iter().any(|time| *time > 1000.0) {
            missed.push(format!("first tokens took {:.0?} ms", self.cold));
        }
        if self.rss_peak - self.rss_before > 64.0 {
            missed.push(format!("memory grew by {:.0} MiB", self.rss_peak - self.rss_before));
        }
        missed
    }
}

fn line(client: &Credentials) -> String {
    let Credentials { id, secret } = client;
    format!(
        "{{\"client_id\":\"{id}\",\"client_secret\":\"{secret}\",\"grants\":[{{\"resource\":\"{ORDERS}\"}}]}}\n"
    )
}

/// Returns requests that must be rejected: wrong, forged, unknown and malformed ones.
fn bad_requests(known: &[Credentials], imported: &[Credentials]) -> Vec<Vec<u8>> {
    let forger = TagKey::new(&[7; 32]);
    let mut bad = Vec::new();
    for number in 0..64 {
        let victim = &known[number % known.len()];
        let id = ClientId::parse(&victim.id).expect("an id");
        let secret = forger.generate(&id).expect("a secret").expose_secret().to_owned();
        bad.push(Credentials { id: victim.id.clone(), secret: format!("wrong {number}") });
        bad.push(Credentials { id: victim.id.clone(), secret: secret.clone() });
        bad.push(Credentials { id: format!("cl_nobody{number}"), secret });
        bad.push(Credentials { id: format!("nobody {number}"), secret: format!("wrong {number}") });
        if let Some(legacy) = imported.get(number % imported.len().max(1)) {
            bad.push(Credentials { id: legacy.id.clone(), secret: format!("guess {number}") });
        }
    }
    let mut requests = load::requests(&bad, Body::FormBasic);
    requests.extend(load::requests(&bad, Body::JsonBody));
    let raw = |header: &str, body: &str| {
        format!(
            "POST /v1/oauth/token HTTP/1.1\r\nhost: 127.0.0.1\r\n{header}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    let form = "content-type: application/x-www-form-urlencoded";
    requests.push(raw("authorization: Basic !!!", "grant_type=client_credentials"));
    requests.push(raw(
        &format!("{form}\r\nauthorization: Basic YQ=="),
        "grant_type=client_credentials",
    ));
    requests.push(raw("content-type: application/json", "{\"grant_type\":"));
    requests.push(raw(form, "grant_type=password&client_id=a&client_secret=b"));
    let long = BASE64_STANDARD.encode(format!("cl_x:{}", "x".repeat(2000)));
    requests.push(raw(
        &format!("{form}\r\nauthorization: Basic {long}"),
        "grant_type=client_credentials",
    ));
    requests
}

/// Sends bad requests over one connection; returns the number of rejections.
async fn flood(server: &Peer, bad: &[Vec<u8>], start: usize, until: Instant) -> usize {
    let mut connection = Connection::open(server.port).await;
    let mut count = 0;
    while Instant::now() < until {
        let status = connection.status(&bad[(start * 31 + count) % bad.len()]).await;
        assert!(matches!(status, 400 | 401 | 415 | 429 | 503), "{status}");
        count += 1;
    }
    count
}

/// Requests a token twenty times a second for a client that is already verified. Returns the sorted
/// latencies and the number of failures.
async fn ask_regularly(server: &Peer, request: &[u8], until: Instant) -> (Vec<f64>, usize) {
    let mut connection = Connection::open(server.port).await;
    let (mut latencies, mut failed) = (Vec::new(), 0);
    let mut ticks = tokio::time::interval(BETWEEN);
    while Instant::now() < until {
        ticks.tick().await;
        let asked = Instant::now();
        failed += usize::from(connection.status(request).await != 200);
        latencies.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    (latencies, failed)
}

/// Sends the first request of a new client every two seconds, and repeats it after `Retry-After`.
/// Returns the time to the first token of each client, in milliseconds.
async fn first_tokens(server: &Peer, requests: &[Vec<u8>], until: Instant) -> Vec<f64> {
    let mut times = Vec::new();
    for request in requests {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let asked = Instant::now();
        if asked + Duration::from_secs(2) > until {
            break;
        }
        let mut connection = Connection::open(server.port).await;
        while connection.status(request).await != 200 && Instant::now() < until {
            tokio::time::sleep(BETWEEN).await;
        }
        times.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    times
}
