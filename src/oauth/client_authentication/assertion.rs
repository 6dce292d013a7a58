//! Shared by all kinds of assertions: parsing, the check of times, an equal cost for every failure,
//! and texts that describe the problem.

use std::fmt::Display;

use serde_json::Value;

use crate::app::App;
use crate::jose::assertion::{SignatureChecks, UnverifiedAssertion};
use crate::jose::numeric_date::{self, CLOCK_SKEW_SECONDS};
use crate::model::time::Timestamp;
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

/// Checks the times of claims; `None` if they are valid now.
pub(in crate::oauth) fn time_problem(claims: &Value, now: Timestamp) -> Option<String> {
    let timestamp_claim = |claim: &str| numeric_date::read(&claims[claim]);
    let Some(expiry) = timestamp_claim("exp") else {
        return Some("it has no exp that is a number".to_owned());
    };
    if expiry <= now.minus_seconds(CLOCK_SKEW_SECONDS) {
        return Some(format!("it expired {} s ago", now.0.saturating_sub(expiry.0)));
    }
    ["nbf", "iat"].into_iter().find_map(|claim| {
        if claims[claim].is_null() {
            return None;
        }
        match timestamp_claim(claim) {
            None => Some(format!("its {claim} is not a number")),
            Some(begins) if begins > now.plus_seconds(CLOCK_SKEW_SECONDS) => {
                let ahead = begins.0.saturating_sub(now.0);
                Some(format!("its {claim} is {ahead} s in the future"))
            }
            Some(_) => None,
        }
    })
}

/// Returns a claim as quoted text of limited length.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => format!("'{}'", escaping::escape_start(text, 200)),
        other => escaping::escape_start(&other.to_string(), 200),
    }
}
