//! `tokend check-config` and `tokend config`: shows the settings, their origins and their problems.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::cli::remedies::command_line::CommandLine;
use crate::config::problem::{ConfigError, ConfigProblem};
use crate::config::sources::Settings;
use crate::config::{Config, DEFAULTS, Migrate, Requirement, environment, shown};
use crate::services::inspection::{self, Inspection, MasterKeyState, inspect};
use crate::store::schema;

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

/// Runs `tokend check-config`. It writes nothing, not even with `--online`.
pub(crate) async fn run(global: &Global, args: &CheckConfigArgs) -> Result<(), CliError> {
    let mut flags = global.flags();
    flags.files.extend(args.files.iter().cloned());
    let config = Config::load(&flags, &environment(), Requirement::Issuer)?;
    reject_open_master_key(&config)?;
    let inspection = if args.online { Some(inspect(&config).await?) } else { None };
    let warnings: Vec<_> = inspection::open_data_files(&config)
        .iter()
        .map(|file| format!("{} can be read by {}", file.path.display(), file.readers))
        .collect();
    let database = inspection.as_ref().map(|found| describe(&config, found));
    if let format @ (Format::Json | Format::Jsonl) = global.output {
        let mut value = json!({ "valid": true, "warnings": warnings });
        if let Some(found) = &inspection {
            value["database"] = json!({
                "engine": config.database.location.engine(),
                "location": config.database.location.to_string(),
                "schema": found.schema,
                "newest": schema::NEWEST,
                "pending_migrations": schema::pending(found.schema),
            });
        }
        return output::object(format, &value);
    }
    for warning in &warnings {
        output::hint(&format!("warning: {warning}; close it with chmod 600"));
    }
    output::line("the configuration is valid")?;
    database.into_iter().flatten().try_for_each(|line| output::line(&line))
}

/// Rejects a master key file that other users can read.
fn reject_open_master_key(config: &Config) -> Result<(), CliError> {
    let Some(file) = inspection::open_master_key(config) else { return Ok(()) };
    let path = file.path.display();
    let origin = match &config.master_key {
        Some(given) => given.source.clone(),
        None => format!("the generated master key in {}", config.data_dir.display()),
    };
    Err(ConfigError::new(vec![ConfigProblem {
        code: "E-CONF-MODE",
        setting: "master_key".to_owned(),
        what: format!("the master key {path} can be read by {}", file.readers),
        origin,
        remedy: format!("let only its owner read it: chmod 600 {path}").into(),
    }])
    .into())
}

/// Describes the database as lines of text.
fn describe(config: &Config, found: &Inspection) -> Vec<String> {
    let location = &config.database.location;
    let schema = format!("{} of {}", found.schema, schema::NEWEST);
    let next = match (schema::pending(found.schema), config.database.migrate) {
        (0, _) => String::new(),
        (count, Migrate::Auto) => {
            format!(": {}, or the start, would apply {count}", CommandLine::Migrate)
        }
        (count, _) => format!(": {} would apply {count}", CommandLine::Migrate),
    };
    let key = match found.master_key {
        MasterKeyState::Opens => "opens the keys of the database",
        MasterKeyState::Unused => "set; the database contains no keys yet",
        MasterKeyState::WillBeGenerated => "the first start generates it",
    };
    vec![
        format!("database    {} {location}", location.engine()),
        format!("schema      {schema}{next}"),
        format!("master key  {key}"),
    ]
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
    Config::from_settings(&settings, Requirement::Nothing)?;
    let shown = shown(&settings);
    output::many(global.output, &shown, &["SETTING", "VALUE", "ORIGIN"], |setting| {
        vec![setting.key.clone(), setting.value.clone(), setting.origin.clone()]
    })
}
