//! What is known of the database without asking it: readiness must answer at once.

use std::sync::atomic::{AtomicBool, Ordering};

/// How the database was when it was last used.
#[derive(Debug, Default)]
pub struct DatabaseHealth {
    is_away: AtomicBool,
    rejects_writes: AtomicBool,
}

impl DatabaseHealth {
    /// Notes whether the database answered; true if that is new.
    pub fn note_answer(&self, answers: bool) -> bool {
        self.is_away.swap(!answers, Ordering::Relaxed) == answers
    }

    /// Notes whether something could be written; true if that is new.
    pub fn note_write(&self, is_done: bool) -> bool {
        self.rejects_writes.swap(!is_done, Ordering::Relaxed) == is_done
    }

    /// True if the database did not answer the last time.
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// True if it answers, and could not be written the last time.
    pub fn rejects_writes(&self) -> bool {
        !self.is_away() && self.rejects_writes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once() {
        let health = DatabaseHealth::default();
        assert!(!health.note_answer(true) && !health.note_write(true));
        assert!(health.note_write(false) && !health.note_write(false));
        assert!(health.rejects_writes());
        assert!(health.note_answer(false) && !health.note_answer(false));
        assert!(health.is_away() && !health.rejects_writes(), "one reason at a time");
        assert!(health.note_answer(true) && health.rejects_writes());
        assert!(health.note_write(true) && !health.rejects_writes());
    }
}
