//! Signing keys as operators see them. The private half never leaves the keyring.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::admin::{AdminError, ObjectKind};
use crate::model::signing_key::{Algorithm, KeyId, KeyState, SigningKeyRecord, state_of};
use crate::model::time::Timestamp;
use crate::store::Store;

/// A signing key, without its private half.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey, examples(json!({ "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "algorithm": "ES256", "state": "signing", "created_at": "2026-11-27T09:30:00Z", "signs_from": "2026-11-27T09:45:00Z", "retired_at": null, "public_jwk": { "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" } })))]
pub struct ShownSigningKey {
    /// Its thumbprint.
    pub kid: KeyId,
    /// The algorithm it signs with.
    pub algorithm: Algorithm,
    /// What it is for now.
    pub state: KeyState,
    /// When it was made, which is when it is published.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// Since when it no longer signs, if it was retired.
    #[schema(required = true)]
    pub retired_at: Option<Timestamp>,
    /// The public key (RFC 7517); `None` until a server has stored it.
    #[schema(value_type = Option<Object>, required = true)]
    pub public_jwk: Option<Box<RawValue>>,
}

/// Every signing key, in the order in which they sign. A replaced key is published for
/// `keep_seconds`.
///
/// # Errors
/// If the database fails.
pub async fn list(
    store: &Store,
    now: Timestamp,
    keep_seconds: i64,
) -> Result<Vec<ShownSigningKey>, AdminError> {
    let records = store.signing_keys().await?;
    let shown = |record: &SigningKeyRecord| ShownSigningKey {
        kid: record.kid.clone(),
        algorithm: record.algorithm,
        state: state_of(record, &records, now, keep_seconds),
        created_at: record.created_at,
        signs_from: record.signs_from,
        retired_at: record.retired_at,
        // A text that is not JSON was never published either.
        public_jwk: record.public_jwk.clone().and_then(|jwk| RawValue::from_string(jwk).ok()),
    };
    Ok(records.iter().map(shown).collect())
}

/// The signing key with this id.
///
/// # Errors
/// If it does not exist, or the database fails.
pub async fn show(
    store: &Store,
    now: Timestamp,
    keep_seconds: i64,
    kid: &str,
) -> Result<ShownSigningKey, AdminError> {
    let known = list(store, now, keep_seconds).await?;
    let found = known.into_iter().find(|key| key.kid.as_str() == kid);
    found.ok_or_else(|| AdminError::not_found(ObjectKind::SigningKey, kid))
}
