//! Entries of the usage statistics: when something proved a client, how often, and from where.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::client::ClientId;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;

/// What has proved a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used<'a> {
    /// One of its secrets.
    Secret(&'a SecretId),
    /// What it has besides secrets: its keys, its certificate, or a trust.
    Other(&'a ClientId),
}

/// What is known of the use of something. Each use proved a client.
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
