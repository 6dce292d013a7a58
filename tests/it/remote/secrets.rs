//! New secrets of a server: the files after a failed command, and the next command.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use rstest::rstest;
use tokend::model::time::Clock;

use crate::remote::declarations::administrator;
use crate::support::process::Cli;
use crate::support::{CLIENT_CREDENTIALS, Engine, Place, Server};

const SCOPES: &str = "clients:read,clients:write,secrets:write,grants:write,resources:read,\
    resources:write,admins:write";

/// The fault that the next POST has.
pub enum Fault {
    None,
    /// The server executes the request, and its answer is lost.
    Lost,
    /// The server does not receive the request.
    Answer(u16, &'static str),
}

type Faults = Arc<Mutex<VecDeque<Fault>>>;

/// Starts a proxy in front of the management listener, with one request per connection.
fn front(server: &Server) -> (String, Faults) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let faults = Faults::default();
    let (target, queue) = (server.management.replace("http://", ""), faults.clone());
    thread::spawn(move || {
        for client in listener.incoming() {
            let (target, queue) = (target.clone(), queue.clone());
            thread::spawn(move || forward(client.expect("a client"), &target, &queue));
        }
    });
    (url, faults)
}

fn forward(mut client: TcpStream, target: &str, faults: &Faults) {
    let mut reader = BufReader::new(client.try_clone().expect("a stream"));
    let (mut request, mut length) = (String::new(), 0);
    while !request.ends_with("\r\n\r\n") {
        let start = request.len();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let line = request[start..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let fault = request.starts_with("POST").then(|| faults.lock().expect("faults").pop_front());
    let fault = fault.flatten();
    if let Some(Fault::Answer(status, code)) = fault {
        let body = format!(r#"{{"code":"{code}","detail":"of the front"}}"#);
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
        client.write_all(head.as_bytes()).expect("an answer");
        return;
    }
    let mut server = TcpStream::connect(target).expect("the server");
    server.write_all(request.as_bytes()).expect("a head");
    server.write_all(&body).expect("a body");
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).expect("an answer");
    if !matches!(fault, Some(Fault::Lost)) {
        client.write_all(&answer).expect("an answer");
    }
}

/// A server, with a command line that uses the proxy.
pub struct Stage {
    pub server: Server,
    pub local: Cli,
    pub remote: Cli,
    faults: Faults,
}

impl Stage {
    pub async fn new() -> Self {
        let place = Arc::new(Place::new(Engine::Sqlite).await);
        let server = Server::at(place.clone(), Clock::System, &[]).await;
        let local = Cli::at(place);
        let (url, faults) = front(&server);
        let remote = administrator(&server, &local, "ops", SCOPES).await;
        let remote = remote.set("TOKEND_SERVER", &url);
        Self { server, local, remote, faults }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.local.place.folder.path().join(name)
    }

    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().expect("faults").extend(faults);
    }

    pub async fn assert_valid(&self, client: &str, file: &str) {
        let secret = fs::read_to_string(self.file(file)).expect("a secret");
        self.server.keep_secret(secret.trim());
        self.server.catch_up().await;
        let answer = self.server.basic(client, secret.trim(), &CLIENT_CREDENTIALS).await;
        assert_ne!(answer.status, 401, "{}", answer.text);
    }

    /// Runs a command until a failpoint, and kills it.
    pub fn kill_at(&self, point: &str, words: &[&str]) {
        let mut command = self.remote.command(words);
        command.env("FAILPOINT", point).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program");
        let errors = BufReader::new(child.stderr.take().expect("its errors")).lines();
        let is_reached = errors.map_while(Result::ok).any(|line| line.contains("failpoint"));
        child.kill().expect("SIGKILL");
        child.wait().expect("its end");
        assert!(is_reached, "{point}");
    }
}

/// A failure of the repeated request does not mean that the first one failed.
#[rstest]
#[case(409, "idempotency_key_in_use", true)]
#[case(429, "too_many_idempotency_keys", false)]
#[case(503, "temporarily_unavailable", false)]
#[case(409, "already_exists", false)]
#[case(404, "client_not_found", false)]
#[tokio::test(flavor = "multi_thread")]
async fn the_request_is_kept_until_its_answer_is_read(
    #[case] status: u16,
    #[case] code: &'static str,
    #[case] waits: bool,
) {
    let stage = Stage::new().await;
    assert_eq!(stage.local.run(&["client", "create", "a"]).code, 0);
    let file = stage.file("secret").display().to_string();
    let add = ["client", "add-secret", "a", "--secret-file", &file];
    stage.next([Fault::Lost]);
    assert_eq!(stage.remote.run(&add).code, 7);
    stage.next([Fault::Answer(status, code)]);
    if !waits {
        let run = stage.remote.run(&add);
        assert_ne!(run.code, 0, "{run:?}");
        assert!(run.stderr.contains("Run the command again"), "{run:?}");
        assert!(stage.file("secret.new").exists(), "{run:?}");
    }
    // This command rejects an existing file, so it only finishes the other one.
    let run = stage.remote.run(&add);
    assert!(run.code == 1 && run.stderr.contains("was interrupted"), "{run:?}");
    stage.assert_valid("a", "secret").await;
    assert!(!stage.file("secret.new").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_a_later_page_is_recognized() {
    let stage = Stage::new().await;
    assert_eq!(stage.local.run(&["client", "create", "a"]).code, 0);
    for _ in 0..100 {
        let run = stage.local.run(&["client", "rotate-secret", "a", "--overlap", "0s"]);
        assert_eq!(run.code, 0, "{run:?}");
    }
    let file = stage.file("secret").display().to_string();
    let add = ["client", "add-secret", "a", "--secret-file", &file];
    assert_eq!(stage.remote.run(&add).code, 0);
    let rotate = ["client", "rotate-secret", "a", "--secret-file", &file];
    let run = stage.remote.run(&rotate);
    assert_eq!(run.code, 0, "{run:?}");
    stage.assert_valid("a", "secret").await;
}

/// An output that is not written anywhere is reported before the change, as on the local database.
#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_output_is_reported_before_the_change() {
    let stage = Stage::new().await;
    for (cli, id) in [(&stage.local, "here"), (&stage.remote, "there")] {
        let run = |words: &[&str], output: &str| {
            let output = File::options().write(true).open(output).expect("a device");
            let ended = cli.command(words).stdout(output).output().expect("the program");
            (ended.status.code(), String::from_utf8(ended.stderr).expect("a text"))
        };
        let create = ["client", "create", id, "-o", "json"];
        let (code, error) = run(&create, "/dev/full");
        assert!(code == Some(1) && error.contains("Nothing was changed"), "{id}: {error}");
        assert_eq!(stage.local.run(&["client", "show", id]).code, 4, "{id}");
        let (code, error) = run(&create, "/dev/null");
        assert!(code == Some(0) && error.contains("is not shown"), "{id}: {error}");
        let (code, error) = run(&["client", "rotate-secret", id], "/dev/null");
        assert!(code == Some(1) && error.contains("would be lost"), "{id}: {error}");
    }
}

/// The destination is checked before the request, so that both modes of a command print the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_destination_is_reported_before_the_request() {
    let stage = Stage::new().await;
    assert_eq!(stage.local.run(&["client", "create", "a"]).code, 0);
    let folder = stage.file("folder");
    fs::create_dir(&folder).expect("a folder");
    let missing = stage.file("missing/secret").display().to_string();
    let below_file = stage.file("taken/secret").display().to_string();
    fs::write(stage.file("taken"), "").expect("a file");
    let events = stage.local.json(&["audit", "list"]);
    for (place, code, text) in [
        ("/dev/null", 2, "is a device"),
        ("/dev/full", 2, "is a device"),
        ("/dev/stdout", 2, "is a symbolic link"),
        (&folder.display().to_string(), 2, "is a directory"),
        (&missing, 1, "cannot write the secret to"),
        (&below_file, 1, "cannot look at"),
        ("..", 2, "is not the name of a file"),
    ] {
        for words in [
            // The first one fails for another reason as well.
            &["client", "create", "a", "--secret-file", place][..],
            &["client", "rotate-secret", "a", "--secret-file", place],
            &["client", "add-secret", "a", "--secret-file", place],
        ] {
            let (here, there) = (stage.local.run(words), stage.remote.run(words));
            assert!(here.code == code && here.stderr.contains(text), "{here:?}");
            assert_eq!((here.code, &here.stderr), (there.code, &there.stderr), "{words:?}");
        }
    }
    for output in ["/dev/full", "/dev/null"] {
        let mut ended = Vec::new();
        for cli in [&stage.local, &stage.remote] {
            let output = File::options().write(true).open(output).expect("a device");
            let mut command = cli.command(&["client", "rotate-secret", "a"]);
            let run = command.stdout(output).output().expect("the program");
            ended.push((run.status.code(), String::from_utf8(run.stderr).expect("a text")));
        }
        assert!(ended[0].0 == Some(1) && ended[0] == ended[1], "{ended:?}");
    }
    assert_eq!(stage.local.json(&["audit", "list"]), events);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_scope_of_the_server_is_reported_as_such() {
    let stage = Stage::new().await;
    for cli in [&stage.local, &stage.remote] {
        let run = cli.run(&["client", "create", "x", "--grant", "urn:tokend=nope"]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("has no scope nope; it offers"), "{run:?}");
    }
    let run = stage.remote.run(&["client", "create", "x", "--grant", "urn:tokend=keys:write"]);
    assert_eq!(run.code, 6, "{run:?}");
}
