//! Records of rejections, kept for a while so that an operator can look up the reason.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::remedy::Remedy;
use crate::model::time::Timestamp;

/// A rejected request: the response that the caller got, and the true reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Rejection)]
pub struct RejectionRecord {
    /// The id of the request, as in the response to the caller.
    #[schema(examples("req_KfAPnLS0MFyEF6HBc9yT"))]
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// The HTTP status of the response.
    #[schema(examples(401))]
    pub status: u16,
    /// The code of the response.
    #[schema(examples("invalid_client"))]
    pub error: String,
    /// The address that the request came from.
    #[schema(examples("192.0.2.7"))]
    pub address: String,
    /// The client, if one has the id that was presented.
    #[schema(required = true, examples("acme"))]
    pub client_id: Option<String>,
    /// The true reason.
    #[schema(examples("acme: the secret has expired"))]
    pub reason: String,
    /// How to fix it.
    #[schema(value_type = Option<String>, required = true, examples("Give the client a new secret."))]
    pub remedy: Option<Remedy>,
    /// The last characters of a whole secret that was presented: its checksum.
    #[schema(required = true, examples("19RbFA"))]
    pub suffix: Option<String>,
}

/// The printable part of an unknown client id. The id may be a secret that was sent in the wrong
/// field, so it is not stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownId {
    /// The length in characters.
    pub length: usize,
    /// The printable ones of the first four characters.
    pub start: String,
}

impl UnknownId {
    const BEFORE: &str = "no client has that id (";
    const BETWEEN: &str = " characters, beginning with '";
    const AFTER: &str = "')";

    /// Extracts the parts that may be shown.
    pub fn of(id: &str) -> Self {
        let is_plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
        Self { length: id.chars().count(), start: id.chars().take(4).filter(is_plain).collect() }
    }

    /// Parses the reason of a rejection that [`fmt::Display`] formatted.
    pub fn from_reason(reason: &str) -> Option<Self> {
        let (length, start) = reason
            .strip_prefix(Self::BEFORE)?
            .strip_suffix(Self::AFTER)?
            .split_once(Self::BETWEEN)?;
        Some(Self { length: length.parse().ok()?, start: start.to_owned() })
    }
}

impl fmt::Display for UnknownId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, between, after) = (Self::BEFORE, Self::BETWEEN, Self::AFTER);
        write!(formatter, "{before}{}{between}{}{after}", self.length, self.start)
    }
}

impl RejectionRecord {
    /// True for a text that may be a request id: `req_` followed by letters and digits, or an id
    /// from a proxy, such as a UUID.
    pub fn is_request_id(text: &str) -> bool {
        let is_own = text.strip_prefix("req_").is_some_and(|rest| {
            (1..=40).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        let is_of_proxy = || {
            Self::PROXY_ID_LENGTHS.contains(&text.len()) && text.bytes().all(Self::is_part_of_id)
        };
        is_own || is_of_proxy()
    }

    /// True for a byte that is allowed in a request id.
    pub fn is_part_of_id(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
    }

    /// The lengths of proxy ids. A shorter id would not be unique.
    const PROXY_ID_LENGTHS: RangeInclusive<usize> = 16..=64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_round_trips_through_its_sentence() {
        for id in ["Demo client", "a", "", "\u{e9}t\u{e9} x", "x')yz"] {
            let told = UnknownId::of(id);
            assert_eq!(UnknownId::from_reason(&told.to_string()), Some(told), "{id:?}");
        }
        assert_eq!(
            UnknownId::of("Demo client").to_string(),
            "no client has that id (11 characters, beginning with 'Demo')"
        );
        assert_eq!(UnknownId::from_reason("the client is disabled"), None);
    }
}
