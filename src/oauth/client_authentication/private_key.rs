//! Authentication by an assertion that the client signs with its own key: `private_key_jwt` (RFC
//! 7523, section 3; the audience by RFC 10070).

use std::sync::Arc;

use serde_json::Value;

use crate::app::App;
use crate::app::token_endpoint::is_token_endpoint;
use crate::crypto::digest;
use crate::directory::ClientEntry;
use crate::jose::assertion::{
    AssertionError, CLIENT_ASSERTION_ALGS, SignatureChecks, UnverifiedAssertion, VerifiedAssertion,
    sole_audience,
};
use crate::jose::numeric_date;
use crate::model::client::AuthenticationMethod;
use crate::model::remedy::OperatorAction;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::assertion::{
    TimeProblem, at_equal_cost, check_times, disclosed_rejection,
};
use crate::oauth::client_authentication::single_use::{self, SingleUse};
use crate::oauth::client_authentication::{
    AuthenticationPurpose, keys_not_fetched, reject_disabled, reject_other_methods, rejection,
    request_fetch,
};
use crate::oauth::error::{OAuthError, quote_input};
use crate::oauth::rate::{self, TokenCount};

const MAX_JTI_BYTES: usize = 256;

const CLOCKS: &str =
    "Set the clock of the client's machine by NTP, and make an assertion for each request.";

/// The registered types of a client assertion. A missing `typ` is accepted.
const TYPES: [&str; 2] = ["client-authentication+jwt", "jwt"];

/// Finds the client that an assertion claims as its signer: `iss` and `sub` are its id (RFC 7523,
/// section 3). `None` if the client does not exist.
pub(super) fn claimed_client(
    app: &App,
    assertion: &UnverifiedAssertion<'_>,
) -> Option<Arc<ClientEntry>> {
    let issuer = assertion.unverified_text("iss")?;
    app.directory.client(issuer).filter(|_| assertion.unverified_text("sub") == Some(issuer))
}

/// Verifies that a key of the client signed the assertion, and that the assertion was not used
/// before. Returns whether the assertion was counted as the requested token. A failure costs the
/// same number of signature verifications for every client id, known or not.
pub(super) async fn authenticate(
    app: &App,
    entry: &ClientEntry,
    assertion: &UnverifiedAssertion<'_>,
    client_id: Option<&str>,
    purpose: AuthenticationPurpose,
    now: Timestamp,
) -> Result<TokenCount, OAuthError> {
    let checks = SignatureChecks::new(SignatureChecks::MAX_OF_ONE_CLIENT);
    let assertion = at_equal_cost(app, assertion, checks, |checks| {
        if client_id.is_some_and(|id| id != entry.client_id.as_str()) {
            return Err(rejection(entry, "client_id is not the iss of the assertion"));
        }
        verify(app, entry, assertion, checks)
    })?;
    reject_disabled(entry)?;
    reject_other_methods(entry, AuthenticationMethod::PrivateKeyJwt)?;
    // From here on, the caller has proved possession of the key, so rejections describe the
    // problem.
    let about = |error: OAuthError| error.about(entry.client_id.as_str());
    let expiry = check_claims(app, entry, assertion, now).map_err(about)?;
    let replay_key = replay_key(entry, assertion).map_err(about)?;
    let issued_at = numeric_date::read(&assertion.claims()["iat"]);
    // Before the row is written, so that the rate limit of a client bounds its rows.
    let token_count = rate::count_assertion(app, entry, purpose, now).map_err(about)?;
    let single = SingleUse { replay_key, client_id: &entry.client_id, issued_at, expiry };
    if let Err(error) = single_use::use_once(app, single, now).await {
        // The row was not written. A replay uses the rate limit of the client only while the insert
        // runs.
        rate::refund_assertion(app, entry, purpose, now);
        return Err(about(error));
    }
    Ok(token_count)
}

