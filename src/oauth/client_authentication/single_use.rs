//! Accepts each client assertion once: on all instances, by a row in the database. While the
//! database is unavailable, once on each instance if `assertions.during_outage` allows it.

use crate::app::App;
use crate::config::DuringOutage;
use crate::jose::numeric_date::CLOCK_SKEW_SECONDS;
use crate::limits::assertion_memory::AcceptedAssertion;
use crate::limits::replay_cache::ReplayRejection;
use crate::model::client::ClientId;
use crate::model::reason_code::ReasonCode;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::assertion::disclosed_rejection;
use crate::oauth::error::OAuthError;
use crate::store::StoreError;

/// An assertion whose signature and claims are valid.
pub(super) struct SingleUse<'a> {
    /// The hash of the client and its `jti`.
    pub(super) replay_key: String,
    pub(super) client_id: &'a ClientId,
    pub(super) issued_at: Option<Timestamp>,
    pub(super) expiry: Timestamp,
}

/// Accepts an assertion that has not been used. It is remembered as long as it is valid, plus the
/// maximum clock difference of two instances.
pub(super) async fn use_once(
    app: &App,
    assertion: SingleUse<'_>,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let remembered_until = assertion.expiry.plus_seconds(3 * CLOCK_SKEW_SECONDS);
    match app.services.config.assertions.during_outage {
        DuringOutage::Reject => {
            let store = &app.services.store;
            let is_new = store.use_assertion(&assertion.replay_key, remembered_until).await;
            if is_new.map_err(unavailable)? { Ok(()) } else { Err(replayed()) }
        }
        DuringOutage::Local => use_here(app, assertion, remembered_until, now).await,
    }
}

/// Accepts an assertion once on this instance, and once on all instances while the database is
/// available.
async fn use_here(
    app: &App,
    assertion: SingleUse<'_>,
    remembered_until: Timestamp,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let SingleUse { replay_key, client_id, issued_at, .. } = assertion;
    let memory = &app.services.assertions;
    let taken = AcceptedAssertion {
        replay_key: replay_key.clone(),
        client_id: client_id.clone(),
        expires_at: remembered_until,
    };
    let taken = memory.take(taken, now);
    if taken == Err(ReplayRejection::Seen) {
        return Err(replayed());
    }
    match stored(app, &replay_key, remembered_until).await {
        Some(Ok(true)) => {
            // During an outage, this is the only record that it was used here.
            memory.keep_stored(&replay_key);
            Ok(())
        }
        Some(rejected) => {
            memory.remove(&replay_key);
            Err(rejected.map_or_else(unavailable, |_| replayed()))
        }
        None => {
            taken.map_err(|rejection| not_taken(client_id, rejection))?;
            if may_be_of_outage(app, issued_at, now) && memory.accept(&replay_key) {
                return Ok(());
            }
            memory.remove(&replay_key);
            Err(OAuthError::unavailable(
                "the database is unavailable, and the assertion may have been used before the outage",
            )
            .because(ReasonCode::DatabaseUnavailable))
        }
    }
}

/// Stores an assertion. Returns whether it was new; `None` while the database is unavailable.
async fn stored(
    app: &App,
    replay_key: &str,
    remembered_until: Timestamp,
) -> Option<Result<bool, StoreError>> {
    if app.database.is_unavailable() {
        return None;
    }
    match app.services.store.use_assertion(replay_key, remembered_until).await {
        Err(error) if error.is_unavailable() => None,
        stored => Some(stored),
    }
}

/// False if another instance or an earlier process may have stored the assertion before the outage.
/// The clock of a client may be fast by [`CLOCK_SKEW_SECONDS`], so its `iat` may be later than its
/// use. An assertion without `iat` is accepted only if this process has seen the database
/// available, because its memory does not include an earlier process.
fn may_be_of_outage(app: &App, issued_at: Option<Timestamp>, now: Timestamp) -> bool {
    // This request may be the first to notice the outage.
    let since = app.database.unavailable_since().unwrap_or(now);
    match issued_at {
        Some(issued_at) => issued_at > since.plus_seconds(CLOCK_SKEW_SECONDS),
        None => app.database.is_known(),
    }
}

fn replayed() -> OAuthError {
    disclosed_rejection("it has been used before: make one for each request, with its own jti")
        .because(ReasonCode::AssertionReplayed)
        .with_remedy(
            "Have the client make an assertion for each request. If it does, an attacker may have used this one.",
        )
}

fn not_taken(client_id: &ClientId, rejection: ReplayRejection) -> OAuthError {
    match rejection {
        ReplayRejection::Seen => replayed(),
        ReplayRejection::Full => OAuthError::unavailable("the memory of client assertions is full")
            .because(ReasonCode::AssertionMemoryFull),
        ReplayRejection::FullForOne(seconds) => OAuthError::too_many(
            format!(
                "Client {client_id} has used too many assertions while the database is unavailable. Keep a token until it expires. The next assertion may be accepted in {seconds} s."
            ),
            seconds,
        )
        .because(ReasonCode::AssertionShareUsed),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn unavailable(error: StoreError) -> OAuthError {
    OAuthError::unavailable(format!("cannot see whether an assertion is new: {error}"))
        .because(ReasonCode::DatabaseUnavailable)
}
