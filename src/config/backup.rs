//! Settings of scheduled backups.

use std::path::{Path, PathBuf};

use crate::config::parse::{lifetime, parse_integer, path};
use crate::config::read::SettingsReader;
use crate::model::time::Lifetime;

/// The minimum time between two backups, in seconds.
const MIN_SCHEDULE_SECONDS: i64 = 300;

/// Schedule, folder and number of backups.
#[derive(Debug, Clone)]
pub struct BackupSettings {
    /// The maximum age of the newest backup; `None` turns scheduled backups off.
    pub schedule: Option<Lifetime>,
    /// The folder of the backups.
    pub dir: PathBuf,
    /// The number of backups to keep.
    pub keep: usize,
}

impl SettingsReader<'_> {
    /// Reads the backup settings and records every problem.
    pub(super) fn backup(&mut self, data_dir: &Path) -> Option<BackupSettings> {
        let schedule = self.parsed("backup.schedule", |text| match text {
            "off" => Ok(None),
            text => match lifetime(text)? {
                schedule if schedule.seconds() >= MIN_SCHEDULE_SECONDS => Ok(Some(schedule)),
                _ => Err("is shorter than 5m".to_owned()),
            },
        });
        let dir = self.parsed("backup.dir", |text| match text {
            "" => Ok(data_dir.join("backups")),
            text => path(text).map(PathBuf::from),
        });
        let keep = self.parsed("backup.keep", |text| parse_integer(text, 1, 1_000));
        Some(BackupSettings { schedule: schedule?, dir: dir?, keep: keep? })
    }
}
