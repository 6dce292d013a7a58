//! What a token of a client would say, for operators: no token is issued, and no event is written.

use serde_json::Value;

use crate::admin::{AdminError, client_key};
use crate::directory::{Directory, DirectoryError};
use crate::model::client::ClientId;
use crate::oauth::token::preview;
use crate::oauth::token::request::RequestedAccess;
use crate::services::Services;

/// The exact claims of the next token of a client for this request. `jti`, `iat` and `exp` are
/// those of a token that is issued now; `cnf` is missing, because only a proof decides it.
///
/// It loads this one client, however many there are.
///
/// # Errors
/// Not found; [`AdminError::TokenRefused`] with the rejection that the client would get; or a
/// failure of the database.
pub async fn preview(
    services: &Services,
    id: &ClientId,
    requested: &RequestedAccess,
) -> Result<Value, AdminError> {
    let issuer = client_key::issuer(services).await?;
    let issuer = issuer.ok_or(AdminError::IssuerMissing)?;
    let failed = |error: DirectoryError| match error {
        DirectoryError::Store(error) => AdminError::from(error),
        DirectoryError::Crypto(error) => AdminError::from(error),
    };
    let directory = Directory::load_client_only(&services.store, id, &services.clock);
    let directory = directory.await.map_err(failed)?;
    let (settings, now) = (&services.config.token, services.clock.now());
    let claims = preview::preview(&directory, settings, &issuer, id, requested, now)
        .map_err(|rejection| AdminError::TokenRefused(rejection.reason().to_owned()))?;
    claims.ok_or_else(|| AdminError::no_client(id))
}
