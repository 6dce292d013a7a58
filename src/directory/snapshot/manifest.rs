//! The first line of a snapshot: what the file is, in clear text, so that a file of another program,
//! key or database is recognised before anything is opened.

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

/// The format of the sealed part. To be raised with every change of a record.
const FORMAT: u32 = 1;

/// The maximum length of the first line.
const MAX_LINE_BYTES: u64 = 4096;

/// How far a clock may be behind the one that wrote the snapshot, in seconds.
const MAX_CLOCK_DIFFERENCE: i64 = 60;

/// What a snapshot says of itself. Each chunk of the sealed part is bound to this line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    tokend_snapshot: u32,
    version: String,
    /// The fingerprint of the master key.
    master_key: String,
    /// The identity of the database.
    database: String,
    /// Where the database is, without user and password.
    location: String,
    /// The last event that is in the snapshot with all events before it.
    sequence: i64,
    /// The hash of that event.
    hash: String,
    /// The last time that the memory was known to be up to date, in seconds since 1970.
    confirmed_at: i64,
}

impl Manifest {
    /// The line of a snapshot that this program writes.
    pub fn new(
        keys: &MasterKeys,
        database: String,
        location: String,
        head: &Head,
        confirmed_at: Timestamp,
    ) -> Self {
        Self {
            tokend_snapshot: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            master_key: keys.fingerprint().to_owned(),
            database,
            location,
            sequence: head.sequence,
            hash: head.hash.clone(),
            confirmed_at: confirmed_at.0,
        }
    }

    /// The place in the chain of events from which changes are followed.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash.clone() }
    }

    /// The identity of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// When the memory was last known to be up to date.
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

    /// Rejects a snapshot from which no tokens may be issued while the database is unavailable.
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
        // A clock that was set back must not make it younger.
        if age > max || age < -MAX_CLOCK_DIFFERENCE {
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

    /// The fingerprint of the master key that it is sealed under.
    pub fn master_key(&self) -> &str {
        &self.master_key
    }

    /// Writes the line; gives the writer of the sealed part.
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

/// The name of the sealed stream: another line is another stream.
fn stream_of(line: &str) -> String {
    format!("snapshot/{}", digest::of_bytes(line.as_bytes()))
}

/// A snapshot whose first line was read. It is proved only when the rest is opened.
#[derive(Debug)]
pub struct SnapshotFile {
    /// What it says of itself.
    pub manifest: Manifest,
    stream: String,
    input: BufReader<File>,
}

impl SnapshotFile {
    /// Opens a file and reads its first line; `None` if it does not exist.
    ///
    /// # Errors
    /// A file that cannot be read, or is not a snapshot of this program under one of these keys.
    pub fn open(path: &Path, keys: &MasterKeys) -> Result<Option<Self>, SnapshotError> {
        #[derive(Deserialize)]
        struct Beginning {
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
        let begins: Beginning =
            serde_json::from_str(line).map_err(|_| SnapshotError::NotASnapshot)?;
        let Beginning { tokend_snapshot: format, version } = begins;
        if format != FORMAT || version != env!("CARGO_PKG_VERSION") {
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

    /// The sealed part.
    pub(super) fn unseal(self, keys: &MasterKeys) -> SealedReader<'_, BufReader<File>> {
        SealedReader::new(keys, self.stream, self.input)
    }
}
