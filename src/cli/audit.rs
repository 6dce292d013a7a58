//! `tokend audit`: the log of every change, and the proof that it has not been altered.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::audit::{self, VerificationResult};
use crate::cli::error::CliError;
use crate::cli::listing::{Listing, thousands};
use crate::cli::output::{self, Format};
use crate::cli::remedies::command::{ArgumentRemedy, CommandRemedy};
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, audit_follow, time};
use crate::model::client::ClientName;
use crate::model::event::{Event, Head};
use crate::model::owner::Owner;
use crate::services::opening::ReadOnlyServices;
use crate::store::Store;
use crate::store::events::{EventFilter, Order};

/// How many events are read at a time.
const PAGE_SIZE: u32 = 1_000;

/// How many events are printed, unless it is said.
const DEFAULT_LIMIT: u32 = 1_000;

/// How many of the last events come before those that are followed.
const FOLLOW_LIMIT: u32 = 10;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List changes, newest first
    List(ListArgs),
    /// Verify the hash chain: exit code 0 if it is intact, 8 if not
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only events since this time: 1h, 7d, 2026-11-24 or 2026-11-24T13:36:43Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events until this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only changes made by this actor: ana, cli:ana, client:billing or server
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Only this action, such as client.updated, or this group of actions, such as client
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only changes to this object: an id, client/ID, resource/URI, key/ID or token/ID
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Only changes to objects of this owner, at the time of the change; a grant also has the owner
    /// of its resource
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Only events after this sequence number, oldest first: for programs that continue
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<i64>,
    /// Only events before this sequence number
    #[arg(long, value_name = "SEQUENCE")]
    before: Option<i64>,
    /// The maximum number of events; 1000 if omitted, 10 with --follow
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Keep printing events as they come, oldest first, until interrupted
    #[arg(long, short, conflicts_with_all = ["until", "before"])]
    follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A sequence number and a hash that an earlier run printed and that was noted elsewhere; may
    /// be repeated. It finds a log that was rewritten as a whole
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

impl ListArgs {
    async fn filter(&self, reader: &ReadOnlyServices) -> Result<EventFilter, CliError> {
        let subjects = match &self.subject {
            Some(text) => subjects(reader, text).await?,
            None => Vec::new(),
        };
        let owner = self.owner.as_deref().map(Owner::parse).transpose()?;
        let now = reader.clock.now();
        Ok(EventFilter {
            after: self.after,
            before: self.before,
            since: self.since.as_deref().map(|text| time::past(text, now)).transpose()?,
            until: self.until.as_deref().map(|text| time::past(text, now)).transpose()?,
            actors: self.actor.as_deref().map(audit::actors).unwrap_or_default(),
            actions: self.action.as_deref().map(audit::actions).transpose()?.unwrap_or_default(),
            subjects,
            owners: owner.map(|owner| BTreeSet::from([owner])),
        })
    }
}

/// The subjects that a text names: also the client that alone has this name.
async fn subjects(reader: &ReadOnlyServices, text: &str) -> Result<Vec<String>, CliError> {
    let mut subjects = audit::subjects(text);
    if let Ok(name) = ClientName::parse(text)
        && let [id] = &reader.store.clients_named(&name, 2).await?[..]
        && id.as_str() != text
    {
        output::hint(&format!("note: client \"{text}\" is {id}"));
        subjects.push(format!("client/{id}"));
    }
    Ok(subjects)
}

async fn list(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    if args.follow && global.output == Format::Json {
        return Err(CliError::usage("--follow has no end, and a JSON array needs one")
            .with_remedy(ArgumentRemedy::UseJsonLines));
    }
    let reader = global.reader().await?;
    let filter = args.filter(&reader).await?;
    if args.follow {
        let limit = args.limit.unwrap_or(FOLLOW_LIMIT);
        return audit_follow::run(&reader, global.output, filter, limit).await;
    }
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT);
    // A program that continues where it was must not miss events when there are too many for once.
    let order = if args.after.is_some() { Order::OldestFirst } else { Order::NewestFirst };
    let mut listing = Listing::new(global.output, &HEADER);
    let rest = print(&reader, &mut listing, filter, order, limit).await?;
    listing.end()?;
    match rest {
        Some(rest) => say_what_is_left_out(&reader, &rest, order).await,
        None => Ok(()),
    }
}

