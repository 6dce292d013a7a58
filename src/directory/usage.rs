//! Counts the use of each secret and of other credentials in memory, until it is written.
//!
//! Counting never waits. A credential is queued on its first use since the last write, so a write
//! visits only credentials that were used.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use crate::directory::entry::{ClientEntry, SecretEntry, SecretMemory};
use crate::model::client::ClientId;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::model::usage::{Usage, Used};

/// Counts the use of one secret, or of all other credentials of a client.
#[derive(Debug, Default)]
pub struct UseCounter {
    is_queued: AtomicBool,
    uses: AtomicI64,
    first: AtomicI64,
    last: AtomicI64,
    address: Mutex<Option<IpAddr>>,
}

/// Queue of credentials that were used since it was last emptied.
#[derive(Debug)]
pub struct UsageStats {
    sender: Sender<CountedCredential>,
    receiver: Mutex<Receiver<CountedCredential>>,
}

/// A credential that was used, with its counter. The keys, trusts and certificate of a client share
/// one counter.
#[derive(Debug)]
enum CountedCredential {
    Secret(SecretId, Arc<SecretMemory>),
    Assertions(ClientId, Arc<UseCounter>),
}

impl CountedCredential {
    fn used(&self) -> Used<'_> {
        match self {
            Self::Secret(secret_id, _) => Used::Secret(secret_id),
            Self::Assertions(client_id, _) => Used::Other(client_id),
        }
    }

    fn counter(&self) -> &UseCounter {
        match self {
            Self::Secret(_, memory) => &memory.usage,
            Self::Assertions(_, counter) => counter,
        }
    }
}

/// Usage that is about to be written.
#[derive(Debug)]
pub struct Entry {
    credential: CountedCredential,
    /// The usage since it was last written.
    pub usage: Usage,
}

impl Entry {
    /// Returns the credential that was used.
    pub fn used(&self) -> Used<'_> {
        self.credential.used()
    }
}

impl Default for UsageStats {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver: Mutex::new(receiver) }
    }
}

impl UsageStats {
    /// Records that a secret has authenticated its client.
    pub fn note(&self, secret: &SecretEntry, address: IpAddr, now: Timestamp) {
        if secret.memory.usage.count(address, now) {
            self.put(CountedCredential::Secret(
                secret.stored.secret_id.clone(),
                secret.memory.clone(),
            ));
        }
    }

    /// Records that another credential has authenticated a client.
    pub fn note_other(&self, client: &ClientEntry, address: IpAddr, now: Timestamp) {
        // Without such a credential, the client could not have authenticated.
        let Some(security) = &client.security else { return };
        if security.usage.count(address, now) {
            self.put(CountedCredential::Assertions(
                client.client_id.clone(),
                security.usage.clone(),
            ));
        }
    }

    /// Takes the counted usage, ordered by id.
    pub fn take(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let Ok(receiver) = self.receiver.lock() {
            entries.extend(receiver.try_iter().filter_map(|credential| {
                let usage = credential.counter().take()?;
                Some(Entry { credential, usage })
            }));
        }
        // Instances that write at the same time lock their rows in the same order.
        entries.sort_unstable_by(|one, other| one.used().cmp(&other.used()));
        entries
    }

    /// Adds entries back that could not be written, so that a later write includes them.
    pub fn put_back(&self, entries: Vec<Entry>) {
        for Entry { credential, usage } in entries {
            if credential.counter().add(usage) {
                self.put(credential);
            }
        }
    }

    fn put(&self, credential: CountedCredential) {
        // `self` holds the receiver, so it is not closed.
        let _ = self.sender.send(credential);
    }
}

impl UseCounter {
    /// Counts one use. True if the credential must be queued.
    fn count(&self, address: IpAddr, now: Timestamp) -> bool {
        // The thread that holds the lock writes an equally recent address.
        if let Ok(mut last) = self.address.try_lock() {
            *last = Some(address);
        }
        // The first use finds a zero. Loading is cheaper than storing, and most uses change neither
        // time.
        if self.first.load(Ordering::Relaxed) == 0 {
            let _ = self.first.compare_exchange(0, now.0, Ordering::Relaxed, Ordering::Relaxed);
        }
        if self.last.load(Ordering::Relaxed) < now.0 {
            self.last.fetch_max(now.0, Ordering::Relaxed);
        }
        self.uses.fetch_add(1, Ordering::SeqCst);
        self.must_be_queued()
    }

