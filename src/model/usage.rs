//! Usage statistics: when, how often and from where a credential authenticated a client.

use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::client::ClientId;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;

/// The interval at which each instance writes its usage statistics, in seconds.
pub const WRITE_INTERVAL_SECONDS: i64 = 15;

/// How far `written_until` must be past a time for the uses before that time to be known, in
/// seconds. Instances write at different times, and their clocks differ slightly.
const WRITE_MARGIN_SECONDS: i64 = 2 * WRITE_INTERVAL_SECONDS;

/// The credential that authenticated a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used<'a> {
    /// One of the client's secrets.
    Secret(&'a SecretId),
    /// Another credential of the client: a key, a certificate or a trust.
    Other(&'a ClientId),
}

/// Usage statistics. Each use authenticated a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Usage {
    /// The first use.
    pub first_used_at: Timestamp,
    /// The last use.
    pub last_used_at: Timestamp,
    /// The number of uses.
    #[schema(examples(240))]
    pub uses: i64,
    /// The address of the last use.
    #[schema(value_type = String, examples("192.0.2.7"))]
    pub last_address: IpAddr,
}

/// The time up to which the usage statistics are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageHorizon {
    /// The current time, for computing ages.
    pub now: Timestamp,
    /// The time until which every instance has written its uses, by the clock of the database.
    pub written_until: Timestamp,
}

impl UsageHorizon {
    /// Returns the time before which all uses are certain to be known.
    pub fn known_until(&self) -> Timestamp {
        self.written_until.minus_seconds(WRITE_MARGIN_SECONDS)
    }

    /// Returns the horizon as if every instance had just written.
    #[must_use]
    pub fn without_delay(&self) -> Self {
        Self { written_until: self.now.plus_seconds(WRITE_MARGIN_SECONDS), ..*self }
    }
}
