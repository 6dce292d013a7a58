//! How many tokens may it have? A token lives for an hour or so; a client that asks for one at each
//! call of an API is told to keep it. Each instance counts for itself, in memory.

use crate::app::App;
use crate::model::rate::RateLimit;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::client_credentials::Granted;
use crate::oauth::error::OAuthError;

/// Counts the token that is about to be issued, or refuses it (RFC 6585, section 4). The client's
/// own rate counts before the server's.
pub(super) fn count(
    app: &App,
    client: &AuthenticatedClient,
    granted: &Granted,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let default = app.foundation.config.limits.tokens_per_client;
    let RateLimit::AtMost(rate) = client.entry().token_rate.unwrap_or(default) else {
        return Ok(());
    };
    client.entry().issued.count(rate, now).map_err(|full| {
        let (most, span, seconds) = (rate.most(), rate.span(), full.seconds);
        let sentence = format!(
            "Client {} may have {most} tokens a {span} and has had them. A token lives {} s: keep it and use it again until it expires. Next token in {seconds} s.",
            client.id(),
            granted.lifetime().seconds(),
        );
        OAuthError::too_many(sentence, seconds)
    })
}
