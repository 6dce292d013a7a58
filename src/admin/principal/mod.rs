//! The caller of an admin operation, and its rights (D17).

pub(super) mod restrictions;

use std::collections::BTreeSet;

use crate::admin::{
    Actor, AdminError, AuditedChange, ObjectKind, Restrictions, SourceConflict,
    client_within_rights, grant,
};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{Client, ClientId, ClientState, Registration};
use crate::model::console_session::OperatorLimits;
use crate::model::creator::Creator;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::owner::Owner;
use crate::model::source::SourceName;
use crate::services::Services;
use crate::services::audited_change::WriteMode;

/// The caller of an operation: its name in events, and its rights.
#[derive(Debug, Clone)]
pub struct Principal {
    actor: Actor,
    rights: Rights,
    mode: WriteMode,
    /// True if the caller may change objects that are applied from a source, and may take steps
    /// with signing keys that break verifiers.
    is_forced: bool,
}

#[derive(Debug, Clone)]
enum Rights {
    /// All rights of an operator with access to the database.
    Unlimited,
    /// Scopes of `urn:tokend`.
    Scopes {
        /// The client that holds the scopes; `None` for an operator whose session has limits.
        client: Option<ClientId>,
        held: BTreeSet<AdminScope>,
        /// The owners whose objects the client may administer; `None` means all objects.
        owners: Option<BTreeSet<Owner>>,
        restrictions: Restrictions,
    },
}

impl Principal {
    /// Returns an operator with access to the database, which has all rights.
    pub fn operator(actor: Actor) -> Self {
        Self { actor, rights: Rights::Unlimited, mode: WriteMode::Store, is_forced: false }
    }

    /// Returns the caller for a console session. An operator has the limits of its link, which do
    /// not change until the session ends. A person has the current rights of its groups.
    pub fn operator_within(actor: Actor, limits: OperatorLimits) -> Self {
        let OperatorLimits { scopes, owners } = limits;
        if scopes.is_none() && owners.is_none() {
            return Self::operator(actor);
        }
        let rights = Rights::Scopes {
            client: None,
            held: scopes.unwrap_or_else(|| AdminScope::ALL.into()),
            owners,
            restrictions: Restrictions::default(),
        };
        Self { actor, rights, mode: WriteMode::Store, is_forced: false }
    }

    /// Returns a client with these scopes of `urn:tokend` and without restrictions. `owners` is its
    /// `admin_of`, the owners whose objects it sees and changes: an empty set means no objects,
    /// `None` means all.
    pub fn administrator(
        id: &ClientId,
        scopes: BTreeSet<AdminScope>,
        owners: Option<BTreeSet<Owner>>,
    ) -> Self {
        Self {
            actor: Actor::client(id),
            rights: Rights::Scopes {
                client: Some(id.clone()),
                held: scopes,
                owners,
                restrictions: Restrictions::default(),
            },
            mode: WriteMode::Store,
            is_forced: false,
        }
    }

    /// Restricts the rights of the caller.
    #[must_use]
    pub fn within(mut self, restricted: Restrictions) -> Self {
        if let Rights::Scopes { restrictions, .. } = &mut self.rights {
            *restrictions = restricted;
        }
        self
    }

    /// Returns the owners whose objects the caller may see and change. `None` means all objects,
    /// including those without an owner.
    pub fn owners(&self) -> Option<&BTreeSet<Owner>> {
        match &self.rights {
            Rights::Unlimited => None,
            Rights::Scopes { owners, .. } => owners.as_ref(),
        }
    }

    /// Lets the changes of the caller be checked and answered, but not stored.
    #[must_use]
    pub fn for_dry_run(self) -> Self {
        Self { mode: WriteMode::DryRun, ..self }
    }

    /// Returns the write mode of the caller's changes.
    pub fn mode(&self) -> WriteMode {
        self.mode
    }

    /// Allows the caller to change objects that are applied from a source, and to take steps with
    /// signing keys that break verifiers. The next `apply` of the source undoes changes of its
    /// objects.
    #[must_use]
    pub fn forced(self) -> Self {
        Self { is_forced: true, ..self }
    }

    /// True if the caller forces changes that would otherwise be rejected.
    pub(super) fn is_forced(&self) -> bool {
        self.is_forced
    }

    /// Returns the client that the caller is, or `None` for an operator.
    pub fn client_id(&self) -> Option<&ClientId> {
        match &self.rights {
            Rights::Unlimited => None,
            Rights::Scopes { client, .. } => client.as_ref(),
        }
    }

