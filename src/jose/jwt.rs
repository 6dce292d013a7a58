//! Parses and verifies the tokens of this server (RFC 7519, RFC 9068, section 4).

use std::collections::BTreeMap;

use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::jose::jws::Jws;
use crate::jose::numeric_date::CLOCK_SKEW_SECONDS;
use crate::model::resource::TokenTyp;
use crate::model::time::Timestamp;

/// The claims of an access token (RFC 9068, section 2.2).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccessTokenClaims {
    /// The issuer.
    #[schema(examples("https://auth.example.com"))]
    pub iss: String,
    /// The subject: the client.
    #[schema(examples("acme"))]
    pub sub: String,
    /// The resource it is for.
    #[schema(examples("https://orders.example.com"))]
    pub aud: String,
    /// The client it was issued to.
    #[schema(examples("acme"))]
    pub client_id: String,
    /// The granted scopes, separated by spaces; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("orders:read"))]
    pub scope: Option<String>,
    /// When it was issued.
    #[schema(examples(1_795_771_800))]
    pub iat: i64,
    /// When it expires.
    #[schema(examples(1_795_775_400))]
    pub exp: i64,
    /// The unique identifier of the token.
    #[schema(examples("kq1sBz3vT0aXn9LrYc5uEw"))]
    pub jti: String,
    /// The sequence of the last event that the issuing instance had in memory when the request
    /// began; absent in tokens of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples(41))]
    pub evt: Option<i64>,
    /// The key whose possession the holder must prove (RFC 7800, section 3.1); absent for a bearer
    /// token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cnf: Option<Confirmation>,
    /// The static claims of its client and grant.
    #[serde(flatten)]
    pub static_claims: BTreeMap<String, Value>,
}

/// What a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Confirmation {
    /// The thumbprint of a key by which each request is signed (RFC 9449, section 6.1).
    #[serde(rename = "jkt")]
    Key(String),
    /// The hash of a client certificate (RFC 8705, section 3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

/// A public key of this server, parsed for verifying tokens.
#[derive(Clone)]
pub struct VerificationKey {
    kid: String,
    algorithm: jsonwebtoken::Algorithm,
    name: &'static str,
    decoding: DecodingKey,
}

impl std::fmt::Debug for VerificationKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "VerificationKey({} {})", self.name, self.kid)
    }
}

impl VerificationKey {
    /// Parses a published key; `None` if it does not name its algorithm and `kid`.
    pub fn of(jwk: &Jwk) -> Option<Self> {
        let (algorithm, name) = algorithm_of(jwk)?;
        let decoding = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { kid: jwk.common.key_id.clone()?, algorithm, name, decoding })
    }
}

/// A token whose signature and claims are valid.
#[derive(Debug)]
pub struct Verified {
    /// The claims of the token.
    pub claims: AccessTokenClaims,
    /// The key that signed it.
    pub kid: String,
    /// The name of the signature algorithm.
    pub algorithm: &'static str,
}

/// Why a token is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is not a compact JWS with a readable header.
    #[error("this is not a JWT")]
    NotAToken,
    /// The `typ` is not `at+jwt`, or the header requires an extension.
    #[error("this is a JWT, but not an access token: typ is not at+jwt")]
    NotAnAccessToken,
    /// The key is not in the key set.
    #[error("it is signed with key {0}, which is not in the key set")]
    UnknownKey(String),
    /// The key set cannot be parsed.
    #[error("the key set cannot be read: {0}")]
    UnreadableKeySet(String),
    /// The algorithm is not that of the key.
    #[error("its algorithm is not the one of its key")]
    WrongAlgorithm,
    /// The signature does not match.
    #[error("the signature does not match")]
    WrongSignature,
    /// The claims are not those of an access token.
    #[error("its claims are not those of an access token: {0}")]
    WrongClaims(String),
    /// The token has another issuer.
    #[error("its issuer is {0}")]
    WrongIssuer(String),
    /// The token has expired.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// The token was issued in the future.
    #[error("it says it was issued at {0}, which is in the future")]
    FromTheFuture(Timestamp),
}

