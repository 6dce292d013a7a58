//! Seals a long text under the master key, in chunks of bounded size.
//!
//! Each chunk is one line. Its position, and whether it is the last one, are part of the name under
//! which it is sealed. A chunk that is changed, moved, missing or from another stream is therefore
//! detected, and so is a truncated stream.

use std::io::{self, BufRead, Read, Write};

use zeroize::Zeroizing;

use crate::keys::seal::MasterKeys;
use crate::model::signing_key::Sealed;

/// The number of bytes in a full chunk.
const CHUNK_BYTES: usize = 64 << 10;

/// The maximum length of a line: a full chunk with nonce and tag in base64url, plus both ends.
const MAX_LINE_BYTES: u64 = (CHUNK_BYTES as u64 + 64) / 3 * 4 + 16;

/// The first byte of a line that other chunks follow.
const MORE: u8 = b'+';

/// The first byte of the line of the last chunk.
const LAST: u8 = b'.';

fn name_of(stream: &str, place: u64, end: u8) -> String {
    format!("{stream}/{place}/{}", char::from(end))
}

/// Seals the written bytes. [`SealedWriter::finish`] writes the last chunk. Without it, reading the
/// stream fails at its end.
pub struct SealedWriter<'a, W> {
    keys: &'a MasterKeys,
    stream: String,
    place: u64,
    chunk: Zeroizing<Vec<u8>>,
    output: W,
}

impl<'a, W: Write> SealedWriter<'a, W> {
    /// Starts a stream with this name, which a reader must know.
    pub fn new(keys: &'a MasterKeys, stream: String, output: W) -> Self {
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
        Self { keys, stream, place: 0, chunk, output }
    }

    /// Writes the last chunk, and returns the output.
    ///
    /// # Errors
    /// The error of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_chunk(LAST)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn write_chunk(&mut self, end: u8) -> io::Result<()> {
        let name = name_of(&self.stream, self.place, end);
        let sealed = self.keys.seal(&name, &self.chunk).map_err(io::Error::other)?;
        self.output.write_all(&[end])?;
        self.output.write_all(sealed.0.as_bytes())?;
        self.output.write_all(b"\n")?;
        self.place += 1;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for SealedWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK_BYTES {
            self.write_chunk(MORE)?;
        }
        let length = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    /// Does nothing: a chunk is written as soon as it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the output of a [`SealedWriter`]. Any other input is an error of kind
/// [`io::ErrorKind::InvalidData`].
pub struct SealedReader<'a, R> {
    keys: &'a MasterKeys,
    stream: String,
    place: u64,
    chunk: Zeroizing<Vec<u8>>,
    /// The number of bytes of the chunk that have been read.
    read: usize,
    is_at_end: bool,
    input: R,
}

impl<'a, R: BufRead> SealedReader<'a, R> {
    /// Opens the stream with this name.
    pub fn new(keys: &'a MasterKeys, stream: String, input: R) -> Self {
        let chunk = Zeroizing::default();
        Self { keys, stream, place: 0, chunk, read: 0, is_at_end: false, input }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        let mut input = (&mut self.input).take(MAX_LINE_BYTES);
        input.read_until(b'\n', &mut line)?;
        let damaged = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
        let place = self.place;
        if line.pop() != Some(b'\n') {
            return Err(damaged(format!("the file ends within or before chunk {place}")));
        }
        let changed = || damaged(format!("chunk {place} is damaged, moved or of another file"));
        let (end, sealed) = line.split_first().ok_or_else(changed)?;
        let text = str::from_utf8(sealed).map_err(|_| changed())?;
        let name = name_of(&self.stream, place, *end);
        let opened = self.keys.open(&name, &Sealed(text.to_owned())).map_err(|_| changed())?;
        self.is_at_end = *end == LAST;
        if self.is_at_end && !self.input.fill_buf()?.is_empty() {
            return Err(damaged("the file has more after its end".to_owned()));
        }
        self.chunk = opened.content;
        self.read = 0;
        self.place += 1;
        Ok(())
    }
}

impl<R: BufRead> Read for SealedReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.chunk.len() && !self.is_at_end {
            self.next_chunk()?;
        }
        let rest = &self.chunk[self.read..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.read += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::master_key::MasterKeyList;

    fn keys() -> MasterKeys {
        let text = MasterKeys::generate().expect("a key");
        MasterKeys::derive(&MasterKeyList::parse(&text).expect("a list")).expect("keys")
    }

    fn sealed(keys: &MasterKeys, stream: &str, content: &[u8]) -> Vec<u8> {
        let mut writer = SealedWriter::new(keys, stream.to_owned(), Vec::new());
        writer.write_all(content).expect("written");
        writer.finish().expect("finished")
    }

    fn opened(keys: &MasterKeys, stream: &str, text: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        SealedReader::new(keys, stream.to_owned(), text).read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn sealed_data_of_any_length_round_trips() {
        let keys = keys();
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let content: Vec<u8> = (0..length).map(|place| place.to_le_bytes()[0]).collect();
            let text = sealed(&keys, "s", &content);
            assert_eq!(opened(&keys, "s", &text).expect("opened"), content, "{length}");
            let longest = text.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
            assert!(longest.is_some_and(|length| (length as u64) < MAX_LINE_BYTES));
        }
    }

    #[test]
    fn a_chunk_that_is_missing_moved_changed_or_of_another_stream_is_noticed() {
        let keys = keys();
        let content = vec![7; 3 * CHUNK_BYTES + 5];
        let text = sealed(&keys, "s", &content);
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 4);
        let other = sealed(&keys, "other", &content);
        let foreign: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
        let cases: [(&str, Vec<u8>); 7] = [
            ("nothing", Vec::new()),
            ("without its end", lines[..3].concat()),
            ("cut within a line", text[..text.len() - 1].to_vec()),
            ("a chunk is missing", [lines[0], lines[2], lines[3]].concat()),
            ("two are exchanged", [lines[1], lines[0], lines[2], lines[3]].concat()),
            ("of another stream", [foreign[0], lines[1], lines[2], lines[3]].concat()),
            ("more after its end", [&text[..], lines[3]].concat()),
        ];
        for (name, text) in cases {
            let error = opened(&keys, "s", &text).expect_err(name);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{name}");
        }
        // The mark of the last chunk is part of its name.
        let mut early = lines[..2].concat();
        let end = lines[0].len();
        early[end] = LAST;
        assert!(opened(&keys, "s", &early).is_err());
        let another = self::keys();
        assert!(opened(&another, "s", &text).is_err(), "another master key");
    }
}
