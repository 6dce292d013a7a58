//! What an import changes about a client that exists: the members that a line gives are replaced,
//! secrets are added, and everything else stays.

use serde_json::{Value, json};

use crate::admin::claims;
use crate::admin::difference::Difference;
use crate::admin::grant_request::{self, CancelReason};
use crate::admin::import::secrets::{PreparedLine, PreparedSecret};
use crate::admin::import::spiffe_trusts;
use crate::admin::{
    AdminError, AuditedChange, Conflict, Principal, grant, ownership, revocation, trust,
    weaker_credentials,
};
use crate::model::client::{Client, ClientId, ClientState, Registration};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::grant::Grant;
use crate::model::resource::ResourceId;
use crate::model::secret::{SecretHash, SecretId, SecretRecord};
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::Timestamp;
use crate::model::trust::{FederatedCredential, TrustId};
use crate::services::Services;

/// The changes of one client; the event tells them as `was` and `is`.
pub(super) struct Update {
    before: Registration,
    client: Client,
    grants: Vec<Grant>,
    trusts: Vec<FederatedCredential>,
    spiffe_trusts: Vec<SpiffeTrust>,
    secrets: Vec<SecretRecord>,
    difference: Difference,
}

impl Update {
    /// Compares a line with the client as it is; `None` if nothing changes.
    ///
    /// # Errors
    /// If the client could not authenticate afterwards, or would have too many live secrets.
    pub(super) fn plan(
        services: &Services,
        before: Registration,
        prepared: PreparedLine,
        now: Timestamp,
    ) -> Result<Option<Self>, AdminError> {
        let PreparedLine { line, secrets: given, .. } = prepared;
        let mut client = before.client.clone();
        line.apply_to(&mut client)?;
        let grants = line.said.grants.unwrap_or_else(|| before.grants.clone());
        claims::check_sizes(&client.claims, &grants)?;
        let trusts = match line.trusts {
            Some(trusts) => kept_or_new(&before.trusts, trusts),
            None => before.trusts.clone(),
        };
        let spiffe_trusts = match line.spiffe_trusts {
            Some(trusts) => spiffe_trusts::kept_or_new(&before.spiffe_trusts, trusts),
            None => before.spiffe_trusts.clone(),
        };
        if trusts.len() + spiffe_trusts.len() > before.trusts.len() + before.spiffe_trusts.len() {
            trust::check_total(trusts.len(), spiffe_trusts.len())?;
        }
        let mut secrets = before.secrets.clone();
        for secret in given {
            put_secret(&mut secrets, secret);
        }
        let mut was = state(&before.client, &before.grants, &before.trusts, &before.secrets);
        let mut is = state(&client, &grants, &trusts, &secrets);
        was["spiffe_trusts"] = json!(before.spiffe_trusts);
        is["spiffe_trusts"] = json!(spiffe_trusts);
        let Some(difference) = Difference::between(&was, &is) else { return Ok(None) };
        let live = secrets.iter().filter(|secret| secret.is_live(now)).count();
        let most = services.config.secrets.max_per_client;
        if live > most && secrets.len() > before.secrets.len() {
            return Err(Conflict::SecretLimit { live, max: most }.into());
        }
        client.updated_at = now;
        Ok(Some(Self { before, client, grants, trusts, spiffe_trusts, secrets, difference }))
    }

    /// Holds the changes to the rules of single changes.
    pub(super) async fn check_rights(
        &self,
        principal: &Principal,
        change: &mut AuditedChange,
    ) -> Result<(), AdminError> {
        let (before, client) = (Some(&self.before), &self.client);
        ownership::check_whole_client(change, principal, before, client, &self.grants).await
    }

    /// Writes the changes and the event.
    pub(super) async fn write(
        self,
        services: &Services,
        change: &mut AuditedChange,
    ) -> Result<(), AdminError> {
        let Self { before, client, grants, trusts, spiffe_trusts, secrets, difference } = self;
        let id = &client.client_id;
        if before.client.facts.owner != client.facts.owner {
            let reason = CancelReason::ClientOwnerChanged;
            grant_request::cancel_of_client(change, id, reason).await?;
        }
        change.transaction.update_client(&client).await?;
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
        write_spiffe_trusts(change, id, &before.spiffe_trusts, &spiffe_trusts).await?;
        for secret in &secrets {
            match before.secrets.iter().find(|old| old.secret_id == secret.secret_id) {
                None => change.transaction.add_secret(id, secret).await?,
                Some(old) if (&old.label, old.expires_at) != (&secret.label, secret.expires_at) => {
                    change.transaction.update_secret(id, secret).await?;
                }
                Some(_) => {}
            }
        }
        if before.client.state == ClientState::Active && client.state == ClientState::Disabled {
            revocation::end_tokens(services, change, id).await?;
        }
        let subject = EventSubject::Client(id.clone());
        let mut current =
            Registration { client, secrets, grants, trusts, spiffe_trusts, usage: None };
        let grants = current.grants.clone();
        let ended = weaker_credentials::end(change, &mut current, &grants).await?;
        let client = current.client;
        let mut detail = difference.add_to(json!({ "name": client.name, "import": true }));
        ended.add_to(&mut detail);
        let (grants_before, owner_before) = (before.grants, before.client.facts.owner);
        let owners = EventOwners::changed(owner_before, client.facts.owner.clone());
        change.record_with_owners(Action::ClientUpdated, subject, owners, detail).await?;
        grant::record_for_resource_owners(change, &client, &grants_before, &grants).await
    }
}

/// Removes the trusts that are gone, and adds those that are new.
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

/// The trusts that a line gives. One that the client has already keeps its id.
fn kept_or_new(
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
    // In the order in which the store gives them, so that the same trusts compare as equal.
    trusts.sort_by(|one, other| {
        (one.created_at, one.trust_id.as_str()).cmp(&(other.created_at, other.trust_id.as_str()))
    });
    trusts
}

/// Adds a secret, or changes the label and the end of one that is there. An end is never put off:
/// a secret that was ended because it leaked stays ended.
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
                known.expires_at = Some(known.expires_at.map_or(end, |old| old.min(end)));
            }
        }
    }
}

/// True if every secret that was recognised is still the one it was.
pub(super) fn is_current(before: &Registration, secrets: &[PreparedSecret]) -> bool {
    let has = |id: &SecretId, hash: &SecretHash| {
        before.secrets.iter().any(|known| known.secret_id == *id && known.hash == *hash)
    };
    secrets.iter().all(|secret| match secret {
        PreparedSecret::New(_) => true,
        PreparedSecret::Known { secret_id, hash, .. } => has(secret_id, hash),
    })
}

/// A client as the audit log compares it: without hashes and without use.
fn state(
    client: &Client,
    grants: &[Grant],
    trusts: &[FederatedCredential],
    secrets: &[SecretRecord],
) -> Value {
    let secrets: Vec<_> = secrets
        .iter()
        .map(|secret| {
            json!({
                "secret_id": secret.secret_id,
                "label": secret.label,
                "expires_at": secret.expires_at,
            })
        })
        .collect();
    let mut state = json!(client);
    state["grants"] = json!(grants);
    state["trusts"] = json!(trusts);
    state["secrets"] = json!(secrets);
    state
}
