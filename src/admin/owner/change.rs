//! Rights that a client loses when its owner changes: credentials made by an administrator that is
//! limited to owners, and grants of third owners.
//!
//! The old owner may know a secret or hold a key, and a third owner approved its grant only for the
//! old owner. Every operation that can change the owner calls [`release`] before it compares and
//! writes.

use crate::admin::{AdminError, EndedCredentials, Principal, client, grant};
use crate::model::client::Registration;
use crate::model::creator::Creator;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::store::reader::Reader;

/// The members that a change states itself. They are kept, because the caller is responsible for
/// them.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of a client")]
pub(in crate::admin) struct Stated {
    /// The keys or the `jwks_uri`.
    pub(in crate::admin) keys: bool,
    pub(in crate::admin) tls_subject: bool,
    /// The trusts in external issuers.
    pub(in crate::admin) trusts: bool,
    pub(in crate::admin) spiffe_trusts: bool,
    pub(in crate::admin) grants: bool,
    /// The secrets that the change names by a digest or a hash.
    pub(in crate::admin) secrets: Vec<SecretId>,
}

/// If the owner of a client changes, removes the parts of `desired` that it must not keep. The
/// caller writes the differences. Secrets end `at` the given time.
///
/// # Errors
/// [`AdminError::ApprovalNeeded`] for a grant that the change states and that its caller may not
/// give.
pub(in crate::admin) async fn release(
    mut reader: Reader<'_>,
    principal: &Principal,
    at: Timestamp,
    before: &Registration,
    desired: &mut Registration,
    stated: &Stated,
) -> Result<EndedCredentials, AdminError> {
    if before.client.facts.owner == desired.client.facts.owner {
        return Ok(EndedCredentials::default());
    }
    let mut creators = reader.credential_creators(&before.client.client_id).await?;
    creators.secrets.retain(|(id, _)| !stated.secrets.contains(id));
    if stated.keys {
        creators.keys = None;
    }
    if stated.tls_subject {
        creators.tls_subject = None;
    }
    if stated.trusts {
        creators.trusts.clear();
    }
    if stated.spiffe_trusts {
        creators.spiffe_trusts.clear();
    }
    let ended = client::weaker_credentials::take(desired, &creators, at, Creator::is_limited);
    release_grants(reader, principal, before, desired, stated).await?;
    Ok(ended)
}

/// Removes the grants that a third owner approved for the old owner. A client without an owner has
/// no approved grants: an administrator without a limit gave them.
async fn release_grants(
    mut reader: Reader<'_>,
    principal: &Principal,
    before: &Registration,
    desired: &mut Registration,
    stated: &Stated,
) -> Result<(), AdminError> {
    let Some(old) = before.client.facts.owner.as_ref() else { return Ok(()) };
    let owners = [Some(old), desired.client.facts.owner.as_ref()];
    let mut kept = Vec::with_capacity(desired.grants.len());
    for grant in std::mem::take(&mut desired.grants) {
        let is_held = before.grants.iter().any(|held| held.resource == grant.resource);
        if is_held && !grant.resource.is_built_in() {
            let other = reader.resource_owner(&grant.resource).await?;
            if !grant::foreign::is_decided_by(principal, other.as_ref(), &owners) {
                match principal.owners() {
                    _ if !stated.grants => continue,
                    Some(_) => {
                        return Err(AdminError::ApprovalNeeded { resource: grant.resource });
                    }
                    None => {}
                }
            }
        }
        kept.push(grant);
    }
    desired.grants = kept;
    Ok(())
}
