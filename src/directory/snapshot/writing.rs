//! Writes a snapshot as a stream, whose memory does not depend on the number of clients.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::directory::Directory;
use crate::directory::snapshot::client_record::ClientRecord;
use crate::directory::snapshot::frame::{self, Frame, Kind};
use crate::directory::snapshot::other_records::{
    KeyRecord, ResourceRecord, RevokedClientRecord, RevokedTokenRecord, State,
};
use crate::directory::snapshot::shared::SharedIndex;
use crate::directory::snapshot::{Manifest, SnapshotError, StoppedState};
use crate::keys::Keys;
use crate::model::event::Head;
use crate::model::time::Timestamp;

/// The number of clients that are written between pauses.
const CLIENTS_AT_ONCE: usize = 128;

/// The pause of a background writer, as a multiple of its working time.
const REST_PER_WORK: u32 = 4;

/// The maximum length of a pause.
const MAX_REST: Duration = Duration::from_millis(50);

/// Speed at which a snapshot is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Uses a fifth of one core, while tokens are issued.
    Background,
    /// As fast as possible, because the process ends.
    AtOnce,
}

/// Position in the chain from which the events are followed after the snapshot is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    head: Head,
    confirmed_at: Timestamp,
    reloads: u64,
}

impl Beginning {
    /// Returns the sequence of the last event in the snapshot.
    pub fn sequence(&self) -> i64 {
        self.head.sequence
    }

    /// Returns the manifest for a snapshot of the current database at this location.
    pub fn manifest(&self, keys: &Keys, location: String) -> Manifest {
        let identity = keys.tag_key.database_identity();
        Manifest::new(&keys.master, identity, location, &self.head, self.confirmed_at)
    }
}

impl Directory {
    /// Returns the position at which a snapshot begins. Changes during the writing are later
    /// events, which are followed again.
    ///
    /// # Errors
    /// [`SnapshotError::Reloading`] during a full reload.
    pub async fn begin_snapshot(&self) -> Result<Beginning, SnapshotError> {
        let followed_to = self.followed_to.lock().await;
        if followed_to.sequence < 1 || self.published_sequence() != followed_to.sequence {
            return Err(SnapshotError::Reloading);
        }
        let (head, reloads) = (followed_to.clone(), self.metrics.reloads());
        Ok(Beginning { head, confirmed_at: self.followed_at(), reloads })
    }

    /// True if no full reload has happened since a snapshot began.
    fn has_continued(&self, beginning: &Beginning) -> bool {
        self.metrics.reloads() == beginning.reloads
    }
}

/// Writes the directory, and returns the output. It blocks, so it is for a blocking thread.
///
/// # Errors
/// If the output fails, and [`SnapshotError::Reloading`] after a full reload meanwhile: the file
/// would mix two databases.
pub fn write<W: Write>(
    directory: &Directory,
    keys: &Keys,
    beginning: &Beginning,
    manifest: &Manifest,
    stopped: &StoppedState,
    pace: Pace,
    output: W,
) -> Result<W, SnapshotError> {
    let mut output = manifest.begin(&keys.master, output)?;
    let stopped_instance = stopped.stopped_instance.as_deref();
    let state = State::of(keys, directory.clients.len(), stopped_instance);
    frame::write_all(Kind::State, [state], &mut output)?;
    let keyring = directory.keyring().clone();
    frame::write_all(Kind::SigningKeys, keyring.records().iter().map(KeyRecord::of), &mut output)?;
    let resources = directory.resources();
    let records = resources.values().map(|resource| ResourceRecord::of(resource));
    frame::write_all(Kind::Resources, records, &mut output)?;
    write_revocations(directory, &mut output)?;
    frame::write_all(Kind::UsedAssertions, &stopped.assertions, &mut output)?;
    write_clients(directory, pace, &mut output)?;
    frame::write_end(&mut output)?;
    if !directory.has_continued(beginning) {
        return Err(SnapshotError::Reloading);
    }
    Ok(output.finish()?)
}

fn write_revocations(directory: &Directory, output: &mut impl Write) -> Result<(), SnapshotError> {
    let tokens = directory.revocations.tokens().into_iter().map(|(jti, expires_at)| {
        let jti = jti.as_str().to_owned().into();
        RevokedTokenRecord { jti, expires_at: expires_at.0 }
    });
    frame::write_all(Kind::RevokedTokens, tokens, output)?;
    let clients = directory.revocations.revoked_clients();
    frame::write_all(Kind::RevokedClients, clients.iter().map(RevokedClientRecord::of), output)
}

fn write_clients(
    directory: &Directory,
    pace: Pace,
    output: &mut impl Write,
) -> Result<(), SnapshotError> {
    let (mut index, mut frame) = (SharedIndex::default(), Frame::new(Kind::Clients));
    let mut stride = Stride::new(pace);
    for client in directory.clients.pin().values() {
        if !index.has_all(client) {
            // Earlier clients may still be in the frame. Their shared values have been written
            // already.
            index.write_new(client, output)?;
        }
        if frame.add(&ClientRecord::of(client, &index)?)? {
            frame.flush(output)?;
        }
        stride.step();
    }
    frame.flush(output)
}

/// Pauses after a number of clients, in proportion to the time of their work.
struct Stride {
    pace: Pace,
    clients: usize,
    begun: Instant,
}

impl Stride {
    fn new(pace: Pace) -> Self {
        Self { pace, clients: 0, begun: Instant::now() }
    }

    fn step(&mut self) {
        self.clients += 1;
        if self.pace == Pace::Background && self.clients.is_multiple_of(CLIENTS_AT_ONCE) {
            let rest = self.begun.elapsed().saturating_mul(REST_PER_WORK).min(MAX_REST);
            std::thread::sleep(rest);
            self.begun = Instant::now();
        }
    }
}
