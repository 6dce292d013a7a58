//! What an operator changes about a resource, and what a new one is like.

use crate::admin::facts::FactsUpdate;
use crate::admin::resource::arranged;
use crate::admin::revision::Precondition;
use crate::admin::{AdminError, ObjectKind};
use crate::model::facts::Facts;
use crate::model::resource::{ResourceId, ResourceScope, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::time::Lifetime;

/// What should change about a resource; empty or `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct ResourceUpdate {
    /// What the caller requires of the present state.
    pub precondition: Precondition,
    /// The scopes that it offers, in place of all others.
    pub scopes: Option<Vec<ResourceScope>>,
    /// Scopes to add, or to describe anew.
    pub add: Vec<ResourceScope>,
    /// Scopes to remove.
    pub remove: Vec<ScopeName>,
    /// How long tokens for it live; `Some(None)` puts it back to the default.
    pub token_lifetime: Option<Option<Lifetime>>,
    /// What its tokens are signed with; `Some(None)` puts it back to the server's choice.
    pub signing_algorithm: Option<Option<Algorithm>>,
    /// The `typ` of its tokens.
    pub token_typ: Option<TokenTyp>,
    /// What people and policies know of it.
    pub facts: FactsUpdate,
}

/// A resource to be registered.
#[derive(Debug)]
pub struct NewResource {
    /// Its identifier.
    pub resource: ResourceId,
    /// The scopes it offers.
    pub scopes: Vec<ResourceScope>,
    /// How long tokens for it live.
    pub token_lifetime: Option<Lifetime>,
    /// What its tokens are signed with.
    pub signing_algorithm: Option<Algorithm>,
    /// The `typ` of its tokens.
    pub token_typ: TokenTyp,
    /// What people and policies know of it.
    pub facts: Facts,
}

impl ResourceUpdate {
    /// The new resource that the members describe; a member that is absent has its default.
    ///
    /// # Errors
    /// If there would be too many labels.
    pub fn into_new(self, resource: ResourceId) -> Result<NewResource, AdminError> {
        let mut facts = Facts::default();
        self.facts.apply_to(&mut facts)?;
        Ok(NewResource {
            resource,
            scopes: self.scopes.unwrap_or_default(),
            token_lifetime: self.token_lifetime.flatten(),
            signing_algorithm: self.signing_algorithm.flatten(),
            token_typ: self.token_typ.unwrap_or_default(),
            facts,
        })
    }
}

/// The scopes of a resource after a change.
pub(in crate::admin) fn changed_scopes(
    was: &[ResourceScope],
    update: &mut ResourceUpdate,
) -> Result<Vec<ResourceScope>, AdminError> {
    if let Some(all) = update.scopes.take() {
        return arranged(all);
    }
    let is_known = |name: &&ScopeName| was.iter().any(|scope| scope.name == **name);
    if let Some(absent) = update.remove.iter().find(|name| !is_known(name)) {
        return Err(AdminError::not_found(ObjectKind::Scope, absent));
    }
    let stays = |scope: &&ResourceScope| {
        !update.remove.contains(&scope.name) && !update.add.iter().any(|new| new.name == scope.name)
    };
    let kept = was.iter().filter(stays).cloned();
    arranged(kept.chain(update.add.iter().cloned()).collect())
}
