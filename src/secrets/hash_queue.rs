//! Verifies secrets against their stored argon2id hashes, on blocking threads and in bounded
//! queues.
//!
//! One hash intentionally takes tens of milliseconds and megabytes. Only a few run at once, and
//! only a few more wait, no longer than [`DEADLINE`]. After that the answer is 503. Generated and
//! guessable secrets have separate queues, so that a flood in one never delays the other. Attempts
//! on clients with too many guesses wait in a third queue ([`crate::secrets::throttled`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::crypto::CryptoError;
use crate::model::network::ClientNetwork;
use crate::model::secret::SecretHash;
use crate::secrets::argon2id::{self, Cost, Workspaces};
use crate::secrets::offline;
use crate::secrets::throttled::{Priority, ThrottledQueue, ThrottledTurn};

/// The maximum time that an attempt waits for its turn.
pub const DEADLINE: Duration = Duration::from_secs(2);

/// The queue is full, or the deadline has passed. The caller may retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password-hash queue is full")]
pub struct Busy;

/// The queue in which an attempt waits for its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashQueue {
    /// Generated secrets, whose tag has been checked.
    Generated,
    /// Guessable secrets: imported ones, and any text for an unknown client.
    Imported,
    /// Guessable secrets while a limit of guesses is exceeded. Only one at a time waits in the
    /// queue for imported secrets. After each hash, the next one waits for as long as the hash
    /// took.
    Throttled(ClientNetwork, Priority),
}

/// Why a secret was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The queue is full.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The hash failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Creates and verifies argon2id hashes.
#[derive(Debug)]
pub struct Hasher {
    cost: Cost,
    /// The queue of new secrets, separate from those that are verified for tokens.
    pub(super) new: QueueSlots,
    generated: QueueSlots,
    imported: QueueSlots,
    throttled: ThrottledQueue,
    dummy: SecretHash,
    workspaces: Arc<Workspaces>,
    checks: AtomicU64,
    counts: [QueueCounts; 3],
    pub(super) made: AtomicU64,
}

#[derive(Debug, Default)]
struct QueueCounts {
    hashed: AtomicU64,
    rejected: AtomicU64,
}

/// Occupancy and counters of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFigures {
    /// The name of the queue in metrics.
    pub name: &'static str,
    /// The number of waiting attempts.
    pub waiting: usize,
    /// The number of running hashes.
    pub running: usize,
    /// The maximum number of waiting and running attempts.
    pub capacity: usize,
    /// The number of attempts that were hashed.
    pub hashed: u64,
    /// The number of attempts that were rejected.
    pub rejected: u64,
}

/// Slots of a queue: `lanes` attempts may run, and others may wait up to the capacity.
#[derive(Debug)]
pub(super) struct QueueSlots {
    pub(super) lanes: usize,
    capacity: usize,
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

/// A slot of a running hash. It is released when the hash ends, even if the caller has disconnected
/// meanwhile.
struct Turn {
    _running: OwnedSemaphorePermit,
    throttled: Option<ThrottledTurn>,
}

impl QueueSlots {
    fn new(lanes: usize, queue: usize) -> Self {
        let capacity = queue + lanes;
        Self {
            lanes,
            capacity,
            running: Arc::new(Semaphore::new(lanes)),
            waiting: Semaphore::new(capacity),
        }
    }

    /// Returns the waiting and running attempts, and the capacity.
    fn occupancy(&self) -> (usize, usize, usize) {
        let running = self.lanes.saturating_sub(self.running.available_permits());
        let taken = self.capacity.saturating_sub(self.waiting.available_permits());
        (taken.saturating_sub(running), running, self.capacity)
    }
}

impl Hasher {
    /// Creates the queues. Generated, imported and new secrets have `lanes` parallel hashes each,
    /// and `queue` waiting attempts each. Throttled attempts use at most one lane of the queue for
    /// imported secrets.
    pub fn new(cost: Cost, lanes: usize, queue: usize) -> Self {
        Self {
            cost,
            new: QueueSlots::new(lanes, queue),
            generated: QueueSlots::new(lanes, queue),
            imported: QueueSlots::new(lanes, queue),
            throttled: ThrottledQueue::new(queue),
            dummy: argon2id::dummy(cost),
            workspaces: Arc::new(Workspaces::new(cost)),
            checks: AtomicU64::new(0),
            counts: Default::default(),
            made: AtomicU64::new(0),
        }
    }

    /// Hashes a new secret. It blocks for tens of milliseconds: for commands, not for async
    /// threads.
    pub fn hash(&self, secret: &SecretString) -> Result<SecretHash, CryptoError> {
        self.workspaces.hash(self.cost, secret.expose_secret())
    }

