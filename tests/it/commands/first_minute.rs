//! `tokend dev` for a new user.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::support::eventually::{HANGS_AFTER, eventually};
use crate::support::process::{Cli, program};
use crate::support::{CLIENT_CREDENTIALS, Engine, client};

/// A running `tokend dev` and its screen.
pub struct Dev {
    child: Child,
    pub screen: String,
    /// Its issuer, which is the address on its screen.
    pub issuer: String,
}

impl Dev {
    /// Starts it on a free port and waits for the last line of its screen.
    pub fn start(cli: &Cli, arguments: &[&str]) -> Self {
        let mut all = vec!["dev", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        let mut child = cli
            .command(&all)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let output = child.stdout.take().expect("its output");
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let mut screen = String::new();
        while !screen.contains("Ctrl-C stops") {
            let line = receive.recv_timeout(HANGS_AFTER).expect("a screen");
            screen.push_str(&line);
            screen.push('\n');
        }
        let issuer = screen.split("curl -s ").nth(1).expect("a curl");
        let issuer = issuer.split("/v1/").next().expect("an issuer").to_owned();
        Self { child, screen, issuer }
    }

    /// Returns the secret on its screen.
    pub fn secret(&self) -> String {
        let secret = self.screen.split("cl_demo:").nth(1).and_then(|rest| rest.split('\'').next());
        secret.expect("a secret").to_owned()
    }

    /// Stops it, and returns its log.
    fn end(mut self) -> String {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().expect("kill");
        assert!(status.success());
        let mut log = String::new();
        let mut output = self.child.stderr.take().expect("its log");
        output.read_to_string(&mut log).expect("text");
        log
    }

    /// Returns the curl command, as a person would copy it.
    pub fn curl(&self) -> String {
        let start = self.screen.find("curl -s").expect("a curl");
        let end = start + self.screen[start..].find("\n\n").expect("its end");
        self.screen[start..end].to_owned()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub async fn new_dev() -> Cli {
    let cli = Cli::new(Engine::Sqlite).await;
    let names = ["TOKEND_ISSUER", "TOKEND_DATABASE_URL", "TOKEND_MASTER_KEY", "TOKEND_DATA_DIR"];
    names.into_iter().fold(cli, Cli::unset).set("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:0")
}

/// The first promise of the project: paste the curl command and get a token.
#[tokio::test(flavor = "multi_thread")]
async fn the_curl_on_the_screen_gets_a_token_that_verifies() {
    let cli = new_dev().await;
    let dev = Dev::start(&cli, &[]);
    for words in [
        "DEV MODE",
        "ok  signing key   ES256",
        "ok  self-test     got a token over HTTP",
        "is kept in ./.tokend/demo.secret",
    ] {
        assert!(dev.screen.contains(words), "no {words:?} in {}", dev.screen);
    }
    let output = Command::new("sh").args(["-c", &dev.curl()]).output().expect("a shell");
    let answer = String::from_utf8(output.stdout).expect("text");
    assert!(answer.contains("\"scope\":\"demo:read\""), "{answer}");
    let run = cli.run_with(&["token", "verify", "-"], &answer);
    assert_eq!(run.code, 0, "{run:?}");
    // The next suggestions on the screen work too, while the server runs.
    let made = cli.json(&["client", "create", "billing", "--grant", "https://api.demo.localhost"]);
    assert!(made["client_secret"].is_string());
    let ignored = cli.place.folder.path().join(".tokend/.gitignore");
    assert_eq!(std::fs::read_to_string(ignored).expect("the file"), "*\n");
    // The log does not contain the requests of dev itself: they would be before the screen.
    let log = dev.end();
    assert_eq!(log.matches("token issued").count(), 1, "{log}");
    assert!(!log.contains("jwks.json"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_data_and_shows_a_curl_that_works() {
    let cli = new_dev().await;
    let first = Dev::start(&cli, &[]);
    let secret = first.secret();
    drop(first);
    let file = cli.place.folder.path().join(".tokend/demo.secret");
    let mode = std::fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = Dev::start(&cli, &[]);
    assert_eq!(again.secret(), secret);
    assert!(
        again.screen.contains("cl_demo                            found\n"),
        "{}",
        again.screen
    );
    let output = Command::new("sh").args(["-c", &again.curl()]).output().expect("a shell");
    assert!(String::from_utf8_lossy(&output.stdout).contains("access_token"), "{output:?}");
    // The secret of the first screen still works.
    let answer = client()
        .post(format!("{}/v1/oauth/token", again.issuer))
        .basic_auth("cl_demo", Some(&secret))
        .form(&CLIENT_CREDENTIALS)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    drop(again);
    let fresh = Dev::start(&cli, &["--fresh"]);
    assert_ne!(fresh.secret(), secret);
}

/// O-27: the curl command on the screen works in every state of the kept secret.
#[tokio::test(flavor = "multi_thread")]
async fn the_curl_works_after_the_kept_secret_was_lost_or_replaced() {
    let cli = new_dev().await;
    let first = Dev::start(&cli, &[]);
    let secret = first.secret();
    drop(first);
    let file = cli.place.folder.path().join(".tokend/demo.secret");
    std::fs::remove_file(&file).expect("removed");
    let second = Dev::start(&cli, &[]);
    assert_ne!(second.secret(), secret);
    assert!(second.screen.contains("found; it got a new secret"), "{}", second.screen);
    drop(second);
    cli.json(&["client", "rotate-secret", "cl_demo"]);
    let third = Dev::start(&cli, &[]);
    let output = Command::new("sh").args(["-c", &third.curl()]).output().expect("a shell");
    assert!(String::from_utf8_lossy(&output.stdout).contains("access_token"), "{output:?}");
    drop(third);
    // If the demo client has the maximum number of secrets, they are replaced.
    for _ in 0..20 {
        cli.run(&["client", "add-secret", "cl_demo"]);
    }
    std::fs::remove_file(&file).expect("removed");
    let fourth = Dev::start(&cli, &[]);
    assert!(fourth.screen.contains("got a token over HTTP"), "{}", fourth.screen);
}

/// O-28: the suggested commands use the data of this server, from any terminal.
#[tokio::test(flavor = "multi_thread")]
async fn the_suggested_commands_find_an_ephemeral_server() {
    let cli = new_dev().await;
    let dev = Dev::start(&cli, &["--ephemeral"]);
    let output = Command::new("sh").args(["-c", &dev.curl()]).output().expect("a shell");
    let answer = String::from_utf8(output.stdout).expect("text");
    let line = |start: &str| {
        let line = dev.screen.lines().find(|line| line.trim().starts_with(start)).expect("a step");
        let command = line.split(':').nth(1).expect("a command").trim().to_owned();
        let command = command.split("   ").next().expect("a command").to_owned();
        command.replace("cargo run -q --", &program().display().to_string())
    };
    for step in ["2  Look at it", "3  Make your own"] {
        assert!(line(step).starts_with("TOKEND_DATA_DIR=/"), "{}", dev.screen);
    }
    let verify =
        format!("echo '{answer}' | {}", line("2  Look at it").replace("TOKEND", "env TOKEND"));
    let output = Command::new("sh")
        .args(["-c", &verify])
        .current_dir(cli.place.folder.path())
        .output()
        .expect("a shell");
    assert!(String::from_utf8_lossy(&output.stdout).contains("time checks pass"), "{output:?}");
    assert!(!cli.place.folder.path().join(".tokend").exists());
    drop(dev);
    let dev = Dev::start(&cli, &[]);
    assert!(!dev.screen.contains("TOKEND_"), "{}", dev.screen);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_server_leaves_nothing_behind() {
    let cli = new_dev().await;
    let dev = Dev::start(&cli, &["--ephemeral"]);
    assert!(dev.screen.contains("tkd_"), "{}", dev.screen);
    let place = dev.screen.lines().find_map(|line| line.split("SQLite ").nth(1)).expect("a place");
    let folder = std::path::Path::new(place.split_whitespace().next().expect("a path"))
        .parent()
        .expect("a folder")
        .to_owned();
    assert!(folder.exists());
    let pid = dev.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    eventually("the removal of the folder", async || (!folder.exists()).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_rejects_a_taken_port_an_https_issuer_and_an_unusable_folder() {
    let cli = new_dev().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let run = cli.run(&["dev", "--listen", &address]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("is taken by another process"), "{run:?}");
    assert!(run.stderr.contains("tokend dev --listen 127.0.0.1:"), "{run:?}");

    let cli = cli.set("TOKEND_ISSUER", "https://id.example.com");
    let run = cli.run(&["dev"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("does not run under an https issuer"), "{run:?}");

    let cli = new_dev().await;
    std::fs::write(cli.place.folder.path().join(".tokend"), "").expect("a file in the way");
    let run = cli.run(&["dev", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("cannot write to ./.tokend"), "{run:?}");
}
