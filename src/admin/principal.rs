//! Who calls a verb, and what it may do (DESIGN D17).

use crate::admin::Actor;

/// The caller of a verb: the name for the event, and its rights.
#[derive(Debug, Clone)]
pub struct Principal {
    actor: Actor,
}

impl Principal {
    /// An operator with access to the database, who may do everything.
    pub fn operator(actor: Actor) -> Self {
        Self { actor }
    }

    /// The name that events carry.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}
