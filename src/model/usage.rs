//! Entries of the usage statistics: when something proved a client, how often, and from where.

use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::client::ClientId;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;

/// How often each instance writes its usage statistics, in seconds.
pub const WRITE_INTERVAL_SECONDS: i64 = 15;

/// How much later the usage statistics must have been written than a time for its uses to be known:
/// instances write at different times, and their clocks differ a little.
const WRITE_MARGIN_SECONDS: i64 = 2 * WRITE_INTERVAL_SECONDS;

/// What has proved a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used<'a> {
    /// One of its secrets.
    Secret(&'a SecretId),
    /// What it has besides secrets: its keys, its certificate, or a trust.
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

/// How much of the usage statistics is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageHorizon {
    /// The present time, by which ages are told.
    pub now: Timestamp,
    /// Every instance has written its uses before this time, by the clock of the database.
    pub written_until: Timestamp,
}

impl UsageHorizon {
    /// The time until which every use is certain to be known.
    pub fn known_until(&self) -> Timestamp {
        self.written_until.minus_seconds(WRITE_MARGIN_SECONDS)
    }

    /// The same if every instance had just written.
    #[must_use]
    pub fn without_delay(&self) -> Self {
        Self { written_until: self.now.plus_seconds(WRITE_MARGIN_SECONDS), ..*self }
    }
}
