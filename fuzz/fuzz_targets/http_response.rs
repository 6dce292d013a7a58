//! What a host sends in answer to a request, below TLS.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let bytes = bytes.to_vec();
    runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let writing = tokio::spawn(async move {
            let mut request = [0; 1024];
            let _ = far.read(&mut request).await;
            let _ = far.write_all(&bytes).await;
        });
        let url = Url::parse("https://a.example/jwks").expect("a URL");
        if let Ok(text) = tokend::remote_keys::fetch::exchange(near, &url).await {
            assert!(text.len() <= 256 << 10);
        }
        writing.abort();
    });
});
