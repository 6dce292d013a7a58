//! Lookup of the client that a secret belongs to, for a file that a command finds but did not
//! write.

use secrecy::{ExposeSecret, SecretString};

use crate::admin::AdminError;
use crate::crypto::CryptoError;
use crate::model::client::ClientId;
use crate::model::secret::{SecretHash, SecretId, StoredSecret};
use crate::secrets::hash_queue::HashQueue;
use crate::secrets::offline;
use crate::secrets::secret::{SecretFormat, format_of, suffix};
use crate::services::Services;

/// The result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub enum SecretOwner {
    /// The text is a secret of this client.
    Client {
        /// The client.
        client_id: ClientId,
        /// The identifier of the secret.
        secret_id: SecretId,
        /// False if the secret has ended.
        is_valid: bool,
    },
    /// The text was generated with the key of this database, but no client has it. The change that
    /// would have added it was not committed, or the client was deleted.
    Uncommitted,
    /// The text is unknown here. It may be valid elsewhere.
    Unknown,
}

/// Finds the client that a secret belongs to. `candidates` are the clients that it may have been
/// made for. Secrets of other systems are searched for only among these clients.
pub async fn find(
    services: &Services,
    text: &SecretString,
    candidates: &[ClientId],
) -> Result<SecretOwner, AdminError> {
    let plain = text.expose_secret();
    let stored = match (format_of(plain), offline::digest_of(plain)) {
        (_, Some(digest)) => services.store.secrets_by_text(&[], &[digest]).await?,
        (SecretFormat::Whole, None) => services.store.secrets_by_suffix(&suffix(plain)).await?,
        (_, None) => secrets_of(services, candidates).await?,
    };
    for secret in stored {
        if is_match(services, text, &secret.hash).await? {
            let StoredSecret { client_id, secret_id, expires_at, .. } = secret;
            let is_valid = services.clock.now().is_before(expires_at);
            return Ok(SecretOwner::Client { client_id, secret_id, is_valid });
        }
    }
    let tag_key = &services.keys.tag_key;
    let is_from_here = tag_key.generated_id(plain).is_some()
        || candidates.iter().any(|id| tag_key.is_tagged(id.as_str(), plain));
    Ok(if is_from_here { SecretOwner::Uncommitted } else { SecretOwner::Unknown })
}

async fn secrets_of(
    services: &Services,
    clients: &[ClientId],
) -> Result<Vec<StoredSecret>, AdminError> {
    let mut found = Vec::new();
    for client_id in clients {
        let Some(known) = services.store.registration(client_id).await? else { continue };
        found.extend(known.secrets.into_iter().map(|secret| StoredSecret {
            client_id: client_id.clone(),
            secret_id: secret.secret_id,
            hash: secret.hash,
            suffix: secret.suffix,
            expires_at: secret.expires_at,
        }));
    }
    Ok(found)
}

async fn is_match(
    services: &Services,
    text: &SecretString,
    hash: &SecretHash,
) -> Result<bool, AdminError> {
    if hash.digest().is_some() {
        return Ok(services.hasher.matches(text, hash));
    }
    let verified = services.hasher.verify(HashQueue::Generated, text, hash).await;
    Ok(verified.map_err(|_| CryptoError::Failed("verifying a secret"))?)
}
