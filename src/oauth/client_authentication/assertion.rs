//! Shared by all kinds of assertions: parsing, an equal cost for every failure, and a rejection
//! that describes the problem.

use std::fmt::Display;

use crate::app::App;
use crate::jose::assertion::{SignatureChecks, UnverifiedAssertion};
use crate::oauth::error::{ErrorCode, OAuthError};

/// Runs a check of an assertion. Every failure costs the same number of signature verifications.
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
