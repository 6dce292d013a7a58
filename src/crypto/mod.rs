//! Primitives without a format of their own: random bytes, digests, message authentication codes,
//! base62.

pub mod base62;
pub mod digest;
pub mod mac;
pub mod random;

/// Why a cryptographic operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The library failed; it never says why.
    #[error("the cryptographic library failed at {0}")]
    Failed(&'static str),
    /// None of the master keys opens the seal.
    #[error("none of the master keys opens {0}")]
    WrongMasterKey(String),
    /// A stored hash or an imported one is not an argon2id PHC string within the bounds.
    #[error("the hash is not an argon2id PHC string {0}")]
    UnusableHash(&'static str),
    /// A secret to be imported is not what RFC 6749, appendix A.2, allows.
    #[error("a secret is 1 to 256 characters of printable ASCII")]
    UnusableSecret,
}
