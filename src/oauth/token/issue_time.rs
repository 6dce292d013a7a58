//! Step 3, the issue time of a token, so that no token survives a revocation (D24).

use std::time::Duration;

use crate::app::App;
use crate::model::reason_code::ReasonCode;
use crate::model::time::Timestamp;
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::Granted;

/// The pause between checks whether this instance has published a revocation that it is loading.
const PUBLICATION_POLL: Duration = Duration::from_millis(10);

/// The number of checks: two seconds in all.
const PUBLICATION_POLLS: u32 = 200;

/// The time of a token, in the two measures that a revocation compares.
#[derive(Debug, Clone, Copy)]
pub(super) struct IssueTime {
    /// The claim `iat`. It is read once, so `exp` − `iat` is exactly what `expires_in` says.
    pub now: Timestamp,
    /// The claim `evt`: the sequence of the last event that was in memory when the client was
    /// looked up.
    pub evt: i64,
}

/// The time of a token. The clock is read again here: a first secret verification may have
/// taken seconds.
///
/// A revocation that is newer than the client's number is either not in memory yet: then the token
/// carries the smaller number and is revoked with the others. Or it is in memory and about to be
/// published: then this waits some milliseconds for the new number. The client may use that one if
/// the directory still holds the client that was authenticated.
///
/// # Errors
/// 503 if the client has been changed meanwhile, if the number does not come within two seconds, or
/// if the clock of this instance is so far behind that the token would be revoked at once.
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
        // In a box: few requests wait, and the timer is large.
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
