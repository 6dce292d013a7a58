//! Remote key sets, which are fetched independently of any request.
//!
//! Each client entry that refers to a set holds its [`RemoteKeys`]. A set without such an entry is
//! dropped. Ages and pauses use the monotonic clock, so that a wrong system time neither keeps
//! withdrawn keys valid nor expires valid ones.

mod figures;

pub use figures::KeySetFigures;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::jose::external_jwks::ExternalJwks;
use crate::model::backoff;
use crate::model::security::KeySetUri;
use crate::model::time::{Clock, MonotonicTime};
use crate::model::trust::ExternalIssuer;

/// The age after which a fetched set is fetched again.
const REFRESH_AFTER: Duration = Duration::from_mins(5);

/// The minimum time between two attempts, and the pause after the first failure.
const MIN_PAUSE: Duration = Duration::from_secs(10);

/// The maximum pause after consecutive failures.
const MAX_PAUSE: Duration = Duration::from_mins(5);

/// The age after which fetched keys are no longer valid.
const KEYS_TTL: Duration = Duration::from_hours(24);

/// A remote key set.
#[derive(Debug)]
pub struct RemoteKeys {
    /// The source of the set.
    pub source: RemoteSource,
    clock: Clock,
    created_at: MonotonicTime,
    fetched: ArcSwapOption<FetchedKeys>,
    is_fetch_requested: AtomicBool,
    attempts: Mutex<FetchAttempts>,
    problem: ArcSwapOption<String>,
}

#[derive(Debug)]
struct FetchedKeys {
    keys: Arc<ExternalJwks>,
    at: MonotonicTime,
}

impl FetchedKeys {
    /// Returns the age after which the set is fetched again. The owner of a SPIFFE bundle may
    /// suggest a shorter time than that of this server.
    fn refresh_after(&self) -> Duration {
        let hint = self.keys.refresh_hint();
        hint.map_or(REFRESH_AFTER, |hint| hint.clamp(MIN_PAUSE, REFRESH_AFTER))
    }
}

/// State of the attempts to fetch a set.
#[derive(Debug, Default)]
struct FetchAttempts {
    ended_at: Option<MonotonicTime>,
    failures_in_a_row: u32,
    is_running: bool,
}

/// Source of a key set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RemoteSource {
    /// The set at this URL.
    KeySet(KeySetUri),
    /// The set at the URL in the metadata of this issuer.
    Discovered(ExternalIssuer),
    /// The SPIFFE bundle at this URL.
    Bundle(KeySetUri),
}

/// All sets to which a client entry refers.
#[derive(Debug)]
pub struct KeySets {
    clock: Clock,
    sets: Mutex<HashMap<RemoteSource, Arc<RemoteKeys>>>,
    wake: Notify,
}

impl RemoteSource {
    /// Returns the registered URL: that of the set or of the issuer.
    pub fn url(&self) -> &str {
        match self {
            Self::KeySet(uri) | Self::Bundle(uri) => uri.as_str(),
            Self::Discovered(issuer) => issuer.as_str(),
        }
    }

    /// Returns the host and port of the first request.
    pub fn authority(&self) -> String {
        url::Url::parse(self.url()).map_or_else(
            |_| self.url().to_owned(),
            |url| url[url::Position::BeforeHost..url::Position::AfterPort].to_owned(),
        )
    }
}

impl RemoteKeys {
    fn new(source: RemoteSource, clock: Clock) -> Self {
        Self {
            source,
            created_at: clock.monotonic(),
            clock,
            fetched: ArcSwapOption::empty(),
            is_fetch_requested: AtomicBool::new(true),
            attempts: Mutex::default(),
            problem: ArcSwapOption::empty(),
        }
    }

    /// Returns the keys of the last fetch; `None` if that was more than 24 hours ago, or never.
    pub fn keys(&self) -> Option<Arc<ExternalJwks>> {
        let fetched = self.fetched.load();
        let fetched = fetched.as_ref()?;
        let age = self.clock.monotonic().since(fetched.at);
        (age <= KEYS_TTL).then(|| fetched.keys.clone())
    }

    /// Returns why the last attempt failed, if it did.
    pub fn problem(&self) -> Option<Arc<String>> {
        self.problem.load_full()
    }

    /// Returns how many attempts have failed since the last success.
    pub fn failures_in_a_row(&self) -> u32 {
        self.attempts().failures_in_a_row
    }

    /// Begins an attempt. The caller must have got the set from [`KeySets::due`].
    pub fn begin(self: &Arc<Self>) -> FetchAttempt {
        self.is_fetch_requested.store(false, Ordering::Relaxed);
        self.attempts().is_running = true;
        FetchAttempt { set: self.clone(), is_finished: false }
    }

