//! The time that the server needs for a page of the console, with many clients.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::header::COOKIE;
use reqwest::{Client, redirect};
use serde_json::Value;
use tokend::model::rejection::RejectionRecord;

use crate::support::bench::fixture::{Fixture, Hashing, Peer, services};
use crate::support::browser::console::between;
use crate::support::process::program;
use crate::support::{Answer, Engine};

/// The pages, with `{id}` for a client.
const PAGES: [&str; 19] = [
    "/console/",
    "/console/clients",
    "/console/clients?q=load",
    "/console/clients?q=absent",
    "/console/clients?state=disabled",
    "/console/clients?expiring=14d",
    "/console/clients?unused=90d",
    "/console/clients?owner=payments",
    "/console/clients/new",
    "/console/clients/{id}",
    "/console/clients/{id}/credentials",
    "/console/clients/{id}/access",
    "/console/clients/{id}/activity",
    "/console/resources",
    "/console/rejections",
    "/console/rejections?reason=removed",
    "/console/rejections?reason=absent",
    "/console/audit",
    "/console/sessions",
];

/// A signed-in person at a server with this number of clients.
struct Visit {
    _server: Peer,
    fixture: Fixture,
    http: Client,
    base: String,
    cookie: String,
}

impl Visit {
    async fn new(clients: usize) -> Self {
        let fixture = Box::pin(Fixture::new(Engine::Sqlite, clients, 1, Hashing::Cheap)).await;
        Box::pin(reject_requests(&fixture)).await;
        // `make test-slow` uses a release build.
        let released = std::env::var_os("TEST_RELEASE_PROGRAM").map(PathBuf::from);
        let server = fixture.serve_with(released.as_deref().unwrap_or_else(|| program()), None);
        server.ready().await;
        let environment = fixture.environment.iter().map(|(name, value)| (name, value));
        let output = std::process::Command::new(program())
            .args(["console", "link", "-o", "json"])
            .envs(environment)
            .output()
            .expect("the program");
        let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let url = made["url"].as_str().expect("a link").to_owned();
        let base = url.split("/console/").next().expect("an address").to_owned();
        let http = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        let request = http.post(format!("{base}/console/sign-in/link"));
        let request = request.header("origin", &base).header("sec-fetch-site", "same-origin");
        let answer = Answer::of(request.form(&[("link", &url)])).await;
        let cookie = crate::support::browser::console::cookie(&answer);
        Self { _server: server, fixture, http, base, cookie }
    }

    /// Returns the shortest of several times for a page: the time without other load.
    async fn time(&self, path: &str) -> Duration {
        let path = path.replace("{id}", &self.fixture.credentials[0].id);
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let request = self.http.get(format!("{}{path}", self.base));
            let started = Instant::now();
            let answer = Answer::of(request.header(COOKIE, &self.cookie)).await;
            best = best.min(started.elapsed());
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            assert_eq!(between(&answer.text, "<h1>", "<").len(), 1, "{path}");
        }
        best
    }
}

/// Stores the maximum number of rejections, all of the last day.
async fn reject_requests(fixture: &Fixture) {
    let services = services(&fixture.environment).await;
    let now = services.clock.now();
    let clients = fixture.credentials.iter().cycle();
    let rejected = (0..10_000).zip(clients).map(|(number, client)| RejectionRecord {
        request_id: format!("req_{number:020}"),
        at: now.minus_seconds(number * 8),
        status: 401,
        error: "invalid_client".to_owned(),
        address: "192.0.2.7".to_owned(),
        client_id: Some(client.id.clone()),
        reason: format!("{}: the secret has been removed", client.id),
        remedy: None,
        suffix: None,
    });
    let rejected: Vec<_> = rejected.collect();
    services.store.add_rejections(&rejected).await.expect("written");
    services.store.close().await;
}

/// Prints the times, and returns those above the bound.
#[expect(clippy::print_stdout, reason = "the times are the result")]
async fn slow_pages(clients: usize, bound: Duration) -> Vec<String> {
    let visit = Box::pin(Visit::new(clients)).await;
    let mut slow = Vec::new();
    for path in PAGES {
        let time = visit.time(path).await;
        println!("{clients} clients {:>7.1} ms {path}", time.as_secs_f64() * 1_000.0);
        if time > bound {
            slow.push(format!("{path}: {time:?}"));
        }
    }
    slow
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make test-slow"]
async fn with_10_000_clients_a_page_takes_50_ms() {
    assert_eq!(slow_pages(10_000, Duration::from_millis(50)).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make test-slow"]
async fn with_100_000_clients_a_list_or_a_search_takes_300_ms() {
    assert_eq!(slow_pages(100_000, Duration::from_millis(300)).await, [""; 0]);
}
