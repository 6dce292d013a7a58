//! Cryptographic primitives without their own format: random bytes, digests, message authentication
//! codes, base62.

pub mod base62;
pub mod digest;
pub mod mac;
pub mod random;

/// Why a cryptographic operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The library failed, without a reason.
    #[error("the cryptographic library failed at {0}")]
    Failed(&'static str),
    /// None of the master keys unseals it.
    #[error("none of the master keys opens {0}")]
    WrongMasterKey(String),
    /// An imported hash is not an argon2id PHC string within the limits. The text is a sentence.
    #[error("{0}")]
    UnusableHash(&'static str),
    /// A secret to import violates RFC 6749, appendix A.2.
    #[error("a secret is 1 to 256 characters of printable ASCII")]
    UnusableSecret,
}
