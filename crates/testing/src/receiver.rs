//! A receiver of webhooks: an https server that records requests, and answers as a test specifies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::https::acceptor;

#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// The status of its answer.
    pub status: u16,
}

/// The answer of an unreachable receiver: it closes the connection.
pub const DOWN: u16 = 0;

/// Returns the status of an answer.
type Status = Box<dyn Fn(&Received) -> u16 + Send>;

/// A receiver on loopback with a certificate of its own for `localhost`.
pub struct Receiver {
    port: u16,
    ca_file: NamedTempFile,
    status: Arc<Mutex<Status>>,
    /// The value of `Retry-After` in each answer.
    retry_after: Arc<Mutex<Option<u32>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Answers each request with the status that `status` gives.
    pub async fn new(status: impl Fn(&Received) -> u16 + Send + 'static) -> Self {
        let (acceptor, ca_file) = acceptor();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let status: Arc<Mutex<Status>> = Arc::new(Mutex::new(Box::new(status)));
        let received = Arc::default();
        let retry_after = Arc::default();
        let serving = (acceptor, status.clone(), Arc::clone(&retry_after), Arc::clone(&received));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, status, retry_after, received) = serving.clone();
                tokio::spawn(serve(acceptor, stream, status, retry_after, received));
            }
        });
        Self { port, ca_file, status, retry_after, received }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Replaces the function that returns the status.
    pub fn answer(&self, status: impl Fn(&Received) -> u16 + Send + 'static) {
        *self.status.lock().expect("a lock") = Box::new(status);
    }

    /// Sends this `Retry-After` value with later answers.
    pub fn ask_to_wait(&self, seconds: u32) {
        *self.retry_after.lock().expect("a lock") = Some(seconds);
    }

    /// Returns all requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("a lock").clone()
    }

    /// Returns the settings with which an instance trusts the receiver and may connect to it.
    pub fn settings(&self) -> [(&'static str, String); 2] {
        [
            ("TOKEND_FETCH_CA_FILE", self.ca_file.path().display().to_string()),
            ("TOKEND_NOTIFICATIONS_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128".to_owned()),
        ]
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    status: Arc<Mutex<Status>>,
    retry_after: Arc<Mutex<Option<u32>>>,
    received: Arc<Mutex<Vec<Received>>>,
) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let Some(mut request) = read(&mut stream).await else { return };
    request.status = status.lock().expect("a lock")(&request);
    let answer = request.status;
    received.lock().expect("a lock").push(request);
    if answer != DOWN {
        let wait = *retry_after.lock().expect("a lock");
        let wait = wait.map(|wait| format!("retry-after: {wait}\r\n")).unwrap_or_default();
        let text = format!(
            "HTTP/1.1 {answer} Any\r\ncontent-length: 0\r\n{wait}connection: close\r\n\r\n"
        );
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

async fn read(stream: &mut TlsStream<TcpStream>) -> Option<Received> {
    let mut text = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        text.extend_from_slice(&part[..length]);
        let whole = std::str::from_utf8(&text).expect("UTF-8");
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        if headers.get("content-length")?.parse() == Ok(body.len()) {
            return Some(Received { path, headers, body: body.to_owned(), status: DOWN });
        }
    }
}
