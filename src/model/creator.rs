//! The creator of a credential: the rights of the caller at that time. The caller may know the
//! credential or hold its key, so the credential must not give it more rights later.

use std::collections::BTreeSet;

use crate::model::admin_scope::AdminScope;
use crate::model::grant::GrantedScopes;
use crate::model::scope::Scopes;

/// The rights of the caller that created a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creator {
    /// An operator with access to the database, who has all rights.
    Operator,
    /// A caller of the admin API with these scopes of `urn:tokend`.
    Administrator(BTreeSet<AdminScope>),
}

impl Default for Creator {
    /// Creates a caller without rights: credentials of an unknown creator are not trusted.
    fn default() -> Self {
        Self::Administrator(BTreeSet::new())
    }
}

impl Creator {
    /// Parses the stored form and drops unknown scopes.
    pub fn stored(column: Option<&str>) -> Self {
        match column {
            None => Self::Operator,
            Some(scopes) => Self::Administrator(AdminScope::known(&Scopes::stored(scopes))),
        }
    }

    /// Returns the stored form: `None` for an operator, otherwise the scopes, separated by spaces.
    pub fn column(&self) -> Option<String> {
        match self {
            Self::Operator => None,
            Self::Administrator(scopes) => {
                Some(scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// Returns the rights that both creators have, for a key set to which both have added keys.
    #[must_use]
    pub fn common(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Operator, other) => other.clone(),
            (own, Self::Operator) => own,
            (Self::Administrator(own), Self::Administrator(other)) => {
                Self::Administrator(own.intersection(other).copied().collect())
            }
        }
    }

    /// True for administrators that are limited to owners and for unknown creators, whose rights
    /// are not recorded. Any other creator of a credential has at least one scope.
    pub fn is_limited(&self) -> bool {
        matches!(self, Self::Administrator(held) if held.is_empty())
    }

    /// True if the creator had all of these scopes of `urn:tokend`. An unknown scope may come from
    /// a newer version, so the creator did not have it.
    pub fn has_all(&self, granted: &GrantedScopes) -> bool {
        let Self::Administrator(held) = self else { return true };
        match granted {
            GrantedScopes::All => AdminScope::ALL.iter().all(|scope| held.contains(scope)),
            GrantedScopes::Only(scopes) => scopes.iter().all(|scope| {
                AdminScope::parse(scope.as_str()).is_ok_and(|scope| held.contains(&scope))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(scopes: &str) -> Creator {
        Creator::stored(Some(scopes))
    }

    fn only(scopes: &str) -> GrantedScopes {
        GrantedScopes::Only(Scopes::parse(scopes).expect("scopes"))
    }

    #[test]
    fn the_stored_form_round_trips() {
        for creator in [Creator::Operator, with(""), with("clients:read secrets:write")] {
            assert_eq!(Creator::stored(creator.column().as_deref()), creator);
        }
        assert_eq!(Creator::default(), with(""));
        assert_eq!(with("secrets:write unknown clients:read"), with("clients:read secrets:write"));
    }

    #[test]
    fn a_creator_with_unknown_rights_is_limited() {
        for (creator, is_limited) in [
            (Creator::Operator, false),
            (with("secrets:write"), false),
            (with(""), true),
            (Creator::default(), true),
            (Creator::Operator.common(&with("")), true),
        ] {
            assert_eq!(creator.is_limited(), is_limited, "{creator:?}");
        }
    }

    #[test]
    fn a_creator_has_no_scope_that_it_lacked() {
        let creator = with("clients:read secrets:write");
        for (granted, is_covered) in [
            (only("clients:read"), true),
            (only("clients:read secrets:write"), true),
            (only("clients:read clients:write"), false),
            (only("clients:read unknown"), false),
            (GrantedScopes::All, false),
        ] {
            assert_eq!(creator.has_all(&granted), is_covered, "{granted:?}");
            assert!(Creator::Operator.has_all(&granted));
        }
    }

    #[test]
    fn a_shared_set_has_the_rights_of_both() {
        let (one, other) = (with("clients:read secrets:write"), with("clients:read audit:read"));
        assert_eq!(one.clone().common(&other), with("clients:read"));
        assert_eq!(Creator::Operator.common(&one), one);
        assert_eq!(one.clone().common(&Creator::Operator), one);
    }
}
