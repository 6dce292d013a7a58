//! Writing the clients of an import whose secrets are ready, or telling what would be written.

use serde_json::json;

use crate::admin::import::secrets::{PreparedLine, PreparedSecret};
use crate::admin::import::update::{self, Update};
use crate::admin::import::{ImportOutcome, ImportedClient, Progress, of_line, rights};
use crate::admin::{
    AdminError, AuditedChange, Conflict, Principal, facts, grant, registration, trust,
};
use crate::model::client::ClientId;
use crate::model::event::{Action, EventSubject};
use crate::services::Services;

/// A line that has been checked, and whose secrets are ready.
pub(super) enum Planned {
    Skip(ClientId),
    Write(Box<PreparedLine>),
}

impl Planned {
    /// Writes one client.
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
    services: &Services,
    principal: &Principal,
    change: &mut AuditedChange,
    line: PreparedLine,
) -> Result<ImportOutcome, AdminError> {
    let before = registration(change.read(), &line.line.said.client_id).await?;
    // The client may have got more rights since the check.
    rights::require(principal, &line.line, Some(&before))?;
    if !update::is_current(&before, &line.secrets) {
        return Err(Conflict::ChangedDuringImport.into());
    }
    let Some(update) = Update::plan(services, before, line, change.now)? else {
        return Ok(ImportOutcome::Unchanged);
    };
    update.write(services, change).await?;
    Ok(ImportOutcome::Updated)
}

/// Registers a client with everything that the line gives.
async fn create(change: &mut AuditedChange, prepared: PreparedLine) -> Result<(), AdminError> {
    let PreparedLine { line, secrets, .. } = prepared;
    let client = line.registered(change.now)?;
    let id = client.client_id.clone();
    change.transaction.create_client(&client).await?;
    let mut secret_ids = Vec::new();
    for secret in &secrets {
        if let PreparedSecret::New(record) = secret {
            change.transaction.add_secret(&id, record).await?;
            secret_ids.push(&record.secret_id);
        }
    }
    let grants = line.said.grants.unwrap_or_default();
    for grant in &grants {
        change.transaction.put_grant(&id, grant).await?;
    }
    let trusts = line.trusts.unwrap_or_default();
    for trust in &trusts {
        change.transaction.add_trust(&id, trust).await?;
    }
    let spiffe_trusts = line.spiffe_trusts.unwrap_or_default();
    trust::check_total(trusts.len(), spiffe_trusts.len())?;
    for trust in &spiffe_trusts {
        change.transaction.add_spiffe_trust(&id, trust).await?;
    }
    let mut detail = json!({
        "name": client.name,
        "state": client.state,
        "auth_methods": client.auth_methods,
        "secret_ids": secret_ids,
        "grants": grants,
        "trusts": trusts,
        "security": client.security,
        "leak_policy": client.leak_policy,
        "claims": client.claims,
    });
    facts::add_to(&mut detail, &client.facts);
    if !spiffe_trusts.is_empty() {
        detail["spiffe_trusts"] = json!(spiffe_trusts);
    }
    change.record(Action::ClientImported, EventSubject::Client(id), detail).await?;
    grant::record_for_resource_owners(change, &client, &[], &grants).await
}

/// What a dry run says: the same outcome, without a transaction.
pub(super) async fn foresee(
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
