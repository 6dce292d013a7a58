//! Tokens as they are named: they themselves are never kept.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;

/// The identifier of a token, its `jti` (RFC 7519, section 4.1.7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(Box<str>);

impl TokenId {
    /// The length of an identifier: 16 bytes in base64url.
    const LENGTH: usize = 22;

    /// Takes an identifier as this server makes them.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() != Self::LENGTH || !text.bytes().all(is_base64url) {
            return Err(Malformed::because("a jti is 22 letters, digits, - and _"));
        }
        Ok(Self(text.into()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for TokenId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A token that has ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedToken {
    /// Its identifier.
    pub jti: TokenId,
    /// When it would have expired; from then on it need not be remembered.
    pub expires_at: Timestamp,
}

/// A client whose tokens have ended before their time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedClient {
    /// The client, which may be gone.
    pub client_id: ClientId,
    /// All tokens issued until then, this second included, have ended.
    pub revoked_until: Timestamp,
    /// When the last of them would have expired.
    pub expires_at: Timestamp,
}