fn verify<'a>(
    app: &App,
    entry: &ClientEntry,
    assertion: &'a UnverifiedAssertion<'_>,
    checks: &mut SignatureChecks,
) -> Result<VerifiedAssertion<'a>, OAuthError> {
    let keys = entry.security.as_ref().and_then(|security| security.keys.as_ref());
    let keys = keys.ok_or_else(|| {
        rejection(entry, "the client has no public keys").with_remedy(OperatorAction::AddKeys)
    })?;
    let Some(known) = keys.keys() else {
        request_fetch(app, keys);
        return Err(keys_not_fetched(entry, "its jwks_uri", keys));
    };
    assertion.verify(&known, &CLIENT_ASSERTION_ALGS, checks).map_err(|error| {
        // The owner may have changed the key since it was fetched.
        if !matches!(error, AssertionError::Algorithm { .. } | AssertionError::TooManyKeys(_)) {
            request_fetch(app, keys);
        }
        rejection(entry, &format!("the assertion: {error}"))
            .with_remedy(OperatorAction::RegisterKey)
    })
}

/// Checks the type, the audience and the times. Returns the expiry.
fn check_claims(
    app: &App,
    entry: &ClientEntry,
    assertion: VerifiedAssertion<'_>,
    now: Timestamp,
) -> Result<Timestamp, OAuthError> {
    if let Some(typ) = assertion.typ()
        && !TYPES.contains(&typ.as_str())
    {
        return Err(disclosed_rejection(format!(
            "its typ is '{}', not client-authentication+jwt",
            quote_input(&typ)
        )));
    }
    check_audience(app, entry, assertion.claims())?;
    let lifetime_max = app.services.config.assertions.lifetime_max;
    check_times(assertion.claims(), Some(lifetime_max), now).map_err(invalid_times)
}

/// Requires this issuer as the only audience. Another server in the audience could use the
/// assertion that it receives (RFC 10070). A client may have extra audiences, each of which is a
/// URL of this token endpoint.
fn check_audience(app: &App, entry: &ClientEntry, claims: &Value) -> Result<(), OAuthError> {
    let issuer = app.issuer.as_str();
    let single = sole_audience(claims);
    if single == Some(issuer) {
        return Ok(());
    }
    // Checked again here: the issuer and aliases may have changed since the URL was registered.
    let aliases = &app.services.config.token.aliases;
    let own_url = single.filter(|url| is_token_endpoint(issuer, aliases, url));
    let audiences = entry.security.as_ref().map(|security| &security.assertion_audiences);
    if own_url.is_some_and(|url| audiences.is_some_and(|audiences| audiences.contains(url))) {
        return Ok(());
    }
    let was = single.map_or_else(
        || "it has none, or several".to_owned(),
        |single| format!("it is '{}'", quote_input(single)),
    );
    let remedy = OperatorAction::SetAudience {
        issuer: issuer.to_owned(),
        own_url: own_url.map(str::to_owned),
    };
    Err(disclosed_rejection(format!(
        "its aud must be exactly {issuer}, the issuer of this server (RFC 10070), and {was}"
    ))
    .with_remedy(remedy))
}

/// Returns the rejection of an assertion whose times are not valid.
fn invalid_times(problem: TimeProblem) -> OAuthError {
    match problem {
        TimeProblem::NoExpiry | TimeProblem::NotANumber(_) => disclosed_rejection(problem),
        TimeProblem::Expired(_) => disclosed_rejection(problem).with_remedy(CLOCKS),
        TimeProblem::TooLong { .. } => {
            disclosed_rejection(problem).with_remedy(OperatorAction::ShortenAssertions)
        }
        TimeProblem::NotYetValid { .. } => {
            disclosed_rejection(format!("{problem}: set the clock of the client"))
                .with_remedy(CLOCKS)
        }
    }
}

/// Returns the hash of the client and the `jti`, which identifies the assertion.
fn replay_key(entry: &ClientEntry, assertion: VerifiedAssertion<'_>) -> Result<String, OAuthError> {
    let jti = assertion.text("jti").filter(|jti| !jti.is_empty());
    let jti = jti.ok_or_else(|| disclosed_rejection("it has no jti"))?;
    if jti.len() > MAX_JTI_BYTES {
        return Err(disclosed_rejection(format!("its jti is longer than {MAX_JTI_BYTES} bytes")));
    }
    Ok(digest::compute(&[entry.client_id.as_str(), jti]))
}
