//! A peer that sends raw bytes, for requests that no HTTP client would send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Server;
use crate::eventually::HANGS_AFTER;

/// Sends bytes and reads until the server closes the connection; `None` if it never does.
pub async fn exchange(server: &Server, bytes: &[u8]) -> Option<String> {
    let address = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // The server may close before it has read everything. Its answer is read anyway.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
            }
        }
    };
    let in_time = tokio::time::timeout(HANGS_AFTER, reading).await.is_ok();
    in_time.then(|| String::from_utf8_lossy(&answer).into_owned())
}

/// Returns the status of a raw answer.
pub fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Returns the body of a raw answer.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
