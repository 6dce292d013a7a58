//! `tokend client add-secret`, `rotate-secret` and `expire-secret`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::api::{Api, ApiRequest, Object, Purpose, path};
use crate::cli::duration::duration;
use crate::cli::error::CliError;
use crate::cli::new_secret::{self, SecretRequest};
use crate::cli::output::{self, Format, ShownSecret};
use crate::cli::secret_destination::{self, Render};
use crate::cli::secret_file::ExistingFile;
use crate::cli::{Global, client_reference};
use crate::model::secret::SecretId;
use crate::model::time::{Lifetime, Timestamp};

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
    /// How long the old secrets stay valid, such as 24h; they end at once if omitted
    #[arg(long, value_name = "DURATION")]
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
}

/// The name that `--secret-label` had, where no other option has it.
#[derive(Debug, Args)]
pub(super) struct OldLabelArgs {
    #[arg(long, hide = true, conflicts_with = "secret_label")]
    label: Option<String>,
}

impl OldLabelArgs {
    /// Puts the label in place. Says on standard error that the option is deprecated.
    fn apply_to(&self, new: &mut WantedSecret) {
        if let Some(label) = &self.label {
            output::hint(
                "note: --label of a secret is deprecated and goes with the next release; write: \
                 --secret-label",
            );
            new.label.clone_from(label);
        }
    }
}

/// What a new secret should be like.
pub(super) struct WantedSecret {
    label: String,
    lifetime: Option<Lifetime>,
}

impl WantedSecret {
    /// The secret in the body of a request.
    pub(super) fn body(&self) -> Value {
        let seconds = self.lifetime.map(Lifetime::seconds);
        json!({ "label": self.label, "expires_in_seconds": seconds })
    }
}

impl NewSecretArgs {
    pub(super) fn wanted(&self) -> Result<WantedSecret, CliError> {
        let lifetime = self.secret_ttl.as_deref();
        let lifetime = lifetime.map(|text| duration("--secret-ttl", text)).transpose()?;
        Ok(WantedSecret { label: self.label.clone(), lifetime })
    }
}

/// Runs `tokend client add-secret`.
pub(crate) async fn add(global: &Global, args: &AddSecretArgs) -> Result<(), CliError> {
    let mut new = args.new.wanted()?;
    args.old.apply_to(&mut new);
    let file = args.new.secret_file.as_deref();
    secret_destination::check_format(global.output, file)?;
    let api = Api::open(global, Purpose::Change).await?;
    let id = client_reference::find(&api, &args.id).await?;
    let request = ApiRequest::post(path(&["clients", &id, "secrets"]), new.body());
    let existing = ExistingFile::Reject;
    let wanted = SecretRequest { request, client: Some(&id), file, existing };
    new_secret::make(&api, wanted, render(global.output, file)).await?;
    Ok(())
}

/// Runs `tokend client rotate-secret`.
pub(crate) async fn rotate(global: &Global, args: &RotateSecretArgs) -> Result<(), CliError> {
    let mut new = args.new.wanted()?;
    args.old.apply_to(&mut new);
    let overlap = match args.overlap.as_deref() {
        None | Some("0" | "0s") => "0s",
        Some(text) => {
            duration("--overlap", text)?;
            text
        }
    };
    let file = args.new.secret_file.as_deref();
    secret_destination::check_format(global.output, file)?;
    let api = Api::open(global, Purpose::Change).await?;
    let id = client_reference::find(&api, &args.id).await?;
    let body = json!({ "overlap": overlap, "secret": new.body() });
    let request = ApiRequest::post(path(&["clients", &id, "secrets", "rotate"]), body);
    let existing = ExistingFile::Replace;
    let wanted = SecretRequest { request, client: Some(&id), file, existing };
    new_secret::make(&api, wanted, render(global.output, file)).await?;
    Ok(())
}

/// The answer to a new end of a secret.
#[derive(Deserialize)]
struct EndedSecret {
    expires_at: String,
    changed: bool,
}

/// Runs `tokend client expire-secret`.
pub(crate) async fn expire(global: &Global, args: &ExpireSecretArgs) -> Result<(), CliError> {
    let secret_id = SecretId::parse(&args.secret_id)?;
    let after = args.after.as_deref().map(|text| duration("--in", text)).transpose()?;
    let seconds = after.map_or(0, Lifetime::seconds);
    let api = Api::open(global, Purpose::Change).await?;
    let id = client_reference::find(&api, &args.id).await?;
    let place = path(&["clients", &id, "secrets", secret_id.as_str()]);
    let request = ApiRequest::patch(place, json!({ "expires_in_seconds": seconds }));
    let ended: Object<EndedSecret> = api.read(&request).await?;
    if !ended.object.changed {
        output::hint("nothing changed: it was already so");
    }
    let end = Timestamp::parse(&ended.object.expires_at)?;
    let rows = [
        ("client", id.clone()),
        ("secret id", secret_id.to_string()),
        ("ends", output::time(end, api.now())),
    ];
    output::one(global.output, secret_id.as_str(), &ended.json, &rows)
}

/// How a new secret is printed.
fn render(format: Format, file: Option<&Path>) -> Render {
    let file = file.map(Path::to_owned);
    Box::new(move |answer| {
        let shown = ShownSecret::of(answer, file.as_deref())?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let mut rows =
            vec![("client", text("client_id")), ("secret id", text("secret_id")), shown.row()];
        if let Some(end) = answer["old_secrets_expire_at"].as_str() {
            rows.push(("old secrets end", end.to_owned()));
        }
        output::render(format, &text("secret_id"), &shown.json(answer), &rows)
    })
}
