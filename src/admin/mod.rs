//! The operations of operators and administrators, one file for each noun. Each operation checks
//! its input, writes its change and the event of it in one transaction, and returns the result.
//!
//! The command line and the admin API call them. They write to the database; running servers follow
//! its events.

pub mod audit;
pub mod backup;
pub mod client;
pub mod console;
pub mod declarative;
mod difference;
pub mod doctor;
mod error;
pub mod facts;
pub mod grant;
pub mod grant_request;
pub mod import;
pub mod master_key;
pub mod owner;
mod principal;
pub mod rejection;
pub mod resource;
pub mod revision;
pub mod revocation;
pub mod secret;
pub mod signing_key;
pub mod token;
pub mod trust;
pub mod uncommitted;

pub use crate::admin::client::weaker_credentials::EndedCredentials;
pub use crate::admin::difference::Changed;
pub use crate::admin::error::AdminError;
pub use crate::admin::error::code::{AdminErrorCode, AdminErrorKind};
pub use crate::admin::error::conflict::Conflict;
pub use crate::admin::error::invalid_value::InvalidValue;
pub use crate::admin::error::object_kind::ObjectKind;
pub use crate::admin::error::source_conflict::SourceConflict;
pub use crate::admin::error::unreadable::{NeededFor, UnreadableObjects};
use crate::admin::owner::ownership::{client_to_change, client_within_rights, resource_to_change};
pub use crate::admin::principal::Principal;
pub use crate::admin::principal::restrictions::Restrictions;
pub use crate::admin::secret::hash_load::HashLoad;
use crate::model::client::{ClientId, Registration};
use crate::services::audited_change::AuditedChange;
pub use crate::services::audited_change::{Actor, WriteMode};
use crate::store::reader::Reader;

/// Reads a client and fails if it does not exist.
async fn registration(mut reader: Reader<'_>, id: &ClientId) -> Result<Registration, AdminError> {
    reader.registration(id).await?.ok_or_else(|| AdminError::no_client(id))
}
