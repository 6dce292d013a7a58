//! Values that many clients have, each stored once.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// The minimum number of values before unused ones are swept.
pub(super) const MIN_SWEEP_LEN: usize = 64;

/// Shared values by their keys. A value that only this table holds is dropped by a later sweep.
#[derive(Debug)]
pub(super) struct Interner<K, V> {
    values: HashMap<K, Arc<V>>,
    /// The number of values at which the next sweep runs.
    next_sweep_len: usize,
}

impl<K, V> Default for Interner<K, V> {
    fn default() -> Self {
        Self { values: HashMap::new(), next_sweep_len: MIN_SWEEP_LEN }
    }
}

impl<K: Eq + Hash, V> Interner<K, V> {
    /// Returns the shared value of a key.
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        self.values.get(key).cloned()
    }

    /// Shares a value from now on. Sweeps first if there are many.
    pub(super) fn insert(&mut self, key: K, value: Arc<V>) {
        if self.values.len() >= self.next_sweep_len {
            self.sweep();
        }
        self.values.insert(key, value);
    }

    /// Drops the values that only this table holds.
    pub(super) fn sweep(&mut self) {
        self.values.retain(|_, value| Arc::strong_count(value) > 1);
        self.next_sweep_len = MIN_SWEEP_LEN.max(2 * self.values.len());
    }

    /// Returns every key with its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &Arc<V>)> {
        self.values.iter()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}
