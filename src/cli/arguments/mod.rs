//! Arguments that several commands take: durations, times, facts, and what standard
//! input holds.

pub(super) mod duration;
pub(super) mod facts;
pub(super) mod input;
pub(super) mod time;
