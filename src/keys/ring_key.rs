//! One key of the keyring: a private key that signs, and a public key that verifies.

use std::sync::Arc;

use jsonwebtoken::jwk::{Jwk, ThumbprintHash};

use crate::crypto::CryptoError;
use crate::jose::jwt::VerificationKey;
use crate::jose::signer::Signer;
use crate::jose::token_header::{self, TokenHeaders};
use crate::keys::seal::MasterKeys;
use crate::model::resource::TokenTyp;
use crate::model::signing_key::{Algorithm, KeyId, SigningKeyRecord};

/// An unsealed private key, which can sign.
#[derive(Debug)]
pub struct SigningKey {
    signer: Signer,
    pub(super) kid: KeyId,
    headers: TokenHeaders,
}

/// Public key, in its published form and parsed for verification.
#[derive(Debug)]
pub(super) struct PublishedKey {
    pub(super) jwk: Jwk,
    pub(super) key: VerificationKey,
}

/// A key of the keyring. If its master key was lost, it has only the public key. If that happened
/// before the public key was stored, it has neither.
#[derive(Debug)]
pub(super) struct RingKey {
    pub(super) signing: Option<Arc<SigningKey>>,
    pub(super) published: Option<PublishedKey>,
}

impl RingKey {
    pub(super) fn open(
        master: &MasterKeys,
        record: &SigningKeyRecord,
    ) -> Result<Self, CryptoError> {
        let Some(sealed) = &record.sealed else {
            return Ok(Self { signing: None, published: PublishedKey::stored(record) });
        };
        let opened = master.open(record.kid.as_str(), sealed)?;
        let signer = Signer::new(record.algorithm, &opened.content)?;
        let (kid, jwk) = signer.public_jwk()?;
        if kid != record.kid {
            return Err(CryptoError::Failed("matching a signing key with its id"));
        }
        let published = PublishedKey::of(jwk);
        let published = published.ok_or(CryptoError::Failed("reading a public signing key"))?;
        let headers = TokenHeaders::new(record.algorithm, &kid)?;
        let signing = SigningKey { signer, kid, headers };
        Ok(Self { signing: Some(Arc::new(signing)), published: Some(published) })
    }
}

impl PublishedKey {
    fn of(jwk: Jwk) -> Option<Self> {
        let key = VerificationKey::of(&jwk)?;
        Some(Self { jwk, key })
    }

    /// Parses the public key in the database; `None` if its id is not its own thumbprint.
    pub(super) fn stored(record: &SigningKeyRecord) -> Option<Self> {
        let jwk: Jwk = serde_json::from_str(record.public_jwk.as_deref()?).ok()?;
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).ok()?;
        let is_its_own = thumbprint == record.kid.as_str()
            && jwk.common.key_id.as_deref() == Some(record.kid.as_str());
        if is_its_own { Self::of(jwk) } else { None }
    }
}

impl SigningKey {
    /// Returns the id of the key.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// Returns the signature algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    /// Signs an access token with `claims` (RFC 9068, section 2) and the type that its resource
    /// requires.
    pub fn sign_typed(&self, typ: TokenTyp, claims: &[u8]) -> Result<String, CryptoError> {
        token_header::sign(&self.signer, self.headers.of(typ), claims)
    }

    /// Signs a JWT of a type other than access tokens.
    pub fn sign_as(&self, typ: &str, claims: &[u8]) -> Result<String, CryptoError> {
        let header = token_header::encode(typ, self.signer.algorithm(), &self.kid)?;
        token_header::sign(&self.signer, &header, claims)
    }
}
