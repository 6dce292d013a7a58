//! Rejected requests of the last week in the demo: a few per hour, and two incidents.

use crate::cli::dev::demo_data::{DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS};
use crate::cli::error::CliError;
use crate::crypto::random;
use crate::model::rejection::RejectionRecord;
use crate::model::remedy::{OperatorAction, Remedy};
use crate::model::time::Timestamp;

/// The cause of a rejection in the demo.
struct Cause {
    status: u16,
    error: &'static str,
    client: Option<&'static str>,
    address: &'static str,
    reason: &'static str,
    remedy: fn() -> Remedy,
    /// The share of all rejections, in percent.
    share: i64,
}

const CAUSES: [Cause; 8] = [
    Cause {
        status: 401,
        error: "invalid_client",
        client: Some("carrier-south"),
        address: "198.51.100.130",
        reason: "carrier-south: the secret was this client's and has been removed",
        remedy: || OperatorAction::ReplaceSecret.into(),
        share: 26,
    },
    Cause {
        status: 400,
        error: "invalid_scope",
        client: Some("returns-desk"),
        address: "10.3.2.8",
        reason: "Scope 'invoices:read' is not granted to returns-desk for any API.",
        remedy: || "Grant the scope, or have the client request what it has.".into(),
        share: 18,
    },
    Cause {
        status: 401,
        error: "invalid_client",
        client: Some("bank-import"),
        address: "198.51.100.24",
        reason: "bank-import: the secret is this client's, but it has a line break or a space at its end or beginning",
        remedy: || {
            "Remove the line break or the space: tr -d '\\r\\n' < FILE, or echo -n instead of echo."
                .into()
        },
        share: 14,
    },
    Cause {
        status: 401,
        error: "invalid_client",
        client: None,
        address: "203.0.113.77",
        reason: "no client has that id (7 characters, beginning with 'lega')",
        remedy: || OperatorAction::CompareClientIds.into(),
        share: 13,
    },
    Cause {
        status: 400,
        error: "invalid_target",
        client: Some("dashboard"),
        address: "10.4.0.12",
        reason: "dashboard has grants for 2 APIs that fit this request. Name one: resource=https://orders.example.com or resource=https://reports.example.com.",
        remedy: || "Have the client send resource=https://reports.example.com.".into(),
        share: 11,
    },
    Cause {
        status: 401,
        error: "invalid_client",
        client: Some("checkout-staging"),
        address: "10.8.1.4",
        reason: "checkout-staging: the client is disabled",
        remedy: || OperatorAction::EnableClient.into(),
        share: 9,
    },
    Cause {
        status: 400,
        error: "unsupported_grant_type",
        client: None,
        address: "10.1.0.14",
        reason: "'password' is not offered here. This server offers: client_credentials, urn:ietf:params:oauth:grant-type:jwt-bearer.",
        remedy: || "Have the client use client_credentials.".into(),
        share: 5,
    },
    Cause {
        status: 401,
        error: "invalid_client",
        client: None,
        address: "140.82.112.9",
        reason: "no client trusts the issuer of this token with these claims",
        remedy: || OperatorAction::CompareTrusts.into(),
        share: 4,
    },
];

/// A deterministic sequence of pseudorandom numbers.
struct Sequence(u64);

impl Sequence {
    /// Returns a number from 0 to below `end`.
    fn below(&mut self, end: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap_or_default() % end.max(1)
    }
}

/// Returns the number of rejections in the hour that begins `hours_ago`. There are more in the
/// daytime, and two incidents.
fn count(hours_ago: i64, hour_of_day: i64, sequence: &mut Sequence) -> i64 {
    let incident = match hours_ago {
        9 => 38,
        10 => 21,
        91 => 54,
        _ => 0,
    };
    let usual = if (7..19).contains(&hour_of_day) { 5 } else { 2 };
    incident + sequence.below(usual)
}

/// Generates the rejections of the week before `now`, oldest first.
pub(super) fn of_a_week(now: Timestamp) -> Result<Vec<RejectionRecord>, CliError> {
    let mut sequence = Sequence(7);
    let mut found = Vec::new();
    let hours = 7 * DAY_SECONDS / HOUR_SECONDS;
    for hours_ago in (0..hours).rev() {
        let start = now.minus_seconds((hours_ago + 1) * HOUR_SECONDS);
        let hour_of_day = start.0.rem_euclid(DAY_SECONDS) / HOUR_SECONDS;
        for _ in 0..count(hours_ago, hour_of_day, &mut sequence) {
            let at = start.plus_seconds(sequence.below(HOUR_SECONDS - MINUTE_SECONDS));
            let drawn = sequence.below(100);
            let is_incident = (9..=10).contains(&hours_ago) && drawn < 80;
            let cause = if is_incident { &CAUSES[0] } else { cause(drawn) };
            found.push(record(cause, at)?);
        }
    }
    found.sort_by_key(|record| record.at);
    Ok(found)
}

/// Maps a number below 100 to a cause.
fn cause(drawn: i64) -> &'static Cause {
    let mut left = drawn;
    let found = CAUSES.iter().find(|cause| {
        left -= cause.share;
        left < 0
    });
    found.unwrap_or(&CAUSES[0])
}

fn record(cause: &Cause, at: Timestamp) -> Result<RejectionRecord, CliError> {
    let request_id = random::identifier("req_");
    Ok(RejectionRecord {
        request_id: request_id.map_err(|error| CliError::failed(error.to_string()))?,
        at,
        status: cause.status,
        error: cause.error.to_owned(),
        address: cause.address.to_owned(),
        client_id: cause.client.map(str::to_owned),
        reason: cause.reason.to_owned(),
        remedy: Some((cause.remedy)()),
        suffix: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_has_rejections_of_every_cause_and_none_of_the_future() {
        let now = Timestamp(1_800_000_000);
        let found = of_a_week(now).unwrap();
        assert!((200..1_000).contains(&found.len()), "{}", found.len());
        let week = now.minus_seconds(7 * DAY_SECONDS);
        assert!(found.iter().all(|record| week <= record.at && record.at <= now));
        for cause in &CAUSES {
            assert!(found.iter().any(|record| record.reason == cause.reason), "{}", cause.reason);
        }
        assert_eq!(CAUSES.iter().map(|cause| cause.share).sum::<i64>(), 100);
    }
}
