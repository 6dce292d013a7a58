//! `tokend migrate`: brings the database schema up to date.

use clap::Args;
use serde_json::json;

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::config::Need;
use crate::store::Store;
use crate::store::schema;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Only show what would be done
    #[arg(long)]
    status: bool,
}

/// Runs `tokend migrate`.
pub(crate) async fn run(global: &Global, args: &MigrateArgs) -> Result<(), CliError> {
    let config = global.config(Need::Nothing)?;
    let store = Store::open(&config.database).await?;
    let before = schema::version(&store).await?;
    if !args.status {
        schema::bring_up_to_date(&store).await?;
    }
    let after = schema::version(&store).await?;
    store.close().await;
    let value = json!({
        "engine": store.engine(), "before": before, "schema": after, "newest": schema::NEWEST,
    });
    let rows = [
        ("database", store.engine().to_owned()),
        ("schema", format!("{after} of {}", schema::NEWEST)),
        ("applied", (after - before).to_string()),
    ];
    output::one(global.output, &after.to_string(), &value, &rows)
}
