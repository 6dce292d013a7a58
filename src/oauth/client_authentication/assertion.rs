//! Shared by all kinds of assertions: parsing, the check of times, an equal cost for every failure,
//! and texts that describe the problem.

use std::fmt::Display;

use serde_json::Value;

use crate::app::App;
use crate::jose::assertion::{SignatureChecks, UnverifiedAssertion};
use crate::jose::numeric_date::{self, CLOCK_SKEW_SECONDS};
use crate::model::time::{Lifetime, Timestamp};
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::text::escaping;

/// Runs a check of an assertion. A failure costs at least as many signature verifications as one
/// client can cost, whether the client exists or not. It may cost more if `checks` allows more.
pub(super) fn at_equal_cost<T>(
    app: &App,
    assertion: &UnverifiedAssertion<'_>,
    mut checks: SignatureChecks,
    check: impl FnOnce(&mut SignatureChecks) -> Result<T, OAuthError>,
) -> Result<T, OAuthError> {
    let outcome = check(&mut checks);
    if outcome.is_err() {
        assertion.verify_nothing(&mut checks);
    }
    app.services.add_signature_checks(checks.made());
    outcome
}

/// Parses an assertion. The rejection describes what was received instead.
pub(super) fn parse(text: &str) -> Result<UnverifiedAssertion<'_>, OAuthError> {
    UnverifiedAssertion::parse(text).map_err(|error| {
        OAuthError::authentication_failed(format!("the assertion: {error}")).with_remedy(
            "Send a signed JWT as it is: three parts in base64url with dots between them, on one line.",
        )
    })
}

/// Returns a rejection that discloses the problem. Only for a caller that has signed with the
/// client's key.
pub(super) fn disclosed_rejection(problem: impl Display) -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidClient,
        format!("The client assertion is invalid: {problem}."),
    )
}

/// Why the times of claims are not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::oauth) enum TimeProblem {
    #[error("it has no exp")]
    NoExpiry,
    #[error("its {0} is not a number")]
    NotANumber(&'static str),
    #[error("it expired {0} s ago")]
    Expired(i64),
    #[error("its exp is {ahead} s ahead, the maximum is {max} s")]
    TooLong { ahead: i64, max: i64 },
    #[error("its {claim} is {ahead} s in the future")]
    NotYetValid { claim: &'static str, ahead: i64 },
}

/// Checks the times of claims and returns the expiry. `exp` must not be more than `lifetime_max`
/// ahead.
pub(in crate::oauth) fn check_times(
    claims: &Value,
    lifetime_max: Option<Lifetime>,
    now: Timestamp,
) -> Result<Timestamp, TimeProblem> {
    let expiry = timestamp_claim(claims, "exp")?.ok_or(TimeProblem::NoExpiry)?;
    if expiry <= now.minus_seconds(CLOCK_SKEW_SECONDS) {
        return Err(TimeProblem::Expired(now.seconds_since(expiry)));
    }
    let ahead = expiry.seconds_since(now);
    if let Some(max) = lifetime_max.map(Lifetime::seconds)
        && ahead > max.saturating_add(CLOCK_SKEW_SECONDS)
    {
        return Err(TimeProblem::TooLong { ahead, max });
    }
    for claim in ["nbf", "iat"] {
        if let Some(begins) = timestamp_claim(claims, claim)?
            && begins > now.plus_seconds(CLOCK_SKEW_SECONDS)
        {
            let ahead = begins.seconds_since(now);
            return Err(TimeProblem::NotYetValid { claim, ahead });
        }
    }
    Ok(expiry)
}

/// Reads a claim that is a time; `None` if it is absent.
fn timestamp_claim(claims: &Value, claim: &'static str) -> Result<Option<Timestamp>, TimeProblem> {
    match &claims[claim] {
        Value::Null => Ok(None),
        value => numeric_date::read(value).map(Some).ok_or(TimeProblem::NotANumber(claim)),
    }
}

/// Returns a claim as quoted text of limited length.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => format!("'{}'", escaping::escape_start(text, 200)),
        other => escaping::escape_start(&other.to_string(), 200),
    }
}
