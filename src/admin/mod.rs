//! The operator's verbs, a file a noun. Each checks, writes its change and the event of it in one
//! transaction, and gives back what it made.
//!
//! The command line calls them; so will the admin API. They work on the database, and running
//! servers follow the events.

pub mod audit;
pub mod claims;
pub mod client;
pub mod client_key;
pub mod client_list;
mod client_update;
mod dead_scopes;
mod difference;
mod error;
mod error_code;
pub mod facts;
pub mod grant;
pub mod import;
mod invalid_value;
pub mod key_rotation;
pub mod master_key;
mod new_credentials;
pub mod pending;
mod principal;
pub mod rejection;
pub mod resource;
pub mod revocation;
pub mod secret;
pub mod secret_leak;
pub mod secret_life;
pub mod secret_owner;
pub mod secret_rotation;
pub mod signing_key;
pub mod spiffe_trust;
mod suggestion;
pub mod token;
pub mod trust;

pub use crate::admin::difference::Changed;
pub use crate::admin::error::{AdminError, Conflict, ObjectKind};
pub use crate::admin::error_code::AdminErrorCode;
pub use crate::admin::invalid_value::InvalidValue;
pub use crate::admin::principal::Principal;
use crate::model::client::{ClientId, Registration};
use crate::model::resource::{Resource, ResourceId};
pub use crate::services::audited_change::Actor;
use crate::services::audited_change::AuditedChange;
use crate::store::reader::Reader;

/// Reads a client that must exist.
async fn registration(mut reader: Reader<'_>, id: &ClientId) -> Result<Registration, AdminError> {
    reader.registration(id).await?.ok_or_else(|| AdminError::no_client(id))
}

/// Reads a client that must exist, and that the caller may change: see
/// [`Principal::require_rights_over`].
async fn client_to_change(
    reader: Reader<'_>,
    principal: &Principal,
    id: &ClientId,
) -> Result<Registration, AdminError> {
    let found = registration(reader, id).await?;
    principal.require_rights_over(&found)?;
    Ok(found)
}

/// Reads a resource that must exist.
async fn existing_resource(
    mut reader: Reader<'_>,
    id: &ResourceId,
) -> Result<Resource, AdminError> {
    reader.resource(id).await?.ok_or_else(|| AdminError::no_resource(id))
}
