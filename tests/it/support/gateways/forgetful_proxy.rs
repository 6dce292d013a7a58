//! A forwarder in front of an instance that can lose an answer: the instance executes the request,
//! and the connection to the client ends without an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct ForgetfulProxy {
    pub port: u16,
    forgets: Arc<AtomicBool>,
}

impl ForgetfulProxy {
    /// Starts a forwarder in front of a local port.
    pub async fn before(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let forgets = Arc::new(AtomicBool::new(false));
        let switch = forgets.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target, switch.clone()));
            }
        });
        Self { port, forgets }
    }

    /// Loses the answer to the next POST.
    pub fn forget_next(&self) {
        self.forgets.store(true, Ordering::SeqCst);
    }
}

async fn forward(mut client: TcpStream, target: u16, forgets: Arc<AtomicBool>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let (mut up, mut down) = ([0; 8192], [0; 8192]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let count = read.unwrap_or(0);
                if count == 0 || server.write_all(&up[..count]).await.is_err() {
                    return;
                }
                let is_post = up[..count].starts_with(b"POST");
                if is_post && forgets.swap(false, Ordering::SeqCst) {
                    // The body may arrive separately.
                    let mut is_answered = false;
                    while !is_answered {
                        tokio::select! {
                            read = client.read(&mut up) => {
                                let count = read.unwrap_or(0);
                                if count == 0 || server.write_all(&up[..count]).await.is_err() {
                                    return;
                                }
                            }
                            _ = server.read(&mut down) => is_answered = true,
                        }
                    }
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
