//! `tokend check-config` and `tokend config`: what the settings are, where they come from, and
//! what is wrong with them.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app::Foundation;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::config::sources::Settings;
use crate::config::{Config, DEFAULTS, Need, environment};
use crate::model::time::Clock;

#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {
    /// More files of settings to check
    files: Vec<std::path::PathBuf>,
    /// Connect to the database as well, and open the keys
    #[arg(long)]
    online: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each setting, its value and where it came from; secrets are masked
    Show,
    /// Print the commented defaults: every setting and its meaning
    Defaults,
}

/// A setting as it is shown.
#[derive(Serialize)]
struct Shown {
    key: String,
    value: String,
    origin: String,
}

/// Runs `tokend check-config`.
pub(crate) async fn run(global: &Global, args: &CheckConfigArgs) -> Result<(), CliError> {
    let mut flags = global.flags();
    flags.files.extend(args.files.iter().cloned());
    let config = Config::load(&flags, &environment(), Need::Issuer)?;
    if args.online {
        Foundation::open(config, Clock::System).await?;
    }
    match global.output {
        format @ (Format::Json | Format::Jsonl) => {
            output::object(format, &serde_json::json!({ "valid": true }))
        }
        Format::Table | Format::Id => output::line("the configuration is valid"),
    }
}

/// Runs `tokend config`.
pub(crate) fn config(global: &Global, command: &ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Defaults => output::line(DEFAULTS.trim_end()),
        ConfigCommand::Show => show(global),
    }
}

fn show(global: &Global) -> Result<(), CliError> {
    let settings = Settings::gather(&global.flags(), &environment())?;
    Config::from_settings(&settings, Need::Nothing)?;
    let shown: Vec<_> = settings
        .keys()
        .iter()
        .map(|key| Shown {
            key: key.clone(),
            value: masked(key, &settings.text(key)),
            origin: settings.origin(key),
        })
        .collect();
    output::many(global.output, &shown, &["SETTING", "VALUE", "ORIGIN"], |setting| {
        vec![setting.key.clone(), setting.value.clone(), setting.origin.clone()]
    })
}

/// Hides what nobody should read over a shoulder.
fn masked(key: &str, value: &str) -> String {
    match key {
        "master_key" if !value.is_empty() => format!("[set, {} characters]", value.len()),
        "database.url" => without_password(value),
        _ => value.to_owned(),
    }
}

/// A database URL whose password, in either place where it may stand, is masked.
fn without_password(value: &str) -> String {
    let Ok(mut url) = url::Url::parse(value) else { return value.to_owned() };
    if url.password().is_some() {
        // A URL that has a password can have another one.
        let _ = url.set_password(Some("masked"));
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| match &*name {
                "password" => (name.into_owned(), "masked".to_owned()),
                _ => (name.into_owned(), value.into_owned()),
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.to_string()
}
