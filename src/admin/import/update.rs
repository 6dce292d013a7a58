//! Updates of existing clients by an import: the members of a line are replaced, secrets are added,
//! and everything else is kept.

use serde_json::{Value, json};

use crate::admin::difference::Difference;
use crate::admin::grant_request::{self, CancelReason};
use crate::admin::import::secrets::{PreparedLine, PreparedSecret};
use crate::admin::import::spiffe_trusts;
use crate::admin::owner::change::Stated;
use crate::admin::{
    AdminError, AuditedChange, Conflict, EndedCredentials, client, grant, revocation, trust,
};
use crate::model::client::{ClientId, ClientState, Registration};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::resource::ResourceId;
use crate::model::secret::{SecretHash, SecretId, SecretRecord};
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::Timestamp;
use crate::model::trust::{FederatedCredential, TrustId};
use crate::services::Services;

/// The changes of one client, which the event has as `was` and `is`.
pub(in crate::admin) struct Update {
    before: Registration,
    desired: Registration,
    difference: Difference,
    ended: EndedCredentials,
}

/// Returns the state that a line requests for an existing client, and the members that the line
/// states.
///
/// # Errors
/// If the client could not authenticate afterwards.
pub(super) fn desired_state(
    before: &Registration,
    prepared: PreparedLine,
) -> Result<(Registration, Stated), AdminError> {
    let PreparedLine { line, secrets: given, .. } = prepared;
    let mut client = before.client.clone();
    line.apply_to(&mut client)?;
    let mut stated = Stated {
        keys: line.input.keys.is_some(),
        tls_subject: line.input.tls_subject.is_some(),
        trusts: line.trusts.is_some(),
        spiffe_trusts: line.spiffe_trusts.is_some(),
        grants: line.input.grants.is_some(),
        secrets: Vec::new(),
    };
    let trusts = match line.trusts {
        Some(trusts) => kept_or_new(&before.trusts, trusts),
        None => before.trusts.clone(),
    };
    let spiffe_trusts = match line.spiffe_trusts {
        Some(trusts) => spiffe_trusts::kept_or_new(&before.spiffe_trusts, trusts),
        None => before.spiffe_trusts.clone(),
    };
    let mut secrets = before.secrets.clone();
    for secret in given {
        if let PreparedSecret::Known { secret_id, .. } = &secret {
            stated.secrets.push(secret_id.clone());
        }
        put_secret(&mut secrets, secret);
    }
    let grants = line.input.grants.unwrap_or_else(|| before.grants.clone());
    let usage = before.usage;
    Ok((Registration { client, secrets, grants, trusts, spiffe_trusts, usage }, stated))
}

impl Update {
    /// Compares the current state of a client with the desired one. Returns `None` if nothing
    /// changes.
    ///
    /// # Errors
    /// If the claims do not fit into a token, or there are too many trusts or valid secrets.
    pub(in crate::admin) fn between(
        services: &Services,
        before: Registration,
        mut desired: Registration,
        now: Timestamp,
    ) -> Result<Option<Self>, AdminError> {
        client::claims::check_sizes(&desired.client.claims, &desired.grants)?;
        let trusts = |of: &Registration| of.trusts.len() + of.spiffe_trusts.len();
        if trusts(&desired) > trusts(&before) {
            trust::check_total(desired.trusts.len(), desired.spiffe_trusts.len())?;
        }
        let Some(difference) = Difference::between(&state(&before), &state(&desired)) else {
            return Ok(None);
        };
        let live = desired.secrets.iter().filter(|secret| secret.is_valid(now)).count();
        let max = services.config.secrets.max_per_client;
        if live > max && desired.secrets.len() > before.secrets.len() {
            return Err(Conflict::SecretLimit { live, max }.into());
        }
        desired.client.updated_at = now;
        Ok(Some(Self { before, desired, difference, ended: EndedCredentials::default() }))
    }

    /// Adds the credentials that the update ends, for the event.
    pub(in crate::admin) fn ending(self, ended: EndedCredentials) -> Self {
        Self { ended, ..self }
    }

    /// Writes the changes and the event. `command` names the command that changes the client, such
    /// as `import`.
    pub(in crate::admin) async fn write(
        self,
        services: &Services,
        change: &mut AuditedChange,
        command: &str,
    ) -> Result<(), AdminError> {
        let Self { before, mut desired, difference, ended } = self;
        let Registration { client, grants, trusts, .. } = &desired;
        let id = &client.client_id;
        if before.client.facts.owner != client.facts.owner {
            let reason = CancelReason::ClientOwnerChanged;
            grant_request::cancel_of_client(change, id, reason).await?;
        }
        change.transaction.update_client(client).await?;
        for grant in grants.iter().filter(|grant| !before.grants.contains(grant)) {
            change.transaction.put_grant(id, grant).await?;
        }
        let kept: Vec<&ResourceId> = grants.iter().map(|grant| &grant.resource).collect();
        for gone in before.grants.iter().filter(|grant| !kept.contains(&&grant.resource)) {
            change.transaction.delete_grant(id, &gone.resource).await?;
        }
        let kept: Vec<&TrustId> = trusts.iter().map(|trust| &trust.trust_id).collect();
        for gone in before.trusts.iter().filter(|trust| !kept.contains(&&trust.trust_id)) {
            change.transaction.delete_trust(id, &gone.trust_id).await?;
        }
        for trust in trusts.iter().filter(|trust| !before.trusts.contains(trust)) {
            change.transaction.add_trust(id, trust).await?;
        }
        write_spiffe_trusts(change, id, &before.spiffe_trusts, &desired.spiffe_trusts).await?;
        write_secrets(change, id, &before.secrets, &desired.secrets).await?;
        if before.client.state == ClientState::Active && client.state == ClientState::Disabled {
            revocation::end_tokens(services, change, id).await?;
        }
        let subject = EventSubject::Client(id.clone());
        let granted = desired.grants.clone();
        let ended =
            ended.and(client::weaker_credentials::end(change, &mut desired, &granted).await?);
        let Registration { client, grants, .. } = &desired;
        let mut detail = difference.add_to(json!({ "name": client.name }));
        detail[command] = json!(true);
        ended.add_to(&mut detail);
        let owners = EventOwners::changed(before.client.facts.owner, client.facts.owner.clone());
        change.record_with_owners(Action::ClientUpdated, subject, owners, detail).await?;
        grant::record_for_resource_owners(change, client, &before.grants, grants).await
    }
}

