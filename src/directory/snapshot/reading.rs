//! Reads a snapshot. One thread unseals and splits the stream, and all cores decode clients.

use std::io::Read;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::directory::snapshot::client_record::ClientRecord;
use crate::directory::snapshot::frame::{self, Kind};
use crate::directory::snapshot::other_records::{
    KeyRecord, ResourceRecord, RevokedClientRecord, RevokedTokenRecord, State, UsedAssertion,
};
use crate::directory::snapshot::shared::RestoredShares;
use crate::directory::snapshot::{Manifest, SnapshotError, SnapshotFile, StoppedState};
use crate::directory::{Directory, Resources};
use crate::keys::keyring::Keyring;
use crate::keys::seal::MasterKeys;
use crate::model::signing_key::{Sealed, SigningKeyRecord};
use crate::model::time::Clock;
use crate::secrets::verification_cache::VerificationCacheKey;

/// The maximum number of frames that wait for a decoding thread.
const WAITING_FRAMES: usize = 16;

/// The maximum number of decoding threads.
const MAX_THREADS: usize = 8;

/// The maximum capacity that is reserved on the claim of the file.
const MAX_RESERVED_CLIENTS: usize = 10_000_000;

/// Content of a snapshot.
pub struct Restored {
    /// The directory, at the head of the snapshot.
    pub directory: Directory,
    /// The manifest of the file.
    pub manifest: Manifest,
    /// The tag key in the sealed form of the database.
    pub tag_key_seal: Sealed,
    /// The MAC key of verified secrets.
    pub verification_cache_key: VerificationCacheKey,
    /// The state of the previous process.
    pub stopped: StoppedState,
}

/// A directory that is being restored.
struct Restoring<'a> {
    directory: &'a Directory,
    master: &'a MasterKeys,
    signing_keys: Vec<SigningKeyRecord>,
    resources: Resources,
    assertions: Vec<UsedAssertion>,
}

/// Encoded records of a frame.
type Records = Zeroizing<Vec<u8>>;

/// Reads a snapshot into an empty directory, which is then at the head of the snapshot. It blocks,
/// so it is for a blocking thread.
///
/// # Errors
/// If the file is damaged, or a key cannot be unsealed.
pub fn read(
    file: SnapshotFile,
    master: &MasterKeys,
    keep_seconds: i64,
    per_client: usize,
    clock: &Clock,
) -> Result<Restored, SnapshotError> {
    let manifest = file.manifest.clone();
    let directory = Directory::empty(keep_seconds, clock, &manifest.head(), per_client);
    directory.set_followed_at(manifest.confirmed_at());
    let mut input = file.unseal(master);
    let (kind, records) = frame::read(&mut input)?;
    if kind != Kind::State {
        return Err(SnapshotError::damaged("it does not begin with its state"));
    }
    let state: State<'_> = postcard::from_bytes(&records)?;
    let clients = usize::try_from(state.clients).unwrap_or(usize::MAX).min(MAX_RESERVED_CLIENTS);
    directory.clients.pin().reserve(clients);
    let (tag_key_seal, stopped_instance) = (state.tag_key(), state.stopped_instance());
    let verification_cache_key = state.into_verification_cache_key();
    let mut restoring = Restoring {
        directory: &directory,
        master,
        signing_keys: Vec::new(),
        resources: Resources::new(),
        assertions: Vec::new(),
    };
    restoring.read_rest(&mut input)?;
    let stopped = StoppedState { assertions: restoring.assertions, stopped_instance };
    directory.publish(manifest.head().sequence);
    Ok(Restored { directory, manifest, tag_key_seal, verification_cache_key, stopped })
}

