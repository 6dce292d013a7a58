//! Changes that are written but not yet committed, so that their result can be delivered first.

use crate::admin::{AdminError, AuditedChange};

/// An uncommitted change and its result. Dropping it rolls the change back.
///
/// It blocks all other changes, so the work before the commit must be short.
pub struct Pending<T> {
    change: AuditedChange,
    made: T,
}

impl<T> Pending<T> {
    pub(super) fn new(change: AuditedChange, made: T) -> Self {
        Self { change, made }
    }

    /// Returns the result of the change.
    pub fn made(&self) -> &T {
        &self.made
    }

    /// Commits the change and returns its result.
    ///
    /// [`crate::store::StoreError::OutcomeUnknown`]: the database did not confirm the commit. After
    /// any other error nothing was changed.
    pub async fn commit(self) -> Result<T, AdminError> {
        self.change.commit().await?;
        Ok(self.made)
    }
}
