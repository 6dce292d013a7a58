//! As much of a Kafka broker as a client needs to present its token (`SaslHandshake` version 0).

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A broker that keeps the token of the last client and then closes the connection.
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

    /// The token that a client has presented.
    pub fn token(&self) -> Option<String> {
        self.token.lock().expect("a lock").clone()
    }
}

/// Answers a handshake, and reads the first message of the mechanism (RFC 7628, section 3.1).
async fn presented_token(mut stream: TcpStream) -> Option<String> {
    const MECHANISM: &[u8] = b"OAUTHBEARER";
    let request = frame(&mut stream).await?;
    // A header has the key of the request, its version, and the number that the answer repeats.
    let correlation = request.get(4..8)?;
    let mut answer = correlation.to_vec();
    answer.extend(0_u16.to_be_bytes()); // no error
    answer.extend(1_u32.to_be_bytes()); // one mechanism
    answer.extend(u16::try_from(MECHANISM.len()).ok()?.to_be_bytes());
    answer.extend(MECHANISM);
    stream.write_all(&u32::try_from(answer.len()).ok()?.to_be_bytes()).await.ok()?;
    stream.write_all(&answer).await.ok()?;
    let message = String::from_utf8(frame(&mut stream).await?).ok()?;
    let token = message.split_once("auth=Bearer ")?.1;
    Some(token.split('\u{1}').next()?.to_owned())
}

async fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_u32().await.ok()?;
    let mut bytes = vec![0; usize::try_from(length).ok().filter(|length| *length < 65_536)?];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}