    /// Hashes a new secret on a blocking thread, when its turn comes.
    ///
    /// # Errors
    /// [`HashError::Busy`] if the queue is full or the turn does not come in time.
    pub async fn hash_in_turn(&self, secret: &SecretString) -> Result<SecretHash, HashError> {
        let _permit = self.new.waiting.try_acquire().map_err(|_| Busy)?;
        let turn = tokio::time::timeout(DEADLINE, acquire(&self.new)).await;
        let turn = turn.map_err(|_| Busy)??;
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(in_turn(turn, self.hashing(secret.clone())).await?)
    }

    /// Returns the computation of a hash, to run on a blocking thread.
    pub fn hashing(
        &self,
        secret: SecretString,
    ) -> impl FnOnce() -> Result<SecretHash, CryptoError> + Send + 'static + use<> {
        let (cost, workspaces) = (self.cost, self.workspaces.clone());
        move || workspaces.hash(cost, secret.expose_secret())
    }

    /// True if the secret matches a hash or a digest. A hash blocks like [`Self::hash`], so only
    /// commands may call it.
    pub fn matches(&self, secret: &SecretString, hash: &SecretHash) -> bool {
        match hash.digest() {
            Some(known) => {
                let digest = offline::digest_of(secret.expose_secret());
                digest.is_some_and(|digest| offline::is_same(&digest, known))
            }
            None => self.workspaces.matches(secret.expose_secret(), hash),
        }
    }

    /// Verifies a secret against a stored argon2id hash. Digests never match here, because they
    /// need no queue ([`crate::secrets::offline`]).
    pub async fn verify(
        &self,
        queue: HashQueue,
        presented: &SecretString,
        hash: &SecretHash,
    ) -> Result<bool, Busy> {
        let verified = self.verify_in_turn(queue, presented, hash).await;
        let [generated, imported, throttled] = &self.counts;
        let counts = match queue {
            HashQueue::Generated => generated,
            HashQueue::Imported => imported,
            HashQueue::Throttled(..) => throttled,
        };
        let count = if verified.is_ok() { &counts.hashed } else { &counts.rejected };
        count.fetch_add(1, Ordering::Relaxed);
        verified
    }

    async fn verify_in_turn(
        &self,
        queue: HashQueue,
        presented: &SecretString,
        hash: &SecretHash,
    ) -> Result<bool, Busy> {
        let _permit = match queue {
            HashQueue::Generated => Some(self.generated.waiting.try_acquire().map_err(|_| Busy)?),
            HashQueue::Imported => Some(self.imported.waiting.try_acquire().map_err(|_| Busy)?),
            // The throttled queue has separate slots.
            HashQueue::Throttled(..) => None,
        };
        let Ok(turn) = tokio::time::timeout(DEADLINE, self.turn(queue)).await else {
            return Err(Busy);
        };
        let turn = turn?;
        self.checks.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(?queue, "a secret is hashed to be checked");
        let (presented, hash) = (presented.clone(), hash.clone());
        let workspaces = self.workspaces.clone();
        let check = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            let is_right = workspaces.matches(presented.expose_secret(), &hash);
            // Released here, so that a caller cannot avoid it by closing the connection.
            turn.end(started.elapsed());
            is_right
        });
        check.await.map_err(|_| Busy)
    }

    /// Costs the same as verifying a wrong secret, so that the time does not reveal whether a
    /// client exists or has such a secret.
    pub async fn verify_nothing(
        &self,
        queue: HashQueue,
        presented: &SecretString,
    ) -> Result<(), Busy> {
        self.verify(queue, presented, &self.dummy).await.map(|_| ())
    }

    async fn turn(&self, queue: HashQueue) -> Result<Turn, Busy> {
        let throttled = match queue {
            HashQueue::Throttled(network, priority) => {
                Some(self.throttled.turn(network, priority).await?)
            }
            HashQueue::Generated | HashQueue::Imported => None,
        };
        let slots = if queue == HashQueue::Generated { &self.generated } else { &self.imported };
        Ok(Turn { _running: acquire(slots).await?, throttled })
    }

    /// Returns the occupancy of the queues. Throttled hashes run in a lane of the imported ones.
    pub fn figures(&self) -> [QueueFigures; 3] {
        let [generated, imported, throttled] = &self.counts;
        let of = |name, (waiting, running, capacity), counts: &QueueCounts| QueueFigures {
            name,
            waiting,
            running,
            capacity,
            hashed: counts.hashed.load(Ordering::Relaxed),
            rejected: counts.rejected.load(Ordering::Relaxed),
        };
        [
            of("generated", self.generated.occupancy(), generated),
            of("imported", self.imported.occupancy(), imported),
            of("throttled", self.throttled.occupancy(), throttled),
        ]
    }

    /// Returns how many hashes have been verified since the start. Used by tests of costs.
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Returns how many new secrets have been hashed since the start.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

