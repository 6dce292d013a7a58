//! The member `secrets` of a client: digests of secrets that were generated offline. A file with
//! digests contains nothing that authenticates a client.

use std::collections::HashSet;

use crate::admin::import::line;
use crate::admin::import::object::{Given, Object};
use crate::admin::import::problems::Problems;
use crate::admin::secret;
use crate::admin::{AdminError, Conflict};
use crate::model::Malformed;
use crate::model::secret::{SecretId, SecretRecord};
use crate::model::secret_digest::SecretDigest;
use crate::model::time::Timestamp;
use crate::services::Services;

/// The maximum number of digests of a client. The server's limit of valid secrets is checked later.
pub(super) const MAX_DIGESTS: usize = 100;

/// A declared secret.
#[derive(Debug)]
pub(super) struct DeclaredDigest {
    digest: SecretDigest,
    label: String,
    expires_at: Option<Timestamp>,
}

/// Parses the member and reports every problem.
pub(super) fn parse(object: &Object<'_>, problems: &mut Problems) -> Vec<DeclaredDigest> {
    let listed = object.objects("secrets", MAX_DIGESTS, problems).unwrap_or_default();
    let mut seen = HashSet::new();
    let declared = listed.into_iter().filter_map(|secret| {
        let digest = secret.parsed("secret_digest", SecretDigest::parse, problems);
        let label = secret.nullable("label", line::label, problems).and_then(Given::into_value);
        let expires_at = secret.nullable("expires_at", Timestamp::parse, problems);
        let digest = digest?;
        if !seen.insert(*digest.as_bytes()) {
            let twice = Malformed::because("another secret of the client has this digest");
            return secret.noted("secret_digest", Err(twice), problems);
        }
        let expires_at = expires_at.and_then(Given::into_value);
        Some(DeclaredDigest { digest, label: label.unwrap_or_default(), expires_at })
    });
    declared.collect()
}

/// Returns those of the secrets that are declared.
pub(super) fn listed(secrets: &[SecretRecord], declared: &[DeclaredDigest]) -> Vec<SecretId> {
    let is_listed = |secret: &&SecretRecord| {
        secret.hash.digest().is_some_and(|known| declared.iter().any(|it| it.digest == *known))
    };
    secrets.iter().filter(is_listed).map(|secret| secret.secret_id.clone()).collect()
}

/// Registers the missing digests of a client, and updates the label and the expiry of the others.
/// An ended secret stays ended, and an expiry is never extended. Otherwise an apply would
/// reactivate a leaked secret that an operator has ended.
///
/// # Errors
/// If the client would have too many valid secrets.
pub(super) fn register(
    services: &Services,
    secrets: &mut Vec<SecretRecord>,
    declared: Vec<DeclaredDigest>,
    now: Timestamp,
) -> Result<(), AdminError> {
    let count = secrets.len();
    for DeclaredDigest { digest, label, expires_at } in declared {
        match secrets.iter_mut().find(|known| known.hash.digest() == Some(&digest)) {
            Some(known) if known.is_valid(now) => {
                known.label = label;
                let end = [known.expires_at, expires_at].into_iter().flatten().min();
                known.expires_at = end.map(|end| end.max(known.created_at));
            }
            None if now.is_before(expires_at) => {
                secrets.push(secret::record_of_digest(services, digest, label, expires_at)?);
            }
            // It has ended, before this apply or before its registration.
            Some(_) | None => {}
        }
    }
    let live = secrets.iter().filter(|secret| secret.is_valid(now)).count();
    let max = services.config.secrets.max_per_client;
    if live > max && secrets.len() > count {
        return Err(Conflict::SecretLimit { live, max }.into());
    }
    Ok(())
}
