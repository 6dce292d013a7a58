//! What is proved: secrets, signatures, seals and the chain of events.
//!
//! All cryptography comes from aws-lc-rs, argon2 and jsonwebtoken, and from nowhere else than
//! here. Nothing here knows the database or HTTP.

pub mod argon2id;
pub mod assertion;
pub mod base62;
pub mod certificate;
pub mod chain;
mod decoy_key;
pub mod digest;
pub mod dpop;
pub mod external_jwks;
pub mod guess_limiter;
pub mod hashing;
#[cfg(test)]
pub(crate) mod hostile_documents;
mod jws;
pub mod jwt;
pub mod keyring;
pub mod nonces;
pub mod numeric_date;
mod public_key;
pub mod public_key_pem;
pub mod random;
pub mod replay_cache;
pub mod seal;
pub mod secret;
pub mod signer;
pub mod throttled;
mod token_header;
pub mod vault;
pub mod verification_cache;
#[cfg(test)]
mod wycheproof;

/// Why a cryptographic step could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The library refused; it never says why.
    #[error("the cryptographic library failed at {0}")]
    Failed(&'static str),
    /// None of the master keys opens the seal.
    #[error("none of the master keys opens {0}")]
    WrongMasterKey(String),
    /// A stored hash or an imported one is not an argon2id PHC string within our bounds.
    #[error("the hash is not an argon2id PHC string {0}")]
    UnusableHash(&'static str),
    /// A secret to be taken over is not what RFC 6749, appendix A.2, allows.
    #[error("a secret is 1 to 256 characters of printable ASCII")]
    UnusableSecret,
}
