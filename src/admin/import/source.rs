//! The lines of an import file, read one at a time, so that memory use depends only on the longest
//! line.

use std::io::{self, BufRead, Read};

use zeroize::Zeroizing;

/// The maximum length of a line, in bytes. A client with all its key sets fits into it.
const MAX_LINE: usize = 4 << 20;

/// A line of the file.
pub(super) enum SourceLine {
    /// The number and the text of the line. The text contains secrets.
    Text(usize, Zeroizing<String>),
    /// The number of a line that is longer than [`MAX_LINE`] or not UTF-8, and the problem.
    Unreadable(usize, String),
}

/// An iterator over the lines of a source that are not empty.
pub(super) struct SourceLines<R> {
    source: R,
    number: usize,
}

impl<R: BufRead> SourceLines<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, number: 0 }
    }

    /// Returns the next line that is not empty, or `None` at the end.
    pub(super) fn next_line(&mut self) -> io::Result<Option<SourceLine>> {
        loop {
            let mut bytes = Zeroizing::new(Vec::with_capacity(1 << 10));
            let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX) + 1;
            let length = self.source.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            if length > MAX_LINE && bytes.last() != Some(&b'\n') {
                self.skip_line()?;
                let text = format!("longer than {} MiB", MAX_LINE >> 20);
                return Ok(Some(SourceLine::Unreadable(self.number, text)));
            }
            let Ok(text) = std::str::from_utf8(&bytes) else {
                return Ok(Some(SourceLine::Unreadable(self.number, "not UTF-8".to_owned())));
            };
            let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text };
            if !text.trim().is_empty() {
                let text = Zeroizing::new(text.trim_end().to_owned());
                return Ok(Some(SourceLine::Text(self.number, text)));
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            self.source.consume(length);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(usize, Option<String>)> {
        let mut lines = SourceLines::new(text);
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().expect("a line") {
            found.push(match line {
                SourceLine::Text(number, text) => (number, Some(text.to_string())),
                SourceLine::Unreadable(number, _) => (number, None),
            });
        }
        found
    }

    #[test]
    fn lines_keep_their_numbers() {
        let text = "\u{feff}{}\r\n\n  \n{\"a\":1}\n\nx".as_bytes();
        let expected = [(1, "{}"), (4, "{\"a\":1}"), (6, "x")];
        let expected = expected.map(|(number, text)| (number, Some(text.to_owned())));
        assert_eq!(lines(text), expected);
        assert_eq!(lines(b"a\n\xff\nb"), [(1, Some("a".into())), (2, None), (3, Some("b".into()))]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped() {
        let mut text = vec![b'x'; MAX_LINE * 2];
        text.extend(b"\nnext");
        assert_eq!(lines(&text), [(1, None), (2, Some("next".into()))]);
    }
}