    /// True for an operator with access to the database.
    pub fn is_operator(&self) -> bool {
        matches!(self.rights, Rights::Unlimited)
    }

    /// Returns the name of the caller in events.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Begins a change. The rights of an administrator are read again inside the transaction,
    /// because they may have been revoked since the request began.
    ///
    /// # Errors
    /// [`AdminError::ScopeMissing`] if the caller has lost a scope, [`AdminError::LimitChanged`] if
    /// it has lost an owner, or an error of the database.
    pub(super) async fn begin(&self, services: &Services) -> Result<AuditedChange, AdminError> {
        let change = AuditedChange::begin(services, &self.actor).await?;
        let mut change = change.in_mode(self.mode);
        change.transaction.write_as(self.creator());
        if let Rights::Scopes { client: Some(client), held, owners, .. } = &self.rights {
            let found = change.read().registration(client).await?;
            let found = found.filter(|found| found.client.state == ClientState::Active);
            let (grants, admin_of) = match found {
                Some(found) => (found.grants, found.client.admin_of),
                None => (Vec::new(), Some(BTreeSet::new())),
            };
            let grant = grants.iter().find(|grant| grant.resource.is_built_in());
            let now = match grant.map(|grant| &grant.scopes) {
                Some(GrantedScopes::Only(scopes)) => AdminScope::known(scopes),
                Some(GrantedScopes::All) | None => BTreeSet::new(),
            };
            if let Some(scope) = held.difference(&now).next() {
                return Err(AdminError::ScopeMissing { scope: *scope });
            }
            if !covers(admin_of.as_ref(), owners.as_ref()) {
                return Err(AdminError::LimitChanged);
            }
        }
        Ok(change)
    }

    /// Returns the rights that are stored with credentials of this caller. Owners and restrictions
    /// are not stored. A caller that has some is therefore stored as one without rights: its
    /// credentials end when their client becomes an administrator.
    fn creator(&self) -> Creator {
        match &self.rights {
            Rights::Unlimited => Creator::Operator,
            Rights::Scopes { held, owners: None, .. }
                if self.may_loosen(&Restrictions::default()) =>
            {
                Creator::Administrator(held.clone())
            }
            Rights::Scopes { .. } => Creator::default(),
        }
    }

    /// True if an administrator with these restrictions gives the caller no additional rights.
    /// Either they are not looser than its own, or the caller may create administrators, even
    /// without restrictions.
    fn may_loosen(&self, other: &Restrictions) -> bool {
        match &self.rights {
            Rights::Unlimited => true,
            Rights::Scopes { held, restrictions, .. } => {
                held.contains(&AdminScope::AdminsWrite) || restrictions.hold_within(other)
            }
        }
    }

    /// Returns the scopes of `urn:tokend` that the caller holds; empty for an operator, which needs
    /// none.
    pub fn scopes(&self) -> BTreeSet<AdminScope> {
        match &self.rights {
            Rights::Unlimited => BTreeSet::new(),
            Rights::Scopes { held, .. } => held.clone(),
        }
    }

    /// Checks that a caller may still see the response to an earlier request of its own. It must
    /// hold the scopes that it held `then`, and must have the rights to change the clients in the
    /// response.
    ///
    /// # Errors
    /// [`AdminError::ScopeMissing`], [`AdminError::MorePowerful`], or the client does not exist.
    pub async fn authorize_again(
        &self,
        services: &Services,
        then: &BTreeSet<AdminScope>,
        clients: &[ClientId],
    ) -> Result<(), AdminError> {
        then.iter().try_for_each(|scope| self.require(*scope))?;
        let mut change = self.begin(services).await?;
        for id in clients {
            client_within_rights(change.read(), self, id).await?;
        }
        Ok(())
    }

    /// Rejects a caller that administers fewer owners than these; `None` means all.
    ///
    /// # Errors
    /// [`AdminError::LimitChanged`].
    pub fn require_owners(&self, then: Option<&BTreeSet<Owner>>) -> Result<(), AdminError> {
        if covers(self.owners(), then) { Ok(()) } else { Err(AdminError::LimitChanged) }
    }

    /// Rejects a caller without the scope.
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

