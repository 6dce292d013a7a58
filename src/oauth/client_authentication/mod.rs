//! Client authentication (RFC 6749, section 2.3), with one file for each method.
//!
//! The caller receives the same answer for every failure. Only the log has the reason.

pub(super) mod assertion;
mod authenticated_by;
mod authenticated_client;
mod certificate;
mod diagnosis;
pub mod federation;
mod outcome;
mod private_key;
mod secret;
mod single_use;
mod spiffe;
pub mod subject_form;
pub mod svid;
mod trusts;

pub use crate::oauth::rate::AuthenticationPurpose;
pub use authenticated_by::AuthenticatedBy;
pub use authenticated_client::AuthenticatedClient;

use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::directory::{ClientEntry, KeysEntry};
use crate::model::client::{AuthenticationMethod, ClientState};
use crate::model::reason_code::ReasonCode;
use crate::model::remedy::{OperatorAction, Remedy};
use crate::model::time::Timestamp;
use crate::oauth::caller::{
    AssertionCredentials, AssertionType, Caller, Credentials, PresentedCertificate,
};
use crate::oauth::client_authentication::authenticated_client::Admission;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::rate::TokenCount;
use crate::oauth::staleness::reject_if_stale;

/// Authenticates the caller of a request (RFC 6749, section 2.3).
pub fn authenticate(
    app: &App,
    caller: &Caller,
    purpose: AuthenticationPurpose,
) -> impl Future<Output = Result<AuthenticatedClient, OAuthError>> + Send {
    identify(app, caller, purpose).inspect(move |found| outcome::count(app, caller, found))
}

async fn identify(
    app: &App,
    caller: &Caller,
    purpose: AuthenticationPurpose,
) -> Result<AuthenticatedClient, OAuthError> {
    // Read before any lookup, so that a later revocation has a higher sequence.
    let evt = app.directory.published_sequence();
    let now = app.services.clock.now();
    reject_if_stale(app, now)?;
    match &caller.credentials {
        None => Err(nothing_presented(app, caller)),
        Some(Credentials::Secret(credentials)) => {
            let address = caller.origin.address;
            let secret::VerifiedSecret { entry, secret } =
                secret::authenticate(app, credentials, address, now).await?;
            reject_disabled(&entry)?;
            let method = AuthenticationMethod::from(credentials.method);
            reject_other_methods(&entry, method)?;
            // The secret was found in this entry.
            app.directory.usage.note(&entry.secrets[secret], address, now);
            let by = AuthenticatedBy::Method(method);
            let admission = Admission { secret: Some(secret), ..Admission::new(entry, evt, by) };
            admission.admit(&caller.origin)
        }
        Some(Credentials::Assertion(credentials)) => {
            // Boxed, so that the future of requests with a secret does not hold its state.
            let authenticated = by_assertion(app, credentials, purpose, evt, now);
            let admission = Box::pin(authenticated).await;
            let admission =
                admission.map_err(|error| error.or_because(ReasonCode::InvalidAssertion))?;
            admission.admit_without_secret(app, &caller.origin, now)
        }
        Some(Credentials::Certificate(client_id, presented)) => {
            let (entry, method) = certificate::authenticate(app, client_id, presented, now)
                .map_err(|error| error.or_because(ReasonCode::InvalidCertificate))?;
            let admission = Admission::new(entry, evt, AuthenticatedBy::Method(method));
            admission.admit_without_secret(app, &caller.origin, now)
        }
    }
}

/// Finds the client that an assertion authenticates, and which kind of credential it is. The
/// assertion is of a trust domain, of the client's own key, or of an issuer that the client trusts.
async fn by_assertion(
    app: &App,
    credentials: &AssertionCredentials,
    purpose: AuthenticationPurpose,
    evt: i64,
    now: Timestamp,
) -> Result<Admission, OAuthError> {
    let assertion = assertion::parse(credentials.assertion.expose_secret())?;
    let client_id = credentials.client_id.as_deref();
    if credentials.assertion_type == AssertionType::JwtSpiffe {
        let entry = spiffe::authenticate(app, &assertion, client_id, now)?;
        let by = AuthenticatedBy::Method(AuthenticationMethod::SpiffeJwt);
        return Ok(Admission::new(entry, evt, by));
    }
    if let Some(entry) = private_key::claimed_client(app, &assertion) {
        let token_count =
            private_key::authenticate(app, &entry, &assertion, client_id, purpose, now).await?;
        let by = AuthenticatedBy::Method(AuthenticationMethod::PrivateKeyJwt);
        return Ok(Admission { token_count, ..Admission::new(entry, evt, by) });
    }
    let entry = match assertion.unverified_text("iss") {
        Some(_) => federation::authenticate(app, &assertion, client_id, now),
        None => Err(OAuthError::authentication_failed("the assertion lacks iss")),
    };
    let entry =
        entry.map_err(|error| spiffe::explain_wrong_type(app, &assertion, client_id, error))?;
    Ok(Admission::new(entry, evt, AuthenticatedBy::Trust))
}

