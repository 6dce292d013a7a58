//! A proxy in front of the database with a link that tests can cut or freeze.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The state of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Bytes are forwarded.
    Open,
    /// New connections are refused, and open ones are closed.
    Cut,
    /// Connections stay open, and no bytes are forwarded: only timeouts help.
    Frozen,
}

/// A forwarder between an instance and its database.
pub struct DatabaseProxy {
    link: Arc<watch::Sender<Link>>,
}

impl DatabaseProxy {
    /// Starts in front of the address of a Postgres URL; returns the URL of the proxy.
    pub async fn before(url: &str) -> (Self, String) {
        let (scheme, rest) = url.split_once('@').expect("a user");
        let (address, database) = rest.split_once('/').expect("a database");
        let target = address.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let link = Arc::new(watch::Sender::new(Link::Open));
        let switch = link.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let link = switch.subscribe();
                if *link.borrow() != Link::Cut {
                    tokio::spawn(forward(stream, target.clone(), link));
                }
            }
        });
        (Self { link }, format!("{scheme}@127.0.0.1:{port}/{database}"))
    }

    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }
}

async fn forward(client: TcpStream, target: String, mut link: watch::Receiver<Link>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let (there, back) = (link.clone(), link.clone());
    tokio::select! {
        () = pass(client_read, server_write, there) => {}
        () = pass(server_read, client_write, back) => {}
        _ = link.wait_for(|link| *link == Link::Cut) => {}
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut link: watch::Receiver<Link>,
) {
    let mut buffer = [0; 8192];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return };
        if count == 0 || link.wait_for(|link| *link != Link::Frozen).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