/// Prints at most `limit` events; gives what there may be beyond them.
async fn print(
    reader: &ReadOnlyServices,
    listing: &mut Listing<'_>,
    mut filter: EventFilter,
    order: Order,
    limit: u32,
) -> Result<Option<EventFilter>, CliError> {
    let mut wanted = limit;
    while wanted > 0 {
        let size = wanted.min(PAGE_SIZE);
        let page = reader.store.find_events(&filter, order, size).await?;
        listing.page(&page, row)?;
        match page.last() {
            Some(last) if page.len() == size as usize => {
                filter = audit::after_page(&filter, order, last);
            }
            _ => return Ok(None),
        }
        wanted -= size;
    }
    Ok(Some(filter))
}

async fn say_what_is_left_out(
    reader: &ReadOnlyServices,
    rest: &EventFilter,
    order: Order,
) -> Result<(), CliError> {
    let count = reader.store.count_events(rest, u32::MAX).await?;
    let place = match order {
        Order::NewestFirst => rest.before,
        Order::OldestFirst => rest.after,
    };
    let (Some(place), 1..) = (place, count) else { return Ok(()) };
    let events = if count == 1 { "event" } else { "events" };
    let count = thousands(count);
    let place = place.to_string();
    output::hint(&match order {
        Order::NewestFirst => format!(
            "{count} older {events}: {}, {} or {} shows them",
            CommandLine::Limit,
            CommandLine::Before(&place),
            CommandLine::Until
        ),
        Order::OldestFirst => {
            format!("{count} newer {events}: {} shows them", CommandLine::After(&place))
        }
    });
    Ok(())
}

/// The columns of a list of events.
pub(super) const HEADER: [&str; 6] = ["SEQUENCE", "AT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"];

/// An event as a row of a list.
pub(super) fn row(event: &Event) -> Vec<String> {
    vec![
        event.sequence.to_string(),
        event.at.to_string(),
        event.actor.clone(),
        event.action.clone(),
        event.subject.clone(),
        event.detail.clone(),
    ]
}

async fn verify(global: &Global, args: &VerifyArgs) -> Result<(), CliError> {
    let expected: Vec<Head> =
        args.expect.iter().map(|text| Head::parse(text)).collect::<Result<_, _>>()?;
    let reader = global.reader().await?;
    match audit::verify(&reader.store).await? {
        VerificationResult::Intact { events, hash } => {
            for head in &expected {
                compare(&reader.store, head).await?;
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
        VerificationResult::Unfinished(end) => Err(CliError::failed(format!(
            "the check of the audit log ended at event {}",
            end.sequence
        ))),
        VerificationResult::Broken { sequence, problem } => Err(CliError::not_valid(format!(
            "the audit log is broken at event {sequence}: {problem}"
        ))
        .with_remedy(CommandRemedy::CompareBackup)),
    }
}

/// Compares an event with the hash of it that was noted before: a chain that was rewritten as a
/// whole is intact in itself.
async fn compare(store: &Store, expected: &Head) -> Result<(), CliError> {
    let sequence = expected.sequence;
    let problem = match audit::event(store, sequence).await? {
        Some(event) if event.hash == expected.hash => return Ok(()),
        Some(event) => {
            format!("event {sequence} has the hash {}, not {}", event.hash, expected.hash)
        }
        None => format!("event {sequence} is not in the log"),
    };
    Err(CliError::not_valid(format!("the audit log is not the one that was noted: {problem}"))
        .with_remedy(CommandRemedy::CompareOlderBackup))
}
