//! Validates access tokens of this server, for introspection, revocation and the check of gateways.

use crate::app::App;
use crate::jose::jwt::{self, AccessTokenClaims};
use crate::model::client::ClientState;
use crate::model::resource::TokenTyp;
use crate::model::time::Timestamp;

/// Returns the claims of a token that is valid now: signed by a key of this server, with this
/// issuer, not expired, of an active client, and not revoked. Reads only memory.
pub(super) fn validate_access_token(
    app: &App,
    token: &str,
    now: Timestamp,
) -> Option<AccessTokenClaims> {
    let keyring = app.directory.keyring();
    let issuer = Some(app.issuer.as_str());
    let admits = |audience: &str, typ: TokenTyp| {
        // A deleted resource has the default.
        let resources = || app.directory.resources();
        typ == TokenTyp::AtJwt
            || resources().get(audience).is_some_and(|resource| resource.admits(typ))
    };
    let verified = jwt::verify_typed(token, keyring.published(now), issuer, now, admits);
    let claims = verified.ok()?.claims;
    let client = app.directory.client(&claims.client_id)?;
    let revocations = &app.directory.revocations;
    let (evt, issued_at) = (claims.evt.unwrap_or(0), Timestamp(claims.iat));
    let is_revoked = revocations.is_revoked(&claims.jti, &claims.client_id, evt, issued_at);
    (client.state == ClientState::Active && !is_revoked).then_some(claims)
}
