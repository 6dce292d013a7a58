//! `tokend rejections`: lists requests that the server rejected. `tokend explain` shows one in
//! detail.

pub(super) mod explain;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::error::CliError;
use crate::cli::output::listing::{Listing, thousands};
use crate::cli::output::objects::rejection::RejectionObject;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, arguments, client, output};
use crate::model::client::ClientId;
use crate::model::time::Timestamp;

/// The number of rejections in one page.
const PAGE_SIZE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum RejectionsCommand {
    /// List rejected requests, newest first
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only requests that named this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only rejections since this time: 1h, 7d, 2026-11-24 or 2026-11-24T13:36:43Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only rejections until this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only with this error code, such as `invalid_client`, or with this text in the reason
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The maximum number of rows
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Runs `tokend rejections`.
pub(crate) async fn run(global: &Global, command: &RejectionsCommand) -> Result<(), CliError> {
    match command {
        RejectionsCommand::List(args) => list(global, args).await,
    }
}

async fn list(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let now = api.now();
    let time = |text: &Option<String>| {
        text.as_deref().map(|text| arguments::time::past(text, now)).transpose()
    };
    let client = match &args.client {
        Some(text) => Some(client(&api, text).await?),
        None => None,
    };
    let request = ApiRequest::get(path(&["rejections"]))
        .with_some("client_id", client)
        .with_some("since", time(&args.since)?)
        .with_some("until", time(&args.until)?)
        .with_some("reason", args.reason.as_deref());
    let header = ["REQUEST", "AT", "STATUS", "ERROR", "CLIENT", "FROM", "REASON"];
    let mut listing = Listing::new(global.output, &header);
    let (mut wanted, mut cursor, mut older) = (args.limit, None, 0);
    while wanted > 0 {
        let size = wanted.min(PAGE_SIZE);
        let page = request.clone().with("limit", size);
        let page = page.with_some("count", (wanted == size).then_some(u32::MAX));
        let page = api.page(&page, cursor.as_deref()).await?;
        let mut data: Vec<Object<RejectionObject>> = page.data;
        for found in &mut data {
            found.json["remedy"] = json!(found.object.remedy_text());
        }
        listing.page(&data, |found| row(&found.object, now))?;
        (wanted, cursor, older) = (wanted - size, page.next_cursor, page.remaining.unwrap_or(0));
        if cursor.is_none() {
            break;
        }
    }
    listing.end()?;
    if older > 0 {
        let older = thousands(older);
        output::hint(&format!(
            "{older} older rejections: {}, or {}",
            CommandLine::Limit,
            CommandLine::Until
        ));
    }
    Ok(())
}

fn row(found: &RejectionObject, now: Timestamp) -> Vec<String> {
    vec![
        found.request_id.clone(),
        output::format_time(found.at, now),
        found.status.to_string(),
        found.error.clone(),
        found.client_id.clone().unwrap_or_default(),
        found.address.clone(),
        found.reason.clone(),
    ]
}

/// Resolves a client by id or name. A deleted client is known only by its rejections.
async fn client(api: &Api, text: &str) -> Result<String, CliError> {
    if ClientId::parse(text).is_ok() {
        let request =
            ApiRequest::get(path(&["rejections"])).with("client_id", text).with("limit", 1);
        let page = api.page::<RejectionObject>(&request, None).await?;
        if !page.data.is_empty() {
            return Ok(text.to_owned());
        }
    }
    client::reference::find(api, text).await
}
