//! `tokend client add-secret`, `rotate-secret` and `expire-secret`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::admin::pending::Pending;
use crate::admin::secret::{self, MadeSecret, NewSecret};
use crate::admin::secret_rotation;
use crate::cli::duration::duration;
use crate::cli::error::CliError;
use crate::cli::output::{self, ShownSecret};
use crate::cli::secret_destination::{self, Destination};
use crate::cli::secret_file::ExistingFile;
use crate::cli::{Global, client_reference, principal};
use crate::model::client::ClientId;
use crate::model::overlap::Overlap;
use crate::model::secret::{SecretId, SecretRecord};
use crate::model::secret_digest::SecretDigest;
use crate::model::time::Timestamp;
use crate::model::usage::Usage;
use crate::services::Services;

#[derive(Debug, Args)]
pub(crate) struct AddSecretArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    #[command(flatten)]
    new: NewSecretArgs,
    #[command(flatten)]
    old: OldLabelArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RotateSecretArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// How long the old secrets stay valid: 24h, or `until_unused:6h,max:7d`, which ends each when
    /// the new one was used and it was not for 6 hours; they end at once if omitted
    #[arg(long, value_name = "OVERLAP")]
    overlap: Option<String>,
    #[command(flatten)]
    new: NewSecretArgs,
    #[command(flatten)]
    old: OldLabelArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExpireSecretArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// The secret's identifier, as client show lists it
    secret_id: String,
    /// When it ends, such as 24h from now; at once if omitted
    #[arg(long = "in", value_name = "DURATION")]
    after: Option<String>,
}

/// What is said of a secret that is to be made.
#[derive(Debug, Args)]
pub(super) struct NewSecretArgs {
    /// Label of the new secret
    #[arg(id = "secret_label", long = "secret-label", value_name = "TEXT", default_value = "")]
    label: String,
    /// Lifetime of the new secret, such as 90d; no expiry if omitted
    #[arg(long, value_name = "DURATION")]
    secret_ttl: Option<String>,
    /// Write the secret to this file (mode 0600) instead of printing it. rotate-secret replaces a
    /// file that holds a secret of the same client; the other commands need a new file
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
    /// Register a secret that `tokend secret generate` has made, by its SHA-256; it is not printed
    #[arg(long, value_name = "sha256:HEX", conflicts_with = "secret_file")]
    secret_digest: Option<String>,
}

/// The name that `--secret-label` had, where no other option has it.
#[derive(Debug, Args)]
pub(super) struct OldLabelArgs {
    #[arg(long, hide = true, conflicts_with = "secret_label")]
    label: Option<String>,
}

impl OldLabelArgs {
    /// Puts the label in place. Says on standard error that the option is deprecated.
    fn apply_to(&self, new: &mut NewSecret) {
        if let Some(label) = &self.label {
            output::hint(
                "note: --label of a secret is deprecated and goes with the next release; write: \
                 --secret-label",
            );
            new.label.clone_from(label);
        }
    }
}

impl NewSecretArgs {
    pub(super) fn wanted(&self) -> Result<NewSecret, CliError> {
        Ok(NewSecret {
            label: self.label.clone(),
            lifetime: self
                .secret_ttl
                .as_deref()
                .map(|text| duration("--secret-ttl", text))
                .transpose()?,
            digest: self.secret_digest.as_deref().map(SecretDigest::parse).transpose()?,
        })
    }
}

/// Runs `tokend client add-secret`.
pub(crate) async fn add(global: &Global, args: &AddSecretArgs) -> Result<(), CliError> {
    let mut new = args.new.wanted()?;
    args.old.apply_to(&mut new);
    let file = args.new.secret_file.as_deref();
    check_format(global, &new, file)?;
    let services = global.services().await?;
    let id = client_reference::resolve(&services.store, &args.id).await?;
    let destination = Destination::open(&services, file, Some(&id), ExistingFile::Reject).await?;
    let pending = secret::prepare_addition(&services, &principal(), &id, &new).await?;
    deliver(global, &services, destination, &id, pending).await
}

/// Runs `tokend client rotate-secret`.
pub(crate) async fn rotate(global: &Global, args: &RotateSecretArgs) -> Result<(), CliError> {
    let mut new = args.new.wanted()?;
    args.old.apply_to(&mut new);
    let overlap = args.overlap.as_deref().map_or(Ok(Overlap::None), overlap)?;
    let file = args.new.secret_file.as_deref();
    check_format(global, &new, file)?;
    let services = global.services().await?;
    let id = client_reference::resolve(&services.store, &args.id).await?;
    let destination = Destination::open(&services, file, Some(&id), ExistingFile::Replace).await?;
    let pending = secret_rotation::prepare(&services, &principal(), &id, &new, overlap).await?;
    deliver(global, &services, destination, &id, pending).await
}

