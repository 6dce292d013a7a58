//! Import of clients from another system with their ids and secrets.
//!
//! A file is parsed and checked as a whole, then its secrets are hashed, then all clients are
//! written in one transaction. If a line has a problem, nothing is imported and all problems are
//! reported.

pub(super) mod check;
pub(super) mod facts;
pub mod fuzzing;
mod hash_format;
mod json_type;
mod keys;
pub(super) mod line;
pub(super) mod members;
pub(super) mod object;
mod planned;
pub(super) mod problems;
mod rights;
pub(super) mod schema;
mod secrets;
mod source;
pub(super) mod spiffe_trusts;
mod trusts;
pub(super) mod update;

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use serde::Serialize;

use crate::admin::import::check::{CheckedLine, Checker};
use crate::admin::import::object::Given;
use crate::admin::import::planned::Planned;
use crate::admin::import::problems::Problems;
use crate::admin::import::source::{SourceLine, SourceLines};
use crate::admin::{AdminError, AuditedChange, Conflict, HashLoad, Principal};
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::services::Services;

pub use schema::schema;

/// The maximum number of clients in one import. They stay in memory until all are checked.
const MAX_CLIENTS: usize = 100_000;

/// The action for a client that already exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Existing {
    /// Rejects the whole import.
    #[default]
    Reject,
    /// Leaves the client unchanged.
    Skip,
    /// Replaces the members that are in the line.
    Update,
}

/// Options of an import.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// The load that hashing may cause.
    pub load: HashLoad,
    /// The action for a client that already exists.
    pub existing: Existing,
    /// True to check everything and write nothing.
    pub is_dry_run: bool,
    /// The time limit of the transaction, which blocks all other changes. If absent: unlimited.
    pub write_limit: Option<Duration>,
}

/// The result for the client of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// The client is new.
    Imported,
    /// The client existed and was changed.
    Updated,
    /// The client existed, and the line changes nothing.
    Unchanged,
    /// The client existed and was left unchanged.
    Skipped,
}

/// The result of a line.
#[derive(Debug, Serialize)]
pub struct ImportedClient {
    /// The client of the line.
    pub client_id: ClientId,
    /// The result for this client.
    pub result: ImportOutcome,
}

/// The progress of an import.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The current step, such as `hashing secrets`.
    pub step: &'static str,
    /// The number of clients that are done.
    pub done: usize,
    /// The number of all clients; `None` while it is unknown.
    pub total: Option<usize>,
}

/// An import that has been parsed and checked, but not written.
#[derive(Debug)]
pub struct CheckedImport {
    lines: Vec<(CheckedLine, bool)>,
    options: ImportOptions,
}

