//! Step 5, token rate limits. Clients should reuse a token until it expires; a rate limit enforces
//! this. Each instance counts in its own memory.

use crate::app::App;
use crate::directory::ClientEntry;
use crate::limits::rate_counter::RateCounter;
use crate::model::rate::RateLimit;
use crate::model::reason_code::ReasonCode;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::RateScope;
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::Granted;

/// Policy for counting tokens against the rate limit of their client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatePolicy {
    /// Each token is counted. For requests of clients.
    Enforce,
    /// Tokens are not counted. For operators.
    Exempt,
}

/// Counts a token before it is issued, or rejects the request (RFC 6585, section 4). The client's
/// own rate overrides the server's.
pub(super) fn count(
    app: &App,
    granted: &Granted,
    policy: RatePolicy,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let client = granted.client();
    // The assertion has already been counted as the requested token.
    if policy == RatePolicy::Exempt || client.is_assertion_counted() {
        return Ok(());
    }
    let RateLimit::AtMost(rate) = limit(app, client.entry()) else { return Ok(()) };
    client.entry().token_rate_counter.count(rate, now).map_err(|exceeded| {
        let (max, window, seconds) = (rate.max_count(), rate.window(), exceeded.seconds);
        let sentence = format!(
            "Client {} is limited to {max} tokens per {window} and has reached this limit. A token is valid for {} s: keep it and use it again until it expires. The next token is available in {seconds} s.",
            client.id(),
            granted.lifetime().seconds(),
        );
        OAuthError::too_many(sentence, seconds)
    })
}

/// Counts an assertion before it is stored as used. An assertion for a token is counted as the
/// token. Assertions for introspection and revocation have a separate rate.
pub(in crate::oauth) fn count_assertion(
    app: &App,
    entry: &ClientEntry,
    rate_scope: RateScope,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let (counter, RateLimit::AtMost(rate)) = of(app, entry, rate_scope) else { return Ok(()) };
    counter.count(rate, now).map_err(|exceeded| {
        let (max, window, seconds) = (rate.max_count(), rate.window(), exceeded.seconds);
        let id = &entry.client_id;
        let reason_code = match rate_scope {
            RateScope::Token => ReasonCode::TokenRate,
            RateScope::Assertion => ReasonCode::AssertionRate,
        };
        let sentence = match rate_scope {
            RateScope::Token => format!(
                "Client {id} is limited to {max} tokens per {window} and has reached this limit. Each assertion is counted as a token. Keep a token and use it again until it expires. The next token is available in {seconds} s."
            ),
            RateScope::Assertion => format!(
                "Client {id} is limited to {max} assertions per {window} for introspection and revocation, and has reached this limit. Keep the answer for some seconds, or authenticate by another method. The next assertion is accepted in {seconds} s."
            ),
        };
        OAuthError::too_many(sentence, seconds).because(reason_code)
    })
}

/// Reverts `count_assertion`, because no row was written.
pub(in crate::oauth) fn refund_assertion(
    app: &App,
    entry: &ClientEntry,
    rate_scope: RateScope,
    now: Timestamp,
) {
    if let (counter, RateLimit::AtMost(rate)) = of(app, entry, rate_scope) {
        counter.refund(rate, now);
    }
}

fn of<'a>(
    app: &App,
    entry: &'a ClientEntry,
    rate_scope: RateScope,
) -> (&'a RateCounter, RateLimit) {
    match rate_scope {
        RateScope::Token => (&entry.token_rate_counter, limit(app, entry)),
        RateScope::Assertion => {
            (&entry.assertion_rate_counter, app.services.live.load().limits.assertions_per_client)
        }
    }
}

fn limit(app: &App, entry: &ClientEntry) -> RateLimit {
    entry.token_rate.unwrap_or_else(|| app.services.live.load().limits.tokens_per_client)
}
