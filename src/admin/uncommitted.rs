//! A change that is written but not committed, so that what it made can be delivered first.

use crate::admin::{AdminError, AuditedChange};

/// A change that waits for its commit, and what it made. Dropping it changes nothing.
///
/// No other change begins meanwhile, so what is done before the commit must be short.
pub struct Pending<T> {
    change: AuditedChange,
    made: T,
}

impl<T> Pending<T> {
    pub(super) fn new(change: AuditedChange, made: T) -> Self {
        Self { change, made }
    }

    /// What the change made.
    pub fn made(&self) -> &T {
        &self.made
    }

    /// Commits the change and gives what it made.
    ///
    /// [`crate::store::StoreError::OutcomeUnknown`]: the database did not confirm the commit. After
    /// every other error nothing was changed.
    pub async fn commit(self) -> Result<T, AdminError> {
        self.change.commit().await?;
        Ok(self.made)
    }
}
