//! Owner policies: requirements of the platform team for the clients of an owner.

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::client::AuthenticationMethod;
use crate::model::owner::Owner;
use crate::model::time::Lifetime;
use crate::text::schema::text_schema;

/// The text of [`PolicyScope::Others`].
const OTHERS: &str = "*";

/// The clients to which a policy applies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PolicyScope {
    /// The clients of one owner.
    Owner(Owner),
    /// The clients of all owners without their own policy. Clients without an owner have no policy.
    Others,
}

text_schema!(
    PolicyScope,
    "An owner, or `*` for every owner without a policy of its own.",
    pattern(Some(r"^(\*|[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)$")),
    examples(["payments", "*"]),
);

impl PolicyScope {
    /// Parses an owner, or `*` for all other owners.
    ///
    /// # Errors
    /// If the text is neither `*` nor an owner.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text == OTHERS { Ok(Self::Others) } else { Owner::parse(text).map(Self::Owner) }
    }

    /// Reads a stored scope.
    pub fn stored(text: &str) -> Self {
        if text == OTHERS { Self::Others } else { Self::Owner(Owner::stored(text)) }
    }

    /// Returns the owner, or `*`.
    pub fn as_str(&self) -> &str {
        self.owner().map_or(OTHERS, Owner::as_str)
    }

    /// Returns the owner, if the policy applies to a single one.
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Owner(owner) => Some(owner),
            Self::Others => None,
        }
    }
}

impl fmt::Display for PolicyScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for PolicyScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The rules; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OwnerPolicyRules)]
pub struct OwnerPolicy {
    /// Whether each secret must have an expiry. A maximum age requires one as well.
    pub secret_expiry_required: bool,
    /// The longest time from the creation of a secret to its expiry.
    #[serde(rename = "secret_max_age_seconds")]
    #[schema(required = true)]
    pub secret_max_age: Option<Lifetime>,
    /// The authentication methods that clients may have; all if absent.
    #[schema(required = true)]
    pub auth_methods: Option<Vec<AuthenticationMethod>>,
    /// The maximum number of clients.
    #[schema(required = true)]
    pub max_clients: Option<u32>,
}

impl OwnerPolicy {
    /// True if a secret must have an expiry.
    pub fn requires_expiry(&self) -> bool {
        self.secret_expiry_required || self.secret_max_age.is_some()
    }

    /// True if clients may use this method.
    pub fn allows(&self, method: AuthenticationMethod) -> bool {
        self.auth_methods.as_ref().is_none_or(|allowed| allowed.contains(&method))
    }
}

/// A policy, and the owner of the clients that it applies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OwnerPolicy)]
pub struct OwnerPolicyRecord {
    /// The owner of the clients, or `*`.
    #[serde(rename = "owner")]
    pub scope: PolicyScope,
    /// The rules.
    #[serde(flatten)]
    pub policy: OwnerPolicy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_about_an_owner_or_about_all_others() {
        assert_eq!(PolicyScope::parse("*").expect("a scope"), PolicyScope::Others);
        assert_eq!(PolicyScope::parse("sales").expect("a scope").as_str(), "sales");
        assert!(PolicyScope::parse("**").is_err() && PolicyScope::parse("").is_err());
    }

    #[test]
    fn a_maximum_age_requires_an_expiry() {
        let (max_age, none) = (Some(Lifetime::stored(60)), OwnerPolicy::default());
        assert!(OwnerPolicy { secret_max_age: max_age, ..none.clone() }.requires_expiry());
        assert!(!none.requires_expiry() && none.allows(AuthenticationMethod::PrivateKeyJwt));
    }
}