/// Adds new secrets, and updates the label and the expiry of the others.
async fn write_secrets(
    change: &mut AuditedChange,
    id: &ClientId,
    before: &[SecretRecord],
    now: &[SecretRecord],
) -> Result<(), AdminError> {
    for secret in now {
        match before.iter().find(|old| old.secret_id == secret.secret_id) {
            None => change.transaction.add_secret(id, secret).await?,
            Some(old) if (&old.label, old.expires_at) != (&secret.label, secret.expires_at) => {
                change.transaction.update_secret(id, secret).await?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Deletes removed trusts and adds new ones.
async fn write_spiffe_trusts(
    change: &mut AuditedChange,
    id: &ClientId,
    before: &[SpiffeTrust],
    now: &[SpiffeTrust],
) -> Result<(), AdminError> {
    for gone in before.iter().filter(|trust| !now.contains(trust)) {
        change.transaction.delete_spiffe_trust(id, &gone.trust_id).await?;
    }
    for new in now.iter().filter(|trust| !before.contains(trust)) {
        change.transaction.add_spiffe_trust(id, new).await?;
    }
    Ok(())
}

/// Returns the trusts of a line. A trust that the client already has keeps its id.
pub(in crate::admin) fn kept_or_new(
    before: &[FederatedCredential],
    given: Vec<FederatedCredential>,
) -> Vec<FederatedCredential> {
    let is_same = |one: &FederatedCredential, other: &FederatedCredential| {
        one.issuer == other.issuer
            && one.keys == other.keys
            && one.audience == other.audience
            && one.conditions == other.conditions
    };
    let mut trusts: Vec<FederatedCredential> = Vec::with_capacity(given.len());
    for new in given {
        if trusts.iter().any(|known| is_same(known, &new)) {
            continue;
        }
        let known = before.iter().find(|old| is_same(old, &new)).cloned();
        trusts.push(known.unwrap_or(new));
    }
    // Sorted in the order of the store, so that equal lists compare as equal.
    trusts.sort_by(|one, other| {
        (one.created_at, one.trust_id.as_str()).cmp(&(other.created_at, other.trust_id.as_str()))
    });
    trusts
}

/// Adds a secret, or updates the label and the expiry of an existing one. An expiry is never
/// extended: a secret that was ended after a leak stays ended.
fn put_secret(secrets: &mut Vec<SecretRecord>, given: PreparedSecret) {
    match given {
        PreparedSecret::New(record) => secrets.push(record),
        PreparedSecret::Known { secret_id, label, expires_at, .. } => {
            let Some(known) = secrets.iter_mut().find(|known| known.secret_id == secret_id) else {
                return;
            };
            if let Some(label) = label {
                known.label = label;
            }
            if let Some(end) = expires_at {
                let end = known.expires_at.map_or(end, |old| old.min(end));
                known.expires_at = Some(end.max(known.created_at));
            }
        }
    }
}

/// True if every recognized secret is still unchanged.
pub(super) fn is_current(before: &Registration, secrets: &[PreparedSecret]) -> bool {
    let has = |id: &SecretId, hash: &SecretHash| {
        before.secrets.iter().any(|known| known.secret_id == *id && known.hash == *hash)
    };
    secrets.iter().all(|secret| match secret {
        PreparedSecret::New(_) => true,
        PreparedSecret::Known { secret_id, hash, .. } => has(secret_id, hash),
    })
}

/// Returns the state of a client for the audit log, without hashes and without use.
pub(in crate::admin) fn state(of: &Registration) -> Value {
    let secrets = of.secrets.iter().map(|secret| {
        let mut state = json!({
            "secret_id": secret.secret_id,
            "label": secret.label,
            "expires_at": secret.expires_at,
        });
        if let Some(digest) = secret.hash.digest() {
            state["secret_digest"] = json!(digest.to_string());
        }
        state
    });
    let mut state = json!(of.client);
    state["grants"] = json!(of.grants);
    state["trusts"] = json!(of.trusts);
    state["spiffe_trusts"] = json!(of.spiffe_trusts);
    state["secrets"] = secrets.collect();
    state
}
