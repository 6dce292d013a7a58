//! `tokend migrate`: updates the database schema.

use clap::Args;
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, output};
use crate::config::Requirement;
use crate::store::engine::open::OpenMode;
use crate::store::{Store, StoreError, schema};

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Only show what would be done
    #[arg(long)]
    status: bool,
}

/// Runs `tokend migrate`. With `--status`, it only reads and creates nothing.
pub(crate) async fn run(global: &Global, args: &MigrateArgs) -> Result<(), CliError> {
    let config = global.config(Requirement::Nothing)?;
    let database = &config.database;
    let mode = if args.status { OpenMode::Check } else { OpenMode::Create };
    let (before, after) = match Store::open(database, mode).await {
        // With `--status`, a database that does not exist has version 0.
        Err(StoreError::Absent) => (0, 0),
        Err(error) => return Err(error.into()),
        Ok(store) => {
            global.close_at_end(&store);
            let before = schema::version(&store).await?;
            if !args.status {
                schema::bring_up_to_date(&store).await?;
            }
            (before, schema::version(&store).await?)
        }
    };
    let (applied, missing) = (after - before, (schema::NEWEST - after).max(0));
    let value = json!({
        "engine": database.location.engine(), "database": database.location.to_string(),
        "before": before, "schema": after, "newest": schema::NEWEST,
    });
    let mut rows = vec![
        ("database", format!("{} {}", database.location.engine(), database.location)),
        ("schema", format!("{after} of {}", schema::NEWEST)),
        ("applied", applied.to_string()),
    ];
    if args.status && missing > 0 {
        rows.push((
            "next",
            format!("{} would bring it to {}", CommandLine::Migrate, schema::NEWEST),
        ));
    }
    output::one(global.output, &after.to_string(), &value, &rows)
}
