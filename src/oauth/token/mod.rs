//! The token request (RFC 6749, section 3.2): from a parsed request to a signed token.
//!
//! Read [`respond`] first. Each step takes the value that the previous step returned, and only the
//! step that checks can make that value.

pub mod authorization;
mod issue_time;
pub mod mint;
pub mod preview;
pub(super) mod rate;
pub mod request;
pub mod sender_constraint;

pub use rate::RatePolicy;

use std::sync::Arc;

use crate::app::App;
use crate::model::token::TokenUse;
use crate::oauth::caller::Caller;
use crate::oauth::client_authentication::{self, AuthenticatedClient, RateScope};
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::authorize;
use crate::oauth::token::issue_time::issue_time;
use crate::oauth::token::mint::{IssuedToken, mint};
use crate::oauth::token::request::{RequestedGrant, Requester, TokenRequest};
use crate::oauth::token::sender_constraint::{consume_proof, verify_binding};
use crate::telemetry::stage_times::StageTimes;

/// Answers a token request in seven steps.
///
/// | Step | Decides | Returns |
/// |---|---|---|
/// | 1 authenticate | the client | [`AuthenticatedClient`] |
/// | 2 authorize | resource, scope, networks, lifetime | `Granted`, which owns the client |
/// | 3 issue time | the claims `iat` and `evt` | `IssueTime` |
/// | 4 verify binding | DPoP proof or certificate | `VerifiedBinding` |
/// | 5 count | the token rate | nothing |
/// | 6 consume proof | the replay cache | `Bound`, which owns what is granted |
/// | 7 mint | claims and signature | [`IssuedToken`] |
#[expect(
    clippy::manual_async_fn,
    reason = "an async fn holds its arguments twice, and this future is copied for each request"
)]
pub fn respond(
    app: Arc<App>,
    request: TokenRequest,
    rate: RatePolicy,
) -> impl Future<Output = Result<IssuedToken, OAuthError>> + Send {
    async move {
        let app = &*app;
        let mut times = StageTimes::begin();
        let stages = &app.metrics.stages;
        let TokenRequest { ref grant, ref requested, ref proof, .. } = request;
        let (client, token_use) = match request.requester {
            Requester::Operator(client, token_use) => (client, token_use),
            Requester::Caller(ref caller) => {
                let client = authenticate(app, caller, grant).await;
                (client.map_err(|error| error.during(times))?, TokenUse::Access)
            }
        };
        times.pass(stages);
        let entry = client.shared_entry();
        let steps = async {
            let granted = authorize(&app.services.config, client, &grant.grant_type(), requested)?;
            let granted = granted.with_use(token_use);
            let time = issue_time(app, &granted).await?;
            let binding = verify_binding(app, &granted, proof.as_ref(), time.now)?;
            rate::count(app, &granted, rate, time.now)?;
            let bound = consume_proof(app, granted, binding, time.now)?;
            times.pass(stages);
            let mut issued = mint(app, bound, time, times)?;
            issued.times.pass(stages);
            Ok(issued)
        };
        steps.await.map_err(|rejection: OAuthError| {
            if let Some(meter) = &entry.meter {
                meter.count_rejection();
            }
            rejection.during(times).about(entry.client_id.as_str())
        })
    }
}

async fn authenticate(
    app: &App,
    caller: &Caller,
    grant: &RequestedGrant,
) -> Result<AuthenticatedClient, OAuthError> {
    match grant {
        RequestedGrant::ClientCredentials => {
            client_authentication::authenticate(app, caller, RateScope::Token).await
        }
        RequestedGrant::JwtBearer(assertion) => {
            // Boxed, so that the future of other requests does not hold its state.
            Box::pin(client_authentication::authenticate_by_grant(app, caller, assertion)).await
        }
    }
}
