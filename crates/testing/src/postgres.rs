//! A real Postgres: one temporary cluster for all tests of this process, with a database for each
//! test. Tests that stop or freeze a cluster have their own.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::foreign::assert_allowed;
use crate::reserved_port::ReservedPort;

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Cluster {
    /// The URL of a cluster, without the name of a database.
    base: String,
    keeper: Option<Keeper>,
}

/// Stops the cluster when this process ends in any way, because its standard input closes.
struct Keeper {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _process: Child,
    port: ReservedPort,
}

/// A cluster that only one test uses.
pub struct OwnPostgres(Cluster);

/// An action on all processes of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// SIGQUIT: connections end without an error message.
    Stop,
    Start,
    /// SIGSTOP: connections stay open, and nothing answers.
    Freeze,
    Thaw,
    /// A standby accepts writes from now on.
    Promote,
}

/// The initial content of a cluster.
#[derive(Debug, Clone, Copy)]
enum Seed {
    Empty,
    /// A copy of the cluster at this port, which the new cluster follows.
    CopyOf(u16),
}

impl OwnPostgres {
    /// Starts a cluster with an empty database; returns its URL as well.
    pub async fn start() -> (Self, String) {
        assert_allowed("Postgres");
        Self::with(Seed::Empty).await
    }

    /// Starts a standby that follows this cluster.
    pub async fn standby(&self) -> (Self, String) {
        Self::with(Seed::CopyOf(self.port())).await
    }

    async fn with(seed: Seed) -> (Self, String) {
        let starting = tokio::task::spawn_blocking(move || start(seed));
        let cluster = starting.await.expect("a cluster");
        let url = format!("{}/postgres", cluster.base);
        (Self(cluster), url)
    }

    /// Returns the port on which it listens.
    pub fn port(&self) -> u16 {
        self.0.keeper.as_ref().expect("a keeper").port.number()
    }

    /// Performs the action, and returns when it is done.
    pub fn carry_out(&mut self, deed: Deed) {
        let keeper = self.0.keeper.as_mut().expect("a keeper");
        let word = format!("{deed:?}").to_lowercase();
        writeln!(keeper.input, "{word}").expect("a shell");
        assert_eq!(keeper.line(), "done\n", "{deed:?}");
    }
}

impl Keeper {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line
    }
}

/// Creates an empty database and returns its URL.
pub async fn database() -> String {
    assert_allowed("Postgres");
    // Starting a cluster blocks: one test does it, the others wait.
    let base = tokio::task::spawn_blocking(|| cluster().base.clone()).await.expect("a cluster");
    let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection =
        PgConnection::connect(&format!("{base}/postgres")).await.expect("a connection");
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
    connection.close().await.expect("a clean end");
    format!("{base}/{name}")
}

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| match std::env::var("TEST_DATABASE_URL") {
        Ok(url) => {
            let base = url.rsplit_once('/').map_or(url.as_str(), |(base, _)| base).to_owned();
            Cluster { base, keeper: None }
        }
        Err(_) => start(Seed::Empty),
    })
}

/// Returns the folder with the programs of the newest installed Postgres.
pub fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("no Postgres is installed here; `make test` installs it")
}

/// Returns the shell script that runs a cluster. Postgres does not run as root, so root uses the
/// user of Postgres.
fn script(make: &str, is_root: bool, port: u16) -> String {
    let bin = programs();
    let bin = bin.display();
    format!(
        r#"set -eu
as_postgres() {{ {switch} "$@"; }}
dir=$(as_postgres mktemp -d "${{TMPDIR:-/tmp}}/tokend-pg.XXXXXX")
cd "$dir"
start() {{
  as_postgres {bin}/pg_ctl -D "$dir/data" -w -l "$dir/log" start \
    -o "-p {number} -k $dir -h 127.0.0.1 -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=64MB -c max_connections=400" >/dev/null
}}
signal() {{
  postmaster=$(head -n 1 "$dir/data/postmaster.pid")
  for process in $postmaster $(cat "/proc/$postmaster/task/$postmaster/children"); do
    kill "-$1" "$process" 2>/dev/null || true
  done
}}
end() {{
  signal CONT 2>/dev/null || true
  as_postgres {bin}/pg_ctl -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}}
trap end EXIT
as_postgres {make} >/dev/null
start
echo ready
while read -r deed; do
  case $deed in
    stop) as_postgres {bin}/pg_ctl -D "$dir/data" -m immediate stop >/dev/null ;;
    start) start ;;
    freeze) signal STOP ;;
    thaw) signal CONT ;;
    promote) as_postgres {bin}/pg_ctl -D "$dir/data" -w promote >/dev/null ;;
  esac
  echo done
done
"#,
        switch =
            if is_root { "setpriv --reuid=postgres --regid=postgres --init-groups" } else { "" },
        number = port,
    )
}

fn start(seed: Seed) -> Cluster {
    let programs = programs();
    let is_root =
        String::from_utf8_lossy(&Command::new("id").arg("-u").output().expect("id").stdout).trim()
            == "0";
    let port = ReservedPort::new();
    let bin = programs.display();
    let make = match seed {
        Seed::Empty => format!(
            r#"{bin}/initdb -D "$dir/data" -U postgres -A trust -E UTF8 --no-locale --no-sync"#
        ),
        Seed::CopyOf(port) => format!(
            r#"{bin}/pg_basebackup -D "$dir/data" -h 127.0.0.1 -p {port} -U postgres -R -X stream -c fast --no-sync"#
        ),
    };
    let script = script(&make, is_root, port.number());
    let mut keeper = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let input = keeper.stdin.take().expect("its input");
    let output = BufReader::new(keeper.stdout.take().expect("its output"));
    let base = format!("postgres://postgres@{}", port.address);
    let mut keeper = Keeper { input, output, _process: keeper, port };
    assert_eq!(keeper.line(), "ready\n", "Postgres did not start");
    Cluster { base, keeper: Some(keeper) }
}
