//! `tokend client add-secret`, `rotate-secret` and `expire-secret`: manages client secrets.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::arguments::duration::duration;
use crate::cli::client::reference;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format, ShownSecret};
use crate::cli::secret_file::destination::Render;
use crate::cli::secret_file::new_secret::SecretRequest;
use crate::cli::secret_file::{self, ExistingFile};
use crate::model::overlap::Overlap;
use crate::model::secret::SecretId;
use crate::model::secret_digest::SecretDigest;
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
    /// How long the old secrets stay valid, such as 24h; they end at once if omitted. With
    /// `until_unused:6h,max:7d` an old secret ends when the new one is in use and the old one was
    /// not used for 6 hours, after 7 days at the latest
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

/// The properties of a new secret.
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
    pub(in crate::cli) secret_file: Option<PathBuf>,
    /// Register a secret from `tokend secret generate` by its SHA-256; the secret is not printed
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
    /// Sets the label. Prints a note on standard error that the option is deprecated.
    fn apply_to(&self, new: &mut RequestedSecret) {
        if let Some(label) = &self.label {
            output::hint(
                "note: --label of a secret is deprecated and is removed in the next release; write: \
                 --secret-label",
            );
            new.label.clone_from(label);
        }
    }
}

/// The parsed options of a new secret.
pub(in crate::cli) struct RequestedSecret {
    label: String,
    lifetime: Option<Lifetime>,
    digest: Option<SecretDigest>,
}

impl RequestedSecret {
    /// Returns the secret as a member of a request body.
    pub(in crate::cli) fn body(&self) -> Value {
        let seconds = self.lifetime.map(Lifetime::seconds);
        let mut body = json!({ "label": self.label, "expires_in_seconds": seconds });
        if let Some(digest) = &self.digest {
            body["secret_digest"] = json!(digest.to_string());
        }
        body
    }

    /// True if the server generates the secret; false if the client registers a digest.
    pub(super) fn is_generated(&self) -> bool {
        self.digest.is_none()
    }
}

impl NewSecretArgs {
    pub(in crate::cli) fn parse(&self) -> Result<RequestedSecret, CliError> {
        let lifetime = self.secret_ttl.as_deref();
        let lifetime = lifetime.map(|text| duration("--secret-ttl", text)).transpose()?;
        let digest = self.secret_digest.as_deref().map(SecretDigest::parse).transpose()?;
        Ok(RequestedSecret { label: self.label.clone(), lifetime, digest })
    }
}

/// Runs `tokend client add-secret`.
pub(crate) async fn add(global: &Global, args: &AddSecretArgs) -> Result<(), CliError> {
    let mut new = args.new.parse()?;
    args.old.apply_to(&mut new);
    let file = args.new.secret_file.as_deref();
    check_format(global, &new, file)?;
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    let request = ApiRequest::post(path(&["clients", &id, "secrets"]), new.body());
    let existing = ExistingFile::Reject;
    let wanted = SecretRequest { request, client: Some(&id), file, existing };
    make(global, &api, &new, wanted).await
}

/// Runs `tokend client rotate-secret`.
pub(crate) async fn rotate(global: &Global, args: &RotateSecretArgs) -> Result<(), CliError> {
    let mut new = args.new.parse()?;
    args.old.apply_to(&mut new);
    let overlap = args.overlap.as_deref().map_or(Ok(Overlap::None), overlap)?;
    let file = args.new.secret_file.as_deref();
    check_format(global, &new, file)?;
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    let body = json!({ "overlap": overlap.to_string(), "secret": new.body() });
    let request = ApiRequest::post(path(&["clients", &id, "secrets", "rotate"]), body);
    let existing = ExistingFile::Replace;
    let wanted = SecretRequest { request, client: Some(&id), file, existing };
    make(global, &api, &new, wanted).await
}

/// Creates a secret and prints it, or registers a digest.
async fn make(
    global: &Global,
    api: &Api,
    new: &RequestedSecret,
    wanted: SecretRequest<'_>,
) -> Result<(), CliError> {
    if !new.is_generated() {
        // If the output fails, no secret is lost.
        let answer = api.send(&wanted.request).await?;
        let digest = ("digest", text_of(&answer, "secret_digest"));
        let text = render_secret(global.output, &answer, &answer, digest)?;
        return output::text(text.as_bytes());
    }
    let render = render(global.output, wanted.file);
    secret_file::new_secret::make(api, wanted, render).await?;
    Ok(())
}

/// The response to a change of the expiry of a secret.
#[derive(Deserialize)]
struct ExpiredSecret {
    expires_at: String,
    changed: bool,
}

/// Parses an overlap. An error names the option and quotes the text.
fn overlap(text: &str) -> Result<Overlap, CliError> {
    Overlap::parse(text)
        .map_err(|malformed| CliError::usage(format!("--overlap: '{text}' {malformed}")))
}

/// Rejects an output format that would hide a generated secret, unless a file receives it.
fn check_format(
    global: &Global,
    new: &RequestedSecret,
    file: Option<&Path>,
) -> Result<(), CliError> {
    if new.is_generated() {
        secret_file::destination::check_format(global.output, file)
    } else {
        Ok(())
    }
}

/// Runs `tokend client expire-secret`.
pub(crate) async fn expire(global: &Global, args: &ExpireSecretArgs) -> Result<(), CliError> {
    let secret_id = SecretId::parse(&args.secret_id)?;
    let after = args.after.as_deref().map(|text| duration("--in", text)).transpose()?;
    let seconds = after.map_or(0, Lifetime::seconds);
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    let place = path(&["clients", &id, "secrets", secret_id.as_str()]);
    let request = ApiRequest::patch(place, json!({ "expires_in_seconds": seconds }));
    let ended: Object<ExpiredSecret> = api.read(&request).await?;
    if !ended.object.changed {
        output::hint("nothing changed: the values were already set");
    }
    let end = Timestamp::parse(&ended.object.expires_at)?;
    let rows = [
        ("client", id.clone()),
        ("secret id", secret_id.to_string()),
        ("ends", output::time(end, api.now())),
    ];
    output::one(global.output, secret_id.as_str(), &ended.json, &rows)
}

/// Returns the function that prints a new secret.
fn render(format: Format, file: Option<&Path>) -> Render {
    let file = file.map(Path::to_owned);
    Box::new(move |answer| {
        let shown = ShownSecret::of(answer, file.as_deref())?;
        render_secret(format, answer, &shown.json(answer), shown.row())
    })
}

/// Renders a new secret. `row` contains the secret or its digest.
fn render_secret(
    format: Format,
    answer: &Value,
    json: &Value,
    row: (&'static str, String),
) -> Result<String, CliError> {
    let id = text_of(answer, "secret_id");
    let mut rows = vec![("client", text_of(answer, "client_id")), ("secret id", id.clone()), row];
    if let Some(end) = answer["old_secrets_expire_at"].as_str() {
        rows.push(("old secrets end", end.to_owned()));
    }
    output::render(format, &id, json, &rows)
}

fn text_of(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_default().to_owned()
}
