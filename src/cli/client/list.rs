//! `tokend client list`: lists clients that match filters.

use std::io::{self, IsTerminal};

use clap::Args;

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::arguments::duration::duration;
use crate::cli::client::{reference, view};
use crate::cli::error::CliError;
use crate::cli::output::listing::{COUNT_BOUND, LeftOut, Listing, bounded};
use crate::cli::output::objects::client::ClientObject;
use crate::cli::output::{self, Format};
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, arguments};
use crate::model::client::{ClientName, ClientState};
use crate::model::labels;
use crate::model::owner::Owner;
use crate::model::time::Timestamp;

/// The number of clients in one page.
const PAGE_SIZE: u32 = 1_000;

/// The default limit for a table on a terminal.
const TERMINAL_LIMIT: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only clients with this text in their id or name; ASCII letters match in either case
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only clients in this state: active or disabled
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only clients with exactly this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only clients of this owner
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Only clients with this label; may be repeated to require several labels
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// Only clients with a grant for this resource
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// Only clients whose grants include this scope, including grants of all scopes
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Only clients with a valid secret that expires within this time, such as 14d; the earliest
    /// expiry comes first
    #[arg(long, value_name = "DURATION")]
    expiring: Option<String>,
    /// Only clients that are older than this, such as 90d, and did not authenticate in that time
    #[arg(long, value_name = "DURATION")]
    unused: Option<String>,
    /// The maximum number of clients; 1000 in a table on a terminal, otherwise all
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Begin after this client, the last one of the previous page
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

impl ListArgs {
    /// Builds the request of the first page. Each option is validated here, so that an error can
    /// name it.
    fn request(&self) -> Result<ApiRequest, CliError> {
        let state = self.state.as_deref().map(ClientState::parse).transpose()?;
        let name = self.name.as_deref().map(ClientName::parse).transpose()?;
        let owner = self.owner.as_deref().map(Owner::parse).transpose()?;
        let labels = self
            .labels
            .iter()
            .map(|text| arguments::facts::label(text))
            .collect::<Result<Vec<_>, _>>()?;
        let labels: Vec<_> = labels.iter().map(|(key, value)| labels::text(key, value)).collect();
        let span = |option, text: &Option<String>| {
            text.as_deref().map(|text| duration(option, text)).transpose()
        };
        Ok(ApiRequest::get(path(&["clients"]))
            .with_some("q", self.search.as_deref())
            .with_some("state", state.map(ClientState::as_str))
            .with_some("name", name.as_ref().map(ClientName::as_str))
            .with_some("owner", owner.as_ref().map(Owner::as_str))
            .with_some("label", (!labels.is_empty()).then(|| labels.join(",")))
            .with_some("resource", self.resource.as_deref())
            .with_some("scope", self.scope.as_deref())
            .with_some("expiring_within", span("--expiring", &self.expiring)?)
            .with_some("unused_for", span("--unused", &self.unused)?))
    }

    /// Returns the maximum number of clients; `None` for all.
    fn wanted(&self, format: Format) -> Option<u32> {
        let is_for_people = format == Format::Table && io::stdout().is_terminal();
        self.limit.or(is_for_people.then_some(TERMINAL_LIMIT))
    }
}

/// Runs `tokend client list`.
pub(crate) async fn run(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    let request = args.request()?;
    let api = Api::open(global, ApiUse::Read).await?;
    let mut last = match &args.after {
        Some(text) => Some(reference::find(&api, text).await?),
        None => None,
    };
    // The first page starts after a client. Each further page starts at the cursor of the previous
    // one.
    let first = request.clone().with_some("after", last.as_deref());
    let mut cursor: Option<String> = None;
    let header = ["CLIENT", "NAME", "OWNER", "APIS", "SECRETS", "LAST USED", "STATE", "SOURCE"];
    let mut listing = Listing::new(global.output, &header);
    let (mut wanted, now) = (args.wanted(global.output), api.now());
    let mut left_out = LeftOut::new(["client", "clients"]);
    loop {
        let size = wanted.map_or(PAGE_SIZE, |wanted| wanted.min(PAGE_SIZE));
        let is_last_wanted = wanted == Some(size);
        let page = if cursor.is_some() { &request } else { &first };
        let page = page.clone().with("limit", size);
        let page = page.with_some("count", is_last_wanted.then_some(COUNT_BOUND));
        let page = api.page(&page, cursor.as_deref()).await?;
        listing.page(&page.data, |found| row(found, now))?;
        // A page of a search may be incomplete even if more pages follow.
        let found = u32::try_from(page.data.len() + page.unreadable.len()).unwrap_or(size);
        left_out.name(&page.unreadable);
        wanted = wanted.map(|wanted| wanted.saturating_sub(found));
        let shown = page.data.last().map(|found| found.object.client_id.clone());
        last = shown.or(last);
        cursor = page.next_cursor;
        if cursor.is_none() || wanted == Some(0) {
            listing.end()?;
            print_omitted_count(page.remaining, last.as_deref());
            break;
        }
    }
    left_out.into_result()
}

fn row(found: &Object<ClientObject>, now: Timestamp) -> Vec<String> {
    let client = &found.object;
    vec![
        client.client_id.clone(),
        client.name.clone(),
        client.facts.owner_cell(),
        client.grants.len().to_string(),
        view::secrets_summary(client, now),
        view::last_used(client, now),
        client.state.clone(),
        output::objects::source_cell(client.source.as_deref()),
    ]
}

fn print_omitted_count(remaining: Option<i64>, last: Option<&str>) {
    let (Some(count), Some(last)) = (remaining, last) else { return };
    let text = match count {
        0 => return,
        1 => "1 more client".to_owned(),
        count => format!("{} more clients", bounded(count)),
    };
    output::hint(&format!(
        "{text}: {} shows the next ones, {} shows more",
        CommandLine::After(last),
        CommandLine::Limit
    ));
}
