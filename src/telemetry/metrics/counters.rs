//! Counters by one label whose values are a closed list.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::telemetry::metrics::definitions::Definition;
use crate::telemetry::metrics::writer::Writer;

/// A counter for each of `N` values of a label.
#[derive(Debug)]
pub struct Counters<const N: usize> {
    values: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Counters<N> {
    /// Nothing has been counted.
    pub fn new(values: [&'static str; N]) -> Self {
        Self { values, counts: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Counts one at a place of the list; the last one is for all beyond.
    pub fn count(&self, place: usize) {
        if let Some(count) = self.counts.get(place).or(self.counts.last()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts one by its value; one that is not in the list is counted with the last.
    pub fn count_value(&self, value: &str) {
        self.count(self.values.iter().position(|known| *known == value).unwrap_or(N));
    }

    /// How many have been counted at a place.
    pub fn get(&self, place: usize) -> u64 {
        self.counts.get(place).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Writes all of them, zeros too, so that the first increase is seen.
    pub(super) fn write(&self, writer: &mut Writer<'_>, definition: &Definition) -> fmt::Result {
        let label = definition.labels.first().copied().unwrap_or_default();
        let mut family = writer.family(definition)?;
        for (value, count) in self.values.iter().zip(&self.counts) {
            family.counter(&[(label, value)], count.load(Ordering::Relaxed))?;
        }
        Ok(())
    }
}