/// Verifies a token of type `at+jwt` with the keys of this server: signature, type, issuer if
/// given, and times. The algorithm is always that of the key, never that of the token. Keys in the
/// header are never used.
pub fn verify<'a>(
    token: &str,
    keys: impl IntoIterator<Item = &'a VerificationKey>,
    issuer: Option<&str>,
    now: Timestamp,
) -> Result<Verified, TokenError> {
    verify_typed(token, keys, issuer, now, |_, typ| typ == TokenTyp::AtJwt)
}

/// Like [`verify`], for resources whose tokens may have another type. `admits` decides whether a
/// token for this audience may have this type.
pub fn verify_typed<'a>(
    token: &str,
    keys: impl IntoIterator<Item = &'a VerificationKey>,
    issuer: Option<&str>,
    now: Timestamp,
    admits: impl FnOnce(&str, TokenTyp) -> bool,
) -> Result<Verified, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::NotAToken)?;
    let typ = header.typ.as_deref().and_then(|typ| TokenTyp::parse(typ).ok());
    let Some(typ) = typ.filter(|_| header.crit.is_none()) else {
        return Err(TokenError::NotAnAccessToken);
    };
    let kid = header.kid.unwrap_or_default();
    let key = keys
        .into_iter()
        .find(|key| key.kid == kid)
        .ok_or_else(|| TokenError::UnknownKey(kid.clone()))?;
    if header.alg != key.algorithm {
        return Err(TokenError::WrongAlgorithm);
    }
    let claims = decode(token, key)?;
    if !admits(&claims.aud, typ) {
        return Err(TokenError::NotAnAccessToken);
    }
    check_claims(&claims, issuer, now)?;
    Ok(Verified { claims, kid, algorithm: key.name })
}

/// Parses a published key set (RFC 7517, section 5). Keys without an algorithm are skipped.
pub fn key_set(text: &str) -> Result<Vec<VerificationKey>, TokenError> {
    serde_json::from_str::<JwkSet>(text)
        .map(|set| set.keys.iter().filter_map(VerificationKey::of).collect())
        .map_err(|error| TokenError::UnreadableKeySet(error.to_string()))
}

/// Parses header and claims without verification. **Only for showing a token to the person who
/// holds it.**
pub fn read_unchecked(token: &str) -> Result<(Value, Value), TokenError> {
    let Jws { header, claims, .. } = Jws::read(token).ok_or(TokenError::NotAToken)?;
    Ok((header, claims))
}

fn decode(token: &str, key: &VerificationKey) -> Result<AccessTokenClaims, TokenError> {
    let mut validation = Validation::new(key.algorithm);
    // Times and issuer are checked below, with the clock of this server. The caller checks the
    // audience.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    match jsonwebtoken::decode::<AccessTokenClaims>(token, &key.decoding, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) => Err(match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::WrongSignature,
            jsonwebtoken::errors::ErrorKind::Json(problem) => {
                TokenError::WrongClaims(problem.to_string())
            }
            jsonwebtoken::errors::ErrorKind::InvalidClaimFormat(claim) => {
                TokenError::WrongClaims(claim.clone())
            }
            _ => TokenError::NotAToken,
        }),
    }
}

fn check_claims(
    claims: &AccessTokenClaims,
    issuer: Option<&str>,
    now: Timestamp,
) -> Result<(), TokenError> {
    if issuer.is_some_and(|issuer| issuer != claims.iss) {
        return Err(TokenError::WrongIssuer(claims.iss.clone()));
    }
    if claims.exp <= now.0 {
        return Err(TokenError::Expired(Timestamp(claims.exp)));
    }
    if claims.iat > now.0.saturating_add(CLOCK_SKEW_SECONDS) {
        return Err(TokenError::FromTheFuture(Timestamp(claims.iat)));
    }
    Ok(())
}

/// Returns the only algorithm of a key, with its name.
fn algorithm_of(key: &Jwk) -> Option<(jsonwebtoken::Algorithm, &'static str)> {
    match key.common.key_algorithm? {
        KeyAlgorithm::ES256 => Some((jsonwebtoken::Algorithm::ES256, "ES256")),
        KeyAlgorithm::RS256 => Some((jsonwebtoken::Algorithm::RS256, "RS256")),
        KeyAlgorithm::PS256 => Some((jsonwebtoken::Algorithm::PS256, "PS256")),
        KeyAlgorithm::EdDSA => Some((jsonwebtoken::Algorithm::EdDSA, "EdDSA")),
        _ => None,
    }
}
