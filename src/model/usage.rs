//! The ledger's entries: when a secret was used, how often, and from where.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::time::Timestamp;

/// What is known of the use of a secret. Each use proved a client for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The first use.
    pub first_used_at: Timestamp,
    /// The last use.
    pub last_used_at: Timestamp,
    /// How many uses there were.
    pub uses: i64,
    /// Where the last one came from.
    pub last_address: IpAddr,
}
