//! `tokend client list`: which clients, by what an operator asks for.

use std::io::{self, IsTerminal};

use clap::Args;

use crate::admin::client_list::{self, ClientQuestion};
use crate::admin::secret_life;
use crate::cli::duration::duration;
use crate::cli::error::CliError;
use crate::cli::listing::{Listing, thousands};
use crate::cli::output::{self, Format};
use crate::cli::remedies::command_line::CommandLine;

use crate::cli::{Global, client_reference, client_view, facts, principal};
use crate::model::client::{ClientName, ClientState, Registration};
use crate::model::owner::Owner;
use crate::services::opening::ReadOnlyServices;
use crate::store::client_list::{ClientFilter, Position};

/// How many clients are read at a time.
const PAGE_SIZE: u32 = 1_000;

/// How many clients a terminal shows, unless it is told.
const TERMINAL_LIMIT: u32 = 1_000;

/// How far the clients are counted that are left out.
const COUNT_BOUND: u32 = 10_001;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only clients in this state: active or disabled
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only clients with exactly this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only clients of this owner
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Only clients with this label; may be repeated: a client has each of them
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// Only clients with a grant for this resource
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// Only clients whose grants include this scope, those of all scopes included
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Only clients with a valid secret that expires within this time, such as 14d; the one that
    /// expires first comes first
    #[arg(long, value_name = "DURATION")]
    expiring: Option<String>,
    /// Only clients that are older than this, such as 90d, and did not authenticate in that time
    #[arg(long, value_name = "DURATION")]
    unused: Option<String>,
    /// At most this many; 1000 in a table on a terminal, otherwise all
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Begin after this client: the last one of the page before
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

impl ListArgs {
    fn question(&self) -> Result<ClientQuestion, CliError> {
        Ok(ClientQuestion {
            state: self.state.as_deref().map(ClientState::parse).transpose()?,
            name: self.name.as_deref().map(ClientName::parse).transpose()?,
            owner: self.owner.as_deref().map(Owner::parse).transpose()?,
            labels: self.labels.iter().map(|text| facts::label(text)).collect::<Result<_, _>>()?,
            resource: self.resource.clone(),
            scope: self.scope.clone(),
            expiring: self
                .expiring
                .as_deref()
                .map(|text| duration("--expiring", text))
                .transpose()?,
            search: None,
            unused: self.unused.as_deref().map(|text| duration("--unused", text)).transpose()?,
        })
    }

    /// How many clients are wanted; `None` for all.
    fn wanted(&self, format: Format) -> Option<u32> {
        let is_for_people = format == Format::Table && io::stdout().is_terminal();
        self.limit.or(is_for_people.then_some(TERMINAL_LIMIT))
    }
}

/// Runs `tokend client list`.
pub(crate) async fn run(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    let question = args.question()?;
    let reader = global.reader().await?;
    let filter = client_list::filter(&reader.store, &reader.clock, &principal(), question).await?;
    let mut after = match &args.after {
        Some(text) => {
            let id = client_reference::resolve(&reader.store, text).await?;
            client_list::position(&reader.store, &principal(), &filter, &id).await?
        }
        None => Position::start(),
    };
    let header = ["CLIENT", "NAME", "OWNER", "APIS", "SECRETS", "LAST USED", "STATE"];
    let mut listing = Listing::new(global.output, &header);
    let mut wanted = args.wanted(global.output);
    let mut unreadable = 0;
    loop {
        let size = wanted.map_or(PAGE_SIZE, |wanted| wanted.min(PAGE_SIZE));
        let page = reader.store.client_page(&filter, &after, size).await?;
        unreadable += print(&reader, global.output, &mut listing, &page.positions).await?;
        let is_last = page.next.is_none();
        after = page.next.unwrap_or(after);
        wanted = wanted.map(|wanted| wanted - size);
        if is_last || wanted == Some(0) {
            listing.end()?;
            if !is_last {
                say_what_is_left_out(&reader, &filter, &after).await?;
            }
            break;
        }
    }
    match unreadable {
        0 => Ok(()),
        count => Err(CliError::failed(format!("{count} clients cannot be read and are left out"))),
    }
}

/// Prints a page; gives the number of clients that cannot be read.
async fn print(
    reader: &ReadOnlyServices,
    format: Format,
    listing: &mut Listing<'_>,
    page: &[Position],
) -> Result<usize, CliError> {
    let ids: Vec<&str> = page.iter().map(Position::client_id).collect();
    if format == Format::Id {
        listing.page(&ids, |id| vec![(*id).to_owned()])?;
        return Ok(0);
    }
    let mut clients: Vec<Registration> = Vec::with_capacity(ids.len());
    let mut unreadable = 0;
    let horizon = secret_life::horizon(&reader.store, &reader.clock).await?;
    let now = horizon.now;
    for (id, found) in reader.store.registrations(&ids).await? {
        match found {
            Ok(mut client) => {
                client.assess(&horizon, reader.config.secrets.warn_before);
                clients.push(client);
            }
            Err(problem) => {
                unreadable += 1;
                output::hint(&format!("client {id} cannot be read: {problem}"));
            }
        }
    }
    listing.page(&clients, |found| {
        vec![
            found.client.client_id.to_string(),
            found.client.name.as_str().to_owned(),
            facts::owner_cell(&found.client.facts),
            found.grants.len().to_string(),
            client_view::secrets_summary(found, now),
            client_view::last_used(found, now),
            found.client.state.as_str().to_owned(),
        ]
    })?;
    Ok(unreadable)
}

async fn say_what_is_left_out(
    reader: &ReadOnlyServices,
    filter: &ClientFilter,
    after: &Position,
) -> Result<(), CliError> {
    let count = reader.store.count_clients(filter, after, COUNT_BOUND).await?;
    let bound = i64::from(COUNT_BOUND);
    let text = match count {
        0 => return Ok(()),
        1 => "1 more client".to_owned(),
        count if count < bound => format!("{} more clients", thousands(count)),
        _ => format!("more than {} more clients", thousands(bound - 1)),
    };
    let last = after.client_id();
    output::hint(&format!(
        "{text}: {} shows the next ones, {} shows more",
        CommandLine::After(last),
        CommandLine::Limit
    ));
    Ok(())
}
