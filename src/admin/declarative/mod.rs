//! Declarations: resources and clients described in files, compared with the database and applied
//! in one transaction (D19).
//!
//! The flow: [`Declarations::read`] → [`plan()`] → [`generate_secrets`] → [`write()`] → commit →
//! [`finish`]. The hashes of new secrets are computed before the transaction begins. Inside it, all
//! objects of the plan are read again, and a change since then is a conflict. A dry run ends with
//! [`rehearse`], which is [`write()`] without a commit.

mod declared;
mod deletions;
mod desired;
mod digests;
mod document;
mod execution;
mod export;
pub(in crate::admin) mod members;
mod plan;
mod rights;
mod step;
mod stored;
mod words;

use crate::admin::{AdminError, HashLoad, Principal, SourceConflict};
use crate::model::source::SourceName;
use crate::services::Services;

pub use declared::Declarations;
pub use document::{MAX_BYTES, SourceText};
pub use execution::{
    Applied, AppliedSecret, PreparedPlan, finish, generate_secrets, rehearse, write,
};
pub use export::{ExportFilter, ExportedDocument, export};
pub use members::schema;
pub use plan::{Plan, plan};
pub use step::{PlannedAction, PlannedChange};
pub use words::plan_lines;

/// The number of objects that may be deleted without confirmation.
pub const DEFAULT_MAX_DELETIONS: usize = 10;

/// Options for comparing and applying declarations.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// The source of documents that do not name one.
    pub source: Option<SourceName>,
    /// True to take over objects without a source, of another source, or of another owner.
    pub is_adopting: bool,
    /// True to delete objects of the applied sources that are no longer declared.
    pub is_pruning: bool,
    /// The maximum number of deletions. If absent: unlimited.
    pub max_deletions: Option<usize>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            source: None,
            is_adopting: false,
            is_pruning: false,
            max_deletions: Some(DEFAULT_MAX_DELETIONS),
        }
    }
}

/// Rejects a plan that deletes more than the options allow.
///
/// # Errors
/// [`SourceConflict::TooManyDeletions`].
pub fn check_deletions(plan: &Plan, options: &ApplyOptions) -> Result<(), AdminError> {
    let count = plan.deletions();
    match options.max_deletions {
        Some(max) if count > max => Err(SourceConflict::TooManyDeletions { count, max }.into()),
        _ => Ok(()),
    }
}

/// Executes a plan inside a server. The caller receives the secrets in memory.
///
/// # Errors
/// As [`check_deletions`] and [`write()`].
pub async fn execute(
    services: &Services,
    principal: &Principal,
    plan: Plan,
    options: &ApplyOptions,
) -> Result<Applied, AdminError> {
    check_deletions(&plan, options)?;
    if plan.is_empty() {
        return Ok(Applied::default());
    }
    let prepared = generate_secrets(services, plan, HashLoad::Lanes).await?;
    let applied = write(services, principal, prepared).await?.commit().await?;
    finish(services, principal, &applied).await?;
    Ok(applied)
}
