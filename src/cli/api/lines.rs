//! A response that is read line by line while the server writes it. Memory holds only one line,
//! whatever the length of the response.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::task::JoinSet;

use crate::telemetry;

/// The maximum length of a line, in bytes. An event of the audit log is much shorter.
const MAX_LINE_BYTES: usize = 8 << 20;

/// Lines of a response.
pub(crate) struct AnswerLines {
    body: Incoming,
    /// Drives the connection.
    _driving: JoinSet<hyper::Result<()>>,
    silence: Duration,
    buffer: LineBuffer,
}

impl AnswerLines {
    pub(super) fn new(
        body: Incoming,
        driving: JoinSet<hyper::Result<()>>,
        silence: Duration,
    ) -> Self {
        Self { body, _driving: driving, silence, buffer: LineBuffer::default() }
    }

    /// Returns the next line without its end, or `None` at the end of the response. Text after the
    /// last line feed is dropped.
    ///
    /// # Errors
    /// If the connection breaks, the server is silent for too long, or a line is too long.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, String> {
        loop {
            if let Some(line) = self.buffer.line()? {
                return Ok(Some(line));
            }
            let frame = tokio::time::timeout(self.silence, self.body.frame()).await;
            let frame = frame.map_err(|_| format!("nothing was sent for {:?}", self.silence))?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| telemetry::with_causes(&error))?;
            if let Ok(data) = frame.into_data() {
                self.buffer.add(&data);
            }
        }
    }
}

/// Buffer that splits received bytes into lines.
#[derive(Default)]
struct LineBuffer {
    bytes: Vec<u8>,
    /// The offset of the first byte that was not returned yet.
    start: usize,
    /// The offset of the first byte that was not searched for a line feed.
    searched: usize,
}

impl LineBuffer {
    fn add(&mut self, data: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(data);
    }

    fn line(&mut self) -> Result<Option<String>, String> {
        let found = self.bytes.iter().skip(self.searched).position(|byte| *byte == b'\n');
        let Some(length) = found else {
            self.searched = self.bytes.len();
            if self.bytes.len() - self.start > MAX_LINE_BYTES {
                return Err(format!("a line is longer than {MAX_LINE_BYTES} bytes"));
            }
            return Ok(None);
        };
        let end = self.searched + length;
        let line = self.bytes.get(self.start..end).unwrap_or_default();
        let line = std::str::from_utf8(line).map_err(|_| "a line is not UTF-8".to_owned())?;
        let line = line.strip_suffix('\r').unwrap_or(line).to_owned();
        self.start = end + 1;
        self.searched = self.start;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_from_parts_of_any_length() {
        let text = "one\n\ntwo \u{e9}\r\nthree\nrest";
        for size in 1..text.len() {
            let (mut buffer, mut lines) = (LineBuffer::default(), Vec::new());
            for part in text.as_bytes().chunks(size) {
                buffer.add(part);
                while let Some(line) = buffer.line().expect("a line") {
                    lines.push(line);
                }
            }
            assert_eq!(lines, ["one", "", "two \u{e9}", "three"], "{size}");
        }
    }

    #[test]
    fn a_line_is_bounded_and_is_text() {
        let mut buffer = LineBuffer::default();
        buffer.add(&vec![b'x'; MAX_LINE_BYTES + 1]);
        assert!(buffer.line().expect_err("too long").contains("longer"));
        let mut buffer = LineBuffer::default();
        buffer.add(b"\xff\n");
        assert!(buffer.line().is_err());
    }
}
