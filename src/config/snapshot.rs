//! The settings of the snapshot of the memory.

use std::time::Duration;

use crate::config::parse::{boolean, duration};
use crate::config::read::SettingsReader;

/// The shortest time between two snapshots.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Whether the memory is written to a file, and how often.
#[derive(Debug, Clone)]
pub struct SnapshotSettings {
    /// True if snapshots are written and read.
    pub enabled: bool,
    /// The time between two snapshots.
    pub interval: Duration,
}

impl SettingsReader<'_> {
    /// How snapshots are written; every problem is noted.
    pub(super) fn snapshot(&mut self) -> Option<SnapshotSettings> {
        let enabled = self.parsed("snapshot.enabled", boolean);
        let interval = self.parsed("snapshot.interval", |text| match duration(text)? {
            interval if interval >= MIN_INTERVAL => Ok(interval),
            _ => Err("is shorter than 1s".to_owned()),
        });
        Some(SnapshotSettings { enabled: enabled?, interval: interval? })
    }
}
