//! Step 3, the issue time of a token, chosen so that no token survives a revocation (D24).

use std::time::Duration;

use crate::app::App;
use crate::model::reason_code::ReasonCode;
use crate::model::time::Timestamp;
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::Granted;

/// Pause between checks for a revocation that this instance has loaded but not published.
const PUBLICATION_POLL: Duration = Duration::from_millis(10);

/// Number of checks, which take two seconds in total.
const PUBLICATION_POLLS: u32 = 200;

/// Issue time of a token, as clock time and as event sequence. A revocation compares both.
#[derive(Debug, Clone, Copy)]
pub(super) struct IssueTime {
    /// The claim `iat`. It is read once, so `exp` − `iat` equals `expires_in` exactly.
    pub now: Timestamp,
    /// The claim `evt`: the sequence of the last event that was in memory when the client was
    /// looked up.
    pub evt: i64,
}

/// Returns the issue time of a token. The clock is read again, because a first secret verification
/// may have taken seconds.
///
/// A revocation may be newer than the `evt` of the client. If it is not in memory yet, the token
/// has the smaller `evt` and is revoked with the others. If it is in memory and about to be
/// published, this function waits some milliseconds for the new sequence. The token may have the
/// new sequence if the directory still holds the authenticated client.
///
/// # Errors
/// 503 if the client has changed meanwhile, or if the sequence is not published within two seconds.
/// Also if the clock of this instance is so far behind that the token would be revoked immediately.
pub(super) async fn issue_time(app: &App, granted: &Granted) -> Result<IssueTime, OAuthError> {
    let client = granted.client();
    let mut issued = IssueTime { now: app.services.clock.now(), evt: client.evt() };
    let id = client.id().as_str();
    for _ in 0..PUBLICATION_POLLS {
        match app.directory.revocations.epoch(id) {
            Some(epoch) if issued.evt < epoch.evt => {}
            Some(epoch) if epoch.is_after(issued.evt, issued.now) => {
                return Err(OAuthError::unavailable(
                    "the clock of this instance is more than 60 s behind the time at which the tokens of the client were revoked",
                ));
            }
            _ => return Ok(issued),
        }
        // Boxed, because few requests wait and the timer is large.
        Box::pin(tokio::time::sleep(PUBLICATION_POLL)).await;
        issued =
            IssueTime { now: app.services.clock.now(), evt: app.directory.published_sequence() };
        if !client.is_current(app) {
            return Err(OAuthError::unavailable("the client has just been changed")
                .because(ReasonCode::ClientChanging));
        }
    }
    Err(OAuthError::unavailable("a revocation of the client's tokens is still being loaded")
        .because(ReasonCode::ClientChanging))
}
