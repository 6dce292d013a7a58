//! Counts authentications by their result.

use crate::app::App;
use crate::oauth::caller::{AssertionType, Caller, Credentials, SecretMethod};
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::telemetry::metrics::{AuthenticationResult, PresentedMethod};

/// Counts an authentication by method and result, and a failure also for its client.
pub(super) fn count(app: &App, caller: &Caller, found: &Result<AuthenticatedClient, OAuthError>) {
    let result = match found {
        Ok(_) => AuthenticationResult::Succeeded,
        Err(error) => {
            count_for_client(app, error);
            match error.code() {
                ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError => {
                    AuthenticationResult::NotChecked
                }
                _ => AuthenticationResult::Rejected,
            }
        }
    };
    app.metrics.count_authentication(presented(caller), result);
}

fn presented(caller: &Caller) -> PresentedMethod {
    match &caller.credentials {
        None => PresentedMethod::Nothing,
        Some(Credentials::Certificate(..)) => PresentedMethod::Certificate,
        Some(Credentials::Assertion(credentials)) => match credentials.assertion_type {
            AssertionType::JwtBearer => PresentedMethod::Assertion,
            AssertionType::JwtSpiffe => PresentedMethod::SpiffeJwt,
        },
        Some(Credentials::Secret(credentials)) => match credentials.method {
            SecretMethod::Basic => PresentedMethod::SecretBasic,
            SecretMethod::Post => PresentedMethod::SecretPost,
        },
    }
}

fn count_for_client(app: &App, error: &OAuthError) {
    if !app.directory.metrics.busiest.is_wanted() {
        return;
    }
    let client = error.operator_details().client_id.as_deref();
    let entry = client.and_then(|id| app.directory.client(id));
    if let Some(meter) = entry.as_ref().and_then(|entry| entry.meter.as_ref()) {
        meter.count_rejection();
    }
}
