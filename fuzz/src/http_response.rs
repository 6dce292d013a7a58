//! The response of a remote host, without TLS.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::subject::exchange;

/// The maximum size of a body.
const MAX_BODY_BYTES: usize = 256 << 10;

/// Sends the input as the response.
pub fn fuzz(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let bytes = data.to_vec();
    let received = runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let writing = tokio::spawn(async move {
            let mut request = [0; 1024];
            let _ = far.read(&mut request).await;
            let _ = far.write_all(&bytes).await;
        });
        let url = Url::parse("https://a.example/jwks").expect("a URL");
        let received = exchange(near, &url).await;
        writing.abort();
        received
    });
    let Ok(body) = received else { return };
    assert!(body.len() <= MAX_BODY_BYTES.min(data.len()), "a body of {} bytes", body.len());
    let is_success = (0..data.len()).any(|at| data[at..].starts_with(b" 2"));
    assert!(is_success, "a status other than 2xx was accepted");
}
