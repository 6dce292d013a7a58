//! The format of a backup: one line of plain JSON, the manifest, then a sealed stream of JSON
//! lines.
//!
//! For each table, the stream has a line with its name and columns, then an array for each row. Its
//! last line has the number of rows of each table. The stream is sealed under the digest of the
//! manifest, so neither can be replaced alone.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::admin::backup::error::BackupError;
use crate::crypto::digest;
use crate::keys::seal::MasterKeys;
use crate::keys::sealed_stream::{SealedReader, SealedWriter};
use crate::model::backup::{Column, FORMAT_VERSION, Manifest, Row, RowCounts};

/// The maximum length of the manifest line.
const MAX_MANIFEST_BYTES: u64 = 64 << 10;

/// The maximum length of a line of the stream. Rows are far shorter.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// A line of the sealed stream.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Part {
    /// A row of the most recent table.
    Row(Row),
    /// The beginning of a table.
    Table {
        /// The name of the table.
        table: String,
        /// The columns of its rows.
        columns: Vec<Column>,
    },
    /// The last line.
    End {
        /// The number of rows of each table.
        rows: RowCounts,
    },
}

/// Returns the name of the stream that belongs to a manifest line.
fn stream_of(line: &str) -> String {
    format!("backup/{}", digest::of_bytes(line.as_bytes()))
}

pub(super) struct ArchiveWriter<'a, W> {
    stream: SealedWriter<'a, W>,
    table: String,
    rows: RowCounts,
}

impl<'a, W: Write> ArchiveWriter<'a, W> {
    pub(super) fn begin(
        keys: &'a MasterKeys,
        manifest: &Manifest,
        mut output: W,
    ) -> io::Result<Self> {
        let line = serde_json::to_string(manifest)?;
        writeln!(output, "{line}")?;
        let stream = SealedWriter::new(keys, stream_of(&line), output);
        Ok(Self { stream, table: String::new(), rows: RowCounts::new() })
    }

    pub(super) fn table(&mut self, table: &str, columns: Vec<Column>) -> io::Result<()> {
        table.clone_into(&mut self.table);
        self.rows.insert(table.to_owned(), 0);
        self.line(&Part::Table { table: table.to_owned(), columns })
    }

    /// Writes rows of the most recent table.
    pub(super) fn rows(&mut self, rows: Vec<Row>) -> io::Result<()> {
        if let Some(count) = self.rows.get_mut(&self.table) {
            *count += rows.len() as u64;
        }
        rows.into_iter().try_for_each(|row| self.line(&Part::Row(row)))
    }

    /// Writes the last line. Returns the output and the number of rows.
    pub(super) fn finish(mut self) -> io::Result<(W, RowCounts)> {
        let rows = self.rows.clone();
        self.line(&Part::End { rows })?;
        Ok((self.stream.finish()?, self.rows))
    }

    fn line(&mut self, part: &Part) -> io::Result<()> {
        serde_json::to_writer(&mut self.stream, part)?;
        self.stream.write_all(b"\n")
    }
}

/// A backup file whose manifest has been read.
pub(super) struct Archive {
    path: PathBuf,
    pub(super) manifest: Manifest,
    stream: String,
    input: BufReader<File>,
}

impl Archive {
    /// Opens a file and reads its manifest, which stays unverified until the rows are read.
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Format {
            tokend_backup: u32,
        }
        let reading = BackupError::reading(path);
        let mut input = BufReader::new(File::open(path).map_err(&reading)?);
        let mut line = Vec::new();
        (&mut input).take(MAX_MANIFEST_BYTES).read_until(b'\n', &mut line).map_err(&reading)?;
        let not_a_backup = || BackupError::NotABackup { path: path.to_owned() };
        let line = String::from_utf8(line).map_err(|_| not_a_backup())?;
        let line = line.strip_suffix('\n').ok_or_else(not_a_backup)?;
        let format: Format = serde_json::from_str(line).map_err(|_| not_a_backup())?;
        if format.tokend_backup > FORMAT_VERSION {
            let (path, found) = (path.to_owned(), format.tokend_backup);
            return Err(BackupError::NewerFormat { path, found });
        }
        let manifest = serde_json::from_str(line)
            .map_err(|error| BackupError::damaged(path, format!("its first line: {error}")))?;
        Ok(Self { path: path.to_owned(), manifest, stream: stream_of(line), input })
    }

    /// Returns the error for settings without a master key.
    pub(super) fn without_key(self) -> BackupError {
        let (path, needed) = (self.path, self.manifest.master_key);
        BackupError::MasterKey { path, needed, given: "the settings have none".to_owned() }
    }

    /// Begins to read the sealed lines, with the key that the manifest names.
    pub(super) fn read(self, keys: &MasterKeys) -> Result<ArchiveReader<'_>, BackupError> {
        let Self { path, manifest, stream, input } = self;
        let needed = manifest.master_key;
        if keys.fingerprints().all(|it| it != needed) {
            let given: Vec<_> = keys.fingerprints().collect();
            let given = format!("the settings have {}", given.join(", "));
            return Err(BackupError::MasterKey { path, needed, given });
        }
        let input = SealedReader::new(keys, stream, input);
        Ok(ArchiveReader { path, input: BufReader::new(input) })
    }
}

pub(super) struct ArchiveReader<'a> {
    path: PathBuf,
    input: BufReader<SealedReader<'a, BufReader<File>>>,
}

impl ArchiveReader<'_> {
    /// Returns the next line, or `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Part>, BackupError> {
        let mut line = Vec::new();
        let mut input = (&mut self.input).take(MAX_LINE_BYTES);
        input.read_until(b'\n', &mut line).map_err(BackupError::reading(&self.path))?;
        if line.is_empty() {
            return Ok(None);
        }
        let part = serde_json::from_slice(&line);
        let part = part.map_err(|_| BackupError::damaged(&self.path, "a line cannot be read"))?;
        Ok(Some(part))
    }
}
