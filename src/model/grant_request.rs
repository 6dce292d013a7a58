//! Requests of a team for a grant of another team's resource.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::model::time::Timestamp;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// The identifier of a grant request: `grq_` followed by random letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantRequestId(Box<str>);

text_schema!(
    GrantRequestId,
    "The identifier of a grant request.",
    pattern(Some("^grq_[A-Za-z0-9]{1,40}$")),
    examples(["grq_4nbfJZ1C0eGJ3Yc2"]),
);

impl GrantRequestId {
    /// Parses an identifier in the form that this server generates.
    ///
    /// # Errors
    /// If it has any other form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let body = text.strip_prefix("grq_").unwrap_or_default();
        if body.is_empty() || body.len() > 40 || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Malformed::because("the id of a grant request begins with grq_"));
        }
        Ok(Self(text.into()))
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_newtype!(GrantRequestId);

/// The state of a grant request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantRequestState {
    /// The administrators of the resource have not decided yet.
    Pending,
    /// Approved: the client got the grant.
    Approved,
    /// The administrators of the resource rejected the request.
    Rejected,
    /// The requester cancelled the request, or the client or the resource changed.
    Cancelled,
    /// The request expired without a decision.
    Expired,
}

text_schema!(
    GrantRequestState,
    "The state of a grant request.",
    enum_values(Some(Self::ALL.map(Self::as_str))),
);

impl GrantRequestState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Approved, Self::Rejected, Self::Cancelled, Self::Expired];

    /// Returns the stored text, which the API also shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Parses a state.
    ///
    /// # Errors
    /// If it is not one of [`Self::ALL`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Malformed::because(format!("the state of a grant request is one of {known}"))
        })
    }
}

impl Serialize for GrantRequestState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A remark on a request, by the requester or about its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark(String);

text_schema!(
    Remark,
    "A comment, without control characters.",
    min_length(Some(1)),
    max_length(Some(Self::MAX_LENGTH)),
    examples(["The nightly export needs the orders of yesterday."]),
);

impl Remark {
    /// The maximum length, in characters.
    pub const MAX_LENGTH: usize = 500;

    /// Parses a remark.
    ///
    /// # Errors
    /// If it is blank, longer than [`Self::MAX_LENGTH`], or contains a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_blank = text.trim().is_empty();
        if is_blank || text.chars().count() > Self::MAX_LENGTH || text.contains(char::is_control) {
            return Err(Malformed::because(format!(
                "it is 1 to {} characters long, without control characters",
                Self::MAX_LENGTH
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// Wraps a stored remark, or one of the server.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns the remark as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request for a grant of a resource of another owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GrantRequest {
    /// Its identifier.
    pub request_id: GrantRequestId,
    /// The sequence of the event of its creation: its place in lists.
    #[serde(skip)]
    pub sequence: i64,
    /// The client that would get the grant.
    pub client_id: ClientId,
    /// The resource.
    pub resource: ResourceId,
    /// The scopes of the grant.
    pub scopes: Scopes,
    /// The networks from which the grant could be used.
    pub networks: Networks,
    /// The static claims of the grant.
    pub claims: StaticClaims,
    /// The revision. It starts at 1 and increases by 1 with each change of the request. An approval
    /// names it.
    #[schema(examples(1))]
    pub revision: i64,
    /// The state of the request.
    pub state: GrantRequestState,
    /// A message from the requester.
    #[schema(required = true)]
    pub message: Option<Remark>,
    /// The reason for its end.
    #[schema(required = true)]
    pub reason: Option<Remark>,
    /// The owner of the client at the time of the request.
    #[schema(required = true)]
    pub client_owner: Option<Owner>,
    /// The owner of the resource at the time of the request.
    #[schema(required = true)]
    pub resource_owner: Option<Owner>,
    /// The actor of the last change of the request.
    #[schema(examples("client:ops"))]
    pub requested_by: String,
    /// The actor that ended it.
    #[schema(required = true)]
    pub ended_by: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed or ended.
    pub updated_at: Timestamp,
    /// When it ends without a decision.
    pub expires_at: Timestamp,
}

impl GrantRequest {
    /// How long a request waits for a decision: 30 days.
    pub const TTL_SECONDS: i64 = 30 * 86_400;

    /// How long an ended request is stored: 90 days. The audit log keeps its events.
    pub const KEPT_SECONDS: i64 = 90 * 86_400;

    /// The maximum number of pending requests of a client.
    pub const MAX_PENDING_PER_CLIENT: usize = 50;

    /// Returns the grant that an approval creates.
    pub fn grant(&self) -> Grant {
        Grant {
            resource: self.resource.clone(),
            scopes: GrantedScopes::Only(self.scopes.clone()),
            networks: self.networks.clone(),
            claims: self.claims.clone(),
        }
    }

    /// Returns the request as of `now`: a pending request expires without a write.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let is_over = self.state == GrantRequestState::Pending && self.expires_at <= now;
        let state = if is_over { GrantRequestState::Expired } else { self.state };
        Self { state, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_states_and_remarks_are_parsed_and_malformed_ones_rejected() {
        let id = GrantRequestId::parse("grq_aZ09").expect("an id");
        assert_eq!(id.to_string(), "grq_aZ09");
        for text in
            ["", "grq_", "sec_a", "grq_a b", "grq_\u{0}", &format!("grq_{}", "a".repeat(41))]
        {
            assert!(GrantRequestId::parse(text).is_err(), "{text:?}");
        }
        for (place, state) in GrantRequestState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, place);
            assert_eq!(GrantRequestState::parse(state.as_str()), Ok(state));
        }
        assert!(GrantRequestState::parse("open").is_err());
        assert!(Remark::parse(&"x".repeat(Remark::MAX_LENGTH)).is_ok());
        for text in ["", " ", "a\nb", &"x".repeat(Remark::MAX_LENGTH + 1)] {
            assert!(Remark::parse(text).is_err(), "{text:?}");
        }
    }
}
