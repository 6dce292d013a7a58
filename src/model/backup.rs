//! Backups: their manifest and rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::model::event::Head;
use crate::model::time::Timestamp;

/// The format version that this program writes, and the newest one that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The plaintext header of a backup. The rows are sealed with its digest, so a modified manifest is
/// detected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format version. It is the first member in backups of every version.
    pub tokend_backup: u32,
    /// A unique id of the backup.
    pub id: String,
    /// The version of the program that created the backup.
    pub version: String,
    /// The database engine of the source, for display.
    pub engine: String,
    /// The version of the schema.
    pub schema: i64,
    /// The time of the backup.
    #[serde(deserialize_with = "timestamp")]
    pub created_at: Timestamp,
    /// The sequence of the last event in the backup.
    pub sequence: i64,
    /// The hash of that event, which authenticates all earlier events.
    pub hash: String,
    /// The fingerprint of the master key that seals the backup.
    pub master_key: String,
}

impl Manifest {
    /// Returns the end of the hash chain in the backup.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash.clone() }
    }
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse(&text).map_err(serde::de::Error::custom)
}

/// A column of a table in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name of the column.
    pub name: String,
    /// The type of its values.
    pub kind: ColumnKind,
}

/// The type of the values of a column. Both engines have these three types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// TEXT.
    Text,
    /// BIGINT.
    Number,
    /// BOOLEAN.
    Flag,
}

/// The values of a row, in the order of the columns: strings, integers, booleans and null.
pub type Row = Vec<Value>;

/// The number of rows of each table in a backup.
pub type RowCounts = BTreeMap<String, u64>;