/// Imports all clients of `source`, which has one JSON object in each line, or none of them.
/// `progress` is called repeatedly. Returns the results in the order of the file.
///
/// # Errors
/// As [`check()`] and [`CheckedImport::run`].
pub async fn import<R: BufRead>(
    services: &Arc<Services>,
    principal: &Principal,
    source: R,
    options: ImportOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<ImportedClient>, AdminError> {
    let checked = check(services, principal, source, options, progress).await?;
    checked.run(services, principal, progress).await
}

impl CheckedImport {
    /// Hashes the secrets and writes all clients in one transaction, which a dry run rolls back.
    /// Dropping the future writes nothing.
    ///
    /// # Errors
    /// Invalid or a conflict if the database has changed since the check;
    /// [`AdminError::ImportTooLong`], after which nothing is written; or an error of the database.
    pub async fn run(
        self,
        services: &Arc<Services>,
        principal: &Principal,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Vec<ImportedClient>, AdminError> {
        let Self { lines, options } = self;
        let prepared = prepare_all(services, lines, options, progress).await?;
        let mut change = principal.begin(services).await?;
        let writing = write_all(services, principal, &mut change, prepared, progress);
        let results = match options.write_limit {
            None => writing.await?,
            Some(limit) => match tokio::time::timeout(limit, writing).await {
                Ok(results) => results?,
                Err(_) => return Err(AdminError::ImportTooLong { limit }),
            },
        };
        // Dropping the transaction rolls it back. The commit has the time limit of the database: a
        // limit here would leave its outcome unknown.
        if !options.is_dry_run && results.iter().any(|client| client.result.is_change()) {
            change.commit().await?;
        }
        Ok(results)
    }
}

/// Writes the clients without committing.
async fn write_all(
    services: &Services,
    principal: &Principal,
    change: &mut AuditedChange,
    prepared: Vec<Planned>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<ImportedClient>, AdminError> {
    let total = Some(prepared.len());
    let mut results = Vec::with_capacity(prepared.len());
    for (done, line) in prepared.into_iter().enumerate() {
        progress(Progress { step: "writing", done, total });
        results.push(line.write(services, principal, change).await?);
    }
    Ok(results)
}

/// Reads and checks the whole source. The problems of all lines are reported together.
///
/// # Errors
/// Invalid, with every wrong line; a conflict if clients already exist with [`Existing::Reject`];
/// [`AdminError::InLine`] for the first line that needs rights which the caller lacks; or an error
/// of the database.
pub async fn check<R: BufRead>(
    services: &Services,
    principal: &Principal,
    source: R,
    options: ImportOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<CheckedImport, AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let checker = Checker::new(services, principal).await?;
    let mut lines = SourceLines::new(source);
    let mut problems = Problems::default();
    let mut seen: HashMap<ClientId, usize> = HashMap::new();
    let mut accepted = Vec::new();
    let unreadable = |error: std::io::Error| AdminError::invalid("import", error.to_string());
    while let Some(line) = lines.next_line().map_err(unreadable)? {
        progress(Progress { step: "checking", done: seen.len(), total: None });
        let (number, text) = match line {
            SourceLine::Text(number, text) => (number, text),
            SourceLine::Unreadable(number, problem) => {
                problems.add(number, &format!("the line is {problem}"));
                continue;
            }
        };
        let Some(input) = line::parse(&text, number, &mut problems) else { continue };
        let id = input.client_id.clone();
        if let Some(first) = seen.insert(id.clone(), number) {
            problems.add(number, &format!("duplicate client {id}, first in line {first}"));
            continue;
        }
        if seen.len() > MAX_CLIENTS {
            let text = format!("more than {MAX_CLIENTS} clients; split the file");
            problems.add(number, &text);
            break;
        }
        let Some(line) = checker.check(input, &mut problems) else { continue };
        let exists = services.store.has_client(&id).await?;
        check_existence(services, &line, exists, options, &mut problems);
        let is_skipped = exists && options.existing != Existing::Update;
        if !principal.is_operator() && !is_skipped {
            let before = if exists { services.store.registration(&id).await? } else { None };
            rights::require(principal, &line, before.as_ref())
                .map_err(|error| of_line(number, error))?;
        }
        accepted.push((line, exists));
    }
    problems.into_result()?;
    Ok(CheckedImport { lines: accepted, options })
}

/// Reports a client that exists but must not, or that could not be created.
fn check_existence(
    services: &Services,
    line: &CheckedLine,
    exists: bool,
    options: ImportOptions,
    problems: &mut Problems,
) {
    let (number, id) = (line.input.line, &line.input.client_id);
    if exists {
        if options.existing == Existing::Reject {
            problems.add_conflict(number, &format!("there is already a client {id}"));
        }
        return;
    }
    let now = services.clock.now();
    if let Err(error) = line.registered(now) {
        problems.add(number, &error.to_string());
    }
    let max = services.config.secrets.max_per_client;
    let ends =
        line.input.secrets.iter().map(|secret| secret.expires_at.and_then(Given::into_value));
    for problem in ends.clone().filter_map(|end| secrets::check_end(end, now).err()) {
        problems.add(number, &problem);
    }
    let count = ends.filter(|end| now.is_before(*end)).count();
    if count > max {
        let text = format!("secrets: {count} valid secrets; secrets.max_per_client is {max}");
        problems.add(number, &text);
    }
}

/// Hashes all plain secrets, on several threads. Skipped clients have nothing to hash.
async fn prepare_all(
    services: &Arc<Services>,
    checked: Vec<(CheckedLine, bool)>,
    options: ImportOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Planned>, AdminError> {
    let total = Some(checked.len());
    let mut preparing = stream::iter(checked)
        .map(|(line, exists)| async move {
            if exists && options.existing == Existing::Skip {
                return Ok(Planned::Skip(line.input.client_id));
            }
            secrets::prepare(services.clone(), line, exists, options)
                .await
                .map(|line| Planned::Write(Box::new(line)))
        })
        .buffered(options.load.width(services));
    let mut planned = Vec::new();
    while let Some(line) = preparing.next().await {
        planned.push(line?);
        progress(Progress { step: "hashing secrets", done: planned.len(), total });
    }
    Ok(planned)
}

impl ImportOutcome {
    fn is_change(self) -> bool {
        matches!(self, Self::Imported | Self::Updated)
    }
}

/// Adds the number of the line to an error. Errors of the database do not belong to a line.
fn of_line(line: usize, error: AdminError) -> AdminError {
    match error {
        AdminError::Conflict(conflict) => {
            Conflict::InLine { line, conflict: Box::new(conflict) }.into()
        }
        AdminError::Invalid { field, problem } => AdminError::invalid(
            "import",
            format!("line {line}: {field}: {problem}; nothing was imported"),
        ),
        AdminError::Claims(error) => AdminError::invalid(
            "import",
            format!("line {line}: claims: {error}; nothing was imported"),
        ),
        AdminError::OwnerPolicy(_)
        | AdminError::ScopeMissing { .. }
        | AdminError::MorePowerful { .. }
        | AdminError::RightsNotHeld
        | AdminError::OwnerNotHeld { .. }
        | AdminError::Limited { .. }
        | AdminError::ApprovalNeeded { .. }
        | AdminError::NotFound { .. } => AdminError::InLine { line, problem: Box::new(error) },
        other => other,
    }
}
