//! Tokens as they are named: they themselves are never kept.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// The identifier of a token, its `jti` (RFC 7519, section 4.1.7).
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

text_newtype!(TokenId);

/// How long a revocation is kept after its last token has expired, in seconds. A clock that jumps
/// by days, and back, must not make a revoked token active again.
pub const REVOCATION_MARGIN_SECONDS: i64 = 7 * 86_400;

/// A revoked token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedToken {
    /// Its identifier.
    pub jti: TokenId,
    /// The client that revoked it; absent if an operator revoked it by its identifier.
    pub client_id: Option<ClientId>,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// The revocation of every token that a client had been issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedClient {
    /// The client, which may have been deleted.
    pub client_id: ClientId,
    /// Which of its tokens are revoked.
    pub epoch: RevocationEpoch,
    /// The second of the revocation, for verifiers and instances that know no epochs: they reject
    /// tokens issued until then, this second included.
    pub revoked_until: Timestamp,
    /// When the last of the revoked tokens expires.
    pub expires_at: Timestamp,
}

/// The boundary between the revoked tokens of a client and the valid ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationEpoch {
    /// The sequence of the revoking event. Tokens with a smaller `evt` are revoked.
    pub evt: i64,
    /// Tokens issued before this second are revoked whatever their `evt`: after a restore the
    /// database counts events again from an earlier number.
    pub iat_before: Timestamp,
}

impl RevocationEpoch {
    /// How far before the revocation a token must have been issued to be revoked by its time alone,
    /// in seconds. Clocks may differ by less.
    pub const CLOCK_DIFFERENCE_SECONDS: i64 = 60;

    /// The epoch that the event `evt` at the time `now` begins.
    pub fn beginning(evt: i64, now: Timestamp) -> Self {
        Self { evt, iat_before: now.minus_seconds(Self::CLOCK_DIFFERENCE_SECONDS) }
    }

    /// The epoch of a row of schema 3, which compares times only: all tokens issued until then,
    /// this second included, are revoked.
    pub fn until(revoked_until: Timestamp) -> Self {
        Self { evt: 0, iat_before: revoked_until.plus_seconds(1) }
    }

    /// True if a token that says this of itself is revoked. A token without `evt` has 0.
    pub fn is_after(self, evt: i64, issued_at: Timestamp) -> bool {
        evt < self.evt || issued_at < self.iat_before
    }
}

/// Times are numbers, as in every JWT (RFC 7519, section 2).
impl Serialize for RevocationEpoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut epoch = serializer.serialize_struct("RevocationEpoch", 2)?;
        epoch.serialize_field("evt", &self.evt)?;
        epoch.serialize_field("iat_before", &self.iat_before.0)?;
        epoch.end()
    }
}

/// What a token is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenUse {
    /// Calls of the resource.
    #[default]
    Access,
    /// A look at the token by a person: it lives at most [`Self::TEST_SECONDS`] and has the claim
    /// `test`.
    Test,
}

impl TokenUse {
    /// The longest life of a test token, in seconds.
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
