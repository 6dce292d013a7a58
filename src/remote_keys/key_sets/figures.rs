//! Figures of the remote key sets, for metrics.

use std::time::Duration;

use crate::remote_keys::key_sets::{KEYS_TTL, KeySets};

/// Number of remote key sets by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeySetFigures {
    /// The number of fetched sets whose last attempt succeeded.
    pub current: usize,
    /// The number of fetched sets whose last attempt failed, so that the earlier keys are used.
    pub failing: usize,
    /// The number of sets that were not fetched, or so long ago that the keys are no longer valid.
    pub missing: usize,
    /// The age of the oldest fetched set that is still used.
    pub oldest: Duration,
}

impl KeySets {
    /// Returns the current figures.
    pub fn figures(&self) -> KeySetFigures {
        let sets: Vec<_> = self.sets().values().cloned().collect();
        let now = self.clock.monotonic();
        let mut figures = KeySetFigures::default();
        for set in sets {
            let age = set.fetched.load().as_ref().map(|fetched| now.since(fetched.at));
            match age.filter(|age| *age <= KEYS_TTL) {
                None => figures.missing += 1,
                Some(age) => {
                    figures.oldest = figures.oldest.max(age);
                    let has_failed = set.failures_in_a_row() > 0;
                    *(if has_failed { &mut figures.failing } else { &mut figures.current }) += 1;
                }
            }
        }
        figures
    }
}
