//! A forwarder before Postgres that cuts the connection at the first COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The fate of the first COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// The database receives and executes it; its answer is lost.
    Done,
    /// The database does not receive it.
    Lost,
}

/// The state of the database for later connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// The database answers.
    Open,
    /// Every connection is closed at once.
    Closed,
}

/// Starts a forwarder in front of the address of a Postgres URL; returns the URL of the forwarder.
pub async fn start(url: &str, commit: Commit, afterwards: Afterwards) -> String {
    let (scheme, rest) = url.split_once('@').expect("a user");
    let (address, database) = rest.split_once('/').expect("a database");
    let target = address.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let is_over = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let over = is_over.load(Ordering::SeqCst);
            if over && afterwards == Afterwards::Closed {
                continue;
            }
            let Ok(server) = TcpStream::connect(&target).await else { continue };
            tokio::spawn(forward(client, server, commit, is_over.clone()));
        }
    });
    format!("{scheme}@127.0.0.1:{port}/{database}")
}

async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    commit: Commit,
    is_over: Arc<AtomicBool>,
) {
    let (mut up, mut down) = ([0; 8192], [0; 8192]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let count = read.unwrap_or(0);
                let is_commit = up[..count].windows(6).any(|word| word == b"COMMIT");
                if is_commit && !is_over.swap(true, Ordering::SeqCst) {
                    if commit == Commit::Done {
                        let _ = server.write_all(&up[..count]).await;
                        let _ = server.read(&mut down).await;
                    }
                    return;
                }
                if count == 0 || server.write_all(&up[..count]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let count = read.unwrap_or(0);
                if count == 0 || client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