/// Reads the overlap of an option.
fn overlap(text: &str) -> Result<Overlap, CliError> {
    Overlap::parse(text)
        .map_err(|malformed| CliError::usage(format!("--overlap: '{text}' {malformed}")))
}

/// Rejects an output format that does not show the secret, if it exists nowhere else.
fn check_format(global: &Global, new: &NewSecret, file: Option<&Path>) -> Result<(), CliError> {
    match new.digest {
        Some(_) => Ok(()),
        None => secret_destination::check_format(global.output, file),
    }
}

/// Runs `tokend client expire-secret`.
pub(crate) async fn expire(global: &Global, args: &ExpireSecretArgs) -> Result<(), CliError> {
    let secret_id = SecretId::parse(&args.secret_id)?;
    let after = args.after.as_deref().map(|text| duration("--in", text)).transpose()?;
    let services = global.services().await?;
    let id = client_reference::resolve(&services.store, &args.id).await?;
    let end = secret::expire(&services, &principal(), &id, &secret_id, after).await?;
    let end = output::changed(end);
    let value = json!({ "client_id": id, "secret_id": secret_id, "expires_at": end });
    let rows = [
        ("client", id.to_string()),
        ("secret id", secret_id.to_string()),
        ("ends", output::time(end, services.clock.now())),
    ];
    output::one(global.output, secret_id.as_str(), &value, &rows)
}

/// One line about a secret that is kept.
pub(crate) fn describe(secret: &SecretRecord, now: Timestamp) -> String {
    let mut text = secret.secret_id.to_string();
    if !secret.suffix.is_empty() {
        text.push_str(" …");
        text.push_str(&secret.suffix);
    }
    if !secret.label.is_empty() {
        text.push(' ');
        text.push_str(&secret.label);
    }
    text.push_str(", made ");
    text.push_str(&output::time(secret.created_at, now));
    match secret.expires_at {
        None => text.push_str(", no end"),
        Some(end) if secret.is_live(now) => {
            text.push_str(", ends ");
            if let Some(window) = secret.unused_window {
                text.push_str(&format!("when unused for {window}, at the latest "));
            }
            text.push_str(&output::time(end, now));
        }
        Some(end) => {
            text.push_str(", ended ");
            text.push_str(&output::time(end, now));
        }
    }
    if let Some(leaked) = secret.leaked_at {
        text.push_str(", reported as leaked ");
        text.push_str(&output::time(leaked, now));
    }
    match &secret.usage {
        None => text.push_str(", never used"),
        Some(usage) => {
            let last = output::time(usage.last_used_at, now);
            let Usage { uses, last_address, .. } = usage;
            text.push_str(&format!(", last used {last} from {last_address}, {uses} times"));
        }
    }
    text
}

/// Shows a secret that a change is about to make, and commits the change.
async fn deliver(
    global: &Global,
    services: &Services,
    destination: Destination,
    id: &ClientId,
    pending: Pending<MadeSecret>,
) -> Result<(), CliError> {
    let MadeSecret { record, plain, old_secrets_end } = pending.made().clone();
    let mut rows = vec![("client", id.to_string()), ("secret id", record.secret_id.to_string())];
    let shown = plain.as_ref().map(|plain| ShownSecret::new(plain, destination.file()));
    let mut value = match &shown {
        Some(shown) => shown.add_to(&record)?,
        None => json!(record),
    };
    rows.extend(shown.map(|shown| shown.row()));
    if let Some(digest) = record.hash.digest() {
        value["secret_digest"] = json!(digest.to_string());
        rows.push(("digest", digest.to_string()));
    }
    value["client_id"] = json!(id);
    if let Some(end) = old_secrets_end {
        value["old_secrets_end_at"] = json!(end);
        rows.push(("old secrets end", end.to_string()));
    }
    let text = output::render(global.output, record.secret_id.as_str(), &value, &rows)?;
    let Some(plain) = plain else {
        // Nothing is lost if it cannot be printed.
        pending.commit().await?;
        return output::text(text.as_bytes());
    };
    let secret = secret_destination::UncommittedSecret {
        client_id: id,
        secret_id: &record.secret_id,
        plain: &plain,
        ends_others: old_secrets_end.is_some(),
    };
    destination.deliver(services, pending, &secret, text.into()).await
}
