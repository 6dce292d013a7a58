//! Fetches key sets in the background. A slow or hostile host delays only itself: each set has its
//! own task, and slots are limited in total and for each host.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};

use crate::app::App;
use crate::jose::external_jwks::ExternalJwks;
use crate::remote_keys::{KeySets, RemoteKeys, fetch_keys};

/// The interval of checking for sets that are old, or whose pause after a failure has ended.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum number of parallel fetches, in total and from one host.
struct Limits {
    total: usize,
    per_host: usize,
}

/// The limits for sets whose last attempt succeeded, or that have not been tried.
const HEALTHY: Limits = Limits { total: 64, per_host: 16 };

/// The limits for sets whose last attempt failed. They have separate slots, so that hosts that hang
/// do not block hosts that answer.
const FAILING: Limits = Limits { total: 32, per_host: 4 };

/// Fetches each key set when it is requested or old.
pub(super) async fn fetch_key_sets(app: Arc<App>) {
    let fetcher = app.clone();
    let fetch = move |set: Arc<RemoteKeys>| {
        let app = fetcher.clone();
        async move {
            let keys = fetch_keys(&app.services.fetcher, &set.source).await;
            app.metrics.key_set_fetches.count(usize::from(keys.is_err()));
            keys
        }
    };
    run(&app.directory.key_sets, fetch).await;
}

async fn run<F>(key_sets: &KeySets, fetch: impl Fn(Arc<RemoteKeys>) -> F)
where
    F: Future<Output = Result<ExternalJwks, String>> + Send + 'static,
{
    let mut running = Running::default();
    loop {
        for set in key_sets.due() {
            if let Some(slot) = running.slot(&set) {
                running.start(slot, set.clone(), fetch(set));
            }
        }
        tokio::select! {
            () = running.one_ended() => {}
            () = key_sets.fetch_requested() => {}
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
    }
}

/// The running fetches.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    slots: HashMap<Id, FetchSlot>,
}

/// Slot of a fetch, counted against the limits.
#[derive(Debug, PartialEq, Eq)]
struct FetchSlot {
    host: String,
    is_failing: bool,
}

impl Running {
    /// Returns a slot for a set, if one is free.
    fn slot(&self, set: &RemoteKeys) -> Option<FetchSlot> {
        let is_failing = set.failures_in_a_row() > 0;
        let slot = FetchSlot { host: set.source.authority(), is_failing };
        let limits = if is_failing { FAILING } else { HEALTHY };
        let taken = self.slots.values().filter(|other| other.is_failing == is_failing).count();
        let of_host = self.slots.values().filter(|other| **other == slot).count();
        (taken < limits.total && of_host < limits.per_host).then_some(slot)
    }

    fn start<F>(&mut self, slot: FetchSlot, set: Arc<RemoteKeys>, fetch: F)
    where
        F: Future<Output = Result<ExternalJwks, String>> + Send + 'static,
    {
        let attempt = set.begin();
        let task = self.tasks.spawn(async move {
            let result = fetch.await;
            let problem = result.as_ref().err().cloned();
            let pause = attempt.finish(result);
            if let (Some(problem), Some(pause)) = (problem, pause) {
                let url = set.source.url();
                let retry_in_s = pause.as_secs();
                tracing::warn!(url, problem, retry_in_s, "a key set cannot be fetched");
            }
        });
        self.slots.insert(task.id(), slot);
    }

    /// Waits until a fetch ends, and frees its slot. Waits forever if none is running.
    async fn one_ended(&mut self) {
        let ended = match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => {
                let problem = error.to_string();
                tracing::error!(task = "fetch_key_set", problem, "a fetch of a key set panicked");
                error.id()
            }
        };
        self.slots.remove(&ended);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::model::security::KeySetUri;
    use crate::model::time::{Clock, Timestamp};
    use crate::remote_keys::RemoteSource;

    fn set(sets: &KeySets, url: &str) -> Arc<RemoteKeys> {
        sets.entry(RemoteSource::KeySet(KeySetUri::parse(url).expect("a URI")))
    }

    /// S-2, S-8: a fetch that panics, and hundreds that hang, delay no other set.
    #[tokio::test]
    async fn sets_that_panic_or_hang_delay_no_other() {
        let clock = Clock::fixed(Timestamp(1_795_527_403));
        let sets = KeySets::new(clock.clone());
        let panicking = set(&sets, "https://panics.example/");
        let hanging: Vec<_> =
            (0..100).map(|n| set(&sets, &format!("https://hangs.example/{n}"))).collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noting = asked.clone();
        let fetch = move |set: Arc<RemoteKeys>| {
            noting.lock().expect("a lock").push(set.source.url().to_owned());
            async move {
                let host = set.source.authority();
                assert_ne!(host, "panics.example", "a fault of the server");
                if host == "hangs.example" {
                    std::future::pending::<()>().await;
                }
                Ok(ExternalJwks::default())
            }
        };
        let test = async {
            until(|| panicking.failures_in_a_row() == 1).await;
            let good = set(&sets, "https://good.example/");
            until(|| good.keys().is_some()).await;
            clock.advance(10);
            until(|| panicking.failures_in_a_row() == 2).await;
        };
        tokio::select! {
            () = run(&sets, fetch) => unreachable!("it never ends"),
            () = test => {}
        }
        let asked = asked.lock().expect("a lock");
        let hung = asked.iter().filter(|url| url.contains("hangs.example")).count();
        assert_eq!((hung, hanging.len()), (HEALTHY.per_host, 100), "bounded for each host");
    }

    async fn until(is_true: impl Fn() -> bool) {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[test]
    fn a_set_that_failed_takes_no_slot_of_the_others() {
        let sets = KeySets::new(Clock::System);
        let failed = set(&sets, "https://a.example/");
        failed.begin().finish(Err("no answer".to_owned()));
        let running = Running::default();
        assert!(running.slot(&failed).expect("a slot").is_failing);
        assert!(!running.slot(&set(&sets, "https://a.example/2")).expect("a slot").is_failing);
    }
}
