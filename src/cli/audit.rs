//! `tokend audit`: the log of every change, and the proof that nobody has altered it.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::audit::{self, Finding};
use crate::app::Foundation;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::model::event::Head;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List changes, oldest first
    List(ListArgs),
    /// Verify the hash chain: exit code 0 if it is intact, 8 if not
    Verify(VerifyArgs),
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

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A sequence number and a hash that an earlier run printed and that was noted elsewhere; may be
    /// repeated. It finds a log that was rewritten as a whole
    #[arg(long, value_name = "SEQUENCE:HASH")]
    expect: Vec<String>,
}

/// Runs `tokend audit`.
pub(crate) async fn run(global: &Global, command: &AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::List(args) => list(global, args).await,
        AuditCommand::Verify(args) => verify(global, args).await,
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

async fn verify(global: &Global, args: &VerifyArgs) -> Result<(), CliError> {
    let expected: Vec<Head> =
        args.expect.iter().map(|text| Head::parse(text)).collect::<Result<_, _>>()?;
    let foundation = global.foundation().await?;
    match audit::verify(&foundation).await? {
        Finding::Intact { events, hash } => {
            for head in &expected {
                compare(&foundation, head).await?;
            }
            let noted = format!("{events}:{hash}");
            let value = json!({ "intact": true, "events": events, "hash": hash, "expect": noted });
            let rows = [
                ("intact", format!("{events} events")),
                ("last hash", hash.clone()),
                ("note elsewhere", noted),
            ];
            output::one(global.output, &hash, &value, &rows)
        }
        Finding::Broken { sequence, problem } => Err(CliError::not_valid(format!(
            "the audit log is broken at event {sequence}: {problem}"
        ))
        .with_remedy("Somebody changed the table by hand. Compare it with a backup.")),
    }
}

/// Compares an event with the hash of it that was noted before: a chain that was rewritten as a
/// whole is intact in itself.
async fn compare(foundation: &Foundation, expected: &Head) -> Result<(), CliError> {
    let sequence = expected.sequence;
    let problem = match audit::event(foundation, sequence).await? {
        Some(event) if event.hash == expected.hash => return Ok(()),
        Some(event) => {
            format!("event {sequence} has the hash {}, not {}", event.hash, expected.hash)
        }
        None => format!("event {sequence} is not in the log"),
    };
    Err(CliError::not_valid(format!("the audit log is not the one that was noted: {problem}"))
        .with_remedy(
            "The log was rewritten, or an older backup was restored. Compare it with a backup.",
        ))
}
