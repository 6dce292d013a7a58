//! The rates of each caller of the admin API at requests that are expensive for the server.

use crate::limits::rate_table::RateTable;
use crate::model::rate::Rate;

/// How many callers have a count of their own. With more callers, some share one.
const CALLER_BUCKETS: usize = 1 << 10;

/// Limits the reports of leaked secrets: each may cost hashes and events.
pub fn leak_reports() -> RateTable {
    RateTable::new(Rate::per_minute::<60>(), CALLER_BUCKETS)
}

/// Limits the tests of tokens against trusts: each may fetch remote key sets.
pub fn trust_tests() -> RateTable {
    RateTable::new(Rate::per_minute::<30>(), CALLER_BUCKETS)
}
