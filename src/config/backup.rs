//! The settings of backups that a server makes.

use std::path::{Path, PathBuf};

use crate::config::parse::{lifetime, path, whole};
use crate::config::read::SettingsReader;
use crate::model::time::Lifetime;

/// The shortest time between two backups, in seconds.
const MIN_SCHEDULE_SECONDS: i64 = 300;

/// When backups are made, where they are, and how many are kept.
#[derive(Debug, Clone)]
pub struct BackupSettings {
    /// How old the newest backup may be; none are made if absent.
    pub schedule: Option<Lifetime>,
    /// The folder.
    pub dir: PathBuf,
    /// How many are kept.
    pub keep: usize,
}

impl SettingsReader<'_> {
    /// How backups are made; every problem is noted.
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
        let keep = self.parsed("backup.keep", |text| whole(text, 1, 1_000));
        Some(BackupSettings { schedule: schedule?, dir: dir?, keep: keep? })
    }
}