    /// Returns the time at which the set must be fetched; `None` while an attempt is running. A
    /// request for a set never shortens the pause after a failure, because any caller can cause one
    /// with an unknown key.
    fn due_at(&self) -> Option<MonotonicTime> {
        let attempts = self.attempts();
        if attempts.is_running {
            return None;
        }
        let is_fetch_requested = self.is_fetch_requested.load(Ordering::Relaxed);
        let wanted_at = match self.fetched.load().as_ref() {
            None => self.created_at,
            Some(fetched) if is_fetch_requested => fetched.at,
            Some(fetched) => fetched.at.plus(fetched.refresh_after()),
        };
        let pause = backoff::pause(attempts.failures_in_a_row, MIN_PAUSE, MAX_PAUSE);
        let allowed_at = attempts.ended_at.map(|ended_at| ended_at.plus(pause));
        Some(wanted_at.max(allowed_at.unwrap_or_default()))
    }

    fn attempts(&self) -> MutexGuard<'_, FetchAttempts> {
        // Each change is one assignment, so a panic cannot leave a partial change.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running attempt to fetch a set. Dropping it unfinished, because its task panicked or was
/// stopped, records a failure.
#[derive(Debug)]
pub struct FetchAttempt {
    set: Arc<RemoteKeys>,
    is_finished: bool,
}

impl FetchAttempt {
    /// Records the result. After a failure, returns the pause until the next attempt.
    pub fn finish(mut self, result: Result<ExternalJwks, String>) -> Option<Duration> {
        self.end(result)
    }

    fn end(&mut self, result: Result<ExternalJwks, String>) -> Option<Duration> {
        self.is_finished = true;
        let now = self.set.clock.monotonic();
        let has_failed = result.is_err();
        match result {
            Ok(keys) => {
                let fetched = FetchedKeys { keys: Arc::new(keys), at: now };
                self.set.fetched.store(Some(Arc::new(fetched)));
                self.set.problem.store(None);
            }
            Err(problem) => self.set.problem.store(Some(Arc::new(problem))),
        }
        let mut attempts = self.set.attempts();
        let failures = if has_failed { attempts.failures_in_a_row.saturating_add(1) } else { 0 };
        *attempts =
            FetchAttempts { ended_at: Some(now), failures_in_a_row: failures, is_running: false };
        has_failed.then(|| backoff::pause(failures, MIN_PAUSE, MAX_PAUSE))
    }
}

impl Drop for FetchAttempt {
    fn drop(&mut self) {
        if !self.is_finished {
            self.end(Err("the attempt was aborted; the log of the server says why".to_owned()));
        }
    }
}

impl KeySets {
    /// Creates an empty collection, which measures ages by `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { clock, sets: Mutex::default(), wake: Notify::new() }
    }

    /// Returns the entry of a set. A new set is fetched soon.
    pub fn entry(&self, source: RemoteSource) -> Arc<RemoteKeys> {
        let mut sets = self.sets();
        if let Some(set) = sets.get(&source) {
            return set.clone();
        }
        let set = Arc::new(RemoteKeys::new(source.clone(), self.clock.clone()));
        sets.insert(source, set.clone());
        self.wake.notify_one();
        set
    }

