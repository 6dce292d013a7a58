//! `tokend client add-secret`, `rotate-secret` and `expire-secret`.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;
use serde_json::json;

use crate::admin::secret::{self, NewSecret};
use crate::cli::error::CliError;
use crate::cli::output::{self, Shown};
use crate::cli::span::span;
use crate::cli::{Global, actor, client_reference};
use crate::model::client::ClientId;
use crate::model::secret::{SecretId, SecretRecord};
use crate::model::time::Timestamp;
use crate::model::usage::Usage;

#[derive(Debug, Args)]
pub(crate) struct AddSecretArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    #[command(flatten)]
    new: NewSecretArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RotateSecretArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// How long the old secrets stay valid, such as 24h; they end at once if omitted
    #[arg(long, value_name = "SPAN")]
    overlap: Option<String>,
    #[command(flatten)]
    new: NewSecretArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExpireSecretArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// The secret's identifier, as client show lists it
    secret_id: String,
    /// When it ends, such as 24h from now; at once if omitted
    #[arg(long = "in", value_name = "SPAN")]
    after: Option<String>,
}

/// What is said of a secret that is to be made.
#[derive(Debug, Args)]
pub(super) struct NewSecretArgs {
    /// Label of the new secret
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// Lifetime of the new secret, such as 90d; no expiry if omitted
    #[arg(long, value_name = "SPAN")]
    secret_ttl: Option<String>,
    /// Write the secret to this new file (mode 0600) instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
}

impl NewSecretArgs {
    pub(super) fn wanted(&self) -> Result<NewSecret, CliError> {
        Ok(NewSecret {
            label: self.label.clone(),
            lifetime: self
                .secret_ttl
                .as_deref()
                .map(|text| span("--secret-ttl", text))
                .transpose()?,
        })
    }
}

/// Runs `tokend client add-secret`.
pub(crate) async fn add(global: &Global, args: &AddSecretArgs) -> Result<(), CliError> {
    let new = args.new.wanted()?;
    let foundation = global.foundation().await?;
    let id = client_reference::resolve(&foundation, &args.id).await?;
    let (record, plain) = secret::add(&foundation, &actor(), &id, &new).await?;
    print(global, &args.new, &id, &record, &plain, None)
}

/// Runs `tokend client rotate-secret`.
pub(crate) async fn rotate(global: &Global, args: &RotateSecretArgs) -> Result<(), CliError> {
    let new = args.new.wanted()?;
    let overlap = args.overlap.as_deref().filter(|text| !matches!(*text, "0" | "0s"));
    let overlap = overlap.map(|text| span("--overlap", text)).transpose()?;
    let foundation = global.foundation().await?;
    let id = client_reference::resolve(&foundation, &args.id).await?;
    let (record, plain, old_end) =
        secret::rotate(&foundation, &actor(), &id, &new, overlap).await?;
    print(global, &args.new, &id, &record, &plain, old_end)
}

/// Runs `tokend client expire-secret`.
pub(crate) async fn expire(global: &Global, args: &ExpireSecretArgs) -> Result<(), CliError> {
    let secret_id = SecretId::parse(&args.secret_id)?;
    let after = args.after.as_deref().map(|text| span("--in", text)).transpose()?;
    let foundation = global.foundation().await?;
    let id = client_reference::resolve(&foundation, &args.id).await?;
    let end = secret::expire(&foundation, &actor(), &id, &secret_id, after).await?;
    let value = json!({ "client_id": id, "secret_id": secret_id, "expires_at": end });
    let rows = [
        ("client", id.to_string()),
        ("secret id", secret_id.to_string()),
        ("ends", output::time(end, foundation.clock.now())),
    ];
    output::one(global.output, secret_id.as_str(), &value, &rows)
}

/// One line about a secret that is kept.
pub(crate) fn describe(secret: &SecretRecord, now: Timestamp) -> String {
    let mut text = secret.secret_id.to_string();
    if !secret.hint.is_empty() {
        text.push_str(" …");
        text.push_str(&secret.hint);
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
            text.push_str(&output::time(end, now));
        }
        Some(end) => {
            text.push_str(", ended ");
            text.push_str(&output::time(end, now));
        }
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

fn print(
    global: &Global,
    args: &NewSecretArgs,
    id: &ClientId,
    record: &SecretRecord,
    plain: &SecretString,
    old_end: Option<Timestamp>,
) -> Result<(), CliError> {
    let shown = Shown::new(plain, args.secret_file.as_deref())?;
    let mut value = shown.add_to(record)?;
    value["client_id"] = json!(id);
    let mut rows =
        vec![("client", id.to_string()), ("secret id", record.secret_id.to_string()), shown.row()];
    if let Some(end) = old_end {
        value["old_secrets_end_at"] = json!(end);
        rows.push(("old secrets end", end.to_string()));
    }
    output::one(global.output, record.secret_id.as_str(), &value, &rows)
}
