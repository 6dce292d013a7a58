//! The settings of the audit log.

use crate::config::parse::{ConfigProblem, lifetime};
use crate::config::read::SettingsReader;
use crate::model::time::Lifetime;

/// The shortest time between two checkpoints, in seconds.
const MIN_CHECKPOINT_SECONDS: i64 = 60;

/// What is done with the audit log.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// How old the last signed checkpoint may be; none are signed by themselves if absent.
    pub checkpoint_interval: Option<Lifetime>,
}

impl SettingsReader<'_> {
    /// What is done with the audit log; every problem is noted.
    pub(super) fn audit(&mut self) -> Option<AuditSettings> {
        let checkpoint_interval = self.parsed("audit.checkpoint_interval", |text| {
            off_or_at_least(text, MIN_CHECKPOINT_SECONDS, "1m")
        });
        Some(AuditSettings { checkpoint_interval: checkpoint_interval? })
    }
}

/// `off`, or a time that is not too short.
fn off_or_at_least(
    text: &str,
    min_seconds: i64,
    min: &str,
) -> Result<Option<Lifetime>, ConfigProblem> {
    match text {
        "off" => Ok(None),
        text => match lifetime(text)? {
            time if time.seconds() >= min_seconds => Ok(Some(time)),
            _ => Err(format!("is shorter than {min}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_long_enough_or_off() {
        assert_eq!(off_or_at_least("off", 60, "1m"), Ok(None));
        let day = off_or_at_least("24h", 60, "1m").expect("a time");
        assert_eq!(day.map(Lifetime::seconds), Some(86_400));
        for wrong in ["", "59s", "60", "never"] {
            assert!(off_or_at_least(wrong, 60, "1m").is_err(), "{wrong}");
        }
    }
}
