//! Rate limits for expensive requests of each caller of the admin API.

use crate::limits::rate_table::RateTable;
use crate::model::rate::Rate;

/// The number of counters for callers. With more callers, some share a counter.
const CALLER_BUCKETS: usize = 1 << 10;

/// Limits reports of leaked secrets, each of which may cost hashes and events.
pub fn leak_reports() -> RateTable {
    RateTable::new(Rate::per_minute::<60>(), CALLER_BUCKETS)
}

/// Limits tests of tokens against trusts, each of which may fetch remote key sets.
pub fn trust_tests() -> RateTable {
    RateTable::new(Rate::per_minute::<30>(), CALLER_BUCKETS)
}
