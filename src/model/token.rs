//! Identifiers and revocations of tokens. Tokens themselves are never stored.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// The identifier of a token: its `jti` (RFC 7519, section 4.1.7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(Box<str>);

text_schema!(
    TokenId,
    "The `jti` of a token.",
    pattern(Some("^[A-Za-z0-9_-]{22}$")),
    examples(["kq1sBz3vT0aXn9LrYc5uEw"]),
);

impl TokenId {
    /// The length of an identifier: 16 bytes in base64url.
    const LENGTH: usize = 22;

    /// Parses an identifier in the form that this server generates.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() != Self::LENGTH || !text.bytes().all(is_base64url) {
            return Err(Malformed::because("a jti is 22 letters, digits, - and _"));
        }
        Ok(Self(text.into()))
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for TokenId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

text_newtype!(TokenId);

/// How long a revocation is kept after its last token has expired, in seconds. A clock that jumps
/// ahead by days and back must not make a revoked token valid again.
pub const REVOCATION_MARGIN_SECONDS: i64 = 7 * 86_400;

/// A revoked token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedToken {
    /// The identifier of the token.
    pub jti: TokenId,
    /// The client that revoked the token; `None` if an operator revoked it by its identifier.
    pub client_id: Option<ClientId>,
    /// The expiry of the token.
    pub expires_at: Timestamp,
}

/// The revocation of all tokens issued to a client so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedClient {
    /// The client, which may have been deleted.
    pub client_id: ClientId,
    /// The boundary of the revoked tokens.
    pub epoch: RevocationEpoch,
    /// The second of the revocation, for verifiers and instances that do not know epochs. They
    /// reject tokens issued up to and including this second.
    pub revoked_until: Timestamp,
    /// The expiry of the last revoked token.
    pub expires_at: Timestamp,
}

/// The boundary between the revoked tokens of a client and the valid ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationEpoch {
    /// The sequence of the revoking event. Tokens with a smaller `evt` are revoked.
    pub evt: i64,
    /// Tokens issued before this second are revoked regardless of their `evt`, because after a
    /// restore the database continues to count events from an earlier number.
    pub iat_before: Timestamp,
}

impl RevocationEpoch {
    /// A token issued more than this many seconds before the revocation is revoked by its time
    /// alone. Clocks are assumed to differ by at most this.
    pub const CLOCK_DIFFERENCE_SECONDS: i64 = 60;

    /// Creates the epoch that starts with the event `evt` at the time `now`.
    pub fn beginning(evt: i64, now: Timestamp) -> Self {
        Self { evt, iat_before: now.minus_seconds(Self::CLOCK_DIFFERENCE_SECONDS) }
    }

    /// Creates the epoch of a row of schema 3, which compares only times. It revokes all tokens
    /// issued up to and including `revoked_until`.
    pub fn until(revoked_until: Timestamp) -> Self {
        Self { evt: 0, iat_before: revoked_until.plus_seconds(1) }
    }

    /// True if a token with these claims is revoked. Pass 0 for a token without `evt`.
    pub fn is_after(self, evt: i64, issued_at: Timestamp) -> bool {
        evt < self.evt || issued_at < self.iat_before
    }
}

/// Serializes times as numbers, as in every JWT (RFC 7519, section 2).
impl Serialize for RevocationEpoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut epoch = serializer.serialize_struct("RevocationEpoch", 2)?;
        epoch.serialize_field("evt", &self.evt)?;
        epoch.serialize_field("iat_before", &self.iat_before.0)?;
        epoch.end()
    }
}

/// The purpose of a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenUse {
    /// Calling the resource.
    #[default]
    Access,
    /// Inspection by a person. The token expires after at most [`Self::TEST_SECONDS`] and has the
    /// claim `test`.
    Test,
}

impl TokenUse {
    /// The maximum lifetime of a test token, in seconds.
    pub const TEST_SECONDS: i64 = 300;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_revoked_by_its_event_or_by_its_age() {
        let epoch = RevocationEpoch::beginning(7, Timestamp(1_000));
        assert!(epoch.is_after(6, Timestamp(2_000)), "an instance that had not seen the event");
        assert!(!epoch.is_after(7, Timestamp(990)), "a clock that is 10 s behind");
        assert!(epoch.is_after(900, Timestamp(939)), "a number from before a restore");
        assert!(epoch.is_after(0, Timestamp(1_500)), "a token without evt");
    }

    #[test]
    fn a_row_of_schema_3_compares_times_only() {
        let epoch = RevocationEpoch::until(Timestamp(1_000));
        assert!(epoch.is_after(0, Timestamp(1_000)));
        assert!(!epoch.is_after(0, Timestamp(1_001)));
    }
}
