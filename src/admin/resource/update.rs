//! Updates of a resource, and the fields of a new one.

use crate::admin::facts::FactsUpdate;
use crate::admin::resource::arranged;
use crate::admin::revision::Precondition;
use crate::admin::{AdminError, ObjectKind};
use crate::model::facts::Facts;
use crate::model::resource::{ResourceId, ResourceScope, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::time::Lifetime;

/// An update of a resource; an empty list or `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ResourceUpdate {
    /// The condition that the caller sets on the current state.
    pub precondition: Precondition,
    /// The offered scopes, which replace all existing ones.
    pub scopes: Option<Vec<ResourceScope>>,
    /// The scopes to add, or whose description changes.
    pub add: Vec<ResourceScope>,
    /// The scopes to remove.
    pub remove: Vec<ScopeName>,
    /// The lifetime of its tokens; `Some(None)` resets it to the default.
    pub token_lifetime: Option<Option<Lifetime>>,
    /// The algorithm that signs its tokens; `Some(None)` resets it to that of the server.
    pub signing_algorithm: Option<Option<Algorithm>>,
    /// The `typ` of its tokens.
    pub token_typ: Option<TokenTyp>,
    /// The facts about the resource: owner, description, contact and labels.
    pub facts: FactsUpdate,
}

/// A resource to register.
#[derive(Debug)]
pub struct NewResource {
    /// The identifier.
    pub resource: ResourceId,
    /// The offered scopes.
    pub scopes: Vec<ResourceScope>,
    /// The lifetime of its tokens.
    pub token_lifetime: Option<Lifetime>,
    /// The algorithm that signs its tokens.
    pub signing_algorithm: Option<Algorithm>,
    /// The `typ` of its tokens.
    pub token_typ: TokenTyp,
    /// The facts about the resource: owner, description, contact and labels.
    pub facts: Facts,
}

impl ResourceUpdate {
    /// Converts the update into a new resource. A member that is `None` has its default.
    ///
    /// # Errors
    /// If the resource would have too many labels.
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

/// Returns the scopes of a resource after an update.
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
