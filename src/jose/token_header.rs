//! JOSE headers of the JWTs that this server signs. They are encoded once for each key, so that a
//! token request does not encode JSON.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::crypto::CryptoError;
use crate::jose::signer::Signer;
use crate::model::resource::TokenTyp;
use crate::model::signing_key::{Algorithm, KeyId};

/// The header of an access token (RFC 9068, section 2.1).
#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// Encoded headers of the access tokens that one key signs.
#[derive(Debug)]
pub(crate) struct TokenHeaders {
    at_jwt: String,
    jwt: String,
}

impl TokenHeaders {
    /// Encodes the header of each type.
    ///
    /// # Errors
    /// [`CryptoError::Failed`] if a header cannot be encoded as JSON.
    pub(crate) fn new(algorithm: Algorithm, kid: &KeyId) -> Result<Self, CryptoError> {
        let header = |typ: TokenTyp| encode(typ.as_str(), algorithm, kid);
        Ok(Self { at_jwt: header(TokenTyp::AtJwt)?, jwt: header(TokenTyp::Jwt)? })
    }

    pub(crate) fn of(&self, typ: TokenTyp) -> &str {
        match typ {
            TokenTyp::AtJwt => &self.at_jwt,
            TokenTyp::Jwt => &self.jwt,
        }
    }
}

/// Signs a compact JWS with an encoded header (RFC 7515, section 3.1).
///
/// # Errors
/// The error of the signer.
pub(crate) fn sign(signer: &Signer, header: &str, claims: &[u8]) -> Result<String, CryptoError> {
    // Exact plus one byte: small buffers come from the fast lists of the allocator.
    let signature_length = signer.encoded_length();
    let claims_length = claims.len() * 4 / 3 + 2;
    let length = header.len() + claims_length + signature_length + 2;
    let mut token = String::with_capacity(length);
    token.push_str(header);
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let mut signature = String::with_capacity(signature_length);
    signer.sign(token.as_bytes(), &mut signature)?;
    token.push('.');
    token.push_str(&signature);
    Ok(token)
}

/// Encodes the header of a JWT.
///
/// # Errors
/// [`CryptoError::Failed`] if it cannot be encoded as JSON.
pub(crate) fn encode(typ: &str, algorithm: Algorithm, kid: &KeyId) -> Result<String, CryptoError> {
    let header = Header { typ, alg: algorithm.as_str(), kid: kid.as_str() };
    let header =
        serde_json::to_vec(&header).map_err(|_| CryptoError::Failed("writing a token header"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(header))
}
