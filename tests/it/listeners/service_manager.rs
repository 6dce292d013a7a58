//! tokend under a service manager: it reports when it serves, and accepts open sockets.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{Answer, Engine, client};

/// The socket to which a service reports (`NOTIFY_SOCKET`).
struct Manager(UnixDatagram);

impl Manager {
    /// Returns the next report, or `None` if there is none yet.
    fn report(&self) -> Option<String> {
        let mut buffer = [0; 512];
        let length = self.0.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    async fn next(&self) -> String {
        eventually("a report", async || self.report()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_notified_of_start_reload_and_stop() {
    let cli = Cli::new(Engine::Sqlite).await;
    let path = cli.place.folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).expect("a socket"));
    manager.0.set_nonblocking(true).expect("an option");
    let cli = cli.set("NOTIFY_SOCKET", &path.display().to_string());
    let mut server = cli.serve().await;
    assert_eq!(manager.next().await.trim(), "READY=1");

    server.signal("HUP");
    let reloading = manager.next().await;
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(manager.next().await.trim(), "READY=1");

    server.signal("TERM");
    assert_eq!(manager.next().await.trim(), "STOPPING=1");
    assert_eq!(server.ended().await, Some(0), "{}", server.log());
    assert_eq!(manager.report(), None);
}

/// A missing service manager does not stop the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_that_does_not_listen_does_not_prevent_the_start() {
    let cli = Cli::new(Engine::Sqlite).await;
    let path = cli.place.folder.path().join("absent");
    let cli = cli.set("NOTIFY_SOCKET", &path.display().to_string());
    let mut server = cli.serve().await;
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0), "{}", server.log());
    assert!(server.log().contains("NOTIFY_SOCKET"), "{}", server.log());
}

/// A program that starts with the descriptors 3 and 4, as under systemd.
struct Started(Child);

impl Started {
    fn new(cli: Cli, script: &str, sockets: [OwnedFd; 2]) -> Self {
        let cli = cli.started_by(&["sh", "-c", script, "sh"]);
        let [public, management] = sockets;
        let child = cli
            .command(&["serve"])
            .stdin(Stdio::from(public))
            .stdout(Stdio::from(management))
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the program"))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Does what systemd does: counts the sockets, sets the process id, and passes descriptors 3 and 4.
const ACTIVATION: &str =
    "export LISTEN_PID=$$ LISTEN_FDS=2; exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null";

fn listener() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    (listener.local_addr().expect("an address"), listener)
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_the_service_manager_serve() {
    let cli = Cli::new(Engine::Sqlite).await;
    let ((public, first), (management, second)) = (listener(), listener());
    // The socket is open before the server starts: the request waits, and is answered.
    let early = tokio::spawn(async move {
        let request = client().get(format!("http://{public}/livez"));
        Answer::of(request.timeout(Duration::from_secs(100))).await.status
    });
    // An address that another process may use: it is ignored.
    let cli =
        cli.set("TOKEND_LISTEN", "127.0.0.1:1").set("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:2");
    let started = Started::new(cli, ACTIVATION, [first.into(), second.into()]);
    assert_eq!(early.await.expect("no panic"), 200);
    let metadata = format!("http://{public}/.well-known/oauth-authorization-server");
    assert_eq!(Answer::of(client().get(metadata)).await.status, 200);
    let metrics = format!("http://{management}/metrics");
    assert_eq!(Answer::of(client().get(metrics)).await.status, 200);
    drop(started);
}

/// Descriptors that are not listeners, and sockets that tokend does not use, stop the start with an
/// error.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_cannot_be_used_are_named() {
    let place = Cli::new(Engine::Sqlite).await.place;
    let run = |script: &'static str| {
        let cli = Cli::at(place.clone()).started_by(&["sh", "-c", script, "sh"]);
        cli.set("TOKEND_LISTEN", "127.0.0.1:0")
            .set("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:0")
            .run(&["serve"])
    };
    for (script, words) in [
        ("export LISTEN_FDS=1; exec \"$@\" 3</dev/null", "number 1, for `listen`"),
        ("export LISTEN_FDS=3; exec \"$@\" 3</dev/null", "there are 3. At most two"),
    ] {
        let run = run(script);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains(words) && run.stderr.contains("LISTEN_FDS"), "{run:?}");
    }
}