    /// True if the caller has every right of an operator with these limits.
    pub(super) fn has_rights_of(&self, limits: &OperatorLimits) -> bool {
        match &self.rights {
            Rights::Unlimited => true,
            Rights::Scopes { held, owners, .. } => {
                let other = limits.scopes.clone().unwrap_or_else(|| AdminScope::ALL.into());
                let is_unlimited = limits.scopes.is_none() && limits.owners.is_none();
                !is_unlimited
                    && other.is_subset(held)
                    && covers(owners.as_ref(), limits.owners.as_ref())
                    && self.may_loosen(&Restrictions::default())
            }
        }
    }

    /// Rejects changes of a client with scopes of `urn:tokend` or owners that the caller lacks, or
    /// with scopes that the caller could not use itself. Otherwise the caller could gain these
    /// rights, for example by a new secret.
    ///
    /// # Errors
    /// [`AdminError::MorePowerful`].
    pub(super) fn require_rights_over(&self, client: &Registration) -> Result<(), AdminError> {
        let Rights::Scopes { held, owners, .. } = &self.rights else { return Ok(()) };
        let admin_of = client.client.admin_of.as_ref();
        let is_administrator = client.is_administrator();
        let has_owners_within = !is_administrator || covers(owners.as_ref(), admin_of);
        let restrictions = || Restrictions::of(&client.client.security, &client.grants);
        let is_looser = is_administrator && !self.may_loosen(&restrictions());
        if has_owners_within
            && !is_looser
            && client.grants.iter().all(|grant| is_within(grant, held))
        {
            return Ok(());
        }
        Err(AdminError::MorePowerful { client: client.client.client_id.clone() })
    }

    /// Rejects a change of an object that is applied from a source, because the next `apply` would
    /// undo it.
    ///
    /// # Errors
    /// [`SourceConflict::Managed`].
    pub(super) fn require_unmanaged(
        &self,
        kind: ObjectKind,
        id: &str,
        source: Option<&SourceName>,
    ) -> Result<(), AdminError> {
        match source {
            Some(source) if !self.is_forced => {
                let (id, holder) = (id.to_owned(), source.clone());
                Err(SourceConflict::Managed { kind, id, holder }.into())
            }
            _ => Ok(()),
        }
    }

    /// Like [`Self::require_unmanaged`], but for a client.
    ///
    /// # Errors
    /// As [`Self::require_unmanaged`].
    pub(super) fn require_unmanaged_client(&self, client: &Client) -> Result<(), AdminError> {
        self.require_unmanaged(
            ObjectKind::Client,
            client.client_id.as_str(),
            client.source.as_ref(),
        )
    }

    /// Rejects a change of a client's grant of `urn:tokend` by a caller without the rights for it.
    /// The caller must be able to create administrators and must hold each scope of the grant. It
    /// must also administer every owner of `admin_of`, the limit of the client.
    ///
    /// # Errors
    /// [`AdminError::ScopeMissing`] and [`AdminError::RightsNotHeld`]; invalid for a scope that
    /// `urn:tokend` does not have.
    pub(super) fn require_grantable(
        &self,
        grant: &Grant,
        admin_of: Option<&BTreeSet<Owner>>,
    ) -> Result<(), AdminError> {
        let Rights::Scopes { held, owners, .. } = &self.rights else { return Ok(()) };
        self.require(AdminScope::GrantsWrite)?;
        if !grant.resource.is_built_in() {
            return Ok(());
        }
        if let GrantedScopes::Only(wanted) = &grant.scopes {
            grant::check_offered(&grant.resource, wanted, &AdminScope::offered())?;
        }
        self.require(AdminScope::AdminsWrite)?;
        if is_within(grant, held) && covers(owners.as_ref(), admin_of) {
            Ok(())
        } else {
            Err(AdminError::RightsNotHeld)
        }
    }
}

/// True if `limit` includes every owner of `other`. An absent limit includes all owners.
fn covers(limit: Option<&BTreeSet<Owner>>, other: Option<&BTreeSet<Owner>>) -> bool {
    match (limit, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(limit), Some(other)) => other.is_subset(limit),
    }
}

/// True if a grant gives no scope of `urn:tokend` other than these.
fn is_within(grant: &Grant, held: &BTreeSet<AdminScope>) -> bool {
    if !grant.resource.is_built_in() {
        return true;
    }
    match &grant.scopes {
        GrantedScopes::All => AdminScope::ALL.iter().all(|scope| held.contains(scope)),
        // A scope that this version does not know may belong to a newer version.
        GrantedScopes::Only(scopes) => scopes.iter().all(|scope| {
            AdminScope::parse(scope.as_str()).is_ok_and(|scope| held.contains(&scope))
        }),
    }
}

#[cfg(test)]
mod tests;