impl Restoring<'_> {
    /// Reads until the last frame. Records that precede the clients are restored first.
    fn read_rest(&mut self, input: &mut impl Read) -> Result<(), SnapshotError> {
        let first = loop {
            let (kind, records) = frame::read(input)?;
            match kind {
                Kind::SigningKeys => each(&records, |key: KeyRecord<'_>| {
                    self.signing_keys.push(key.restore()?);
                    Ok(())
                })?,
                Kind::Resources => each(&records, |record: ResourceRecord<'_>| {
                    let resource = record.restore()?;
                    self.resources.insert(resource.resource.clone(), Arc::new(resource));
                    Ok(())
                })?,
                Kind::RevokedTokens => each(&records, |token: RevokedTokenRecord<'_>| {
                    self.directory.revocations.put_token(token.restore()?);
                    Ok(())
                })?,
                Kind::RevokedClients => each(&records, |client: RevokedClientRecord| {
                    self.directory.revocations.put_client(client.restore()?);
                    Ok(())
                })?,
                Kind::UsedAssertions => each(&records, |assertion: UsedAssertion| {
                    self.assertions.push(assertion);
                    Ok(())
                })?,
                Kind::AllowedMethods | Kind::Grants | Kind::Clients | Kind::End => {
                    break (kind, records);
                }
                Kind::State => return Err(SnapshotError::damaged("it has two states")),
            }
        };
        let keys = std::mem::take(&mut self.signing_keys);
        let keyring = Keyring::open(self.master, keys, self.directory.keep_seconds);
        self.directory.replace_keyring(keyring.map_err(SnapshotError::damaged)?);
        self.directory.resources.store(Arc::new(std::mem::take(&mut self.resources)));
        read_clients(self.directory, first, input)
    }
}

/// Reads the frames of clients and of their shared values.
fn read_clients(
    directory: &Directory,
    mut next: (Kind, Records),
    input: &mut impl Read,
) -> Result<(), SnapshotError> {
    let shares = RestoredShares::of(directory);
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_THREADS));
    let (frames, waiting) = mpsc::sync_channel::<Records>(WAITING_FRAMES);
    let waiting = Arc::new(Mutex::new(waiting));
    thread::scope(|scope| {
        let shares = &shares;
        let start = |waiting| scope.spawn(move || put_clients(directory, shares, waiting));
        let decoding: Vec<_> = (0..threads).map(|_| start(waiting.clone())).collect();
        // Dropped so that the channel closes when the last thread ends, and a send never blocks
        // forever.
        drop(waiting);
        let read = loop {
            let (kind, records) = next;
            let done = match kind {
                Kind::AllowedMethods => decoded(&records).and_then(|new| shares.add_allowed(new)),
                Kind::Grants => decoded(&records).and_then(|new| shares.add_grants(new)),
                // If all threads have ended, one of them returns the error.
                Kind::Clients if frames.send(records).is_ok() => Ok(()),
                Kind::Clients => break Ok(()),
                Kind::End => break end(input),
                _ => Err(SnapshotError::damaged("its frames are not in their order")),
            };
            match done.and_then(|()| frame::read(input)) {
                Ok(following) => next = following,
                Err(error) => break Err(error),
            }
        };
        drop(frames);
        let mut outcome = read;
        for thread in decoding {
            let done = thread.join().unwrap_or_else(|_| Err(SnapshotError::damaged("a panic")));
            outcome = outcome.and(done);
        }
        outcome
    })
}

/// Checks that the stream ends with its last frame. Only then is it complete.
fn end(input: &mut impl Read) -> Result<(), SnapshotError> {
    match input.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(SnapshotError::damaged("it has more after its end")),
    }
}

/// Inserts the clients of frames, until the channel closes.
#[expect(clippy::needless_pass_by_value, reason = "dropping the last clone closes the channel")]
fn put_clients(
    directory: &Directory,
    shares: &RestoredShares<'_>,
    waiting: Arc<Mutex<Receiver<Records>>>,
) -> Result<(), SnapshotError> {
    loop {
        // A thread that panicked while it held the lock has taken one frame or none.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(records) = next else { return Ok(()) };
        each(&records, |client: ClientRecord<'_>| {
            directory.insert(client.restore(shares)?);
            Ok(())
        })?;
    }
}

/// Decodes the records of a frame one by one.
fn each<'a, T: Deserialize<'a>>(
    mut records: &'a [u8],
    mut take: impl FnMut(T) -> Result<(), SnapshotError>,
) -> Result<(), SnapshotError> {
    while !records.is_empty() {
        let (record, rest) = postcard::take_from_bytes(records)?;
        take(record)?;
        records = rest;
    }
    Ok(())
}

fn decoded<'a, T: Deserialize<'a>>(records: &'a [u8]) -> Result<Vec<T>, SnapshotError> {
    let mut all = Vec::new();
    each(records, |record| {
        all.push(record);
        Ok(())
    })?;
    Ok(all)
}
