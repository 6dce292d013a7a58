//! The first line of a snapshot, in plain text. It identifies the program version, the key and the
//! database of a file before anything is unsealed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::crypto::digest;
use crate::directory::snapshot::SnapshotError;
use crate::keys::seal::MasterKeys;
use crate::keys::sealed_stream::{SealedReader, SealedWriter};
use crate::model::event::Head;
use crate::model::time::{Lifetime, Timestamp};

/// The format of the sealed section. Increment it with every change of a record.
const FORMAT_VERSION: u32 = 1;

/// The maximum length of the first line.
const MAX_LINE_BYTES: u64 = 4096;

/// The maximum lag of the clock behind that of the writer, in seconds.
const MAX_CLOCK_DIFFERENCE_SECONDS: i64 = 60;

/// Description of a snapshot. Each chunk of the sealed section is bound to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    tokend_snapshot: u32,
    version: String,
    /// The fingerprint of the master key.
    master_key: String,
    /// The identity of the database.
    database: String,
    /// The location of the database, without user and password.
    location: String,
    /// The sequence of the last event that is in the snapshot with all events before it.
    sequence: i64,
    /// The hash of that event.
    hash: String,
    /// The last time at which the directory was known to be up to date, in seconds since 1970.
    confirmed_at: i64,
}

impl Manifest {
    /// Creates the manifest of a snapshot that this program writes.
    pub fn new(
        keys: &MasterKeys,
        database: String,
        location: String,
        head: &Head,
        confirmed_at: Timestamp,
    ) -> Self {
        Self {
            tokend_snapshot: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            master_key: keys.fingerprint().to_owned(),
            database,
            location,
            sequence: head.sequence,
            hash: head.hash.clone(),
            confirmed_at: confirmed_at.0,
        }
    }

    /// Returns the event from which changes are followed.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash.clone() }
    }

    /// Returns the identity of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Returns the last time at which the directory was known to be up to date.
    pub fn confirmed_at(&self) -> Timestamp {
        Timestamp(self.confirmed_at)
    }

    /// Rejects a snapshot of another database.
    ///
    /// # Errors
    /// [`SnapshotError::OtherDatabase`].
    pub fn require_database(&self, identity: &str) -> Result<(), SnapshotError> {
        if self.database == identity { Ok(()) } else { Err(SnapshotError::OtherDatabase) }
    }

    /// Rejects a snapshot that must not be used to issue tokens while the database is unavailable.
    ///
    /// # Errors
    /// [`SnapshotError::Stale`] or [`SnapshotError::OtherLocation`].
    pub fn require_use_alone(
        &self,
        location: &str,
        max_staleness: Lifetime,
        now: Timestamp,
    ) -> Result<(), SnapshotError> {
        let (age, max) = (now.0.saturating_sub(self.confirmed_at), max_staleness.seconds());
        // A clock that was set back must not make the snapshot appear younger.
        if age > max || age < -MAX_CLOCK_DIFFERENCE_SECONDS {
            return Err(SnapshotError::Stale { age, max });
        }
        if self.location != location {
            return Err(SnapshotError::OtherLocation { found: self.location.clone() });
        }
        Ok(())
    }

    fn line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// Returns the fingerprint of the master key that sealed the snapshot.
    pub fn master_key(&self) -> &str {
        &self.master_key
    }

    /// Writes the manifest, and returns the writer of the sealed section.
    pub(super) fn begin<'a, W: Write>(
        &self,
        keys: &'a MasterKeys,
        mut output: W,
    ) -> io::Result<SealedWriter<'a, W>> {
        let line = self.line()?;
        writeln!(output, "{line}")?;
        Ok(SealedWriter::new(keys, stream_of(&line), output))
    }
}

/// Returns the name of the sealed stream, which depends on the manifest.
fn stream_of(line: &str) -> String {
    format!("snapshot/{}", digest::of_bytes(line.as_bytes()))
}

/// A snapshot whose manifest was read. The manifest is authentic only once the rest has been
/// unsealed.
#[derive(Debug)]
pub struct SnapshotFile {
    /// The manifest.
    pub manifest: Manifest,
    stream: String,
    input: BufReader<File>,
}

impl SnapshotFile {
    /// Opens a file and reads its manifest; `None` if the file does not exist.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a snapshot of this version with one of these keys.
    pub fn open(path: &Path, keys: &MasterKeys) -> Result<Option<Self>, SnapshotError> {
        #[derive(Deserialize)]
        struct FormatLine {
            tokend_snapshot: u32,
            version: String,
        }
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut input = BufReader::with_capacity(1 << 17, file);
        let mut line = Vec::new();
        (&mut input).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        let line = String::from_utf8(line).map_err(|_| SnapshotError::NotASnapshot)?;
        let line = line.strip_suffix('\n').ok_or(SnapshotError::NotASnapshot)?;
        let FormatLine { tokend_snapshot: format, version } =
            serde_json::from_str(line).map_err(|_| SnapshotError::NotASnapshot)?;
        if format != FORMAT_VERSION || version != env!("CARGO_PKG_VERSION") {
            let found = format!("{} (format {format})", version.escape_debug());
            return Err(SnapshotError::OtherVersion { found });
        }
        let manifest: Manifest =
            serde_json::from_str(line).map_err(|_| SnapshotError::NotASnapshot)?;
        if keys.fingerprints().all(|known| known != manifest.master_key) {
            let found = manifest.master_key.escape_debug().to_string();
            return Err(SnapshotError::OtherMasterKey { found });
        }
        Ok(Some(Self { manifest, stream: stream_of(line), input }))
    }

    /// Returns a reader of the sealed section.
    pub(super) fn unseal(self, keys: &MasterKeys) -> SealedReader<'_, BufReader<File>> {
        SealedReader::new(keys, self.stream, self.input)
    }
}
