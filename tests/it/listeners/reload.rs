//! SIGHUP: the settings are read again, and the server continues (O-24).

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rstest::rstest;

use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::{Answer, Engine, client};

/// Waits until the log after `start` contains a text.
pub async fn until_logged(server: &Process, start: usize, text: &str) {
    eventually(text, async || server.log()[start..].contains(text).then_some(())).await;
}

/// Sends SIGHUP and waits for a text in the log.
pub async fn send_sighup(server: &Process, text: &str) {
    let start = server.log().len();
    server.signal("HUP");
    until_logged(server, start, text).await;
}

async fn ready(server: &Process) -> Answer {
    Answer::of(client().get(format!("{}/readyz", server.base))).await
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
}

/// O-24: changeable settings take effect without a restart, and the others are named.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn sighup_applies_the_log_level_and_names_settings_that_need_a_restart(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let (level, lifetime) =
        (cli.place.folder.path().join("level"), cli.place.folder.path().join("lifetime"));
    write(&level, "info\n");
    write(&lifetime, "1h\n");
    let cli = cli
        .set("TOKEND_LOG_LEVEL_FILE", &level.display().to_string())
        .set("TOKEND_TOKEN_LIFETIME_FILE", &lifetime.display().to_string());
    let mut server = cli.serve().await;
    send_sighup(&server, "no setting has changed").await;

    write(&level, "info,tokend::web=debug\n");
    send_sighup(&server, "a setting is applied").await;
    let start = server.log().len();
    ready(&server).await;
    until_logged(&server, start, "probe answered").await;

    write(&lifetime, "2h\n");
    let start = server.log().len();
    send_sighup(&server, "need a restart").await;
    let log = server.log()[start..].to_owned();
    assert!(log.contains("token.lifetime") && !log.contains("log.level"), "{log}");

    // An invalid setting changes nothing, and is reported.
    write(&level, "loud\n");
    write(&lifetime, "soon\n");
    let start = server.log().len();
    send_sighup(&server, "nothing was changed").await;
    let log = server.log()[start..].to_owned();
    assert!(log.contains("`log.level` must be") && log.contains("`token.lifetime`"), "{log}");
    let start = server.log().len();
    assert_eq!(ready(&server).await.status, 200);
    until_logged(&server, start, "probe answered").await;

    write(&level, "error\n");
    write(&lifetime, "1h\n");
    send_sighup(&server, "a setting is applied").await;
    assert!(server.child.try_wait().expect("a status").is_none(), "it runs");
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0), "{}", server.log());
}

/// A signal during the start does not end the server, nor `dev`. Only Linux shows from outside
/// whether a process has a handler.
#[cfg(target_os = "linux")]
#[rstest]
#[case(&["serve"])]
#[case(&["dev", "--ephemeral"])]
#[tokio::test(flavor = "multi_thread")]
async fn sighup_during_the_start_does_not_end_the_server(#[case] command: &[&str]) {
    let cli = Cli::new(Engine::Sqlite).await;
    let file = cli.place.folder.path().join("output");
    let output = std::fs::File::create(&file).expect("a file");
    let mut child = cli
        .command(command)
        .env("TOKEND_ISSUER", "http://127.0.0.1:0")
        .env("TOKEND_LISTEN", "127.0.0.1:0")
        .env("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:0")
        .env_remove("TOKEND_DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a file"))
        .stderr(output)
        .spawn()
        .expect("the program");
    let pid = child.id().to_string();
    // The handler is installed once the kernel reports the signal as caught.
    while !catches_sighup(&pid) {
        assert!(child.try_wait().expect("a status").is_none(), "it ended");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let base = eventually("its address", async || {
        std::process::Command::new("kill").args(["-HUP", &pid]).status().expect("kill");
        assert!(child.try_wait().expect("a status").is_none(), "SIGHUP ended it");
        let text = std::fs::read_to_string(&file).expect("the output");
        let port = text.split("http://127.0.0.1:").nth(1)?;
        let end = port.find(|c: char| !c.is_ascii_digit())?;
        Some(format!("http://127.0.0.1:{}", &port[..end]))
    })
    .await;
    let ready = Answer::of(client().get(format!("{base}/readyz"))).await;
    let is_running = child.try_wait().expect("a status").is_none();
    let _ = child.kill();
    let _ = child.wait();
    assert!(ready.status == 200 && is_running, "{}", ready.text);
}

/// True if the process has a handler for SIGHUP, the first bit of `SigCgt` in its status.
#[cfg(target_os = "linux")]
fn catches_sighup(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|m| m & 1 == 1)
}

/// O-12: with JSON logs, a failed start is a JSON line as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_start_is_a_json_line_where_the_log_is_json() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let cli = Cli::new(Engine::Sqlite)
        .await
        .set("TOKEND_LISTEN", &address)
        .set("TOKEND_LOG_FORMAT", "json");
    let run = cli.run(&["serve"]);
    assert_eq!(run.code, 1, "{run:?}");
    let lines: Vec<serde_json::Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let last = lines.last().expect("a line");
    assert!(last["error"].as_str().is_some_and(|text| text.contains("taken")), "{last}");
    assert_eq!(last["level"], "ERROR");
}
