//! Figures of the directory for metrics. They are counted on each change, or periodically over all
//! clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use crate::directory::Directory;
use crate::model::client::ClientState;
use crate::model::time::{Lifetime, Timestamp};
use crate::telemetry::metrics::issued::IssuedTokens;
use crate::telemetry::metrics::per_client::BusiestClients;

/// Figures of the directory.
#[derive(Debug)]
pub struct DirectoryMetrics {
    /// The issued tokens by resource.
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

/// Secrets of active clients by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecretCensus {
    /// Valid, and not in one of the other states.
    pub current: usize,
    /// Valid, with an expiry, and not the last valid secret of the client.
    pub leaving: usize,
    /// The last valid secret of the client, with an expiry within `secrets.warn_before`.
    pub expiring: usize,
    /// No longer valid.
    pub expired: usize,
}

impl DirectoryMetrics {
    /// Creates the figures of an empty directory. `per_client` is the number of clients with their
    /// own metrics.
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

    /// Records that a client was added or removed, or changed its state.
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

    /// Records how many events of the database are not in memory.
    pub(super) fn note_behind(&self, events: i64) {
        self.events_behind.store(events, Ordering::Relaxed);
    }

    /// Counts a full reload.
    pub(super) fn count_reload(&self) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }

    /// Records how many stored resources cannot be parsed.
    pub(super) fn note_unreadable_resources(&self, resources: usize) {
        self.unreadable_resources.store(resources, Ordering::Relaxed);
    }

    /// Returns the number of stored resources that cannot be parsed.
    pub fn unreadable_resources(&self) -> usize {
        self.unreadable_resources.load(Ordering::Relaxed)
    }

    /// Returns the number of clients in a state.
    pub fn clients(&self, state: ClientState) -> usize {
        match state {
            ClientState::Active => self.active.load(Ordering::Relaxed),
            ClientState::Disabled => self.disabled.load(Ordering::Relaxed),
        }
    }

    /// Returns how many events of the database were not in memory at the last check.
    pub fn events_behind(&self) -> i64 {
        self.events_behind.load(Ordering::Relaxed)
    }

    /// Returns the number of full reloads.
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::Relaxed)
    }

    /// Returns the latest census of secrets.
    pub fn secrets(&self) -> SecretCensus {
        let [current, leaving, expiring, expired] =
            self.census.each_ref().map(|count| count.load(Ordering::Relaxed));
        SecretCensus { current, leaving, expiring, expired }
    }
}

impl Directory {
    /// Counts the secrets of all clients and ranks the busiest clients. It takes a tenth of a
    /// second with a million clients, so it is for a blocking thread.
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