/// Authenticates a client by the assertion that is its grant (RFC 7523, section 2.1). If the
/// request also has client credentials, they must be of the same client.
pub async fn authenticate_by_assertion_grant(
    app: &App,
    caller: &Caller,
    grant: &SecretString,
) -> Result<AuthenticatedClient, OAuthError> {
    let evt = app.directory.published_sequence();
    let now = app.services.clock.now();
    reject_if_stale(app, now)?;
    let assertion =
        assertion::parse(grant.expose_secret()).map_err(OAuthError::as_invalid_grant)?;
    let verified = match &caller.credentials {
        // In a service mesh, every connection presents a certificate. It is not checked here.
        None | Some(Credentials::Certificate(..)) => None,
        Some(_) => Some(authenticate(app, caller, AuthenticationPurpose::TokenRequest).await?),
    };
    let token_count =
        verified.as_ref().map_or(TokenCount::NotCounted, AuthenticatedClient::token_count);
    let named =
        verified.as_ref().map(|client| client.id().as_str()).or(caller.client_id.as_deref());
    let entry = federation::authenticate(app, &assertion, named, now);
    let entry =
        entry.map_err(|error| error.or_because(ReasonCode::InvalidAssertion).as_invalid_grant())?;
    let admission = Admission { token_count, ..Admission::new(entry, evt, AuthenticatedBy::Trust) };
    admission.admit_without_secret(app, &caller.origin, now)
}

/// Rejects a request without credentials, or with incomplete ones.
fn nothing_presented(app: &App, caller: &Caller) -> OAuthError {
    match &caller.origin.certificate {
        PresentedCertificate::Nothing => nothing_but_an_id(app, caller),
        PresentedCertificate::Certificate(_) => OAuthError::new(
            ErrorCode::InvalidClient,
            "No client authentication found. A certificate was presented: send client_id in the body too.",
        )
        .because(ReasonCode::NoCredentials),
        PresentedCertificate::Unreadable => OAuthError::no_authentication(None).with_remedy(
            "A trusted proxy sent a Client-Cert header that cannot be read. RFC 9440 requires exactly one, with the certificate (DER) in Base64 between two colons.",
        ),
    }
}

/// Rejects a request with a client id only. The answer is the same for every id, and the reason for
/// the operator names the credentials that the client can use.
fn nothing_but_an_id(app: &App, caller: &Caller) -> OAuthError {
    let rejection = OAuthError::no_authentication(caller.misspelt.as_deref());
    let Some(id) = &caller.client_id else { return rejection };
    let Some(entry) = app.directory.client(id) else {
        return rejection.with_reason(diagnosis::unknown_id(app, id).reason().to_owned());
    };
    let (by_certificate, others): (Vec<_>, Vec<_>) =
        entry.allowed.auth_methods.iter().partition(|method| method.is_by_certificate());
    let names = |methods: &[&AuthenticationMethod]| {
        methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" or ")
    };
    let (reason, remedy) = if others.is_empty() {
        (
            format!(
                "{id}: the client authenticates by certificate ({}), and the request has none",
                names(&by_certificate)
            ),
            Remedy::from(OperatorAction::PresentCertificate),
        )
    } else {
        let all: Vec<_> = entry.allowed.auth_methods.iter().collect();
        (
            format!(
                "{id}: the request has a client_id and no credentials; the client may use {}",
                names(&all)
            ),
            "Send the credentials of one of these methods in the same request.".into(),
        )
    };
    rejection.with_reason(reason).about(id).with_remedy(remedy)
}

/// Requests a fetch of a remote key set that lacks the key.
fn request_fetch(app: &App, keys: &KeysEntry) {
    if let KeysEntry::Remote(set) = keys {
        app.directory.key_sets.request_fetch(set);
    }
}

/// Rejects an assertion whose remote key set has not been fetched. The reason includes the problem.
fn keys_not_fetched(entry: &ClientEntry, what: &str, keys: &KeysEntry) -> OAuthError {
    let problem = match keys {
        KeysEntry::Remote(set) => set.problem(),
        KeysEntry::Inline(_) => None,
    };
    let problem = problem.map_or_else(|| "not tried yet".to_owned(), |text| (*text).clone());
    rejection(
        entry,
        &format!("{what} has not been fetched: {problem}; the server tries again soon"),
    )
    .because(ReasonCode::KeysNotFetched)
    .with_remedy(OperatorAction::ReachKeys)
}

fn reject_disabled(entry: &ClientEntry) -> Result<(), OAuthError> {
    match entry.state {
        ClientState::Active => Ok(()),
        ClientState::Disabled => Err(rejection(entry, "the client is disabled")
            .because(ReasonCode::ClientDisabled)
            .with_remedy(OperatorAction::EnableClient)),
    }
}

fn reject_other_methods(
    entry: &ClientEntry,
    method: AuthenticationMethod,
) -> Result<(), OAuthError> {
    if entry.allowed.auth_methods.contains(&method) {
        return Ok(());
    }
    let permitted = entry.allowed.auth_methods.iter().map(|method| method.as_str().to_owned());
    let method = method.as_str();
    let remedy =
        OperatorAction::PermitMethod { method: method.to_owned(), permitted: permitted.collect() };
    Err(rejection(entry, &format!("the client may not use {method}"))
        .because(ReasonCode::AuthMethodNotPermitted)
        .with_remedy(remedy))
}

/// Returns a rejection whose reason names the client. The client id exists, so it is not a secret.
fn rejection(entry: &ClientEntry, reason: &str) -> OAuthError {
    let id = entry.client_id.as_str();
    OAuthError::authentication_failed(format!("{id}: {reason}")).about(id)
}
