//! A signing key of the admin API, as commands read it.

use serde::Deserialize;

use crate::cli::output;
use crate::cli::output::objects::{some_time, time};
use crate::model::time::Timestamp;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SigningKeyObject {
    pub(crate) kid: String,
    pub(crate) algorithm: String,
    pub(crate) state: String,
    #[serde(deserialize_with = "time")]
    created_at: Timestamp,
    #[serde(deserialize_with = "time")]
    signs_from: Timestamp,
    #[serde(default, deserialize_with = "some_time")]
    signs_until: Option<Timestamp>,
    #[serde(default, deserialize_with = "some_time")]
    leaves_at: Option<Timestamp>,
    successor: Option<String>,
    next_step: Option<NextStepObject>,
    #[serde(default, deserialize_with = "some_time")]
    retired_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "some_time")]
    revoked_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "some_time")]
    postponed_at: Option<Timestamp>,
    readers: Option<ReadersObject>,
}

#[derive(Debug, Clone, Deserialize)]
struct NextStepObject {
    step: String,
    #[serde(deserialize_with = "time")]
    at: Timestamp,
}

/// The readers of the key set: all active ones, and those that do not know a key.
#[derive(Debug, Clone, Deserialize)]
struct ReadersObject {
    active: u64,
    behind: u64,
    listed: Vec<ReaderObject>,
}

#[derive(Debug, Clone, Deserialize)]
struct ReaderObject {
    network: String,
    user_agent: String,
    days: u64,
    #[serde(deserialize_with = "time")]
    last_seen_at: Timestamp,
}

/// The columns of a list.
pub(crate) const HEADER: [&str; 8] = [
    "KEY",
    "ALGORITHM",
    "STATE",
    "PUBLISHED",
    "SIGNS FROM",
    "SIGNS UNTIL",
    "LEAVES KEY SET",
    "NEXT STEP",
];

impl SigningKeyObject {
    /// Returns the key as a table row.
    pub(crate) fn row(&self, now: Timestamp) -> Vec<String> {
        let time = |time| output::format_time(time, now);
        let time_or_none = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), time);
        // The other steps have their times in separate columns.
        let next = self.next_step.as_ref().map(|next| match next.step.as_str() {
            "successor_published" => format!("{} {}", next.describe(), time(next.at)),
            _ => next.describe().to_owned(),
        });
        vec![
            self.kid.clone(),
            self.algorithm.clone(),
            self.state.clone(),
            time(self.created_at),
            time(self.signs_from),
            time_or_none(self.signs_until),
            time_or_none(self.leaves_at),
            next.unwrap_or_else(|| "-".to_owned()),
        ]
    }

    /// Returns the key as rows of name and value.
    pub(crate) fn rows(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let time = |time| output::time(time, now);
        let planned = |at: Timestamp| match self.successor {
            None if self.retired_at.or(self.revoked_at).is_none() => {
                format!("{}, planned", time(at))
            }
            _ => time(at),
        };
        let mut rows = vec![
            ("key", self.kid.clone()),
            ("algorithm", self.algorithm.clone()),
            ("state", self.state.clone()),
            ("published", time(self.created_at)),
            ("signs from", time(self.signs_from)),
        ];
        rows.extend(self.postponed_at.map(|at| ("postponed", time(at))));
        rows.extend(self.signs_until.map(|at| ("signs until", planned(at))));
        rows.extend(self.leaves_at.map(|at| ("leaves key set", planned(at))));
        rows.extend(self.successor.clone().map(|kid| ("successor", kid)));
        rows.extend(self.retired_at.map(|at| ("retired", time(at))));
        rows.extend(self.revoked_at.map(|at| ("revoked", time(at))));
        let next = self.next_step.as_ref();
        rows.extend(
            next.map(|next| ("next step", format!("{} {}", next.describe(), time(next.at)))),
        );
        rows
    }

    /// Lists the readers of the key set that do not know the key. Empty if the key does not wait to
    /// sign, or no reader was seen.
    pub(crate) fn reader_lines(&self, now: Timestamp) -> Vec<String> {
        let Some(readers) = self.readers.as_ref().filter(|readers| readers.active > 0) else {
            return Vec::new();
        };
        let (kid, active, behind) = (&self.kid, readers.active, readers.behind);
        if behind == 0 {
            return vec![format!(
                "Every reader of the key set that was seen knows {kid} ({active})."
            )];
        }
        let mut lines = vec![format!(
            "Readers of the key set that have not fetched it since {kid} was published: {behind} of \
             {active}"
        )];
        lines.extend(readers.listed.iter().map(|reader| {
            let ReaderObject { network, user_agent, days, last_seen_at } = reader;
            let last = output::time(*last_seen_at, now);
            format!("  {network} {user_agent}, seen on {days} days, last {last}")
        }));
        lines
    }
}

impl NextStepObject {
    fn describe(&self) -> &str {
        match self.step.as_str() {
            "signs" => "signs",
            "successor_published" => "successor published",
            "stops_signing" => "stops signing",
            "leaves_key_set" => "leaves key set",
            other => other,
        }
    }
}
