//! Importing clients of another system, with the ids and secrets that they have.
//!
//! A file is read and checked as a whole, then its secrets are hashed, then everything is written
//! in one transaction: all clients, or none and a list of what is wrong with which line.

pub(super) mod check;
pub(super) mod facts;
mod hash_format;
mod json_type;
mod keys;
pub(super) mod line;
pub(super) mod members;
pub(super) mod object;
pub mod probe;
pub(super) mod problems;
pub(super) mod schema;
mod secrets;
mod source;
pub(super) mod spiffe_trusts;
pub(super) mod update;

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use serde::Serialize;

use crate::admin::import::check::{CheckedLine, Checker};
use crate::admin::import::object::Given;
use crate::admin::import::problems::Problems;
use crate::admin::import::secrets::{PreparedLine, PreparedSecret};
use crate::admin::import::source::{SourceLine, SourceLines};
use crate::admin::import::update::Update;
use crate::admin::{
    AdminError, AuditedChange, Conflict, ObjectKind, Principal, registering, registration,
};
use crate::model::client::{ClientId, Registration};
use crate::model::event::Action;
use crate::services::Services;

pub use schema::schema;

/// The maximum number of clients of one import: they are held in memory until all are checked.
const MAX_CLIENTS: usize = 100_000;

/// What to do with a client that exists already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Existing {
    /// Import nothing.
    #[default]
    Reject,
    /// Leave it as it is.
    Skip,
    /// Replace the members that the line gives.
    Update,
}

/// How to import.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// What to do with a client that exists already.
    pub existing: Existing,
    /// True if everything is checked and nothing is written.
    pub is_dry_run: bool,
}

/// What happened to the client of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// It is new.
    Imported,
    /// It existed and was changed.
    Updated,
    /// It existed and the line changes nothing.
    Unchanged,
    /// It existed and was left as it is.
    Skipped,
}

/// The client of a line.
#[derive(Debug, Serialize)]
pub struct ImportedClient {
    /// Its id.
    pub client_id: ClientId,
    /// What happened to it.
    pub result: ImportOutcome,
}

/// How far an import is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// What is being done, such as `hashing secrets`.
    pub step: &'static str,
    /// How many clients are done.
    pub done: usize,
    /// Of how many; `None` while that is not known.
    pub total: Option<usize>,
}

