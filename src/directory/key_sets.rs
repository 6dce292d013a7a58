//! Key sets that are kept elsewhere and fetched from there, off the path of any request.
//!
//! Whoever refers to a set holds its entry here; a set that nobody refers to any more is dropped.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::crypto::foreign_key::ForeignKeys;
use crate::model::security::KeySetUri;
use crate::model::time::Timestamp;
use crate::model::trust::ForeignIssuer;

/// After so many seconds a set is fetched again.
const RENEWED_AFTER: i64 = 300;

/// So many seconds lie between two attempts at least, whoever asks.
const PAUSE: i64 = 10;

/// After so many seconds without a successful fetch the keys no longer count.
const KEPT_FOR: i64 = 86_400;

/// A set that is kept elsewhere.
#[derive(Debug)]
pub struct RemoteKeys {
    /// Where.
    pub source: RemoteSource,
    keys: ArcSwapOption<ForeignKeys>,
    fetched_at: AtomicI64,
    tried_at: AtomicI64,
    is_asked_for: AtomicBool,
    problem: ArcSwapOption<String>,
}

/// Where a set is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RemoteSource {
    /// There.
    KeySet(KeySetUri),
    /// Where the metadata of an issuer says.
    Discovered(ForeignIssuer),
}

/// Every set that somebody refers to.
#[derive(Debug, Default)]
pub struct KeySets {
    sets: Mutex<HashMap<RemoteSource, Arc<RemoteKeys>>>,
    wake: Notify,
}

impl RemoteKeys {
    /// The keys as they were last fetched, unless that was too long ago.
    pub fn keys(&self, now: Timestamp) -> Option<Arc<ForeignKeys>> {
        let age = now.0.saturating_sub(self.fetched_at.load(Ordering::Relaxed));
        if age > KEPT_FOR { None } else { self.keys.load_full() }
    }

    /// Takes what has been fetched.
    pub fn put(&self, keys: ForeignKeys, now: Timestamp) {
        self.keys.store(Some(Arc::new(keys)));
        self.fetched_at.store(now.0, Ordering::Relaxed);
        self.problem.store(None);
    }

    /// Notes what stood in the way of the last attempt.
    pub fn note_problem(&self, problem: String) {
        self.problem.store(Some(Arc::new(problem)));
    }

    /// What stood in the way of the last attempt, if something did.
    pub fn problem(&self) -> Option<Arc<String>> {
        self.problem.load_full()
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let since = |moment: &AtomicI64| now.0.saturating_sub(moment.load(Ordering::Relaxed));
        let is_wanted = self.is_asked_for.load(Ordering::Relaxed)
            || self.keys.load().is_none()
            || since(&self.fetched_at) >= RENEWED_AFTER;
        is_wanted && since(&self.tried_at) >= PAUSE
    }
}

impl KeySets {
    /// The entry of a set, which is fetched soon if it is new.
    pub(super) fn entry(&self, source: RemoteSource) -> Arc<RemoteKeys> {
        let mut sets = self.sets();
        let entry = sets.entry(source.clone()).or_insert_with(|| {
            Arc::new(RemoteKeys {
                source,
                keys: ArcSwapOption::empty(),
                fetched_at: AtomicI64::new(0),
                tried_at: AtomicI64::new(i64::MIN / 2),
                is_asked_for: AtomicBool::new(true),
                problem: ArcSwapOption::empty(),
            })
        });
        self.wake.notify_one();
        entry.clone()
    }

    /// Asks for a set to be fetched soon, because a key was not in it. Answers at once.
    pub fn ask_for(&self, set: &RemoteKeys) {
        set.is_asked_for.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// The sets that must be fetched now; each is given out once.
    pub fn take_due(&self, now: Timestamp) -> Vec<Arc<RemoteKeys>> {
        let mut sets = self.sets();
        // One that no client refers to any more is known here alone.
        sets.retain(|_, set| Arc::strong_count(set) > 1);
        let due: Vec<_> = sets.values().filter(|set| set.is_due(now)).cloned().collect();
        for set in &due {
            set.is_asked_for.store(false, Ordering::Relaxed);
            set.tried_at.store(now.0, Ordering::Relaxed);
        }
        due
    }

    /// Waits until somebody asks for a set.
    pub async fn asked_for(&self) {
        self.wake.notified().await;
    }

    fn sets(&self) -> MutexGuard<'_, HashMap<RemoteSource, Arc<RemoteKeys>>> {
        // A thread that panicked while it held this has left a whole map.
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_due_at_once_then_when_asked_for_or_old_and_dropped_without_friends() {
        let sets = KeySets::default();
        let uri = KeySetUri::parse("https://a.example/jwks").expect("a URI");
        let set = sets.entry(RemoteSource::KeySet(uri.clone()));
        let due = |at: i64| sets.take_due(Timestamp(at)).len();
        assert_eq!(due(1000), 1);
        assert_eq!(due(1005), 0, "not again so soon");
        assert_eq!(due(1010), 1, "there are no keys yet");
        set.put(ForeignKeys::default(), Timestamp(1010));
        assert_eq!(due(1300), 0);
        sets.ask_for(&set);
        assert_eq!(due(1301), 1);
        assert_eq!(due(1340), 1, "old");
        assert!(set.keys(Timestamp(1010 + KEPT_FOR)).is_some());
        assert!(set.keys(Timestamp(1011 + KEPT_FOR)).is_none());
        assert!(Arc::ptr_eq(&set, &sets.entry(RemoteSource::KeySet(uri))));
        drop(set);
        assert_eq!(due(9_000), 0);
        assert!(sets.sets().is_empty());
    }
}
