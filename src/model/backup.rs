//! Backups: what a file says of itself, and the rows in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::model::event::Head;
use crate::model::time::Timestamp;

/// The version of the format that this program writes, and the newest one that it reads.
pub const FORMAT: u32 = 1;

/// What a backup says of itself before its rows, in the clear. A change of it is noticed: the rows
/// are sealed under its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format. It is the first member of a backup of every version.
    pub tokend_backup: u32,
    /// Tells two backups apart.
    pub id: String,
    /// The version of the program that made it.
    pub version: String,
    /// The engine of the database that it was made of, for people.
    pub engine: String,
    /// The version of the schema.
    pub schema: i64,
    /// The time at which it was made.
    #[serde(deserialize_with = "timestamp")]
    pub created_at: Timestamp,
    /// The last event in it.
    pub sequence: i64,
    /// The hash of that event, which proves all before it.
    pub hash: String,
    /// The fingerprint of the master key that it is sealed under.
    pub master_key: String,
}

impl Manifest {
    /// The end of the chain of events in the backup.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash.clone() }
    }
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse(&text).map_err(serde::de::Error::custom)
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
}

/// What the values of a column are. Each engine has these three.
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

/// The values of a row, in the order of the columns: texts, whole numbers, booleans and null.
pub type Row = Vec<Value>;

/// How many rows of each table a backup has.
pub type RowCounts = BTreeMap<String, u64>;
