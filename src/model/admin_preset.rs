//! Named sets of the scopes of `urn:tokend`, for common kinds of administrators.

use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::scope::{ScopeName, Scopes};

/// A kind of administrator. Each has the scopes of the one before it, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminPreset {
    /// Reads everything and changes nothing.
    Viewer,
    /// Manages clients and their secrets, and gives no access.
    Editor,
    /// Manages resources and grants too: all that a team needs for its own objects.
    Owner,
    /// May do everything, make administrators included.
    Admin,
}

impl AdminPreset {
    /// Every preset, the weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Owner, Self::Admin];

    /// Reads the name.
    ///
    /// # Errors
    /// If it is not one of [`Self::ALL`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Malformed::because(format!("a kind of administrator is one of {known}"))
        })
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
            Self::Admin => "admin",
        }
    }

    /// The scopes, in the order of [`AdminScope::ALL`].
    pub fn scopes(self) -> Vec<AdminScope> {
        AdminScope::ALL.into_iter().filter(|scope| first_with(*scope) <= self).collect()
    }

    /// The scopes as those of a grant.
    pub fn granted(self) -> Scopes {
        let names = self.scopes().into_iter();
        names.filter_map(|scope| ScopeName::parse(scope.as_str()).ok()).collect()
    }
}

/// The weakest preset that has a scope.
fn first_with(scope: AdminScope) -> AdminPreset {
    match scope {
        AdminScope::ClientsRead
        | AdminScope::ResourcesRead
        | AdminScope::KeysRead
        | AdminScope::AuditRead
        | AdminScope::StatsRead
        | AdminScope::ServerRead => AdminPreset::Viewer,
        AdminScope::ClientsWrite | AdminScope::SecretsWrite | AdminScope::TokensRevoke => {
            AdminPreset::Editor
        }
        AdminScope::GrantsWrite | AdminScope::ResourcesWrite => AdminPreset::Owner,
        AdminScope::KeysWrite
        | AdminScope::TokensIssue
        | AdminScope::AdminsWrite
        | AdminScope::Introspect => AdminPreset::Admin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_has_more_scopes_than_the_one_before() {
        let mut before = 0;
        for preset in AdminPreset::ALL {
            assert_eq!(AdminPreset::parse(preset.as_str()), Ok(preset));
            let scopes = preset.scopes();
            assert!(scopes.len() > before, "{preset:?}");
            assert_eq!(preset.granted().len(), scopes.len());
            before = scopes.len();
        }
        assert_eq!(AdminPreset::Admin.scopes(), AdminScope::ALL);
        let reads = |scope: &AdminScope| scope.as_str().ends_with(":read");
        assert!(AdminPreset::Viewer.scopes().iter().all(reads));
        for text in ["", "Viewer", "root"] {
            assert!(AdminPreset::parse(text).is_err(), "{text:?}");
        }
    }
}
