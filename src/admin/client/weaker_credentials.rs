//! Revocation of credentials that a weaker caller created, when their client gets scopes of
//! `urn:tokend` or, by [`handover`](crate::admin::owner::change), another owner.
//!
//! The caller may know a secret that it created, or hold a key that it registered. Without these
//! scopes the credential gave it no admin rights; from now on it would. So a credential is kept
//! only if its creator had every scope that the client now has.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::{AdminError, AuditedChange, secret};
use crate::model::client::Registration;
use crate::model::creator::Creator;
use crate::model::grant::Grant;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::model::trust::TrustId;
use crate::store::secrets::creators::CredentialCreators;

/// The credentials that a change has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EndedCredentials {
    /// Secrets that were valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretId>,
    /// Trusts, of both kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusts: Vec<TrustId>,
    /// True if the keys or the `jwks_uri` were removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keys: bool,
    /// True if the subject of the certificate was removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_subject: bool,
}

impl EndedCredentials {
    /// True if no credential was ended.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Joins the credentials of two steps.
    #[must_use]
    pub(in crate::admin) fn and(mut self, other: Self) -> Self {
        self.secrets.extend(other.secrets);
        self.trusts.extend(other.trusts);
        self.keys |= other.keys;
        self.tls_subject |= other.tls_subject;
        self
    }

    /// Adds the ended credentials, if there are any, to the detail of an event or to a response.
    pub fn add_to(&self, object: &mut Value) {
        if !self.is_empty() {
            object["ended_credentials"] = json!(self);
        }
    }
}

/// Ends each credential of a client whose creator lacked a scope of `urn:tokend` in `grants`, the
/// new grants of the client. `current` is the client with its stored secrets.
///
/// The next event of the change must be about the client, so that servers reload it.
pub(in crate::admin) async fn end(
    change: &mut AuditedChange,
    current: &mut Registration,
    grants: &[Grant],
) -> Result<EndedCredentials, AdminError> {
    let Some(grant) = grants.iter().find(|grant| grant.resource.is_built_in()) else {
        return Ok(EndedCredentials::default());
    };
    let creators = change.read().credential_creators(&current.client.client_id).await?;
    let at = secret::expire_immediately(change);
    let ended = take(current, &creators, at, |creator| !creator.has_all(&grant.scopes));
    store(change, current, &ended).await?;
    Ok(ended)
}

/// Ends the credentials of a client in memory whose creators satisfy `is_ended`.
pub(in crate::admin) fn take(
    current: &mut Registration,
    creators: &CredentialCreators,
    at: Timestamp,
    is_ended: impl Fn(&Creator) -> bool,
) -> EndedCredentials {
    let mut ended = EndedCredentials::default();
    for (secret_id, _) in creators.secrets.iter().filter(|(_, creator)| is_ended(creator)) {
        let known = current.secrets.iter_mut().find(|known| known.secret_id == *secret_id);
        if let Some(known) = known.filter(|known| known.is_valid(at)) {
            known.expires_at = Some(at);
            ended.secrets.push(secret_id.clone());
        }
    }
    let of_trusts = creators.trusts.iter().chain(&creators.spiffe_trusts);
    for (trust_id, _) in of_trusts.filter(|(_, creator)| is_ended(creator)) {
        current.trusts.retain(|trust| trust.trust_id != *trust_id);
        current.spiffe_trusts.retain(|trust| trust.trust_id != *trust_id);
        ended.trusts.push(trust_id.clone());
    }
    let security = &mut current.client.security;
    let is_ended = |creator: &Option<Creator>| creator.as_ref().is_some_and(&is_ended);
    ended.keys = is_ended(&creators.keys) && security.keys.take().is_some();
    ended.tls_subject = is_ended(&creators.tls_subject) && security.tls_subject.take().is_some();
    ended
}

/// Writes the end of the credentials that [`take`] removed from `current`.
pub(in crate::admin) async fn store(
    change: &mut AuditedChange,
    current: &mut Registration,
    ended: &EndedCredentials,
) -> Result<(), AdminError> {
    let id = current.client.client_id.clone();
    for secret in current.secrets.iter().filter(|it| ended.secrets.contains(&it.secret_id)) {
        change.transaction.update_secret(&id, secret).await?;
    }
    for trust_id in &ended.trusts {
        if !change.transaction.delete_trust(&id, trust_id).await? {
            change.transaction.delete_spiffe_trust(&id, trust_id).await?;
        }
    }
    if ended.keys || ended.tls_subject {
        current.client.updated_at = change.now;
        change.transaction.update_client(&current.client).await?;
    }
    Ok(())
}