impl Turn {
    /// Releases the slot for the next attempt. The next throttled attempt may start only after
    /// another `took`.
    fn end(self, took: Duration) {
        if let Some(throttled) = self.throttled {
            let running = throttled.into_running();
            tokio::spawn(async move {
                tokio::time::sleep(took).await;
                drop(running);
            });
        }
    }
}

pub(super) async fn acquire(slots: &QueueSlots) -> Result<OwnedSemaphorePermit, Busy> {
    // The semaphore is never closed.
    slots.running.clone().acquire_owned().await.map_err(|_| Busy)
}

/// Runs a computation on a blocking thread, and releases its turn afterwards.
///
/// # Errors
/// Those of the computation, and a panic in it.
pub async fn in_turn<T: Send + 'static>(
    turn: impl Send + 'static,
    hashing: impl FnOnce() -> Result<T, CryptoError> + Send + 'static,
) -> Result<T, CryptoError> {
    let computed = tokio::task::spawn_blocking(move || {
        let computed = hashing();
        // Released here, so that a caller cannot avoid it by closing the connection.
        drop(turn);
        computed
    });
    computed.await.map_err(|_| CryptoError::Failed("hashing a secret"))?
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, iterations: 1 };

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn a_hash_proves_its_secret_and_no_other() {
        let hasher = Hasher::new(CHEAP, 1, 4);
        let hash = hasher.hash(&secret("right")).expect("a hash");
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        for (text, is_right) in [("right", true), ("wrong", false)] {
            let checked = hasher.verify(HashQueue::Generated, &secret(text), &hash).await;
            assert_eq!(checked, Ok(is_right), "{text}");
        }
        assert_eq!(hasher.checks(), 2);
    }

    #[tokio::test]
    async fn a_full_queue_rejects_the_next_secret() {
        let hasher = Hasher::new(CHEAP, 1, 1);
        let hash = hasher.hash(&secret("right")).expect("a hash");
        let _running = hasher.generated.running.acquire().await.expect("open");
        let _waiting = hasher.generated.waiting.acquire_many(2).await.expect("open");
        let rejected = hasher.verify(HashQueue::Generated, &secret("right"), &hash).await;
        assert_eq!(rejected, Err(Busy));
        let other_queue = hasher.verify(HashQueue::Imported, &secret("right"), &hash).await;
        assert_eq!(other_queue, Ok(true));
    }

    /// A flood of new secrets does not delay those that are verified, nor the other way round.
    #[tokio::test]
    async fn new_secrets_have_a_queue_of_their_own() {
        let hasher = Hasher::new(CHEAP, 1, 1);
        let hash = hasher.hash_in_turn(&secret("right")).await.expect("a hash");
        assert_eq!(hasher.verify(HashQueue::Generated, &secret("right"), &hash).await, Ok(true));
        let _running = hasher.new.running.acquire().await.expect("open");
        let _waiting = hasher.new.waiting.acquire_many(2).await.expect("open");
        let rejected = hasher.hash_in_turn(&secret("next")).await;
        assert!(matches!(rejected, Err(HashError::Busy(Busy))), "{rejected:?}");
        assert_eq!(hasher.verify(HashQueue::Generated, &secret("right"), &hash).await, Ok(true));
    }

    #[tokio::test]
    async fn a_new_secret_is_not_hashed_on_an_async_thread() {
        let costly = Cost { memory_kib: 32 << 10, iterations: 4 };
        let hasher = Hasher::new(costly, 1, 1);
        let first_poll = hasher.hash_in_turn(&secret("right")).now_or_never();
        assert!(first_poll.is_none(), "the first poll did the work");
        assert_eq!(hasher.made(), 1);
    }

    #[tokio::test]
    async fn verify_nothing_computes_one_hash() {
        let hasher = Hasher::new(CHEAP, 1, 1);
        assert!(argon2id::check_imported(hasher.dummy.as_phc()).is_ok());
        assert_eq!(hasher.verify_nothing(HashQueue::Imported, &secret("x")).await, Ok(()));
        assert_eq!(hasher.checks(), 1);
    }

    #[tokio::test]
    async fn throttled_attempts_leave_a_slot_for_imported_secrets() {
        let hasher = Arc::new(Hasher::new(CHEAP, 2, 64));
        let network = |last: u8| ClientNetwork::of([192, 0, 2, last].into());
        let queue = |last| HashQueue::Throttled(network(last), Priority::First);
        let _running = hasher.turn(queue(1)).await.expect("a turn");
        let second = tokio::time::timeout(Duration::from_millis(50), hasher.turn(queue(2)));
        assert!(second.await.is_err(), "two of them run at once");
        let hash = hasher.hash(&secret("right")).expect("a hash");
        assert_eq!(hasher.verify(HashQueue::Imported, &secret("right"), &hash).await, Ok(true));
    }
}
