//! The JOSE headers of the JWTs that this server signs, written once for each key, because a token
//! request has no time to spare for JSON.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::crypto::CryptoError;
use crate::model::resource::TokenTyp;
use crate::model::signing_key::{Algorithm, KeyId};

/// The header of an access token (RFC 9068, section 2.1).
#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// The encoded headers of access tokens that one key signs.
#[derive(Debug)]
pub(crate) struct TokenHeaders {
    at_jwt: String,
    jwt: String,
}

impl TokenHeaders {
    /// Writes the header of each type.
    ///
    /// # Errors
    /// [`CryptoError::Failed`] if a header cannot be written as JSON.
    pub(crate) fn new(algorithm: Algorithm, kid: &KeyId) -> Result<Self, CryptoError> {
        let header = |typ: TokenTyp| encode(typ.as_str(), algorithm, kid);
        Ok(Self { at_jwt: header(TokenTyp::AtJwt)?, jwt: header(TokenTyp::Jwt)? })
    }

    /// The header of a type.
    pub(crate) fn of(&self, typ: TokenTyp) -> &str {
        match typ {
            TokenTyp::AtJwt => &self.at_jwt,
            TokenTyp::Jwt => &self.jwt,
        }
    }
}

/// Writes and encodes the header of a JWT.
///
/// # Errors
/// [`CryptoError::Failed`] if it cannot be written as JSON.
pub(crate) fn encode(typ: &str, algorithm: Algorithm, kid: &KeyId) -> Result<String, CryptoError> {
    let header = Header { typ, alg: algorithm.as_str(), kid: kid.as_str() };
    let header =
        serde_json::to_vec(&header).map_err(|_| CryptoError::Failed("writing a token header"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(header))
}
