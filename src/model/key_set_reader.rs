//! Readers of the key set, and the keys that they know. This is a hint and not proof: readers
//! behind a CDN are invisible, and any host can fetch the key set under any name.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::time::Timestamp;

/// Readers of one network with one user agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeySetReader {
    /// The network of the address: /24 of IPv4, /48 of IPv6.
    pub network: String,
    /// The first product of the `User-Agent` header.
    pub user_agent: String,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When it was last seen.
    pub last_seen_at: Timestamp,
    /// The number of days (UTC) on which it was seen.
    pub days: i64,
    /// When the newest key that it has fetched was created.
    pub newest_key_at: Timestamp,
}

impl KeySetReader {
    /// The number of seconds after which a reader that was not seen again is inactive.
    pub const ACTIVE_SECONDS: i64 = 3 * 86_400;

    /// The number of days after which a reader is expected to return.
    pub const STEADY_DAYS: i64 = 3;

    /// True if the reader was seen recently.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.last_seen_at.plus_seconds(Self::ACTIVE_SECONDS) > now
    }

    /// True if the reader is expected to return.
    pub fn is_steady(&self, now: Timestamp) -> bool {
        self.is_active(now) && self.days >= Self::STEADY_DAYS
    }

    /// True if the reader has fetched a key set with the key created at `created_at`.
    pub fn knows(&self, created_at: Timestamp) -> bool {
        self.newest_key_at >= created_at
    }
}
