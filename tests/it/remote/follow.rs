//! `tokend audit list --follow` at a server: no event is lost or printed twice, whatever happens to
//! the connection, the token and the server.

use std::process::{Child, Stdio};
use std::sync::Arc;

use rstest::rstest;
use serde_json::Value;
use tokend::model::time::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{Engine, Place, Server};

/// A fixed address in front of a server that tests replace.
struct Front {
    url: String,
    target: watch::Sender<Option<String>>,
}

impl Front {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let target = watch::Sender::new(None);
        let known = target.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(forward(near, known.subscribe()));
            }
        });
        Self { url, target }
    }

    /// Forwards to this server from now on, and closes every connection.
    fn lead_to(&self, base: &str) {
        let address = base.strip_prefix("http://").expect("a URL").to_owned();
        self.target.send_replace(Some(address));
    }

    fn cut(&self) {
        self.target.send_replace(None);
    }
}

async fn forward(mut near: TcpStream, mut target: watch::Receiver<Option<String>>) {
    let Some(address) = target.borrow_and_update().clone() else { return };
    let Ok(mut far) = TcpStream::connect(address).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = target.changed() => {}
    }
}

struct Stage {
    place: Arc<Place>,
    public: Front,
    management: Front,
    local: Cli,
    remote: Cli,
    secret: String,
}

impl Stage {
    async fn new(engine: Engine) -> (Self, Server) {
        let place = Arc::new(Place::new(engine).await);
        let (public, management) = (Front::new().await, Front::new().await);
        let local = Cli::at(place.clone());
        let remote = Cli::at(place.clone()).remote(&public.url, &management.url, "ops");
        let secret = String::new();
        let mut stage = Self { place, public, management, local, remote, secret };
        let server = stage.start().await;
        let grant = "urn:tokend=audit:read";
        let made = stage.local.json(&["client", "create", "ops", "--grant", grant]);
        stage.secret = made["client_secret"].as_str().expect("a secret").to_owned();
        server.keep_secret(&stage.secret);
        server.catch_up().await;
        (stage, server)
    }

    /// Starts a server behind the same URLs.
    async fn start(&self) -> Server {
        let settings = [("TOKEND_ISSUER", self.public.url.as_str())];
        let server = Server::at(self.place.clone(), Clock::System, &settings).await;
        self.public.lead_to(&server.base);
        self.management.lead_to(&server.management);
        server
    }

    /// Makes a change with one event.
    fn change(&self, number: usize) {
        let uri = format!("urn:resource:{number}");
        assert_eq!(self.local.run(&["resource", "create", &uri]).code, 0);
    }

    fn end_of_log(&self) -> i64 {
        let events = self.local.json(&["audit", "list", "--limit", "1"]);
        events[0]["sequence"].as_i64().expect("a sequence")
    }

    fn follow(&self, more: &[&str]) -> Following {
        let file = |name: &str| self.place.folder.path().join(name);
        let create = |name: &str| std::fs::File::create(file(name)).expect("a file");
        let arguments = [&["audit", "list", "--follow", "-o", "jsonl"], more].concat();
        let child = self
            .remote
            .command(&arguments)
            .env("TOKEND_ADMIN_CLIENT_SECRET", &self.secret)
            .stdin(Stdio::null())
            .stdout(create("followed"))
            .stderr(create("notes"))
            .spawn()
            .expect("the program");
        Following { child, out: file("followed"), notes: file("notes") }
    }
}

/// A command that follows the log.
struct Following {
    child: Child,
    out: std::path::PathBuf,
    notes: std::path::PathBuf,
}

impl Following {
    fn sequences(&self) -> Vec<i64> {
        let text = std::fs::read_to_string(&self.out).expect("the output");
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.map(|event| event["sequence"].as_i64().expect("a sequence")).collect()
    }

    fn notes(&self) -> String {
        std::fs::read_to_string(&self.notes).expect("the notes")
    }

    async fn until(&self, last: i64) {
        eventually("the last event", async || self.sequences().contains(&last).then_some(())).await;
    }

    async fn ended(&mut self) -> Option<i32> {
        let child = &mut self.child;
        let ended = eventually("the end", async || child.try_wait().expect("a status"));
        ended.await.code()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_loses_no_event_and_repeats_none(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (stage, mut server) = Stage::new(engine).await;
    let start = stage.end_of_log();
    let following = stage.follow(&["--after", &start.to_string()]);
    for number in 0..3 {
        stage.change(number);
    }
    following.until(start + 3).await;
    // The server stops, and changes are made in the meantime.
    server.request_shutdown();
    stage.public.cut();
    stage.management.cut();
    drop(server);
    for number in 3..6 {
        stage.change(number);
    }
    let server = stage.start().await;
    following.until(start + 6).await;
    // The connection breaks in the middle of a stream.
    stage.management.lead_to(&server.management);
    stage.change(6);
    following.until(start + 7).await;
    assert_eq!(following.sequences(), (start + 1..=start + 7).collect::<Vec<_>>());
    let notes = following.notes();
    assert!(notes.contains("connecting again") && notes.contains("connected again"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_token_is_replaced_and_an_ended_right_is_reported() {
    let (stage, server) = Stage::new(Engine::Sqlite).await;
    let start = stage.end_of_log();
    let mut following = stage.follow(&["--limit", "2"]);
    following.until(start).await;
    assert_eq!(following.sequences(), [start - 1, start]);
    let revoked = stage.local.run(&["client", "revoke-tokens", "ops"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    // Events before the new token are printed once.
    following.until(start + 1).await;
    stage.change(0);
    following.until(start + 2).await;
    assert_eq!(following.sequences(), (start - 1..=start + 2).collect::<Vec<_>>());
    let notes = following.notes();
    assert!(notes.contains("invalid_token") && notes.contains("new token"), "{notes}");

    let grant = ["client", "revoke-grant", "ops", "--resource", "urn:tokend"];
    assert_eq!(stage.local.run(&grant).code, 0);
    assert_eq!(following.ended().await, Some(6), "{}", following.notes());
    assert!(following.notes().contains("E-NOT-ALLOWED"), "{}", following.notes());
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_in_the_log_is_an_error() {
    let (stage, _server) = Stage::new(Engine::Sqlite).await;
    let mut following = stage.follow(&["--after", "100000"]);
    assert_eq!(following.ended().await, Some(5), "{}", following.notes());
    assert!(following.notes().contains("the log ends at event"), "{}", following.notes());
    let here = stage.local.run(&["audit", "list", "--follow", "--after", "100000"]);
    assert!(here.code == 5 && here.stderr.contains("the log ends at event"), "{here:?}");
}
