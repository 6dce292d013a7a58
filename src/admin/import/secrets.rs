//! The secrets of an import: hashed, or recognized as one that the client already has.

use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::admin::import::ImportOptions;
use crate::admin::import::check::CheckedLine;
use crate::admin::import::line::{ImportedSecret, SecretLine};
use crate::admin::import::object::Given;
use crate::admin::{AdminError, secret};
use crate::crypto::CryptoError;
use crate::model::secret::{SecretHash, SecretId, SecretRecord};
use crate::model::time::Timestamp;
use crate::secrets::secret::suffix;
use crate::services::Services;

/// A secret that is ready to be stored.
#[derive(Debug)]
pub(super) enum PreparedSecret {
    /// The client does not have the secret yet.
    New(SecretRecord),
    /// The client already has the secret; its label and its expiry may change.
    Known {
        secret_id: SecretId,
        hash: SecretHash,
        label: Option<String>,
        expires_at: Option<Timestamp>,
    },
}

/// A line whose secrets are ready.
#[derive(Debug)]
pub(super) struct PreparedLine {
    pub(super) line: CheckedLine,
    pub(super) exists: bool,
    pub(super) secrets: Vec<PreparedSecret>,
}

/// Prepares the secrets of a line, off the async threads. A plain secret costs one hash, and
/// another one for each stored secret that it may be equal to.
pub(super) async fn prepare(
    services: Arc<Services>,
    mut line: CheckedLine,
    exists: bool,
    options: ImportOptions,
) -> Result<PreparedLine, AdminError> {
    let input = std::mem::take(&mut line.input.secrets);
    if input.is_empty() {
        return Ok(PreparedLine { line, exists, secrets: Vec::new() });
    }
    let stored =
        if exists { services.store.registration(&line.input.client_id).await? } else { None };
    let stored = stored.map(|found| found.secrets).unwrap_or_default();
    let needs_hash = input.iter().any(|secret| matches!(secret.imported, ImportedSecret::Plain(_)));
    let (of_line, is_dry_run) = (services.clone(), options.is_dry_run);
    let compute = move || -> Result<Vec<PreparedSecret>, CryptoError> {
        input.into_iter().map(|secret| prepare_one(&of_line, &stored, secret, is_dry_run)).collect()
    };
    let secrets =
        if needs_hash { options.load.compute(&services, compute).await? } else { compute()? };
    // Secrets of a new client were checked with the lines. A stored secret may have ended since
    // then.
    for secret in &secrets {
        let PreparedSecret::New(record) = secret else { continue };
        check_end(record.expires_at, record.created_at).map_err(|problem| {
            let text = format!("line {}: {problem}; nothing was imported", line.input.line);
            AdminError::invalid("import", text)
        })?;
    }
    Ok(PreparedLine { line, exists, secrets })
}

/// Rejects an expiry of a new secret that has already passed: the secret would never be valid.
pub(super) fn check_end(end: Option<Timestamp>, now: Timestamp) -> Result<(), String> {
    match end {
        Some(end) if end <= now => Err(format!(
            "secrets: expires_at is {end}, which has passed; give a later time, or leave the              secret out"
        )),
        _ => Ok(()),
    }
}

fn prepare_one(
    services: &Services,
    stored: &[SecretRecord],
    input: SecretLine,
    is_dry_run: bool,
) -> Result<PreparedSecret, CryptoError> {
    let SecretLine { imported, label, expires_at } = input;
    let known = stored.iter().find(|stored| match &imported {
        ImportedSecret::Hash(hash) => stored.hash == *hash,
        ImportedSecret::Plain(plain) => {
            let may_be = stored.suffix.is_empty() || stored.suffix == suffix(plain.expose_secret());
            may_be && services.hasher.matches(plain, &stored.hash)
        }
    });
    if let Some(known) = known {
        let (secret_id, hash) = (known.secret_id.clone(), known.hash.clone());
        let expires_at = expires_at.and_then(Given::into_value);
        return Ok(PreparedSecret::Known { secret_id, hash, label, expires_at });
    }
    let mut record = match imported {
        ImportedSecret::Hash(hash) => secret::record_of_import(services, hash, String::new())?,
        // A dry run stores nothing, so it does not need the hash.
        ImportedSecret::Plain(plain) if is_dry_run => {
            let suffix = suffix(plain.expose_secret());
            secret::record_of_import(services, SecretHash::from_phc(""), suffix)?
        }
        ImportedSecret::Plain(plain) => secret::take_over(services, &plain)?,
    };
    if let Some(label) = label {
        record.label = label;
    }
    record.expires_at = expires_at.and_then(Given::into_value);
    Ok(PreparedSecret::New(record))
}
