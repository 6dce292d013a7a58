//! `tokend grant-request`: a team requests a grant of another team's resource, whose administrators
//! decide.

use clap::{Args, Subcommand};

use crate::admin::grant_request::{self, GrantRequestQuestion, NewGrantRequest};
use crate::cli::client_access::networks_or_any;
use crate::cli::client_claims::NewClaimsArgs;
use crate::cli::error::CliError;
use crate::cli::listing::Listing;
use crate::cli::{Global, client_reference, output, principal};
use crate::model::client::ClientId;
use crate::model::grant_request::{GrantRequest, GrantRequestId, GrantRequestState, Remark};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::time::Timestamp;

/// How many requests are read at a time.
const PAGE_SIZE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum GrantRequestCommand {
    /// List grant requests, newest first
    List(ListArgs),
    /// Show a grant request
    Show {
        /// The id of the request
        id: String,
    },
    /// Request a grant of a resource of another owner
    Create(CreateArgs),
    /// Approve a grant request: the client gets the grant
    Approve {
        /// The id of the request
        id: String,
        /// The revision of the request that was read; an approval of another one is refused
        #[arg(long, value_name = "NUMBER")]
        revision: i64,
    },
    /// Reject a grant request
    Reject(EndArgs),
    /// Cancel a grant request
    Cancel(EndArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only with this state: pending, approved, rejected, cancelled or expired
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only of this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only for this resource
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// Only where this owner has the client or the resource
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// At most this many
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The client's id, or its name if the name is unique
    #[arg(long, value_name = "ID")]
    client: String,
    /// The resource
    #[arg(long, value_name = "URI")]
    resource: String,
    /// A scope; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// A network from which the grant could be used, such as 10.0.0.0/8; may be repeated; anywhere
    /// if omitted
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    #[command(flatten)]
    claims: NewClaimsArgs,
    /// What the administrators of the resource should know
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EndArgs {
    /// The id of the request
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs `tokend grant-request`.
pub(crate) async fn run(global: &Global, command: GrantRequestCommand) -> Result<(), CliError> {
    match command {
        GrantRequestCommand::List(args) => list(global, &args).await,
        GrantRequestCommand::Show { id } => {
            let (reader, id) = (global.reader().await?, GrantRequestId::parse(&id)?);
            let (store, clock) = (&reader.store, &reader.clock);
            show(global, &grant_request::show(store, clock, &principal(), &id).await?, clock.now())
        }
        GrantRequestCommand::Create(args) => create(global, &args).await,
        GrantRequestCommand::Approve { id, revision } => {
            let (services, id) = (global.services().await?, GrantRequestId::parse(&id)?);
            let approved = grant_request::approve(&services, &principal(), &id, revision).await?;
            show(global, &approved, services.clock.now())
        }
        GrantRequestCommand::Reject(args) => {
            let (services, id) = (global.services().await?, GrantRequestId::parse(&args.id)?);
            let reason = remark("--reason", args.reason.as_deref())?;
            let ended = grant_request::reject(&services, &principal(), &id, reason).await?;
            show(global, &ended, services.clock.now())
        }
        GrantRequestCommand::Cancel(args) => {
            let (services, id) = (global.services().await?, GrantRequestId::parse(&args.id)?);
            let reason = remark("--reason", args.reason.as_deref())?;
            let ended = grant_request::cancel(&services, &principal(), &id, reason).await?;
            show(global, &ended, services.clock.now())
        }
    }
}

async fn create(global: &Global, args: &CreateArgs) -> Result<(), CliError> {
    let resource = ResourceId::parse(&args.resource)?;
    let scopes = Scopes::parse(&args.scopes.join(" "))?;
    let networks = networks_or_any(&args.networks)?.unwrap_or_default();
    let claims = args.claims.claims()?;
    let message = remark("--message", args.message.as_deref())?;
    let services = global.services().await?;
    let client_id = client_reference::resolve(&services.store, &args.client).await?;
    let new = NewGrantRequest { client_id, resource, scopes, networks, claims, message };
    let changed = grant_request::create(&services, &principal(), new).await?;
    show(global, &output::changed(changed), services.clock.now())
}

async fn list(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    let state = args.state.as_deref().map(GrantRequestState::parse).transpose()?;
    let client_id = args.client.as_deref().map(ClientId::parse).transpose()?;
    let resource = args.resource.as_deref().map(ResourceId::parse).transpose()?;
    let owner = args.owner.as_deref().map(Owner::parse).transpose()?;
    let reader = global.reader().await?;
    let now = reader.clock.now();
    let header = ["REQUEST", "STATE", "CLIENT", "RESOURCE", "SCOPES", "REVISION", "CREATED"];
    let mut listing = Listing::new(global.output, &header);
    let mut before = None;
    let mut wanted = args.limit.unwrap_or(u32::MAX);
    loop {
        let size = wanted.min(PAGE_SIZE);
        let question = GrantRequestQuestion {
            state,
            client_id: client_id.clone(),
            resource: resource.clone(),
            owner: owner.clone(),
            before,
        };
        let (store, clock) = (&reader.store, &reader.clock);
        let page = grant_request::list(store, clock, &principal(), question, size).await?;
        listing.page(&page, |request| row(request, now))?;
        wanted = wanted.saturating_sub(size);
        before = page.last().map(|request| request.sequence);
        if wanted == 0 || page.len() < size as usize {
            return listing.end();
        }
    }
}

fn row(request: &GrantRequest, now: Timestamp) -> Vec<String> {
    vec![
        request.request_id.to_string(),
        request.state.as_str().to_owned(),
        request.client_id.to_string(),
        request.resource.to_string(),
        request.scopes.to_string(),
        request.revision.to_string(),
        output::format_time(request.created_at, now),
    ]
}

fn show(global: &Global, request: &GrantRequest, now: Timestamp) -> Result<(), CliError> {
    let owner = |owner: &Option<Owner>| {
        owner.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
    };
    let mut rows = vec![
        ("request", request.request_id.to_string()),
        ("state", request.state.as_str().to_owned()),
        ("revision", request.revision.to_string()),
        ("client", request.client_id.to_string()),
        ("owner of the client", owner(&request.client_owner)),
        ("resource", request.resource.to_string()),
        ("owner of the resource", owner(&request.resource_owner)),
        ("scopes", request.scopes.to_string()),
    ];
    if !request.networks.is_anywhere() {
        rows.push(("networks", request.networks.to_string()));
    }
    if !request.claims.is_empty() {
        rows.push(("claims", request.claims.json()));
    }
    let remarks = [("message", &request.message), ("reason", &request.reason)];
    let remarks = remarks.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
    rows.extend(remarks.map(|(name, text)| (name, text.as_str().to_owned())));
    rows.push(("requested by", request.requested_by.clone()));
    rows.extend(request.ended_by.as_ref().map(|name| ("ended by", name.clone())));
    rows.push(("created", output::format_time(request.created_at, now)));
    rows.push(("expires", output::format_time(request.expires_at, now)));
    output::one(global.output, request.request_id.as_str(), request, &rows)
}

fn remark(option: &str, text: Option<&str>) -> Result<Option<Remark>, CliError> {
    let parsed = text.map(Remark::parse).transpose();
    parsed.map_err(|malformed| CliError::usage(format!("{option}: {malformed}")))
}
