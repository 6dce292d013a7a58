//! Rate limits of clients: tokens (step 5 of a token request) and assertions (step 1). Clients
//! should reuse a token until it expires; a rate limit enforces this. Each instance counts in its
//! own memory.

use crate::app::App;
use crate::directory::ClientEntry;
use crate::limits::rate_counter::{RateCounter, RateExceeded};
use crate::model::client::ClientId;
use crate::model::rate::{Rate, RateLimit};
use crate::model::reason_code::ReasonCode;
use crate::model::time::{Lifetime, Timestamp};
use crate::oauth::error::OAuthError;

/// Purpose of an authentication. It decides which rate limit an assertion counts against. Each
/// assertion is a row in the database, even if the request fails later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationPurpose {
    /// A token request. The assertion is counted as the token.
    TokenRequest,
    /// Introspection, revocation or the sign-in to the console. The assertion is counted as an
    /// assertion.
    Other,
}

/// Whether the requested token has been counted before step 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenCount {
    /// The assertion of the client was counted as the token.
    Counted,
    /// Nothing was counted as the token.
    NotCounted,
}

/// Counts a token before it is issued, or rejects the request (RFC 6585, section 4). The client's
/// own rate overrides the server's.
pub(super) fn count_token(
    app: &App,
    entry: &ClientEntry,
    lifetime: Lifetime,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let RateLimit::AtMost(rate) = limit(app, entry) else { return Ok(()) };
    entry.token_rate_counter.count(rate, now).map_err(|exceeded| {
        let (valid, seconds) = (lifetime.seconds(), exceeded.seconds);
        let advice = format!(
            "A token is valid for {valid} s: keep it and use it again until it expires. The next token is available in {seconds} s."
        );
        over_rate(&entry.client_id, "tokens", rate, exceeded, &advice)
    })
}

/// Counts an assertion before it is stored as used. An assertion for a token is counted as the
/// token. Assertions for introspection and revocation have a separate rate.
pub(super) fn count_assertion(
    app: &App,
    entry: &ClientEntry,
    purpose: AuthenticationPurpose,
    now: Timestamp,
) -> Result<TokenCount, OAuthError> {
    let token_count = match purpose {
        AuthenticationPurpose::TokenRequest => TokenCount::Counted,
        AuthenticationPurpose::Other => TokenCount::NotCounted,
    };
    let (counter, RateLimit::AtMost(rate)) = of(app, entry, purpose) else {
        return Ok(token_count);
    };
    counter.count(rate, now).map(|()| token_count).map_err(|exceeded| {
        let (id, seconds) = (&entry.client_id, exceeded.seconds);
        match purpose {
            AuthenticationPurpose::TokenRequest => {
                let advice = format!(
                    "Each assertion is counted as a token. Keep a token and use it again until it expires. The next token is available in {seconds} s."
                );
                over_rate(id, "tokens", rate, exceeded, &advice)
            }
            AuthenticationPurpose::Other => {
                let advice = format!(
                    "Only assertions for introspection and revocation are counted. Keep the response for some seconds, or authenticate by another method. The next assertion is accepted in {seconds} s."
                );
                over_rate(id, "assertions", rate, exceeded, &advice)
                    .because(ReasonCode::AssertionRate)
            }
        }
    })
}

/// Reverts `count_assertion`, because no row was written.
pub(super) fn refund_assertion(
    app: &App,
    entry: &ClientEntry,
    purpose: AuthenticationPurpose,
    now: Timestamp,
) {
    if let (counter, RateLimit::AtMost(rate)) = of(app, entry, purpose) {
        counter.refund(rate, now);
    }
}

/// Returns the rejection of a client that has reached a rate. The advice says how the client can
/// stay below it, and when it may continue.
pub(super) fn over_rate(
    id: &ClientId,
    counted: &str,
    rate: Rate,
    exceeded: RateExceeded,
    advice: &str,
) -> OAuthError {
    let (max, window) = (rate.max_count(), rate.window());
    let sentence = format!(
        "Client {id} is limited to {max} {counted} per {window} and has reached this limit. {advice}"
    );
    OAuthError::too_many(sentence, exceeded.seconds)
}

fn of<'a>(
    app: &App,
    entry: &'a ClientEntry,
    purpose: AuthenticationPurpose,
) -> (&'a RateCounter, RateLimit) {
    match purpose {
        AuthenticationPurpose::TokenRequest => (&entry.token_rate_counter, limit(app, entry)),
        AuthenticationPurpose::Other => {
            (&entry.assertion_rate_counter, app.services.live.load().limits.assertions_per_client)
        }
    }
}

fn limit(app: &App, entry: &ClientEntry) -> RateLimit {
    entry.token_rate.unwrap_or_else(|| app.services.live.load().limits.tokens_per_client)
}
