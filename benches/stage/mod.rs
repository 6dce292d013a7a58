//! What a benchmark runs on: a database with clients in it, and the release server over it.

pub mod beside;
mod fill;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokend::admin::{self, Actor};
use tokend::app::Services;
use tokend::config::sources::Flags;
use tokend::config::{Config, Requirement};
use tokend::model::resource::{ResourceId, ResourceScope, TokenTyp};
use tokend::model::time::Clock;

use crate::load::{Credentials, Figures};

/// How many connections ask at once.
pub const CONNECTIONS: usize = 32;

/// The resource that tokens are asked for.
pub const ORDERS: &str = "https://orders.example.com";

/// A second one, so that a client can have two grants.
pub const INVOICES: &str = "https://invoices.example.com";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        }
    }
}

/// What a first proof costs. Figures of warm clients do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashing {
    /// As little as it can, so that many clients are warm soon.
    Cheap,
    /// What it costs by default.
    Default,
}

/// A database with clients, and the settings of a server over it.
pub struct Stage {
    pub credentials: Vec<Credentials>,
    pub environment: Vec<(String, String)>,
    pub port: u16,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Clients with one secret and so many grants each: one, or two.
    pub async fn new(engine: Engine, clients: usize, grants: usize, hashing: Hashing) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let database_url = match engine {
            Engine::Postgres => postgres::database().await,
            Engine::Sqlite => format!("sqlite://{}", folder.path().join("tokend.db").display()),
        };
        let mut environment = vec![
            ("TOKEND_ISSUER", format!("http://127.0.0.1:{port}")),
            ("TOKEND_LISTEN", format!("127.0.0.1:{port}")),
            ("TOKEND_MANAGEMENT_LISTEN", format!("127.0.0.1:{}", free_port())),
            ("TOKEND_DATA_DIR", folder.path().display().to_string()),
            ("TOKEND_DATABASE_URL", database_url.clone()),
            ("TOKEND_MASTER_KEY", "00".repeat(32)),
            ("TOKEND_SHUTDOWN_DELAY", "0s".to_owned()),
        ];
        if hashing == Hashing::Cheap {
            environment.push(("TOKEND_SECRETS_ARGON2_MEMORY", "8KiB".to_owned()));
            environment.push(("TOKEND_SECRETS_ARGON2_ITERATIONS", "1".to_owned()));
        }
        let environment: Vec<_> =
            environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let services = services(&environment).await;
        for resource in [ORDERS, INVOICES] {
            let scopes = ["orders:read", "orders:write"]
                .map(|name| ResourceScope::parse(name).expect("a scope"));
            let new = admin::resource::NewResource {
                resource: ResourceId::parse(resource).expect("a resource"),
                scopes: scopes.to_vec(),
                token_lifetime: None,
                signing_algorithm: None,
                token_typ: TokenTyp::default(),
            };
            admin::resource::create(&services, &actor(), new).await.expect("a resource");
        }
        let credentials = fill::clients(&services, &database_url, clients, grants).await;
        services.store.close().await;
        Self { credentials, environment, port, _folder: folder }
    }

    /// Changes a setting of the server.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server, on one core only if one is named.
    pub fn serve(&self, core: Option<&str>) -> Peer {
        self.serve_with(env!("CARGO_BIN_EXE_tokend"), core)
    }

    /// The same with another program.
    pub fn serve_with(&self, program: &str, core: Option<&str>) -> Peer {
        let child = on_core(core, program)
            .arg("serve")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::null())
            .spawn()
            .expect("the server");
        Peer { child, port: self.port }
    }
}

/// What an operator's commands work on, with the settings of a stage.
pub async fn services(environment: &[(String, String)]) -> Services {
    let config =
        Config::load(&Flags::default(), environment, Requirement::Issuer).expect("settings");
    Services::open(config, Clock::System).await.expect("a services")
}

pub fn actor() -> Actor {
    Actor::new("bench", "stage")
}

/// A server under load.
pub struct Peer {
    child: Child,
    pub port: u16,
}

impl Peer {
    /// The limit, pinned to a core.
    pub fn limit(algorithm: &str, core: &str) -> Self {
        let program = sibling("limit");
        let mut child = on_core(Some(core), &program.display().to_string())
            .arg(algorithm)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the limit");
        let output = child.stdout.take().expect("its output");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a port");
        Self { child, port: line.trim().parse().expect("a port") }
    }

    /// Waits until the server says that it is ready; gives how long that took.
    pub async fn ready(&self) -> Duration {
        let started = Instant::now();
        while started.elapsed() < Duration::from_mins(5) {
            if crate::load::is_ready(self.port).await {
                return started.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("the server does not get ready");
    }

    /// The processor time it has used, in seconds.
    pub fn cpu(&self) -> f64 {
        let text = self.proc("stat");
        let fields: Vec<_> = text.rsplit(") ").next().expect("fields").split(' ').collect();
        let ticks: f64 =
            [11, 12].map(|index| fields[index].parse::<f64>().expect("ticks")).iter().sum();
        ticks / 100.0
    }

    /// Its resident memory now.
    pub fn rss_mib(&self) -> f64 {
        self.memory_mib("VmRSS:")
    }

    /// The most resident memory it ever had.
    pub fn peak_rss_mib(&self) -> f64 {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, name: &str) -> f64 {
        let text = self.proc("status");
        let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
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

/// A run, slice by slice.
#[derive(Default)]
pub struct Measured {
    latencies: Vec<f64>,
    seconds: f64,
    cpu: f64,
}

impl Measured {
    /// Asks for that long, and adds what came of it.
    pub async fn slice(&mut self, peer: &Peer, requests: &[Vec<u8>], time: Duration) {
        let before = peer.cpu();
        let (latencies, took) = crate::load::run(peer.port, requests, CONNECTIONS, time).await;
        self.cpu += peer.cpu() - before;
        self.latencies.extend(latencies);
        self.seconds += took;
    }

    /// What all of it comes to.
    pub fn figures(self, peer: &Peer) -> Figures {
        let mut figures = Figures::of(self.latencies, self.seconds);
        figures.cpu_micros = self.cpu * 1e6 / figures.tokens;
        figures.rss_mib = peer.rss_mib();
        figures
    }
}

fn on_core(core: Option<&str>, program: &str) -> Command {
    let Some(core) = core else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["-c", core, program]);
    command
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
