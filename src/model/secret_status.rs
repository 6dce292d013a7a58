//! Advice on ending a secret: whether anything still uses it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::client::Registration;
use crate::model::secret::SecretRecord;
use crate::model::time::{Lifetime, Timestamp, in_words};
use crate::model::usage::{Usage, UsageHorizon};

/// The default number of seconds that a secret must be unused to be safe to end. Most jobs run at
/// least once a day.
const UNUSED_WINDOW_SECONDS: i64 = 86_400;

const NEVER_USED: &str = "never used";

const NO_NEWER: &str = "no newer secret is used";

/// The status of a secret for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SecretStatus {
    /// Whether the secret can be ended.
    #[schema(required = false)]
    pub safe_to_end: SafeToEnd,
    /// True if it is valid and expires within `secrets.warn_before`.
    #[schema(required = false)]
    pub expiring_soon: bool,
}

/// An assessment of whether ending a secret would break a client, based on its usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(json!({ "safe": false, "reason": "The secret is in use: last used 2 hours ago from 192.0.2.7." })))]
pub struct SafeToEnd {
    /// True if nothing has used the secret for its window, and something else is used instead.
    pub safe: bool,
    /// The reason, for people.
    pub reason: String,
}

impl SecretStatus {
    /// Returns the status of a new secret.
    pub fn of_new(secret: &SecretRecord, warn_before: Lifetime) -> Self {
        let reason = format!("{NEVER_USED}; {NO_NEWER}");
        let expiring_soon = secret.expires_within(secret.created_at, warn_before);
        Self { safe_to_end: SafeToEnd { safe: false, reason }, expiring_soon }
    }
}

impl SecretRecord {
    /// True if the secret is valid and expires within `time`.
    pub fn expires_within(&self, now: Timestamp, time: Lifetime) -> bool {
        self.is_valid(now) && self.expires_at.is_some_and(|end| end <= now.plus(time))
    }
}

impl Registration {
    /// Sets the status of each secret: whether it is safe to end, and whether it expires within
    /// `warn_before`.
    pub fn assess(&mut self, horizon: &UsageHorizon, warn_before: Lifetime) {
        let statuses: Vec<_> = self
            .secrets
            .iter()
            .map(|secret| SecretStatus {
                safe_to_end: self.safe_to_end(secret, horizon),
                expiring_soon: secret.expires_within(horizon.now, warn_before),
            })
            .collect();
        for (secret, status) in self.secrets.iter_mut().zip(statuses) {
            secret.status = Some(status);
        }
    }

    /// True if a replaced secret ends early: its successor is valid and has been used, and the
    /// secret itself was unused for its window.
    pub fn is_unused(&self, secret: &SecretRecord, horizon: &UsageHorizon) -> bool {
        let (Some(window), Some(other)) = (secret.unused_window, &secret.replaced_by) else {
            return false;
        };
        let other = self.secrets.iter().find(|known| known.secret_id == *other);
        let Some(other) =
            other.filter(|other| other.is_valid(horizon.now) && other.usage.is_some())
        else {
            return false;
        };
        secret.is_valid(horizon.now)
            && unused_seconds(secret, other.created_at, horizon) >= window.seconds()
    }

    fn safe_to_end(&self, secret: &SecretRecord, horizon: &UsageHorizon) -> SafeToEnd {
        let now = horizon.now;
        if let Some(end) = secret.expires_at.filter(|_| !secret.is_valid(now)) {
            return SafeToEnd { safe: true, reason: format!("it ended {}", ago(end, now)) };
        }
        let last = last_use(secret, now);
        let Some(successor) = self.successor(secret, now) else {
            let reason = match secret.usage {
                Some(_) => format!("{last}; nothing else is used since"),
                None => format!("{last}; {NO_NEWER}"),
            };
            return SafeToEnd { safe: false, reason };
        };
        let window = secret.unused_window.map_or(UNUSED_WINDOW_SECONDS, Lifetime::seconds);
        if unused_seconds(secret, secret.created_at, horizon) >= window {
            return SafeToEnd { safe: true, reason: format!("{last}; {successor} is used since") };
        }
        let without_delay = horizon.without_delay();
        let reason = if unused_seconds(secret, secret.created_at, &without_delay) >= window {
            let silent = ago(horizon.written_until, now);
            format!("{last}; an instance last wrote its usage statistics {silent}")
        } else {
            let window = Lifetime::stored(window);
            format!("{last}; {successor} is used since, but it is not unused for {window} yet")
        };
        SafeToEnd { safe: false, reason }
    }

    /// Describes the credential that the client uses instead of a secret: the one used last, if
    /// that was after the last use of the secret. For a secret that was never used, only a newer
    /// secret qualifies, because the secret may be the next one to use.
    fn successor(&self, secret: &SecretRecord, now: Timestamp) -> Option<String> {
        let last = secret.usage.map(|usage| usage.last_used_at);
        let is_later = |usage: &Usage| last.is_none_or(|last| last < usage.last_used_at);
        // A rotation may happen in the same second in which the secret was created.
        let is_newer = |other: &SecretRecord| {
            other.created_at > secret.created_at
                || secret.replaced_by.as_ref() == Some(&other.secret_id)
        };
        let others = self.secrets.iter().filter(|other| {
            other.secret_id != secret.secret_id
                && other.is_valid(now)
                && other.usage.as_ref().is_some_and(is_later)
                && (last.is_some() || is_newer(other))
        });
        let used_last = |other: &&SecretRecord| other.usage.map(|usage| usage.last_used_at);
        if let Some(other) = others.max_by_key(used_last) {
            let age = if is_newer(other) { "the newer secret" } else { "the older secret" };
            return Some(format!("{age} {}", other.secret_id));
        }
        let has_other = last.is_some() && self.usage.as_ref().is_some_and(is_later);
        has_other.then(|| "another credential of the client".to_owned())
    }
}

/// Returns the number of seconds that a secret is known to be unused, counted from its last use or
/// from `since`.
fn unused_seconds(secret: &SecretRecord, since: Timestamp, horizon: &UsageHorizon) -> i64 {
    let last = secret.usage.map_or(since, |usage| usage.last_used_at.max(since));
    horizon.known_until().seconds_since(last)
}

fn last_use(secret: &SecretRecord, now: Timestamp) -> String {
    match secret.usage {
        None => NEVER_USED.to_owned(),
        Some(Usage { last_used_at, last_address, .. }) => {
            format!("last used {} from {last_address}", ago(last_used_at, now))
        }
    }
}

fn ago(time: Timestamp, now: Timestamp) -> String {
    format!("{} ago", in_words(now.seconds_since(time).max(0)))
}

#[cfg(test)]
mod tests;
