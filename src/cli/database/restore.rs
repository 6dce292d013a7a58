//! `tokend restore`: loads a backup into an empty database of either engine.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use crate::admin::backup::restore::{self, Restored};
use crate::admin::backup::{self, RestoredSecret, RightsToEnd};
use crate::cli::database::backup::{rows_of, value_of, warn_of_unopened};
use crate::cli::error::CliError;
use crate::cli::{Global, output};
use crate::config::Requirement;
use crate::model::backup::Manifest;
use crate::model::time::Clock;

/// The maximum length of an event in a file, in bytes.
const MAX_EVENT_BYTES: u64 = 16 << 20;

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Revoke every token that was issued until now
    #[arg(long)]
    revoke_tokens: bool,
    /// End the secrets that were rotated, ended or reported as leaked after the backup: a file with
    /// these events, as `tokend audit export` prints them
    #[arg(long, value_name = "EVENTS", value_hint = ValueHint::FilePath)]
    end_secrets: Option<PathBuf>,
}

/// Runs `tokend restore`.
pub(crate) async fn run(global: &Global, args: &RestoreArgs) -> Result<(), CliError> {
    let config = global.config(Requirement::Nothing)?;
    let manifest = backup::manifest(&args.file)?;
    let secrets = match &args.end_secrets {
        Some(path) => ended_secrets(path, manifest.sequence)?,
        None => BTreeSet::new(),
    };
    print_restored_rights(&manifest, args);
    let to_end = RightsToEnd { tokens: args.revoke_tokens, secrets };
    let principal = global.principal()?;
    let restored =
        restore::restore(&config, &Clock::System, &principal, &args.file, to_end).await?;
    let Restored { backup, ended_rights } = restored;
    warn_of_unopened(&backup);
    let mut value = value_of(&backup);
    let location = &config.database.location;
    value["database"] = json!(location.to_string());
    value["tokens_revoked_of_clients"] = json!(ended_rights.clients);
    value["secrets_ended"] = json!(ended_rights.secrets);
    let mut rows = vec![("restored to", format!("{} {location}", location.engine()))];
    rows.extend(rows_of(&backup));
    if args.revoke_tokens {
        rows.push(("tokens revoked of clients", ended_rights.clients.to_string()));
    }
    if args.end_secrets.is_some() {
        rows.push(("secrets ended", ended_rights.secrets.to_string()));
    }
    rows.push(("next", "start the server with the same issuer".to_owned()));
    output::one(global.output, &backup.manifest.id, &value, &rows)
}

/// Lists the rights that a restore brings back, and the options that end them.
fn print_restored_rights(manifest: &Manifest, args: &RestoreArgs) {
    let Manifest { created_at, sequence, .. } = manifest;
    let mut text = format!(
        "The backup is the state of {created_at}, event {sequence}. Each later change is lost: \
         clients that were disabled or deleted since are active again, secrets that were rotated \
         or ended since are valid again, and tokens that were revoked since are active again."
    );
    if !args.revoke_tokens {
        text.push_str(" --revoke-tokens revokes all tokens.");
    }
    if args.end_secrets.is_none() {
        text.push_str(" --end-secrets EVENTS ends the secrets that later events have ended.");
    }
    output::hint(&text);
}

/// Returns the secrets that events after `sequence` in a file have ended.
fn ended_secrets(path: &Path, sequence: i64) -> Result<BTreeSet<RestoredSecret>, CliError> {
    let unreadable = |problem: &dyn std::fmt::Display| {
        CliError::failed(format!("the events {} cannot be read: {problem}", path.display()))
    };
    let mut input = BufReader::new(File::open(path).map_err(|error| unreadable(&error))?);
    let mut secrets = BTreeSet::new();
    for number in 1_u64.. {
        let mut line = String::new();
        let read = (&mut input).take(MAX_EVENT_BYTES).read_line(&mut line);
        if read.map_err(|error| unreadable(&error))? == 0 {
            break;
        }
        if !line.trim().is_empty() {
            let ended = RestoredSecret::of_event(&line, sequence);
            let place =
                |problem| CliError::usage(format!("{}, line {number}: {problem}", path.display()));
            secrets.extend(ended.map_err(place)?);
        }
    }
    Ok(secrets)
}
