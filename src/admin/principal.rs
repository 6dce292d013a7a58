//! Who calls a verb, and what it may do (DESIGN D17).

use std::collections::BTreeSet;

use crate::admin::{Actor, AdminError, AuditedChange};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientId, ClientState, Registration};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::owner::Owner;
use crate::services::Services;
use crate::store::StoreError;
use crate::store::reader::Reader;

/// The caller of a verb: the name for the event, and its rights.
#[derive(Debug, Clone)]
pub struct Principal {
    actor: Actor,
    rights: Rights,
}

#[derive(Debug, Clone)]
enum Rights {
    /// Access to the database itself.
    Unlimited,
    /// Scopes of `urn:tokend`.
    Scopes {
        /// The client that holds them.
        client: ClientId,
        /// The scopes.
        held: BTreeSet<AdminScope>,
    },
}

impl Principal {
    /// An operator with access to the database, who may do everything.
    pub fn operator(actor: Actor) -> Self {
        Self { actor, rights: Rights::Unlimited }
    }

    /// A client with these scopes of `urn:tokend`.
    pub fn administrator(id: &ClientId, scopes: BTreeSet<AdminScope>) -> Self {
        Self {
            actor: Actor::client(id),
            rights: Rights::Scopes { client: id.clone(), held: scopes },
        }
    }

    /// True for an operator with access to the database.
    pub fn is_operator(&self) -> bool {
        matches!(self.rights, Rights::Unlimited)
    }

    /// The name that events carry.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Begins a change. The rights of an administrator are read again inside the transaction: they
    /// may have been taken away since the request began.
    ///
    /// # Errors
    /// [`AdminError::ScopeMissing`] if the caller has lost a scope, or what the database says.
    pub(super) async fn begin(&self, services: &Services) -> Result<AuditedChange, AdminError> {
        let mut change = AuditedChange::begin(services, &self.actor).await?;
        if let Rights::Scopes { client, held } = &self.rights {
            let found = change.read().registration(client).await?;
            let found = found.filter(|found| found.client.state == ClientState::Active);
            let grants = found.map(|found| found.grants).unwrap_or_default();
            let grant = grants.iter().find(|grant| grant.resource.is_built_in());
            let now = match grant.map(|grant| &grant.scopes) {
                Some(GrantedScopes::Only(scopes)) => AdminScope::known(scopes),
                Some(GrantedScopes::All) | None => BTreeSet::new(),
            };
            if let Some(scope) = held.difference(&now).next() {
                return Err(AdminError::ScopeMissing { scope: *scope });
            }
        }
        Ok(change)
    }

    /// Refuses a caller without the scope.
    ///
    /// # Errors
    /// [`AdminError::ScopeMissing`].
    pub fn require(&self, scope: AdminScope) -> Result<(), AdminError> {
        match &self.rights {
            Rights::Unlimited => Ok(()),
            Rights::Scopes { held, .. } if held.contains(&scope) => Ok(()),
            Rights::Scopes { .. } => Err(AdminError::ScopeMissing { scope }),
        }
    }

    /// The owners to whose objects the caller is limited; `None` if it is not limited.
    ///
    /// # Errors
    /// What the database says.
    pub(super) async fn admin_of(
        &self,
        mut reader: Reader<'_>,
    ) -> Result<Option<BTreeSet<Owner>>, StoreError> {
        let Rights::Scopes { client, .. } = &self.rights else { return Ok(None) };
        match reader.registration(client).await? {
            Some(found) => Ok(found.client.admin_of),
            None => Ok(Some(BTreeSet::new())),
        }
    }

    /// Refuses any change of a client that holds scopes of `urn:tokend` which the caller lacks.
    /// Otherwise a caller could take these scopes over, for example by a new secret.
    ///
    /// # Errors
    /// [`AdminError::MorePowerful`].
    pub(super) fn require_rights_over(&self, client: &Registration) -> Result<(), AdminError> {
        let Rights::Scopes { held, .. } = &self.rights else { return Ok(()) };
        if client.grants.iter().all(|grant| is_within(grant, held)) {
            return Ok(());
        }
        Err(AdminError::MorePowerful { client: client.client.client_id.clone() })
    }

    /// Refuses a grant of `urn:tokend` to or from a client, unless the caller may make
    /// administrators and holds each of its scopes itself.
    ///
    /// # Errors
    /// [`AdminError::ScopeMissing`] and [`AdminError::RightsNotHeld`].
    pub(super) fn require_grantable(&self, grant: &Grant) -> Result<(), AdminError> {
        let Rights::Scopes { held, .. } = &self.rights else { return Ok(()) };
        self.require(AdminScope::GrantsWrite)?;
        if !grant.resource.is_built_in() {
            return Ok(());
        }
        self.require(AdminScope::AdminsWrite)?;
        if is_within(grant, held) { Ok(()) } else { Err(AdminError::RightsNotHeld) }
    }
}

/// True if a grant gives no scope of `urn:tokend` beyond these.
fn is_within(grant: &Grant, held: &BTreeSet<AdminScope>) -> bool {
    if !grant.resource.is_built_in() {
        return true;
    }
    match &grant.scopes {
        GrantedScopes::All => AdminScope::ALL.iter().all(|scope| held.contains(scope)),
        // A scope that this version does not know may be one of a newer version.
        GrantedScopes::Only(scopes) => scopes.iter().all(|scope| {
            AdminScope::parse(scope.as_str()).is_ok_and(|scope| held.contains(&scope))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::ResourceId;
    use crate::model::scope::Scopes;
    use crate::model::security::Networks;
    use crate::model::static_claims::StaticClaims;

    fn grant(resource: &str, scopes: &str) -> Grant {
        let scopes = match scopes {
            "" => GrantedScopes::All,
            _ => GrantedScopes::Only(Scopes::parse(scopes).expect("scopes")),
        };
        let resource = ResourceId::parse(resource).expect("a resource");
        Grant { resource, scopes, networks: Networks::default(), claims: StaticClaims::default() }
    }

    fn administrator(scopes: &str) -> Principal {
        let id = ClientId::parse("ops").expect("an id");
        Principal::administrator(&id, AdminScope::known(&Scopes::parse(scopes).expect("scopes")))
    }

    #[test]
    fn only_rights_that_the_caller_holds_can_be_granted() {
        let caller = administrator("grants:write admins:write clients:read");
        let server = ResourceId::SERVER;
        for (granted, is_allowed) in [
            ("clients:read", true),
            ("clients:read grants:write", true),
            ("clients:write", false),
            ("clients:read unknown", false),
            ("", false),
        ] {
            let checked = caller.require_grantable(&grant(server, granted));
            assert_eq!(checked.is_ok(), is_allowed, "{granted}");
        }
        assert!(caller.require_grantable(&grant("https://orders.example.com", "")).is_ok());
        let no_admins = administrator("grants:write clients:read");
        assert!(no_admins.require_grantable(&grant(server, "clients:read")).is_err());
        assert!(no_admins.require_grantable(&grant("https://orders.example.com", "")).is_ok());
        let no_grants = administrator("admins:write clients:read");
        assert!(no_grants.require_grantable(&grant(server, "clients:read")).is_err());
    }
}
