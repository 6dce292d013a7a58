//! The token path, measured: the release server on one core, this load on another, and beside it,
//! in the same run, the limit (`limit.rs`). Prints a table whose last column is the ratio.
//!
//! Run it by `make bench`. With words as arguments it runs only the rows that have all of them, as
//! in `cargo bench --bench token_path -- ES256 sqlite`.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a benchmark is no library"
)]

mod load;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokend::admin::client::NewClient;
use tokend::admin::secret::NewSecret;
use tokend::admin::{self, Actor};
use tokend::app::Foundation;
use tokend::config::sources::Flags;
use tokend::config::{Config, Need};
use tokend::model::client::ClientName;
use tokend::model::grant::{Grant, GrantedScopes};
use tokend::model::resource::{OfferedScope, ResourceId};
use tokend::model::time::Clock;

use crate::load::{Body, Credentials, Figures};

const ORDERS: &str = "https://orders.example.com";
const CONNECTIONS: usize = 32;
const RUN: Duration = Duration::from_secs(4);
const RUNS: usize = 3;

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(bench(&words));
}

async fn bench(words: &[String]) {
    println!("| row | tokens/s | p50 ms | p99 ms | CPU µs/token | RSS MiB | ratio |");
    println!("|---|---|---|---|---|---|---|");
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let limit_name = format!("limit {algorithm}");
        let is_wanted = |name: &str| words.iter().all(|word| name.contains(word.as_str()));
        let rows = rows(algorithm);
        if !rows.iter().any(|row| is_wanted(&row.name())) {
            continue;
        }
        let limit = Peer::limit(algorithm);
        let anybody = [Credentials { id: "cl".into(), secret: "tkd".into() }];
        let measured = measure(&limit, &load::requests(&anybody, Body::FormBasic)).await;
        print(&limit_name, &measured, None);
        drop(limit);
        for row in rows.iter().filter(|row| is_wanted(&row.name())) {
            let (server, clients) = Peer::tokend(row).await;
            let requests = load::requests(&clients, row.body);
            load::once_each(server.port, &requests).await;
            let figures = measure(&server, &requests).await;
            print(&row.name(), &figures, Some(&measured));
        }
    }
}

/// The medians of several runs after a warm-up.
async fn measure(peer: &Peer, requests: &[Vec<u8>]) -> Figures {
    load::run(peer.port, requests, CONNECTIONS, RUN / 2).await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let before = peer.cpu();
        let mut figures = load::run(peer.port, requests, CONNECTIONS, RUN).await;
        figures.cpu_micros = (peer.cpu() - before) * 1e6 / figures.tokens;
        figures.rss_mib = peer.rss_mib();
        runs.push(figures);
    }
    Figures::median(&runs)
}

fn print(name: &str, figures: &Figures, limit: Option<&Figures>) {
    let ratio = limit.map_or(1.0, |limit| figures.per_second / limit.per_second);
    println!(
        "| {name} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {ratio:.2} |",
        figures.per_second, figures.p50_ms, figures.p99_ms, figures.cpu_micros, figures.rss_mib
    );
}

struct Row {
    algorithm: &'static str,
    engine: &'static str,
    body: Body,
    clients: usize,
}

impl Row {
    fn name(&self) -> String {
        let body = match self.body {
            Body::FormBasic => "form+Basic",
            Body::JsonBody => "JSON+body",
        };
        format!("{} {} {body} {} clients", self.algorithm, self.engine, self.clients)
    }
}

fn rows(algorithm: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    let has_postgres = std::env::var("TEST_DATABASE_URL").is_ok();
    for engine in if has_postgres { &["sqlite", "postgres"][..] } else { &["sqlite"] } {
        for clients in [1, 10_000] {
            for body in [Body::FormBasic, Body::JsonBody] {
                rows.push(Row { algorithm, engine, body, clients });
            }
        }
    }
    rows
}

/// A server under load.
struct Peer {
    child: Child,
    port: u16,
    _folder: Option<tempfile::TempDir>,
}

