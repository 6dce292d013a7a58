//! The log of every instance in this process, at the finest level, kept in a file in which tests
//! search.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tracing_subscriber::fmt::MakeWriter;

static LOG: OnceLock<Mutex<File>> = OnceLock::new();

#[derive(Clone, Copy)]
struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut file = LOG.get().expect("a log").lock().expect("a lock");
        file.seek(SeekFrom::End(0))?;
        file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Writer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// Sets up logging, once for all tests of this process.
pub fn start() {
    LOG.get_or_init(|| {
        let file = tempfile::tempfile().expect("a file");
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(Writer)
            .with_ansi(false)
            .init();
        Mutex::new(file)
    });
}

/// Returns the length of the log so far.
pub fn length() -> u64 {
    let mut file = LOG.get().expect("a log").lock().expect("a lock");
    file.seek(SeekFrom::End(0)).expect("the end")
}

/// Returns the part of the log after `start`.
pub fn since(start: u64) -> String {
    let mut file = LOG.get().expect("a log").lock().expect("a lock");
    file.seek(SeekFrom::Start(start)).expect("the start");
    let mut text = Vec::new();
    file.read_to_end(&mut text).expect("the log");
    String::from_utf8_lossy(&text).into_owned()
}

/// Fails if the log after `start` contains one of these secrets, or anything that looks like a
/// secret, a token or a key of tokend.
pub fn assert_silent_about(start: u64, secrets: &[String]) {
    let log = since(start);
    assert_text_is_silent(&log, secrets);
}

/// Like [`assert_silent_about`], for any text.
pub fn assert_text_is_silent(text: &str, secrets: &[String]) {
    for secret in secrets.iter().filter(|secret| secret.len() > 5) {
        assert!(!text.contains(secret.as_str()), "a secret is in the log");
    }
    for (position, _) in text.match_indices("tkd_") {
        let body = text[position + 4..].bytes().take_while(u8::is_ascii_alphanumeric).count();
        assert!(body < 40, "something like a minted secret is in the log");
    }
    assert!(!text.contains("eyJ0eXAiOiJhdCtqd3Qi"), "a token is in the log");
    assert!(!text.contains("dGVzdHMgb25seSB0ZXN0cyBvbmx5"), "the master key is in the log");
    for (position, scheme) in text.match_indices("asic ") {
        let rest = &text[position + scheme.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c));
        let decoded = BASE64_STANDARD.decode(&rest[..end.unwrap_or(rest.len())]);
        let is_pair = decoded.is_ok_and(|pair| pair.contains(&b':'));
        assert!(!is_pair, "an Authorization header is in the log");
    }
}
