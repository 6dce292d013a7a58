//! The token request (RFC 6749, section 3.2): from a parsed request to a signed token.
//!
//! Read [`respond`] first. Each step takes the value that the previous step returned, and only the
//! step that performs a check can create its value.

pub mod authorization;
mod issue_time;
pub mod mint;
pub mod preview;
pub mod request;
pub mod sender_constraint;

use std::sync::Arc;

use crate::app::App;
use crate::directory::ClientEntry;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::OAuthError;
use crate::oauth::rate::{self, TokenCount};
use crate::oauth::token::authorization::{Granted, authorize};
use crate::oauth::token::issue_time::issue_time;
use crate::oauth::token::mint::{MintedToken, mint};
use crate::oauth::token::request::TokenRequest;
use crate::oauth::token::sender_constraint::{consume_proof, verify_binding};
use crate::telemetry::stage_times::StageTimes;

/// Policy for counting tokens against the rate limit of their client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatePolicy {
    /// Each token is counted. For requests of clients.
    Enforce,
    /// Tokens are not counted. For operators.
    Exempt,
}

/// A token that was issued, and the duration of each stage.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: MintedToken,
    /// The duration of each stage of the request.
    pub times: StageTimes,
}

/// State of a token request between its steps.
struct Progress {
    times: StageTimes,
    /// The client, after step 1.
    client: Option<Arc<ClientEntry>>,
}

/// Answers a token request in seven steps, and measures them. The request is borrowed, because the
/// future of an async function stores a value that it takes twice.
///
/// | Step | Decides | Returns |
/// |---|---|---|
/// | 1 authenticate | the client | [`AuthenticatedClient`] |
/// | 2 authorize | resource, scope, networks, lifetime | `Granted`, which owns the client |
/// | 3 issue time | the claims `iat` and `evt` | `IssueTime` |
/// | 4 verify binding | DPoP proof or certificate | `VerifiedBinding` |
/// | 5 count | the token rate | nothing |
/// | 6 consume proof | the replay cache | `Bound`, which owns what is granted |
/// | 7 mint | claims and signature | [`MintedToken`] |
pub async fn respond(
    app: &App,
    request: &TokenRequest,
    policy: RatePolicy,
) -> Result<IssuedToken, OAuthError> {
    let mut progress = Progress { times: StageTimes::begin(), client: None };
    match steps(app, request, policy, &mut progress).await {
        Ok(token) => {
            progress.times.pass(&app.metrics.stages);
            Ok(IssuedToken { token, times: progress.times })
        }
        Err(rejection) => Err(progress.reject(rejection)),
    }
}

async fn steps(
    app: &App,
    request: &TokenRequest,
    policy: RatePolicy,
    progress: &mut Progress,
) -> Result<MintedToken, OAuthError> {
    let config = &app.services.config;
    let TokenRequest { authorization_grant, requested, proof, .. } = request;
    // 1 authenticate
    let (client, token_use) = request.authenticate(app).await?;
    progress.authenticated(app, &client);
    // 2 authorize
    let grant_type = authorization_grant.grant_type();
    let granted = authorize(config, client, &grant_type, requested, token_use)?;
    // 3 issue time
    let time = issue_time(app, &granted).await?;
    // 4 verify the binding
    let binding = verify_binding(app, &granted, proof.as_ref(), time.now)?;
    // 5 count the token rate
    count(app, &granted, policy, time.now)?;
    // 6 consume the proof
    let bound = consume_proof(app, granted, binding, time.now)?;
    progress.authorized(app);
    // 7 mint
    mint(app, bound, time)
}

fn count(
    app: &App,
    granted: &Granted,
    policy: RatePolicy,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let client = granted.client();
    if policy == RatePolicy::Exempt || client.token_count() == TokenCount::Counted {
        return Ok(());
    }
    rate::count_token(app, client.entry(), granted.lifetime(), now)
}

impl Progress {
    fn authenticated(&mut self, app: &App, client: &AuthenticatedClient) {
        self.times.pass(&app.metrics.stages);
        self.client = Some(client.shared_entry());
    }

    fn authorized(&mut self, app: &App) {
        self.times.pass(&app.metrics.stages);
    }

    /// Counts a rejection for the client, if it is known, and adds details for the log.
    #[cold]
    fn reject(self, rejection: OAuthError) -> OAuthError {
        let rejection = rejection.during(self.times);
        let Some(client) = self.client else { return rejection };
        if let Some(meter) = &client.meter {
            meter.count_rejection();
        }
        rejection.about(client.client_id.as_str())
    }
}