impl Peer {
    /// The limit, pinned to the first core.
    fn limit(algorithm: &str) -> Self {
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(sibling("limit"))
            .arg(algorithm)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the limit");
        let output = child.stdout.take().expect("its output");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a port");
        Self { child, port: line.trim().parse().expect("a port"), _folder: None }
    }

    /// A tokend with clients, pinned to the first core.
    async fn tokend(row: &Row) -> (Self, Vec<Credentials>) {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let database_url = match row.engine {
            "postgres" => std::env::var("TEST_DATABASE_URL").expect("a database"),
            _ => format!("sqlite://{}", folder.path().join("tokend.db").display()),
        };
        let environment: Vec<(String, String)> = [
            ("TOKEND_ISSUER", format!("http://127.0.0.1:{port}")),
            ("TOKEND_LISTEN", format!("127.0.0.1:{port}")),
            ("TOKEND_MANAGEMENT_LISTEN", format!("127.0.0.1:{}", free_port())),
            ("TOKEND_DATA_DIR", folder.path().display().to_string()),
            ("TOKEND_DATABASE_URL", database_url),
            ("TOKEND_MASTER_KEY", "00".repeat(32)),
            ("TOKEND_TOKEN_ALGORITHM", row.algorithm.to_owned()),
            // Only the first proof of each client is hashed; that is not what is measured here.
            ("TOKEND_SECRETS_ARGON2_MEMORY", "64KiB".to_owned()),
            ("TOKEND_SECRETS_ARGON2_ITERATIONS", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let clients = make_clients(&environment, row.clients).await;
        let child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(env!("CARGO_BIN_EXE_tokend"))
            .arg("serve")
            .envs(environment)
            .stderr(Stdio::null())
            .spawn()
            .expect("the server");
        let peer = Self { child, port, _folder: Some(folder) };
        load::until_open(port).await;
        (peer, clients)
    }

    /// The processor time it has used, in seconds.
    fn cpu(&self) -> f64 {
        let text = self.proc("stat");
        let fields: Vec<_> = text.rsplit(") ").next().expect("fields").split(' ').collect();
        let ticks: f64 =
            [11, 12].map(|index| fields[index].parse::<f64>().expect("ticks")).iter().sum();
        ticks / 100.0
    }

    fn rss_mib(&self) -> f64 {
        let text = self.proc("status");
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
        let kib = line.split_whitespace().nth(1).expect("a number");
        kib.parse::<f64>().expect("a number") / 1024.0
    }

    fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("a process")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn make_clients(environment: &[(String, String)], count: usize) -> Vec<Credentials> {
    let config = Config::load(&Flags::default(), environment, Need::Issuer).expect("settings");
    let foundation = Foundation::open(config, Clock::System).await.expect("a foundation");
    let actor = Actor::new("bench", "token_path");
    let resource = ResourceId::parse(ORDERS).expect("a resource");
    let scopes =
        ["orders:read", "orders:write"].map(|name| OfferedScope::parse(name).expect("a scope"));
    // With Postgres the database is the same for all rows.
    let _ =
        admin::resource::create(&foundation, &actor, resource.clone(), scopes.to_vec(), None).await;
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        let new = NewClient {
            name: ClientName::parse("load").expect("a name"),
            client_id: None,
            auth_methods: Vec::new(),
            grant_types: Vec::new(),
            token_lifetime: None,
            grants: vec![Grant { resource: resource.clone(), scopes: GrantedScopes::All }],
            secret: NewSecret::default(),
        };
        let (made, secret) =
            admin::client::create(&foundation, &actor, new).await.expect("a client");
        let id = made.client.client_id.to_string();
        clients.push(Credentials { id, secret: secret.expose_secret().to_owned() });
    }
    foundation.store.close().await;
    clients
}

/// Another benchmark of this build.
fn sibling(name: &str) -> std::path::PathBuf {
    let own = std::env::current_exe().expect("this program");
    let folder = own.parent().expect("a folder");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            file.starts_with(&format!("{name}-")) && path.extension().is_none()
        })
        .collect();
    found.sort_by_key(|path| path.metadata().and_then(|data| data.modified()).ok());
    found.pop().expect("the other benchmark; run: make bench")
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port()
}
