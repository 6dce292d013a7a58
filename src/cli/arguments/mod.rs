//! Arguments that several commands share: durations, times, facts and standard input.

pub(super) mod duration;
pub(super) mod facts;
pub(super) mod input;
pub(super) mod time;
