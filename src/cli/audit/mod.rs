//! `tokend audit`: lists, exports and verifies the log of every change.

mod checkpoint;
mod export;
mod follow;
mod stream;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::admin::audit::MAX_PART;
use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::error::CliError;
use crate::cli::output::listing::{COUNT_BOUND, Listing, bounded};
use crate::cli::output::objects::event::EventObject;
use crate::cli::output::{self, Format};
use crate::cli::remedies::command::{ArgumentRemedy, CommandRemedy};
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, arguments, client};
use crate::jose::checkpoint::CheckpointClaims;
use crate::model::client::ClientName;
use crate::model::event::Head;
use crate::model::owner::Owner;
use crate::model::plural;
use crate::model::time::Timestamp;
use crate::store::events::Order;

/// The number of events in one page.
const PAGE_SIZE: u32 = 1_000;

/// The default number of events that are printed.
const DEFAULT_LIMIT: u32 = 1_000;

/// The number of earlier events that `--follow` prints first.
const FOLLOW_LIMIT: u32 = 10;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List changes, newest first
    List(ListArgs),
    /// Export changes, oldest first, as JSON lines or as CSV
    Export(export::ExportArgs),
    /// Verify the hash chain: exit code 0 if it is intact, 8 if not
    Verify(VerifyArgs),
    /// Sign the end of the log, to be stored elsewhere
    Checkpoint,
    /// List the signed checkpoints, newest first
    Checkpoints(checkpoint::CheckpointsArgs),
    /// Print the key set that verifies checkpoints
    Keys,
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
    /// Only events after this sequence number, oldest first: for programs that resume
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<i64>,
    /// Only events before this sequence number
    #[arg(long, value_name = "SEQUENCE")]
    before: Option<i64>,
    /// The maximum number of events; 1000 if omitted, 10 with --follow
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Keep printing new events as they arrive, oldest first, until interrupted
    #[arg(long, short, conflicts_with_all = ["until", "before"])]
    follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A sequence number and a hash that an earlier run printed, stored elsewhere; may be repeated.
    /// It detects a log that was rewritten as a whole
    #[arg(long, value_name = "SEQUENCE:HASH")]
    expect: Vec<String>,
    #[command(flatten)]
    signed: checkpoint::SignedArgs,
}

/// Runs `tokend audit`.
pub(crate) async fn run(global: &Global, command: &AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::List(args) => list(global, args).await,
        AuditCommand::Export(args) => export::run(global, args).await,
        AuditCommand::Verify(args) => verify(global, args).await,
        AuditCommand::Checkpoint => checkpoint::create(global).await,
        AuditCommand::Checkpoints(args) => checkpoint::list(global, args).await,
        AuditCommand::Keys => checkpoint::keys(global).await,
    }
}

/// The parsed options of a list.
struct AuditQuery {
    request: ApiRequest,
    order: Order,
}

impl ListArgs {
    async fn query(&self, api: &Api) -> Result<AuditQuery, CliError> {
        let now = api.now();
        let time = |text: &Option<String>| {
            text.as_deref().map(|text| arguments::time::past(text, now)).transpose()
        };
        let owner = self.owner.as_deref().map(Owner::parse).transpose()?;
        if let Some(text) = &self.subject {
            note_client(api, text).await?;
        }
        let request = ApiRequest::get(path(&["audit-events"]))
            .with_some("since", time(&self.since)?)
            .with_some("until", time(&self.until)?)
            .with_some("actor", self.actor.as_deref())
            .with_some("action", self.action.as_deref())
            .with_some("subject", self.subject.as_deref())
            .with_some("owner", owner.as_ref().map(Owner::as_str))
            .with_some("after", self.after);
        // A program that resumes must not miss events if the limit is reached.
        let order = if self.after.is_some() { Order::OldestFirst } else { Order::NewestFirst };
        Ok(AuditQuery { request, order })
    }
}

/// Prints the id of the client that a name refers to. For a unique name, the API returns the events
/// of that client.
async fn note_client(api: &Api, text: &str) -> Result<(), CliError> {
    if ClientName::parse(text).is_err() {
        return Ok(());
    }
    match client::reference::named(api, text).await {
        Ok(named) => {
            if let [id] = &named[..]
                && id.as_str() != text
            {
                output::hint(&format!("note: client \"{text}\" is {id}"));
            }
            Ok(())
        }
        Err(error) if error.is_not_allowed() => Ok(()),
        Err(error) => Err(error),
    }
}

