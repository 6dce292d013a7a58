//! Writing of imported clients whose secrets are ready.

use crate::admin::import::secrets::{PreparedLine, PreparedSecret};
use crate::admin::import::update::{self, Update};
use crate::admin::import::{ImportOutcome, ImportedClient, of_line, rights};
use crate::admin::{
    AdminError, AuditedChange, Conflict, ObjectKind, Principal, client, client_within_rights,
    owner, secret,
};
use crate::model::client::{ClientId, Registration};
use crate::model::event::Action;
use crate::services::Services;

/// A checked line whose secrets are ready.
pub(super) enum Planned {
    Skip(ClientId),
    Write(Box<PreparedLine>),
}

impl Planned {
    /// Writes the client of the line, unless it is skipped.
    pub(super) async fn write(
        self,
        services: &Services,
        principal: &Principal,
        change: &mut AuditedChange,
    ) -> Result<ImportedClient, AdminError> {
        let line = match self {
            Self::Skip(client_id) => {
                return Ok(ImportedClient { client_id, result: ImportOutcome::Skipped });
            }
            Self::Write(line) => line,
        };
        let (id, number) = (line.line.input.client_id.clone(), line.line.input.line);
        let written = write_checked(services, principal, change, *line).await;
        let result = written.map_err(|error| of_line(number, error))?;
        Ok(ImportedClient { client_id: id, result })
    }
}

/// Writes one client and checks it against the policy of its owner.
async fn write_checked(
    services: &Services,
    principal: &Principal,
    change: &mut AuditedChange,
    line: PreparedLine,
) -> Result<ImportOutcome, AdminError> {
    let id = line.line.input.client_id.clone();
    if !line.exists {
        create(principal, change, line).await?;
        owner::policy::check(change, None, &id).await?;
        return Ok(ImportOutcome::Imported);
    }
    let before = client_within_rights(change.read(), principal, &id).await?;
    let outcome = update(services, principal, change, line, before.clone()).await?;
    owner::policy::check(change, Some(&before), &id).await?;
    Ok(outcome)
}

/// Changes an existing client.
async fn update(
    services: &Services,
    principal: &Principal,
    change: &mut AuditedChange,
    line: PreparedLine,
    before: Registration,
) -> Result<ImportOutcome, AdminError> {
    // The client may have got more rights since the check.
    rights::require(principal, &line.line, Some(&before))?;
    if !update::is_current(&before, &line.secrets) {
        return Err(Conflict::ChangedDuringImport.into());
    }
    let (id, source) = (before.client.client_id.clone(), before.client.source.clone());
    let (mut desired, stated) = update::desired_state(&before, line)?;
    let (client, grants) = (&desired.client, &desired.grants);
    owner::ownership::check_whole_client(change, principal, Some(&before), client, grants).await?;
    let at = secret::expire_immediately(change);
    let release =
        owner::change::release(change.read(), principal, at, &before, &mut desired, &stated);
    let ended = release.await?;
    let Some(update) = Update::between(services, before, desired, change.now)? else {
        return Ok(ImportOutcome::Unchanged);
    };
    principal.require_unmanaged(ObjectKind::Client, id.as_str(), source.as_ref())?;
    update.ending(ended).write(services, change, "import").await?;
    Ok(ImportOutcome::Updated)
}

/// Registers a client with all members of the line.
async fn create(
    principal: &Principal,
    change: &mut AuditedChange,
    prepared: PreparedLine,
) -> Result<(), AdminError> {
    let PreparedLine { line, secrets, .. } = prepared;
    let client = line.registered(change.now)?;
    let grants = line.input.grants.unwrap_or_default();
    owner::ownership::check_whole_client(change, principal, None, &client, &grants).await?;
    let new = |secret| match secret {
        PreparedSecret::New(record) => Some(record),
        PreparedSecret::Known { .. } => None,
    };
    let registration = Registration {
        client,
        secrets: secrets.into_iter().filter_map(new).collect(),
        grants,
        trusts: line.trusts.unwrap_or_default(),
        spiffe_trusts: line.spiffe_trusts.unwrap_or_default(),
        usage: None,
    };
    client::registration::insert(change, &registration, Action::ClientImported).await
}
