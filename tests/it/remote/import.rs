//! `tokend client import` at a server: the output equals that on the local database, and the file
//! is never completely in memory.

use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rstest::rstest;
use tokend::model::time::Clock;

use crate::remote::declarations::administrator;
use crate::support::process::{Cli, Run};
use crate::support::{Engine, Place, Server};

/// The maximum private memory of a command, in KiB.
const MAX_MEMORY_KIB: u64 = 64 << 10;

/// Returns a server, and the command lines for the local database and for the server.
async fn stage(engine: Engine) -> (Server, Cli, Cli) {
    let place = Arc::new(Place::new(engine).await);
    let server = Server::at(place.clone(), Clock::System, &[]).await;
    let local = Cli::at(place);
    let remote = administrator(&server, &local, "ops", "clients:write,secrets:write").await;
    (server, local, remote)
}

/// Returns a line with a client.
fn line(id: &str, more: &str) -> String {
    format!("{{\"client_id\": \"{id}\", \"jwks_uri\": \"https://keys.example.com/jwks\"{more}}}")
}

fn shown(run: &Run) -> (i32, &str) {
    (run.code, &run.stdout)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn clients_are_imported_as_over_the_local_database(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (_server, local, remote) = stage(engine).await;
    let mut lines = String::new();
    for number in 0..2_500 {
        // Ids have different lengths, so that columns are aligned page by page.
        let id = 7_u64.pow(number % 20) + u64::from(number);
        let _ = writeln!(lines, "{}", line(&format!("c{id}"), ""));
    }
    let file = local.place.folder.path().join("clients.ndjson");
    std::fs::write(&file, &lines).expect("a file");
    let file = file.to_str().expect("a path");
    for format in ["table", "json", "jsonl", "id"] {
        let command = ["client", "import", file, "--dry-run", "-o", format];
        let (here, there) = (local.run(&command), remote.run(&command));
        assert_eq!(here.code, 0, "{here:?}");
        assert_eq!(shown(&here), shown(&there), "{format}: {}", there.stderr);
        assert_eq!(here.stderr, there.stderr, "{format}");
    }
    let done = remote.run_with(&["client", "import", "-"], &lines);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stderr.contains("2500 imported, 0 updated, 0 unchanged, 0 skipped"));
    let again = local.run(&["client", "import", file, "--skip-existing"]);
    assert!(again.stderr.contains("2500 skipped"), "{}", again.stderr);
    // The import is atomic: an invalid line, existing clients, and a missing right.
    for (second, code, text) in [
        ("{\"client_id\": 5}".to_owned(), 2, "line 2"),
        (line("ops", ""), 5, "ops"),
        (line("n2", ", \"claims\": {\"a\": 1}"), 6, "grants:write"),
    ] {
        let lines = format!("{}\n{second}", line("new", ""));
        let run = remote.run_with(&["client", "import", "-"], &lines);
        assert_eq!(shown(&run), (code, ""), "{run:?}");
        assert!(run.stderr.contains(text), "{text}: {run:?}");
        assert_eq!(local.run(&["client", "show", "new"]).code, 4);
    }
    let run = remote.run(&["client", "import", "/absent"]);
    assert_eq!(run.code, 2, "{run:?}");
    // A folder can be opened but not read: the outcome of its import is known.
    let run = remote.run(&["client", "import", "/"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("cannot be read"), "{run:?}");
}

/// Returns the private memory of a process, in KiB; `None` once it has ended.
fn memory(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    let line = text.ok()?.lines().find(|line| line.starts_with("RssAnon:"))?.to_owned();
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_sent_in_little_memory() {
    let (_server, local, remote) = stage(Engine::Sqlite).await;
    let file = local.place.folder.path().join("clients.ndjson");
    let text = "x".repeat(1_000);
    let lines: String = (0..60_000)
        .map(|number| format!("{{\"client_id\": \"c{number}\", \"unknown\": \"{text}\"}}\n"))
        .collect();
    std::fs::write(&file, &lines).expect("a file");
    let mut child = remote
        .command(&["client", "import", file.to_str().expect("a path"), "--dry-run"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut peak_kib = 0;
    while child.try_wait().expect("a status").is_none() {
        peak_kib = peak_kib.max(memory(child.id()).unwrap_or(0));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let run = Run::of(child.wait_with_output().expect("its output"));
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("unknown"), "{run:?}");
    assert!((1..MAX_MEMORY_KIB).contains(&peak_kib), "{peak_kib} KiB for a file of 60 MiB");
}
