//! Presets: named sets of the scopes of `urn:tokend` for common kinds of administrators.

use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::scope::{ScopeName, Scopes};

/// A kind of administrator. Each preset includes the scopes of the previous one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminPreset {
    /// Reads everything and changes nothing.
    Viewer,
    /// Also manages clients and their secrets, but cannot grant access.
    Editor,
    /// Also manages resources and grants: everything that a team needs for its own objects.
    Owner,
    /// Has all rights, including creating administrators.
    Admin,
}

impl AdminPreset {
    /// All presets, weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Owner, Self::Admin];

    /// Parses the name of a preset.
    ///
    /// # Errors
    /// If it is not one of [`Self::ALL`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Malformed::because(format!("a kind of administrator is one of {known}"))
        })
    }

    /// Returns the name of the preset.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
            Self::Admin => "admin",
        }
    }

    /// Returns the scopes of the preset, in the order of [`AdminScope::ALL`].
    pub fn scopes(self) -> Vec<AdminScope> {
        AdminScope::ALL.into_iter().filter(|scope| first_with(*scope) <= self).collect()
    }

    /// Returns the scopes of the preset, for a grant.
    pub fn granted(self) -> Scopes {
        let names = self.scopes().into_iter();
        names.filter_map(|scope| ScopeName::parse(scope.as_str()).ok()).collect()
    }
}

/// Returns the weakest preset that includes a scope.
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
