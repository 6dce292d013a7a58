//! `tokend rejections`: requests that the server rejected. `tokend explain` says more about one.

use clap::{Args, Subcommand};

use crate::admin::rejection::{self, Rejections};
use crate::cli::error::CliError;
use crate::cli::listing::{Listing, thousands};
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, client_reference, output, remedies, time};
use crate::model::client::ClientId;
use crate::services::opening::ReadOnlyServices;
use crate::store::rejections::RejectionFilter;

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
    /// At most this many
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
    let reader = global.reader().await?;
    let client_id = match &args.client {
        Some(text) => Some(client(&reader, text).await?),
        None => None,
    };
    let now = reader.clock.now();
    let filter = RejectionFilter {
        owners: None,
        client_id,
        since: args.since.as_deref().map(|text| time::past(text, now)).transpose()?,
        until: args.until.as_deref().map(|text| time::past(text, now)).transpose()?,
        reason: args.reason.clone(),
        after: None,
    };
    let Rejections { newest, older } = rejection::list(&reader.store, &filter, args.limit).await?;
    let newest: Vec<_> = newest.into_iter().map(remedies::with_text).collect();
    let header = ["REQUEST", "AT", "STATUS", "ERROR", "CLIENT", "FROM", "REASON"];
    let mut listing = Listing::new(global.output, &header);
    listing.page(&newest, |found| {
        vec![
            found.request_id.clone(),
            output::format_time(found.at, now),
            found.status.to_string(),
            found.error.clone(),
            found.client_id.clone().unwrap_or_default(),
            found.address.clone(),
            found.reason.clone(),
        ]
    })?;
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

/// The client of this id or name. A client that has been deleted is known by its rejections alone.
async fn client(reader: &ReadOnlyServices, text: &str) -> Result<ClientId, CliError> {
    if let Ok(id) = ClientId::parse(text)
        && rejection::has_any(&reader.store, &id).await?
    {
        return Ok(id);
    }
    client_reference::resolve(&reader.store, text).await
}
