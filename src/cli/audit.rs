//! `tokend audit`: the log of every change, and the proof that nobody has altered it.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::audit::{self, Finding};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List changes, oldest first
    List(ListArgs),
    /// Verify the hash chain: exit code 0 if it is intact, 8 if not
    Verify,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Begin after this sequence number
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after: i64,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Runs `tokend audit`.
pub(crate) async fn run(global: &Global, command: &AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::List(args) => list(global, args).await,
        AuditCommand::Verify => verify(global).await,
    }
}

async fn list(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    let foundation = global.foundation().await?;
    let events = audit::list(&foundation, args.after, args.limit).await?;
    output::many(
        global.output,
        &events,
        &["SEQUENCE", "AT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"],
        |event| {
            vec![
                event.sequence.to_string(),
                event.at.to_string(),
                event.actor.clone(),
                event.action.clone(),
                event.subject.clone(),
                event.detail.clone(),
            ]
        },
    )
}

async fn verify(global: &Global) -> Result<(), CliError> {
    let foundation = global.foundation().await?;
    match audit::verify(&foundation).await? {
        Finding::Intact { events, hash } => {
            let value = json!({ "intact": true, "events": events, "hash": hash });
            let rows = [("intact", format!("{events} events")), ("last hash", hash.clone())];
            output::one(global.output, &hash, &value, &rows)
        }
        Finding::Broken { sequence, problem } => Err(CliError::not_valid(format!(
            "the audit log is broken at event {sequence}: {problem}"
        ))
        .with_remedy("Somebody changed the table by hand. Compare it with a backup.")),
    }
}