    /// Requests that a set is fetched soon, because it lacks a key. Does not wait.
    pub fn request_fetch(&self, set: &RemoteKeys) {
        if !set.is_fetch_requested.swap(true, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// Returns the sets that must be fetched now, the longest waiting one first.
    pub fn due(&self) -> Vec<Arc<RemoteKeys>> {
        let now = self.clock.monotonic();
        let mut sets = self.sets();
        // Drops sets that only this map holds, and no client entry.
        sets.retain(|_, set| Arc::strong_count(set) > 1);
        let mut due: Vec<_> = sets
            .values()
            .filter_map(|set| Some((set.due_at().filter(|at| *at <= now)?, set.clone())))
            .collect();
        due.sort_by_key(|(due_at, _)| *due_at);
        due.into_iter().map(|(_, set)| set).collect()
    }

    /// Waits until a fetch is requested.
    pub async fn fetch_requested(&self) {
        self.wake.notified().await;
    }

    fn sets(&self) -> MutexGuard<'_, HashMap<RemoteSource, Arc<RemoteKeys>>> {
        // The map is consistent, even if a thread panicked with the lock.
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn sets() -> (KeySets, Clock, Arc<RemoteKeys>) {
        let clock = Clock::fixed(Timestamp(1_795_527_403));
        let sets = KeySets::new(clock.clone());
        let uri = KeySetUri::parse("https://a.example:8443/jwks").expect("a URI");
        let set = sets.entry(RemoteSource::KeySet(uri));
        (sets, clock, set)
    }

    fn fail(set: &Arc<RemoteKeys>) -> Option<Duration> {
        set.begin().finish(Err("no answer".to_owned()))
    }

    #[test]
    fn a_key_set_is_due_when_new_requested_or_old_and_dropped_when_unused() {
        let (sets, clock, set) = sets();
        assert_eq!(sets.due().len(), 1);
        let attempt = set.begin();
        assert_eq!(sets.due().len(), 0, "an attempt runs");
        assert_eq!(attempt.finish(Ok(ExternalJwks::default())), None);
        sets.request_fetch(&set);
        assert_eq!(sets.due().len(), 0, "not again so soon");
        clock.advance(10);
        assert_eq!(sets.due().len(), 1, "asked for");
        set.begin().finish(Ok(ExternalJwks::default()));
        clock.advance(299);
        assert_eq!(sets.due().len(), 0);
        clock.advance(1);
        assert_eq!(sets.due().len(), 1, "old");
        assert!(Arc::ptr_eq(&set, &sets.entry(set.source.clone())));
        assert_eq!(set.source.authority(), "a.example:8443");
        drop(set);
        assert!(sets.due().is_empty());
        assert!(sets.sets().is_empty());
    }

    /// SPIFFE Trust Domain and Bundle, section 4.1.2: within the limits of this server.
    #[test]
    fn a_bundle_is_fetched_at_its_refresh_hint_within_bounds() {
        for (hint, seconds) in [(0, 10), (60, 60), (86_400, 300), (u64::MAX, 300)] {
            let (sets, clock, set) = sets();
            let bundle = format!(r#"{{"keys":[],"spiffe_refresh_hint":{hint}}}"#);
            set.begin().finish(ExternalJwks::bundle(&bundle).map_err(|error| error.to_string()));
            clock.advance(seconds - 1);
            assert_eq!(sets.due().len(), 0, "{hint}");
            clock.advance(1);
            assert_eq!(sets.due().len(), 1, "{hint}");
        }
    }

    /// S-7: consecutive failures make the pauses longer, and no caller can shorten them.
    #[test]
    fn failures_in_a_row_are_tried_again_after_longer_and_longer_pauses() {
        let (sets, clock, set) = sets();
        for seconds in [10, 20, 40, 80, 160, 300, 300] {
            assert_eq!(sets.due().len(), 1);
            assert_eq!(fail(&set), Some(Duration::from_secs(seconds)));
            sets.request_fetch(&set);
            clock.advance(i64::try_from(seconds).expect("a number") - 1);
            assert_eq!(sets.due().len(), 0, "before the pause of {seconds} s is over");
            clock.advance(1);
        }
        assert_eq!(set.failures_in_a_row(), 7);
        set.begin().finish(Ok(ExternalJwks::default()));
        assert_eq!((set.failures_in_a_row(), set.problem()), (0, None));
        clock.advance(300);
        assert_eq!(fail(&set), Some(Duration::from_secs(10)), "one success, and it starts over");
    }

    /// The 24 hours are measured by the monotonic clock, independently of the system time.
    #[test]
    fn keys_expire_after_24_monotonic_hours_despite_clock_jumps() {
        let (sets, clock, set) = sets();
        assert!(set.keys().is_none());
        set.begin().finish(Ok(ExternalJwks::default()));
        clock.jump(10 * 86_400);
        assert!(set.keys().is_some(), "no time has passed");
        assert_eq!(sets.due().len(), 0);
        clock.jump(-20 * 86_400);
        clock.advance(86_400);
        assert!(set.keys().is_some());
        assert_eq!(sets.due().len(), 1, "a clock that was set back holds up nothing");
        fail(&set);
        clock.advance(1);
        assert!(set.keys().is_none(), "keys that are not fetched for 24 hours end");
    }

    #[test]
    fn an_attempt_that_is_dropped_has_failed() {
        let (sets, clock, set) = sets();
        drop(set.begin());
        assert_eq!(set.failures_in_a_row(), 1);
        assert!(set.problem().is_some_and(|problem| problem.contains("aborted")));
        clock.advance(10);
        assert_eq!(sets.due().len(), 1);
    }

    #[test]
    fn the_set_that_has_waited_longest_is_the_first() {
        let (sets, clock, first) = sets();
        fail(&first);
        clock.advance(11);
        let uri =
            |name: &str| KeySetUri::parse(&format!("https://{name}.example/")).expect("a URI");
        let second = sets.entry(RemoteSource::KeySet(uri("b")));
        let due: Vec<_> = sets.due().iter().map(|set| set.source.authority()).collect();
        assert_eq!(due, ["a.example:8443", "b.example"]);
        drop(second);
    }
}
