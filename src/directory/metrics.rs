//! Figures of the memory for metrics: counted while it changes, or once in a while by a look at all
//! clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use crate::directory::Directory;
use crate::model::client::ClientState;
use crate::model::time::{Lifetime, Timestamp};
use crate::telemetry::metrics::issued::IssuedTokens;
use crate::telemetry::metrics::per_client::BusiestClients;

/// The figures.
#[derive(Debug)]
pub struct DirectoryMetrics {
    /// Issued tokens by resource.
    pub issued: Arc<IssuedTokens>,
    /// The busiest clients.
    pub busiest: Arc<BusiestClients>,
    active: AtomicUsize,
    disabled: AtomicUsize,
    census: [AtomicUsize; 4],
    events_behind: AtomicI64,
    reloads: AtomicU64,
    unreadable_resources: AtomicUsize,
}

/// The secrets of active clients by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecretCensus {
    /// Valid, and not in one of the other states.
    pub current: usize,
    /// Valid, with an end, and not the last valid one of the client.
    pub leaving: usize,
    /// The last valid one of the client, with an end within `secrets.warn_before`.
    pub expiring: usize,
    /// No longer valid.
    pub expired: usize,
}

impl DirectoryMetrics {
    /// Figures of an empty memory. So many clients are counted one by one.
    pub(super) fn new(per_client: usize) -> Self {
        Self {
            issued: Arc::default(),
            busiest: Arc::new(BusiestClients::new(per_client)),
            active: AtomicUsize::new(0),
            disabled: AtomicUsize::new(0),
            census: Default::default(),
            events_behind: AtomicI64::new(0),
            reloads: AtomicU64::new(0),
            unreadable_resources: AtomicUsize::new(0),
        }
    }

    /// Notes that a client has come, gone or changed its state.
    pub(super) fn count_client(&self, before: Option<ClientState>, now: Option<ClientState>) {
        let number = |state| match state {
            ClientState::Active => &self.active,
            ClientState::Disabled => &self.disabled,
        };
        if let Some(state) = now {
            number(state).fetch_add(1, Ordering::Relaxed);
        }
        if let Some(state) = before {
            number(state).fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Notes how many events were in the database and not in memory.
    pub(super) fn note_behind(&self, events: i64) {
        self.events_behind.store(events, Ordering::Relaxed);
    }

    /// Counts that everything is loaded anew.
    pub(super) fn count_reload(&self) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how many stored resources cannot be read.
    pub(super) fn note_unreadable_resources(&self, resources: usize) {
        self.unreadable_resources.store(resources, Ordering::Relaxed);
    }

    /// The number of stored resources that cannot be read.
    pub fn unreadable_resources(&self) -> usize {
        self.unreadable_resources.load(Ordering::Relaxed)
    }

    /// The number of clients of a state.
    pub fn clients(&self, state: ClientState) -> usize {
        match state {
            ClientState::Active => self.active.load(Ordering::Relaxed),
            ClientState::Disabled => self.disabled.load(Ordering::Relaxed),
        }
    }

    /// How many events were in the database and not in memory at the last look.
    pub fn events_behind(&self) -> i64 {
        self.events_behind.load(Ordering::Relaxed)
    }

    /// How often everything was loaded anew.
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::Relaxed)
    }

    /// The secrets as they were last counted.
    pub fn secrets(&self) -> SecretCensus {
        let [current, leaving, expiring, expired] =
            self.census.each_ref().map(|count| count.load(Ordering::Relaxed));
        SecretCensus { current, leaving, expiring, expired }
    }
}

impl Directory {
    /// Looks at all clients: counts their secrets and ranks the busiest. Takes a tenth of a second
    /// with a million clients, so it is for a thread that may block.
    pub fn count_clients(&self, now: Timestamp, warn_before: Lifetime) {
        let clients = self.clients.pin();
        let mut census = SecretCensus::default();
        for entry in clients.values().filter(|entry| entry.state == ClientState::Active) {
            let is_valid = |end: Option<Timestamp>| end.is_none_or(|end| end > now);
            let ends = || entry.secrets.iter().map(|secret| secret.stored.expires_at);
            let lasts_longest = ends()
                .filter(|end| is_valid(*end))
                .max_by_key(|end| end.map_or(i64::MAX, |end| end.0));
            let mut is_last_seen = false;
            for end in ends() {
                let is_last = !is_last_seen && Some(end) == lasts_longest;
                is_last_seen |= is_last;
                let count = match end {
                    _ if !is_valid(end) => &mut census.expired,
                    Some(_) if !is_last => &mut census.leaving,
                    Some(end) if end <= now.plus(warn_before) => &mut census.expiring,
                    _ => &mut census.current,
                };
                *count += 1;
            }
        }
        let SecretCensus { current, leaving, expiring, expired } = census;
        for (count, found) in self.metrics.census.iter().zip([current, leaving, expiring, expired])
        {
            count.store(found, Ordering::Relaxed);
        }
        if self.metrics.busiest.is_wanted() {
            self.metrics.busiest.rank(clients.values().filter_map(|entry| entry.meter.clone()));
        }
    }
}