/// Imports every client of `source`, which has one JSON object a line: all of them, or none.
/// `progress` is called again and again. Gives the clients in the order of the file.
///
/// # Errors
/// Invalid, with every line that is wrong; a conflict if clients exist already and
/// [`Existing::Reject`] is wanted; or a failure of the database.
pub async fn import<R: BufRead>(
    services: &Arc<Services>,
    principal: &Principal,
    source: R,
    options: ImportOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<ImportedClient>, AdminError> {
    let checked = read(services, source, options, progress).await?;
    let prepared = prepare_all(services, checked, options, progress).await?;
    if options.is_dry_run {
        return foresee(services, prepared, progress).await;
    }
    let total = Some(prepared.len());
    let mut change = principal.begin(services).await?;
    let mut results = Vec::with_capacity(prepared.len());
    for (done, line) in prepared.into_iter().enumerate() {
        progress(Progress { step: "writing", done, total });
        results.push(line.write(services, principal, &mut change).await?);
    }
    if results.iter().any(|client| client.result.is_change()) {
        change.commit().await?;
    }
    Ok(results)
}

/// Reads and checks the whole source. Problems of all lines come together.
async fn read<R: BufRead>(
    services: &Services,
    source: R,
    options: ImportOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<(CheckedLine, bool)>, AdminError> {
    let checker = Checker::new(services).await?;
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
        let Some(said) = line::parse(&text, number, &mut problems) else { continue };
        let id = said.client_id.clone();
        if let Some(first) = seen.insert(id.clone(), number) {
            problems.add(number, &format!("duplicate client {id}, first in line {first}"));
            continue;
        }
        if seen.len() > MAX_CLIENTS {
            let text = format!("more than {MAX_CLIENTS} clients; split the file");
            problems.add(number, &text);
            break;
        }
        let Some(line) = checker.check(said, &mut problems) else { continue };
        let exists = services.store.has_client(&id).await?;
        check_existence(services, &line, exists, options, &mut problems);
        accepted.push((line, exists));
    }
    problems.into_result()?;
    Ok(accepted)
}

/// Notes a client that may not exist, or that could not be created.
fn check_existence(
    services: &Services,
    line: &CheckedLine,
    exists: bool,
    options: ImportOptions,
    problems: &mut Problems,
) {
    let (number, id) = (line.said.line, &line.said.client_id);
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
    let most = services.config.secrets.max_per_client;
    let ends = line.said.secrets.iter().map(|secret| secret.expires_at.and_then(Given::into_value));
    let count = ends.filter(|end| now.is_before(*end)).count();
    if count > most {
        let text = format!("secrets: {count} live secrets; secrets.max_per_client is {most}");
        problems.add(number, &text);
    }
}

/// Hashes every plain secret, on as many threads as there are cores. Clients that are skipped have
/// nothing to hash.
async fn prepare_all(
    services: &Arc<Services>,
    checked: Vec<(CheckedLine, bool)>,
    options: ImportOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Planned>, AdminError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let total = Some(checked.len());
    let mut preparing = stream::iter(checked)
        .map(|(line, exists)| async move {
            if exists && options.existing == Existing::Skip {
                return Ok(Planned::Skip(line.said.client_id));
            }
            secrets::prepare(services.clone(), line, exists, options.is_dry_run)
                .await
                .map(|line| Planned::Write(Box::new(line)))
        })
        .buffered(cores);
    let mut planned = Vec::new();
    while let Some(line) = preparing.next().await {
        planned.push(line?);
        progress(Progress { step: "hashing secrets", done: planned.len(), total });
    }
    Ok(planned)
}

/// What a dry run says: the same outcome, without a transaction.
async fn foresee(
    services: &Services,
    planned: Vec<Planned>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<ImportedClient>, AdminError> {
    let total = Some(planned.len());
    let mut results = Vec::with_capacity(planned.len());
    for (done, line) in planned.into_iter().enumerate() {
        progress(Progress { step: "comparing", done, total });
        let (client_id, result) = match line {
            Planned::Skip(id) => (id, ImportOutcome::Skipped),
            Planned::Write(line) if line.exists => {
                let (id, number) = (line.line.said.client_id.clone(), line.line.said.line);
                let before = registration(services.store.read(), &id).await?;
                let now = services.clock.now();
                let update = Update::plan(services, before, *line, now);
                let update = update.map_err(|error| of_line(number, error))?;
                (id, ImportOutcome::of_update(update.is_some()))
            }
            Planned::Write(line) => (line.line.said.client_id, ImportOutcome::Imported),
        };
        results.push(ImportedClient { client_id, result });
    }
    Ok(results)
}

/// A line that has been checked, and whose secrets are ready.
enum Planned {
    Skip(ClientId),
    Write(Box<PreparedLine>),
}

impl ImportOutcome {
    fn of_update(is_changed: bool) -> Self {
        if is_changed { Self::Updated } else { Self::Unchanged }
    }

    fn is_change(self) -> bool {
        matches!(self, Self::Imported | Self::Updated)
    }
}

impl Planned {
    /// Writes one client.
    async fn write(
        self,
        services: &Arc<Services>,
        principal: &Principal,
        change: &mut AuditedChange,
    ) -> Result<ImportedClient, AdminError> {
        let line = match self {
            Self::Skip(client_id) => {
                return Ok(ImportedClient { client_id, result: ImportOutcome::Skipped });
            }
            Self::Write(line) => line,
        };
        let (id, number) = (line.line.said.client_id.clone(), line.line.said.line);
        let written = if line.exists {
            update(services, principal, change, *line).await
        } else {
            create(change, *line).await.map(|()| ImportOutcome::Imported)
        };
        let result = written.map_err(|error| of_line(number, error))?;
        Ok(ImportedClient { client_id: id, result })
    }
}

/// Changes a client that exists.
async fn update(
    services: &Arc<Services>,
    principal: &Principal,
    change: &mut AuditedChange,
    line: PreparedLine,
) -> Result<ImportOutcome, AdminError> {
    let before = registration(change.read(), &line.line.said.client_id).await?;
    if !update::is_current(&before, &line.secrets) {
        return Err(Conflict::ChangedDuringImport.into());
    }
    let (id, source) = (before.client.client_id.clone(), before.client.source.clone());
    let Some(update) = Update::plan(services, before, line, change.now)? else {
        return Ok(ImportOutcome::Unchanged);
    };
    principal.require_unmanaged(ObjectKind::Client, id.as_str(), source.as_ref())?;
    update.write(services, change, "import").await?;
    Ok(ImportOutcome::Updated)
}

/// Registers a client with everything that the line gives.
async fn create(change: &mut AuditedChange, prepared: PreparedLine) -> Result<(), AdminError> {
    let PreparedLine { line, secrets, .. } = prepared;
    let client = line.registered(change.now)?;
    let new = |secret| match secret {
        PreparedSecret::New(record) => Some(record),
        PreparedSecret::Known { .. } => None,
    };
    let registration = Registration {
        client,
        secrets: secrets.into_iter().filter_map(new).collect(),
        grants: line.said.grants.unwrap_or_default(),
        trusts: line.trusts.unwrap_or_default(),
        spiffe_trusts: line.spiffe_trusts.unwrap_or_default(),
        usage: None,
    };
    registering::insert(change, &registration, Action::ClientImported).await
}

/// The same error with the line that it is about. Failures of the database are about none.
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
        other => other,
    }
}
