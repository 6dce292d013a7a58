//! Tokens and rejections of the busiest clients, if the operator enables metrics per client.
//!
//! A token is counted for its client while the client is among the busiest, and for `other`
//! otherwise. No counter therefore decreases when other clients become the busiest.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::client::ClientId;
use crate::telemetry::metrics::definitions::{CLIENT_REJECTIONS, CLIENT_TOKENS};
use crate::telemetry::metrics::http::OTHER;
use crate::telemetry::metrics::writer::Writer;

/// Counts of a client, or of all clients without a label.
#[derive(Debug, Default)]
struct Counts {
    tokens: AtomicU64,
    rejections: AtomicU64,
}

/// Activity of one client.
#[derive(Debug)]
pub struct ClientMeter {
    client_id: ClientId,
    other: Arc<Counts>,
    shown: Counts,
    is_shown: AtomicBool,
    /// The number of requests since the last ranking.
    recent: AtomicU64,
    /// The activity with exponential decay: each ranking halves the earlier score.
    score: AtomicU64,
}

impl ClientMeter {
    /// Counts a token.
    pub fn count_token(&self) {
        self.recent.fetch_add(1, Ordering::Relaxed);
        self.counts().tokens.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a rejected request.
    pub fn count_rejection(&self) {
        self.recent.fetch_add(1, Ordering::Relaxed);
        self.counts().rejections.fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> &Counts {
        if self.is_shown.load(Ordering::Relaxed) { &self.shown } else { &self.other }
    }

    fn rank(&self) -> u64 {
        let recent = self.recent.swap(0, Ordering::Relaxed);
        let score = self.score.load(Ordering::Relaxed) / 2 + recent;
        self.score.store(score, Ordering::Relaxed);
        score
    }
}

/// The busiest clients, which have a label.
#[derive(Debug)]
pub struct BusiestClients {
    /// The maximum number of clients with a label. With 0, none is counted.
    max_clients: usize,
    shown: Mutex<Vec<Arc<ClientMeter>>>,
    other: Arc<Counts>,
}

impl BusiestClients {
    /// Creates metrics for `max_clients` clients. With 0, nothing is counted.
    pub fn new(max_clients: usize) -> Self {
        Self { max_clients, shown: Mutex::default(), other: Arc::default() }
    }

    /// True if clients are counted.
    pub fn is_wanted(&self) -> bool {
        self.max_clients > 0
    }

    /// Returns the meter of a client, if clients are counted.
    pub fn meter(&self, client_id: &ClientId) -> Option<Arc<ClientMeter>> {
        self.is_wanted().then(|| {
            Arc::new(ClientMeter {
                client_id: client_id.clone(),
                other: self.other.clone(),
                shown: Counts::default(),
                is_shown: AtomicBool::new(false),
                recent: AtomicU64::new(0),
                score: AtomicU64::new(0),
            })
        })
    }

    /// Selects the busiest clients again, among all clients.
    pub fn rank(&self, all: impl Iterator<Item = Arc<ClientMeter>>) {
        let mut ranked: Vec<_> =
            all.map(|meter| (meter.rank(), meter)).filter(|(score, _)| *score > 0).collect();
        ranked.sort_unstable_by(|one, other| {
            let by_score = other.0.cmp(&one.0);
            by_score.then_with(|| one.1.client_id.cmp(&other.1.client_id))
        });
        ranked.truncate(self.max_clients);
        let busiest: Vec<_> = ranked.into_iter().map(|(_, meter)| meter).collect();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for (meters, is_shown) in [(&*shown, false), (&busiest, true)] {
            for meter in meters {
                meter.is_shown.store(is_shown, Ordering::Relaxed);
            }
        }
        *shown = busiest;
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        if !self.is_wanted() {
            return Ok(());
        }
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (definition, count) in [
            (&CLIENT_TOKENS, (|counts| &counts.tokens) as fn(&Counts) -> &AtomicU64),
            (&CLIENT_REJECTIONS, |counts| &counts.rejections),
        ] {
            let mut family = writer.family(definition)?;
            for meter in &shown {
                let value = count(&meter.shown).load(Ordering::Relaxed);
                family.counter(&[("client", meter.client_id.as_str())], value)?;
            }
            family.counter(&[("client", OTHER)], count(&self.other).load(Ordering::Relaxed))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_counter_falls_when_another_client_becomes_the_busiest() {
        let busiest = BusiestClients::new(1);
        let meter = |id| busiest.meter(&ClientId::parse(id).expect("an id")).expect("a meter");
        let (one, two) = (meter("one"), meter("two"));
        let all = || [one.clone(), two.clone()].into_iter();
        let tokens = |counts: &Counts| counts.tokens.load(Ordering::Relaxed);
        one.count_token();
        busiest.rank(all());
        one.count_token();
        two.count_token();
        two.count_token();
        busiest.rank(all());
        one.count_token();
        two.count_token();
        assert_eq!((tokens(&one.shown), tokens(&two.shown)), (1, 1));
        assert_eq!(tokens(&busiest.other), 4);
        assert_eq!(busiest.shown.lock().expect("a lock")[0].client_id.as_str(), "two");
        assert!(BusiestClients::new(0).meter(&one.client_id).is_none());
    }
}
