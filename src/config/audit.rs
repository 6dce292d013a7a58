//! Settings of the audit log.

use std::path::PathBuf;

use crate::config::parse::{ValueProblem, lifetime};
use crate::config::read::SettingsReader;
use crate::config::{DirectorySettings, NotificationSettings, Webhook};
use crate::model::time::Lifetime;
use crate::model::webhook::WebhookUrl;

/// The minimum time between two checkpoints, in seconds.
const MIN_CHECKPOINT_SECONDS: i64 = 60;

/// The minimum retention of events, in seconds. Webhooks deliver events of the last three days, and
/// a recent backup must be comparable with the log.
const MIN_RETENTION_SECONDS: i64 = 7 * 86_400;

/// Settings of the audit log.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// The maximum age of the last signed checkpoint; `None` turns automatic checkpoints off.
    pub checkpoint_interval: Option<Lifetime>,
    /// The destination of each event.
    pub sink: Option<AuditSink>,
    /// How long events are kept; `None` keeps them forever.
    pub retention: Option<Lifetime>,
}

/// A destination outside the database that receives each event of the audit log.
#[derive(Debug, Clone)]
pub enum AuditSink {
    /// Standard output of the server.
    Output,
    /// A file on the server's machine.
    File(PathBuf),
    /// A webhook, which receives a signed request for each event.
    Webhook(Webhook),
}

/// The parsed value of `audit.sink`. The secrets of a webhook come from another setting.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SinkText {
    Off,
    Output,
    File(PathBuf),
    Url(WebhookUrl),
}

impl SinkText {
    fn parse(text: &str) -> Result<Self, ValueProblem> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = PathBuf::from(path);
            let is_whole = path.is_absolute() && path.file_name().is_some();
            return if is_whole {
                Ok(Self::File(path))
            } else {
                Err("is not an absolute path; write file:/var/log/tokend/audit.jsonl".to_owned())
            };
        }
        match text {
            "" | "off" => Ok(Self::Off),
            "stdout" => Ok(Self::Output),
            text if text.starts_with("https://") => WebhookUrl::parse(text)
                .map(Self::Url)
                .map_err(|problem| format!("has a wrong URL: {problem}")),
            _ => Err("must be off, stdout, file:PATH or an https URL".to_owned()),
        }
    }

    fn url(&self) -> Option<&WebhookUrl> {
        match self {
            Self::Url(url) => Some(url),
            Self::Off | Self::Output | Self::File(_) => None,
        }
    }
}

impl SettingsReader<'_> {
    /// Reads the settings of notifications and of the audit log together, because a webhook sink
    /// takes its secrets from the notification settings. Records every problem.
    pub(super) fn notifications_and_audit(
        &mut self,
        directory: Option<&DirectorySettings>,
    ) -> (Option<NotificationSettings>, Option<AuditSettings>) {
        let sink = self.parsed("audit.sink", SinkText::parse);
        let receivers = self.notifications(sink.as_ref().and_then(SinkText::url));
        let (notifications, receiver) = receivers.unzip();
        let max_staleness = directory.map(|directory| directory.max_staleness);
        let audit = sink.and_then(|sink| self.audit(sink, receiver.flatten(), max_staleness));
        (notifications, audit)
    }

    fn audit(
        &mut self,
        sink: SinkText,
        receiver: Option<Webhook>,
        max_staleness: Option<Lifetime>,
    ) -> Option<AuditSettings> {
        let checkpoint_interval = self.parsed("audit.checkpoint_interval", |text| {
            off_or_at_least(text, MIN_CHECKPOINT_SECONDS, "1m")
        });
        let retention = self.parsed("audit.retention", |text| {
            // After an outage, an instance replays the events since it last reached the database.
            let retention = off_or_at_least(text, MIN_RETENTION_SECONDS, "7d")?;
            match (retention, max_staleness) {
                (Some(retention), Some(staleness)) if retention <= staleness => {
                    Err("is not longer than `directory.max_staleness`".to_owned())
                }
                _ => Ok(retention),
            }
        });
        let sink = match sink {
            SinkText::Off => None,
            SinkText::Output => Some(AuditSink::Output),
            SinkText::File(path) => Some(AuditSink::File(path)),
            SinkText::Url(_) => receiver.map(AuditSink::Webhook),
        };
        Some(AuditSettings {
            checkpoint_interval: checkpoint_interval?,
            sink,
            retention: retention?,
        })
    }
}

/// Parses `off`, or a time of at least `min_seconds`.
fn off_or_at_least(
    text: &str,
    min_seconds: i64,
    min: &str,
) -> Result<Option<Lifetime>, ValueProblem> {
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
    fn a_sink_is_off_stdout_a_file_or_an_https_url() {
        assert_eq!(SinkText::parse("off"), Ok(SinkText::Off));
        assert_eq!(SinkText::parse("stdout"), Ok(SinkText::Output));
        let file = SinkText::File(PathBuf::from("/a/b.jsonl"));
        assert_eq!(SinkText::parse("file:/a/b.jsonl"), Ok(file));
        assert!(SinkText::parse("https://a.example/x").expect("a URL").url().is_some());
        for wrong in
            ["file:", "file:a", "file:/", "http://a.example/", "syslog", "/a/b", "https://"]
        {
            assert!(SinkText::parse(wrong).is_err(), "{wrong}");
        }
    }

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
