//! State of the database from its latest use. Readiness reads it and must not wait for a query.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::watch;

use crate::model::time::Timestamp;
use crate::services::database_match::DatabaseMatch;

/// State of the database when it was last used.
#[derive(Debug)]
pub struct DatabaseHealth {
    is_unavailable: AtomicBool,
    /// The start of the outage, in seconds since 1970.
    unavailable_since: AtomicI64,
    rejects_writes: AtomicBool,
    database_match: watch::Sender<DatabaseMatch>,
}

impl Default for DatabaseHealth {
    fn default() -> Self {
        Self {
            is_unavailable: AtomicBool::new(false),
            unavailable_since: AtomicI64::new(0),
            rejects_writes: AtomicBool::new(false),
            database_match: watch::Sender::new(DatabaseMatch::Same),
        }
    }
}

impl DatabaseHealth {
    /// Creates the state of a database that is unavailable when the server starts.
    pub fn unavailable_at_start(now: Timestamp) -> Self {
        Self {
            is_unavailable: AtomicBool::new(true),
            unavailable_since: AtomicI64::new(now.0),
            database_match: watch::Sender::new(DatabaseMatch::Unknown),
            ..Self::default()
        }
    }

    /// Records whether the database is the one in memory.
    pub fn set_match(&self, database_match: DatabaseMatch) {
        self.database_match.send_replace(database_match);
    }

    /// True if the database is the one whose content is in memory.
    pub fn is_known(&self) -> bool {
        *self.database_match.borrow() == DatabaseMatch::Same
    }

    /// Waits until the database has this relation to the data in memory.
    pub async fn until(&self, wanted: DatabaseMatch) {
        let mut changes = self.database_match.subscribe();
        // `self` holds the sender, so it is not closed.
        let _ = changes.wait_for(|known| *known == wanted).await;
    }

    /// Records whether the database answered. True if that has changed.
    pub fn note_answer(&self, answers: bool, now: Timestamp) -> bool {
        if !answers && !self.is_unavailable.load(Ordering::Relaxed) {
            self.unavailable_since.store(now.0, Ordering::Relaxed);
        }
        self.is_unavailable.swap(!answers, Ordering::Release) == answers
    }

    /// Returns the start of the outage, if the database is unavailable.
    pub fn unavailable_since(&self) -> Option<Timestamp> {
        let is_unavailable = self.is_unavailable.load(Ordering::Acquire) || !self.is_known();
        is_unavailable.then(|| Timestamp(self.unavailable_since.load(Ordering::Relaxed)))
    }

    /// Records whether a write succeeded. True if that has changed.
    pub fn note_write(&self, is_done: bool) -> bool {
        self.rejects_writes.swap(!is_done, Ordering::Relaxed) == is_done
    }

    /// True if the database did not answer its latest request, or has not been identified yet.
    pub fn is_unavailable(&self) -> bool {
        self.is_unavailable.load(Ordering::Relaxed) || !self.is_known()
    }

    /// True if the database answers, but its latest write failed.
    pub fn rejects_writes(&self) -> bool {
        !self.is_unavailable() && self.rejects_writes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(100);

    #[test]
    fn an_outage_has_a_beginning() {
        let health = DatabaseHealth::default();
        assert_eq!(health.unavailable_since(), None);
        health.note_answer(false, NOW);
        health.note_answer(false, Timestamp(200));
        assert_eq!(health.unavailable_since(), Some(NOW));
        health.note_answer(true, Timestamp(300));
        assert_eq!(health.unavailable_since(), None);
    }

    #[test]
    fn a_change_of_health_is_reported_once() {
        let health = DatabaseHealth::default();
        assert!(!health.note_answer(true, NOW) && !health.note_write(true));
        assert!(health.note_write(false) && !health.note_write(false));
        assert!(health.rejects_writes());
        assert!(health.note_answer(false, NOW) && !health.note_answer(false, NOW));
        assert!(health.is_unavailable() && !health.rejects_writes(), "one reason at a time");
        assert!(health.note_answer(true, NOW) && health.rejects_writes());
        assert!(health.note_write(true) && !health.rejects_writes());
    }

    #[tokio::test]
    async fn a_database_unavailable_at_the_start_stays_so_until_it_is_known() {
        let health = DatabaseHealth::unavailable_at_start(NOW);
        assert!(health.note_answer(true, NOW) && health.is_unavailable() && !health.is_known());
        tokio::join!(health.until(DatabaseMatch::Same), async {
            health.set_match(DatabaseMatch::Same);
        });
        assert!(!health.is_unavailable() && health.is_known());
    }
}