async fn list(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    if args.follow && global.output == Format::Json {
        return Err(CliError::usage("--follow has no end, and a JSON array needs one")
            .with_remedy(ArgumentRemedy::UseJsonLines));
    }
    let api = Api::open(global, ApiUse::Read).await?;
    let query = args.query(&api).await?;
    if args.follow {
        let limit = args.limit.unwrap_or(FOLLOW_LIMIT);
        return follow::run(&api, global.output, query.request, args.after, limit).await;
    }
    let mut listing = Listing::new(global.output, &HEADER);
    let mut cursor = args.before.map(|before| before.to_string());
    let (mut wanted, mut remaining) = (args.limit.unwrap_or(DEFAULT_LIMIT), 0);
    while wanted > 0 {
        let size = wanted.min(PAGE_SIZE);
        let is_last_wanted = wanted == size;
        let request = query.request.clone().with("limit", size);
        let request = request.with_some("count", is_last_wanted.then_some(COUNT_BOUND));
        let page = api.page::<EventObject>(&request, cursor.as_deref()).await?;
        listing.page(&page.data, |found| found.object.row())?;
        (wanted, remaining) = (wanted - size, page.remaining.unwrap_or(0));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    listing.end()?;
    if let (Some(place), 1..) = (cursor, remaining) {
        print_omitted_count(remaining, &place, query.order);
    }
    Ok(())
}

fn print_omitted_count(count: i64, place: &str, order: Order) {
    let events = plural::noun(count, "event", "events");
    let count = bounded(count);
    output::hint(&match order {
        Order::NewestFirst => format!(
            "{count} older {events}: {}, {} or {} shows them",
            CommandLine::Limit,
            CommandLine::Before(place),
            CommandLine::Until
        ),
        Order::OldestFirst => {
            format!("{count} newer {events}: {} shows them", CommandLine::After(place))
        }
    });
}

/// The columns of a list of events.
pub(super) const HEADER: [&str; 6] = ["SEQUENCE", "AT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"];

/// The verification result for a part of the chain.
#[derive(Deserialize)]
struct Verification {
    is_intact: bool,
    #[serde(default)]
    verified_until: String,
    begins_after: Option<String>,
    #[serde(default)]
    broken_at: i64,
    #[serde(default)]
    problem: String,
    next_cursor: Option<String>,
}

/// Verifies the chain part by part and returns the result of the last part.
async fn verify_chain(api: &Api) -> Result<Object<Verification>, CliError> {
    let mut request = ApiRequest::get(path(&["audit-events", "verify"])).with("limit", MAX_PART);
    loop {
        let found = api.read::<Verification>(&request).await?;
        let Verification { broken_at, problem, next_cursor, is_intact, .. } = &found.object;
        if !is_intact {
            let text = format!("the audit log is broken at event {broken_at}: {problem}");
            return Err(CliError::not_valid(text).with_remedy(CommandRemedy::CompareBackup));
        }
        match next_cursor {
            Some(cursor) => request = request.replaced("cursor", cursor),
            None => return Ok(found),
        }
    }
}

async fn verify(global: &Global, args: &VerifyArgs) -> Result<(), CliError> {
    let mut expected: Vec<Head> =
        args.expect.iter().map(|text| Head::parse(text)).collect::<Result<_, _>>()?;
    let api = Api::open(global, ApiUse::Read).await?;
    let signed = checkpoint::expected(&api, &args.signed).await?;
    let Object { mut json, object: found } = verify_chain(&api).await?;
    let beginning = found.begins_after.as_deref().map(Head::parse).transpose()?;
    expected.extend(signed.iter().map(CheckpointClaims::head));
    for head in &expected {
        compare(&api, beginning.as_ref(), head).await?;
    }
    let (last, hash) = found.verified_until.split_once(':').unwrap_or_default();
    let removed = beginning.map_or(0, |beginning| beginning.sequence);
    let events = last.parse::<i64>().unwrap_or_default().saturating_sub(removed);
    json["intact"] = json!(true);
    json["events"] = json!(events);
    json["hash"] = json!(hash);
    json["expect"] = json!(found.verified_until);
    json["checkpoints"] = json!(signed);
    let mut rows = vec![("intact", format!("{events} events"))];
    if removed > 0 {
        rows.push(("begins after", format!("event {removed}, at a signed checkpoint")));
    }
    for claims in &signed {
        let (at, issuer) = (Timestamp(claims.iat), &claims.iss);
        rows.push(("checkpoint", format!("event {}, {at}, {issuer}", claims.sequence)));
    }
    rows.push(("last hash", hash.to_owned()));
    rows.push(("note elsewhere", found.verified_until.clone()));
    output::one(global.output, hash, &json, &rows)
}

/// Compares an event with its hash from an earlier run. This detects a chain that was rewritten as
/// a whole, which is consistent in itself.
async fn compare(api: &Api, beginning: Option<&Head>, expected: &Head) -> Result<(), CliError> {
    let sequence = expected.sequence;
    let is_removed = |beginning: &&Head| beginning.sequence >= sequence;
    let problem = if let Some(beginning) = beginning.filter(is_removed) {
        if beginning == expected {
            return Ok(());
        }
        if beginning.sequence > sequence {
            let begins = beginning.sequence;
            let text = format!(
                "event {sequence} cannot be compared: it was removed for its age, and the audit \
                 log begins after event {begins}"
            );
            return Err(CliError::not_valid(text).with_remedy(CommandRemedy::LaterCheckpoint));
        }
        format!("event {sequence} has the hash {}, not {}", beginning.hash, expected.hash)
    } else {
        let request = ApiRequest::get(path(&["audit-events"]))
            .with("after", sequence.saturating_sub(1))
            .with("limit", 1);
        let page = api.page::<EventObject>(&request, None).await?;
        match page.data.first().map(|found| &found.object) {
            Some(event) if event.sequence == sequence && event.hash == expected.hash => {
                return Ok(());
            }
            Some(event) if event.sequence == sequence => {
                format!("event {sequence} has the hash {}, not {}", event.hash, expected.hash)
            }
            _ => format!("event {sequence} is not in the log"),
        }
    };
    Err(CliError::not_valid(format!("the audit log is not the one that was noted: {problem}"))
        .with_remedy(CommandRemedy::CompareOlderBackup))
}
