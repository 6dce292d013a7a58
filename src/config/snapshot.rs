//! Settings of the snapshot of the directory.

use std::time::Duration;

use crate::config::parse::{boolean, duration};
use crate::config::read::SettingsReader;

/// The minimum time between two snapshots.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Settings of the snapshot file of the directory.
#[derive(Debug, Clone)]
pub struct SnapshotSettings {
    /// True if snapshots are written and read.
    pub enabled: bool,
    /// The time between two snapshots.
    pub interval: Duration,
}

impl SettingsReader<'_> {
    /// Parses the settings of snapshots and records every problem.
    pub(super) fn snapshot(&mut self) -> Option<SnapshotSettings> {
        let enabled = self.parsed("snapshot.enabled", boolean);
        let interval = self.parsed("snapshot.interval", |text| match duration(text)? {
            interval if interval >= MIN_INTERVAL => Ok(interval),
            _ => Err("is shorter than 1s".to_owned()),
        });
        Some(SnapshotSettings { enabled: enabled?, interval: interval? })
    }
}
