//! The age of the directory. An instance that has not followed changes for too long does not
//! authenticate clients and does not accept tokens.

use crate::app::App;
use crate::model::reason_code::ReasonCode;
use crate::model::time::Timestamp;
use crate::oauth::error::OAuthError;

/// Rejects a request if the directory is older than `directory.max_staleness`.
pub(super) fn reject_if_stale(app: &App, now: Timestamp) -> Result<(), OAuthError> {
    let staleness = app.directory.staleness(now);
    if staleness > app.services.config.directory.max_staleness.seconds() {
        return Err(OAuthError::unavailable(format!(
            "the database has been unavailable for {staleness} s, longer than directory.max_staleness"
        ))
        .because(ReasonCode::DirectoryStale));
    }
    Ok(())
}
