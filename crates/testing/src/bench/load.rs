//! A load of keep-alive connections that requests tokens as fast as possible. It does as little
//! work as possible: requests are written once, and answers are only searched for their length.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The authentication method and body format of a request.
#[derive(Clone, Copy)]
pub enum Body {
    FormBasic,
    JsonBody,
}

impl Body {
    pub fn name(self) -> &'static str {
        match self {
            Self::FormBasic => "form + Basic",
            Self::JsonBody => "JSON + body",
        }
    }
}

pub struct Credentials {
    pub id: String,
    pub secret: String,
}

/// The figures of a run.
#[derive(Clone, Default)]
pub struct Figures {
    pub tokens: f64,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub cpu_micros: f64,
    pub rss_mib: f64,
}

impl Figures {
    /// Computes the figures of these latencies, measured within this time.
    pub fn of(mut latencies: Vec<f64>, seconds: f64) -> Self {
        latencies.sort_by(f64::total_cmp);
        let count = f64::from(u32::try_from(latencies.len()).expect("a count that fits"));
        Self {
            tokens: count,
            per_second: count / seconds,
            p50_ms: latencies[latencies.len() / 2],
            p99_ms: latencies[latencies.len() * 99 / 100],
            max_ms: latencies[latencies.len() - 1],
            ..Self::default()
        }
    }

    /// Returns the median run, by tokens a second.
    pub fn median(runs: &[Self]) -> Self {
        let mut runs = runs.to_vec();
        runs.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
        runs[runs.len() / 2].clone()
    }
}

/// Returns the bytes of each client's request.
pub fn requests(clients: &[Credentials], body: Body) -> Vec<Vec<u8>> {
    requests_for(clients, body, "")
}

/// Like [`requests`], for a resource if one is given.
pub fn requests_for(clients: &[Credentials], body: Body, resource: &str) -> Vec<Vec<u8>> {
    let form = match resource {
        "" => "grant_type=client_credentials".to_owned(),
        _ => format!("grant_type=client_credentials&resource={resource}"),
    };
    let request = |Credentials { id, secret }: &Credentials| {
        let (headers, content) = match body {
            Body::FormBasic => {
                let pair = BASE64_STANDARD.encode(format!("{id}:{secret}"));
                let headers = format!(
                    "authorization: Basic {pair}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
                );
                (headers, form.clone())
            }
            Body::JsonBody => {
                let content = format!(
                    r#"{{"grant_type":"client_credentials","client_id":"{id}","client_secret":"{secret}"}}"#
                );
                ("content-type: application/json\r\n".to_owned(), content)
            }
        };
        let length = content.len();
        format!("POST /v1/oauth/token HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}content-length: {length}\r\n\r\n{content}")
            .into_bytes()
    };
    clients.iter().map(request).collect()
}

/// The request of a client that introspects a token.
pub fn introspection(Credentials { id, secret }: &Credentials, token: &str) -> Vec<u8> {
    let pair = BASE64_STANDARD.encode(format!("{id}:{secret}"));
    let length = token.len() + 6;
    format!(
        "POST /v1/oauth/introspect HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Basic {pair}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n\
         token={token}"
    )
    .into_bytes()
}

/// The request of a gateway that checks a token.
pub fn check(token: &str) -> Vec<u8> {
    format!(
        "GET /v1/oauth/check?resource=https://orders.example.com&scope=orders:read HTTP/1.1\r\n\
         host: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}

/// Requests one token.
pub async fn token(port: u16, request: &[u8]) -> String {
    let mut connection = Connection::open(port).await;
    let filled = connection.exchange(request).await;
    let answer = String::from_utf8_lossy(&connection.buffer[..filled]).into_owned();
    let start = answer.find("access_token\":\"").expect("a token") + 15;
    answer[start..].split('"').next().expect("a token").to_owned()
}

/// A request without an id, for the baseline, which authenticates no client.
pub fn bare_requests() -> Vec<Vec<u8>> {
    requests(&[Credentials { id: "cl".into(), secret: "tkd".into() }], Body::FormBasic)
}

/// True if the server reports that it can issue tokens.
pub async fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let request = b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    let mut answer = Vec::new();
    stream.write_all(request).await.is_ok()
        && stream.read_to_end(&mut answer).await.is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

/// Sends one request for each client over this number of connections. Returns the latencies, in
/// milliseconds.
pub async fn once_each(port: u16, requests: &[Vec<u8>], connections: usize) -> Vec<f64> {
    let parts = requests.chunks(requests.len().div_ceil(connections).max(1));
    let asking = parts.map(|part| async move {
        let mut connection = Connection::open(port).await;
        let mut latencies = Vec::with_capacity(part.len());
        for request in part {
            let asked = Instant::now();
            connection.ask(request).await;
            latencies.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        latencies
    });
    futures_util::future::join_all(asking).await.concat()
}

/// Sends requests for `time` over this number of connections; the clients take turns. Returns the
/// latencies in milliseconds, and the total time in seconds.
pub async fn run(
    port: u16,
    requests: &[Vec<u8>],
    connections: usize,
    time: Duration,
) -> (Vec<f64>, f64) {
    let latencies = RefCell::new(Vec::new());
    let started = Instant::now();
    let asking = (0..connections).map(async |start| {
        let mut connection = Connection::open(port).await;
        let mut turn = start * 7919;
        while started.elapsed() < time {
            let asked = Instant::now();
            connection.ask(&requests[turn % requests.len()]).await;
            latencies.borrow_mut().push(asked.elapsed().as_secs_f64() * 1e3);
            turn += connections;
        }
    });
    futures_util::future::join_all(asking).await;
    (latencies.take(), started.elapsed().as_secs_f64())
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    port: u16,
}

impl Connection {
    pub async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self { stream, buffer: vec![0; 16 << 10], port }
    }

    /// Sends a request and reads its answer, which must be a success.
    async fn ask(&mut self, request: &[u8]) {
        let filled = self.exchange(request).await;
        assert!(
            self.buffer.starts_with(b"HTTP/1.1 20"),
            "{}",
            String::from_utf8_lossy(&self.buffer[..filled])
        );
    }

    /// Sends a request and returns the status of its answer. Opens a new connection if the server
    /// closes this one.
    pub async fn status(&mut self, request: &[u8]) -> u16 {
        let filled = self.exchange(request).await;
        let answer = &self.buffer[..filled];
        let status = std::str::from_utf8(&answer[9..12]).expect("a status");
        let status = status.parse().expect("a number");
        if answer.windows(17).any(|window| window == b"connection: close") {
            *self = Self::open(self.port).await;
        }
        status
    }

    /// Sends a request and reads the whole answer; returns its length.
    async fn exchange(&mut self, request: &[u8]) -> usize {
        self.stream.write_all(request).await.expect("written");
        let mut filled = 0;
        loop {
            let count = self.stream.read(&mut self.buffer[filled..]).await.expect("an answer");
            assert!(count > 0, "the server has closed the connection");
            filled += count;
            if let Some(length) = answer_length(&self.buffer[..filled])
                && filled >= length
            {
                return filled;
            }
        }
    }
}

/// Returns the length of a whole answer, once its head has been read.
fn answer_length(bytes: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    if bytes.starts_with(b"HTTP/1.1 204") {
        return Some(head);
    }
    let start = bytes[..head].windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = bytes[start..head].iter().take_while(|byte| byte.is_ascii_digit());
    Some(head + digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}
