//! Failures of the background tasks of this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::backoff;
use crate::model::time::MonotonicTime;

/// The run time since the last failure after which a task has recovered.
const RECOVERED_AFTER: Duration = Duration::from_mins(10);

/// The number of consecutive failures after which a task is failing.
const TOO_MANY_FAILURES: u32 = 3;

/// The pause before the first restart. Each consecutive failure doubles it.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// The maximum pause before a restart.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// Failures of all background tasks, by name.
#[derive(Debug, Default)]
pub struct BackgroundTasks(Mutex<BTreeMap<&'static str, Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    total: u64,
    in_a_row: u32,
    last: MonotonicTime,
}

/// Restart of a task after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// The number of failures of the task in this process.
    pub failures: u64,
    /// The pause before the restart.
    pub pause: Duration,
}

impl BackgroundTasks {
    /// Counts a failure of the task with this name.
    pub fn note_failure(&self, name: &'static str, now: MonotonicTime) -> Restart {
        let mut tasks = self.tasks();
        let known = tasks.entry(name).or_insert(Failures { total: 0, in_a_row: 0, last: now });
        if known.has_recovered(now) {
            known.in_a_row = 0;
        }
        known.total = known.total.saturating_add(1);
        known.in_a_row = known.in_a_row.saturating_add(1);
        known.last = now;
        let pause = backoff::pause(known.in_a_row, MIN_PAUSE, MAX_PAUSE);
        Restart { failures: known.total, pause }
    }

    /// Returns the number of failures of each task that has failed.
    pub fn failures(&self) -> Vec<(&'static str, u64)> {
        self.tasks().iter().map(|(name, failures)| (*name, failures.total)).collect()
    }

    /// Returns the names of failing tasks: those with three consecutive failures, the last one
    /// within ten minutes.
    pub fn failing(&self, now: MonotonicTime) -> Vec<&'static str> {
        let is_failing = |failures: &Failures| {
            failures.in_a_row >= TOO_MANY_FAILURES && !failures.has_recovered(now)
        };
        let tasks = self.tasks();
        tasks.iter().filter(|(_, failures)| is_failing(failures)).map(|(name, _)| *name).collect()
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<&'static str, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    fn has_recovered(&self, now: MonotonicTime) -> bool {
        now.since(self.last) >= RECOVERED_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_fails_again_and_again_is_failing_until_it_has_recovered() {
        let tasks = BackgroundTasks::default();
        let at = |seconds: u64| MonotonicTime::default().plus(Duration::from_secs(seconds));
        for (number, pause) in [(1, 1), (2, 2), (3, 4)] {
            assert!(tasks.failing(at(number * 60)).is_empty());
            let restart = tasks.note_failure("a task", at(number * 60));
            assert_eq!(restart, Restart { failures: number, pause: Duration::from_secs(pause) });
        }
        assert_eq!(tasks.failing(at(181)), ["a task"]);
        assert!(tasks.failing(at(180 + 600)).is_empty(), "it has run for ten minutes");
        let restart = tasks.note_failure("a task", at(1000));
        assert_eq!(restart, Restart { failures: 4, pause: MIN_PAUSE });
        for _ in 0..100 {
            assert!(tasks.note_failure("another", at(1000)).pause <= MAX_PAUSE);
        }
        assert_eq!(tasks.failing(at(1000)), ["another"]);
    }
}
