//! The operator's verbs, a file a noun. Each checks, writes its change and the event of it in one
//! transaction, and gives back what it made.
//!
//! The command line and the admin API call them. They work on the database, and running servers
//! follow the events.

pub mod audit;
pub mod audit_checkpoint;
pub mod audit_csv;
pub mod audit_retention;
mod audit_signatures;
pub mod backup;
pub mod claims;
pub mod client;
mod client_change;
mod client_deletion;
mod client_fields;
pub mod client_key;
pub mod client_list;
mod client_update;
mod conflict;
pub mod console;
mod dead_scopes;
pub mod declarative;
mod difference;
pub mod doctor;
mod error;
mod error_code;
pub mod facts;
mod foreign_grant;
pub mod grant;
pub mod grant_request;
mod handover;
mod hash_load;
pub mod import;
mod invalid_value;
pub mod key_change;
pub mod key_impact;
mod key_postponement;
pub mod key_rotation;
pub mod master_key;
mod new_credentials;
mod object_kind;
pub mod owner_policy;
mod ownership;
pub mod pending;
mod principal;
mod registering;
pub mod rejection;
pub mod resource;
mod resource_deletion;
mod resource_likeness;
mod resource_update;
mod restrictions;
pub mod revision;
pub mod revocation;
pub mod secret;
pub mod secret_leak;
pub mod secret_life;
pub mod secret_owner;
pub mod secret_rotation;
pub mod signing_key;
mod source_conflict;
pub mod spiffe_trust;
#[cfg(test)]
mod test_keys;
pub mod token;
pub mod trust;
mod unreadable;
mod weaker_credentials;

pub use crate::admin::conflict::Conflict;
pub use crate::admin::difference::Changed;
pub use crate::admin::error::AdminError;
pub use crate::admin::error_code::{AdminErrorCode, AdminErrorKind};
pub use crate::admin::hash_load::HashLoad;
pub use crate::admin::invalid_value::InvalidValue;
pub use crate::admin::object_kind::ObjectKind;
use crate::admin::ownership::{client_to_change, client_within_rights, resource_to_change};
pub use crate::admin::principal::Principal;
pub use crate::admin::restrictions::Restrictions;
pub use crate::admin::source_conflict::SourceConflict;
pub use crate::admin::unreadable::{NeededFor, UnreadableObjects};
pub use crate::admin::weaker_credentials::EndedCredentials;
use crate::model::client::{ClientId, Registration};
use crate::services::audited_change::AuditedChange;
pub use crate::services::audited_change::{Actor, WriteMode};
use crate::store::reader::Reader;

/// Reads a client that must exist.
async fn registration(mut reader: Reader<'_>, id: &ClientId) -> Result<Registration, AdminError> {
    reader.registration(id).await?.ok_or_else(|| AdminError::no_client(id))
}
