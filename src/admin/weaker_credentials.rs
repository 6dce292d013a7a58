//! The end of credentials that a weaker caller made, when their client gets scopes of `urn:tokend`.
//!
//! The caller may know a secret that it made, or hold the key that it registered. While the client
//! was no administrator that gave it nothing; from now on it would give it the scopes that the
//! client gets. So a credential survives only if its creator had each scope that the client now has.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::{AdminError, AuditedChange, secret};
use crate::model::client::Registration;
use crate::model::creator::Creator;
use crate::model::grant::Grant;
use crate::model::secret::SecretId;
use crate::model::trust::TrustId;

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
    /// True if none was ended.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds them to the detail of an event or to an answer, if there are any.
    pub fn add_to(&self, object: &mut Value) {
        if !self.is_empty() {
            object["ended_credentials"] = json!(self);
        }
    }
}

/// Ends each credential of a client whose creator lacked a scope of `urn:tokend` among these
/// grants, which the client has from now on. `current` is the client with its secrets as stored.
///
/// The event that follows in the change must be about the client, so that servers load it again.
pub(super) async fn end(
    change: &mut AuditedChange,
    current: &mut Registration,
    grants: &[Grant],
) -> Result<EndedCredentials, AdminError> {
    let mut ended = EndedCredentials::default();
    let Some(grant) = grants.iter().find(|grant| grant.resource.is_built_in()) else {
        return Ok(ended);
    };
    let id = current.client.client_id.clone();
    let creators = change.read().credential_creators(&id).await?;
    let at = secret::end_at_once(change);
    for (secret_id, creator) in creators.secrets {
        let known = current.secrets.iter_mut().find(|known| known.secret_id == secret_id);
        let Some(known) = known.filter(|known| known.is_live(at)) else { continue };
        if !creator.has_all(&grant.scopes) {
            known.expires_at = Some(at);
            change.transaction.update_secret(&id, known).await?;
            ended.secrets.push(secret_id);
        }
    }
    for (trust_id, creator) in creators.trusts {
        if !creator.has_all(&grant.scopes) {
            change.transaction.delete_trust(&id, &trust_id).await?;
            current.trusts.retain(|trust| trust.trust_id != trust_id);
            ended.trusts.push(trust_id);
        }
    }
    for (trust_id, creator) in creators.spiffe_trusts {
        if !creator.has_all(&grant.scopes) {
            change.transaction.delete_spiffe_trust(&id, &trust_id).await?;
            current.spiffe_trusts.retain(|trust| trust.trust_id != trust_id);
            ended.trusts.push(trust_id);
        }
    }
    let is_weaker =
        |creator: Option<Creator>| creator.is_some_and(|creator| !creator.has_all(&grant.scopes));
    let security = &mut current.client.security;
    ended.keys = is_weaker(creators.keys) && security.keys.take().is_some();
    ended.tls_subject = is_weaker(creators.tls_subject) && security.tls_subject.take().is_some();
    if ended.keys || ended.tls_subject {
        current.client.updated_at = change.now;
        change.transaction.update_client(&current.client).await?;
    }
    Ok(ended)
}
