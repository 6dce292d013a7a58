//! A real Postgres: one throw-away cluster for all tests of this process, a database for each.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::foreign::assert_allowed;
use crate::reserved_port::ReservedPort;

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Cluster {
    /// The URL of a cluster without the name of a database.
    base: String,
    /// Stops the cluster when this process ends, however it ends: its standard input closes.
    _keeper: Option<Child>,
    _port: Option<ReservedPort>,
}

/// Makes an empty database and gives its URL.
pub async fn database() -> String {
    assert_allowed("Postgres");
    // Starting blocks: one test does it, the others wait.
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
            Cluster { base, _keeper: None, _port: None }
        }
        Err(_) => start(),
    })
}

/// Where the programs of the newest installed Postgres are.
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

fn start() -> Cluster {
    let programs = programs();
    let is_root =
        String::from_utf8_lossy(&Command::new("id").arg("-u").output().expect("id").stdout).trim()
            == "0";
    let port = ReservedPort::new();
    // Postgres refuses to run as root: then everything happens as its own user.
    let script = format!(
        r#"set -eu
as_postgres() {{ {switch} "$@"; }}
dir=$(as_postgres mktemp -d "${{TMPDIR:-/tmp}}/tokend-pg.XXXXXX")
cd "$dir"
stop() {{ as_postgres {bin}/pg_ctl -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"; }}
trap stop EXIT
as_postgres {bin}/initdb -D "$dir/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >/dev/null
as_postgres {bin}/pg_ctl -D "$dir/data" -w -l "$dir/log" start \
  -o "-p {number} -k $dir -h 127.0.0.1 -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=64MB -c max_connections=400" >/dev/null
echo ready
cat >/dev/null
"#,
        switch =
            if is_root { "setpriv --reuid=postgres --regid=postgres --init-groups" } else { "" },
        bin = programs.display(),
        number = port.number(),
    );
    let mut keeper = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut line = String::new();
    let output = keeper.stdout.take().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("a line");
    assert_eq!(line, "ready\n", "Postgres did not start");
    let base = format!("postgres://postgres@{}", port.address);
    Cluster { base, _keeper: Some(keeper), _port: Some(port) }
}
