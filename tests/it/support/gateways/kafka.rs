//! The parts of a Kafka broker that a client needs to present its token.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A broker that stores the token of the last client and then closes the connection.
pub struct Broker {
    pub port: u16,
    token: Arc<Mutex<Option<String>>>,
}

impl Broker {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let token = Arc::new(Mutex::default());
        let broker = Self { port, token: Arc::clone(&token) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(presented) = presented_token(stream).await {
                    *token.lock().expect("a lock") = Some(presented);
                }
            }
        });
        broker
    }

    /// Returns the token that a client has presented.
    pub fn token(&self) -> Option<String> {
        self.token.lock().expect("a lock").clone()
    }
}

// Keys of the requests that it knows.
const SASL_HANDSHAKE: u16 = 17;
const API_VERSIONS: u16 = 18;
const SASL_AUTHENTICATE: u16 = 36;

const UNSUPPORTED_VERSION: u16 = 35;

/// Answers requests until the client presents its token (RFC 7628, section 3.1).
async fn presented_token(mut stream: TcpStream) -> Option<String> {
    loop {
        let request = frame(&mut stream).await?;
        let number =
            |at: usize| Some(u16::from_be_bytes([*request.get(at)?, *request.get(at + 1)?]));
        let body = match (number(0)?, number(2)?) {
            (API_VERSIONS, 0) => versions(0),
            // The client then uses version 0.
            (API_VERSIONS, _) => versions(UNSUPPORTED_VERSION),
            (SASL_HANDSHAKE, _) => handshake(),
            (SASL_AUTHENTICATE, _) => {
                let text = String::from_utf8_lossy(&request);
                let token = text.split_once("auth=Bearer ")?.1;
                return Some(token.split('\u{1}').next()?.to_owned());
            }
            _ => return None,
        };
        // The answer repeats the number of the request.
        let answer = [request.get(4..8)?, &body].concat();
        stream.write_u32(u32::try_from(answer.len()).ok()?).await.ok()?;
        stream.write_all(&answer).await.ok()?;
    }
}

/// Returns the known requests, with the lowest and the highest version of each.
fn versions(error: u16) -> Vec<u8> {
    let known = [[SASL_HANDSHAKE, 0, 1], [API_VERSIONS, 0, 0], [SASL_AUTHENTICATE, 0, 0]];
    let known = known.as_flattened().iter().flat_map(|number| number.to_be_bytes());
    let head = [error.to_be_bytes(), 0_u16.to_be_bytes(), 3_u16.to_be_bytes()];
    head.as_flattened().iter().copied().chain(known).collect()
}

/// Returns an answer without an error, and with one mechanism.
fn handshake() -> Vec<u8> {
    const MECHANISM: &[u8] = b"\0\x0bOAUTHBEARER";
    [&[0, 0, 0, 0, 0, 1], MECHANISM].concat()
}

async fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_u32().await.ok()?;
    let mut bytes = vec![0; usize::try_from(length).ok().filter(|length| *length < 65_536)?];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}