    /// Runs after counting, while `take` clears the flag before it reads the count. Either `take`
    /// sees the count, or the counter sees that it must queue.
    fn must_be_queued(&self) -> bool {
        !self.is_queued.load(Ordering::SeqCst) && !self.is_queued.swap(true, Ordering::SeqCst)
    }

    /// Takes the count and resets it.
    fn take(&self) -> Option<Usage> {
        self.is_queued.store(false, Ordering::SeqCst);
        // Without an address, another thread is still counting the first use and queues it later.
        let last_address = self.address.lock().ok().and_then(|address| *address)?;
        let uses = self.uses.swap(0, Ordering::SeqCst);
        let first = self.first.swap(0, Ordering::Relaxed);
        let last = self.last.load(Ordering::Relaxed);
        // `first` may have been taken before its count. Then only `last` is known.
        let first = if first == 0 { last } else { first };
        (uses > 0).then_some(Usage {
            first_used_at: Timestamp(first),
            last_used_at: Timestamp(last),
            uses,
            last_address,
        })
    }

    /// Adds usage back that could not be written. True if the credential must be queued.
    fn add(&self, usage: Usage) -> bool {
        if let Ok(mut last) = self.address.lock()
            && last.is_none()
        {
            *last = Some(usage.last_address);
        }
        self.first.store(usage.first_used_at.0, Ordering::Relaxed);
        self.last.fetch_max(usage.last_used_at.0, Ordering::Relaxed);
        self.uses.fetch_add(usage.uses, Ordering::Relaxed);
        self.must_be_queued()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::{LoadedSecret, SecretHash, SecretKind};

    fn secret(id: &str) -> SecretEntry {
        let stored = LoadedSecret {
            secret_id: SecretId::parse(id).expect("a secret id"),
            kind: SecretKind::Generated,
            hash: SecretHash::from_phc(""),
            suffix: "".into(),
            expires_at: None,
        };
        SecretEntry { stored, memory: Arc::default() }
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn taken(usage: &UsageStats) -> Vec<(String, i64, i64, i64, IpAddr)> {
        let flat = |entry: Entry| {
            let Usage { first_used_at, last_used_at, uses, last_address } = entry.usage;
            let Used::Secret(id) = entry.used() else { panic!("no secret: {entry:?}") };
            (id.to_string(), first_used_at.0, last_used_at.0, uses, last_address)
        };
        usage.take().into_iter().map(flat).collect()
    }

    #[test]
    fn a_batch_holds_the_uses_since_the_last_batch() {
        let (usage, one, other) = (UsageStats::default(), secret("sec_b"), secret("sec_a"));
        for (seconds, from) in [(5, 1), (7, 2), (9, 3)] {
            usage.note(&one, address(from), Timestamp(seconds));
        }
        usage.note(&other, address(4), Timestamp(8));
        let both = [("sec_a".into(), 8, 8, 1, address(4)), ("sec_b".into(), 5, 9, 3, address(3))];
        assert_eq!(taken(&usage), both);
        assert_eq!(taken(&usage), []);
        usage.note(&one, address(5), Timestamp(11));
        assert_eq!(taken(&usage), [("sec_b".into(), 11, 11, 1, address(5))]);
    }

    #[test]
    fn what_could_not_be_written_is_not_lost() {
        let (usage, one) = (UsageStats::default(), secret("sec_a"));
        usage.note(&one, address(1), Timestamp(5));
        let entries = usage.take();
        usage.note(&one, address(2), Timestamp(7));
        usage.put_back(entries);
        assert_eq!(taken(&usage), [("sec_a".into(), 5, 7, 2, address(2))]);
    }

    #[test]
    fn no_use_is_lost_while_others_take() {
        let (usage, one) = (UsageStats::default(), secret("sec_a"));
        let sum = |entries: Vec<Entry>| entries.iter().map(|entry| entry.usage.uses).sum::<i64>();
        let seen = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for seconds in 1..=20_000 {
                        usage.note(&one, address(1), Timestamp(seconds));
                    }
                });
            }
            (0..500).map(|_| sum(usage.take())).sum::<i64>()
        });
        assert_eq!(seen + sum(usage.take()), 40_000);
    }
}
