//! `tokend key`: manages the keys that sign tokens.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::cli::Global;
use crate::cli::api::{Api, ApiRequest, ApiUse, Object, Page, path};
use crate::cli::arguments::duration::duration;
use crate::cli::error::CliError;
use crate::cli::output::listing::LeftOut;
use crate::cli::output::objects::signing_key::{HEADER, SigningKeyObject};
use crate::cli::output::objects::some_time;
use crate::cli::output::{self, Format};
use crate::model::signing_key::{Algorithm, KeyId};
use crate::model::time::{Lifetime, Timestamp};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the signing keys with their times and next steps, and the readers of the key set that
    /// do not know the next key
    List,
    /// Show one signing key
    Show(KeyArgs),
    /// Sign with the next key as soon as every verifier knows it, or at another time
    Rotate(RotateArgs),
    /// Stop signing with a key; it stays published until its last token has expired
    Retire(RetireArgs),
    /// Revoke a leaked key: it leaves the key set, and its tokens become invalid
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The key's id (kid)
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The time until the next key signs, such as 48h. If omitted, the key signs as soon as every
    /// verifier knows it
    #[arg(long = "in", value_name = "DURATION", conflicts_with = "now")]
    after: Option<String>,
    /// The next key signs at once. Unless it has been published long enough, this needs --force
    #[arg(long)]
    now: bool,
    /// The algorithm whose next key signs; the algorithm of the server if omitted
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Skip the confirmation; required without a terminal if something breaks
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RetireArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// Skip the confirmation; required without a terminal if something breaks
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// The reason, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Skip the confirmation; required without a terminal
    #[arg(long)]
    yes: bool,
}

/// The result of a step, or of its dry run.
#[derive(Debug, Clone, Deserialize)]
struct ChangeObject {
    changed: bool,
    key: SigningKeyObject,
    successor: Option<SigningKeyObject>,
    impact: ImpactObject,
}

#[derive(Debug, Clone, Deserialize)]
struct ImpactObject {
    #[serde(deserialize_with = "some_time")]
    invalid_tokens_until: Option<Timestamp>,
    #[serde(deserialize_with = "some_time")]
    unknown_key_until: Option<Timestamp>,
}

/// Runs `tokend key`.
pub(crate) async fn run(global: &Global, command: &KeyCommand) -> Result<(), CliError> {
    match command {
        KeyCommand::List => list(global).await,
        KeyCommand::Show(args) => show(global, &args.kid).await,
        KeyCommand::Rotate(args) => rotate(global, args).await,
        KeyCommand::Retire(args) => {
            let place = step_path(&args.key.kid, "retire")?;
            take(global, &ApiRequest::post(place, json!({})), "Retire this key?", args.yes).await
        }
        KeyCommand::Revoke(args) => {
            let place = step_path(&args.key.kid, "revoke")?;
            let body = json!({ "reason": args.reason });
            take(global, &ApiRequest::post(place, body), "Revoke this key permanently?", args.yes)
                .await
        }
    }
}

async fn list(global: &Global) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let request = ApiRequest::get(path(&["signing-keys"]));
    let Page { data: keys, unreadable, .. } = api.page::<SigningKeyObject>(&request, None).await?;
    let now = api.now();
    output::many(global.output, &keys, &HEADER, |key| key.object.row(now))?;
    let mut left_out = LeftOut::new(["signing key", "signing keys"]);
    left_out.name(&unreadable);
    if global.output == Format::Table {
        for line in keys.iter().flat_map(|key| key.object.reader_lines(now)) {
            output::hint(&line);
        }
    }
    left_out.into_result()
}

async fn show(global: &Global, kid: &str) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let kid = KeyId::parse(kid)?;
    let request = ApiRequest::get(path(&["signing-keys", kid.as_str()]));
    let key: Object<SigningKeyObject> = api.read(&request).await?;
    let now = api.now();
    output::one(global.output, kid.as_str(), &key.json, &key.object.rows(now))?;
    if global.output == Format::Table {
        for line in key.object.reader_lines(now) {
            output::hint(&line);
        }
    }
    Ok(())
}

async fn rotate(global: &Global, args: &RotateArgs) -> Result<(), CliError> {
    let after = args.after.as_deref().map(|text| duration("--in", text)).transpose()?;
    let seconds = if args.now { Some(0) } else { after.map(Lifetime::seconds) };
    let algorithm = args.alg.as_deref().map(Algorithm::parse).transpose()?;
    let body = json!({
        "algorithm": algorithm.map(Algorithm::as_str), "start_in_seconds": seconds,
    });
    let request = ApiRequest::post(path(&["signing-keys", "rotate"]), body);
    take(global, &request, "Sign with the next key anyway?", args.yes).await
}

fn step_path(kid: &str, step: &str) -> Result<String, CliError> {
    Ok(path(&["signing-keys", KeyId::parse(kid)?.as_str(), step]))
}

/// Takes a step. First prints the tokens and verifiers that it breaks, and asks for confirmation.
async fn take(
    global: &Global,
    request: &ApiRequest,
    question: &str,
    yes: bool,
) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let plan: Object<ChangeObject> = api.read(&request.clone().with("dry_run", true)).await?;
    let losses = losses(&plan.object, api.now());
    let is_final = request.path().ends_with("/revoke") && plan.object.changed;
    if is_final || !losses.is_empty() {
        output::confirmation::confirm(question, &losses, yes)?;
    }
    let done: Object<ChangeObject> = api.read(request).await?;
    let ChangeObject { changed, key, successor, .. } = &done.object;
    if !changed {
        output::hint("nothing changed: the values were already set");
    }
    let now = api.now();
    let mut rows = key.rows(now);
    if let Some(successor) = successor {
        let SigningKeyObject { kid, state, .. } = successor;
        rows.retain(|(name, _)| *name != "successor");
        rows.push(("next key", format!("{kid} ({state})")));
    }
    output::one(global.output, &key.kid, &done.json, &rows)
}

/// Describes the tokens and verifiers that a step breaks.
fn losses(plan: &ChangeObject, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    let kid = &plan.key.kid;
    if let Some(until) = plan.impact.invalid_tokens_until {
        let until = output::time(until, now);
        lines.push(format!(
            "Every token that {kid} signed becomes invalid; the last one would expire at {until}. \
             Clients get 401 from APIs until they request a new token."
        ));
        lines.push(
            "An API that does not read the revocation list accepts these tokens until it fetches \
             the key set again: after 5 minutes to 12 hours, and up to a day while it cannot reach \
             this server."
                .to_owned(),
        );
    }
    if let Some(until) = plan.impact.unknown_key_until {
        let next = plan.successor.as_ref().unwrap_or(&plan.key);
        let (next, until) = (&next.kid, output::time(until, now));
        lines.push(format!(
            "The next key, {next}, signs before every verifier knows it. A verifier that does not \
             fetch the key set for an unknown kid rejects its tokens for 5 minutes to 12 hours. By \
             {until} every verifier knows it."
        ));
    }
    lines
}
