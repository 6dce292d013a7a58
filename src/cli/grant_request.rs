//! `tokend grant-request`: requests a grant of another team's resource. The administrators of the
//! resource decide on it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::client::access::networks_or_any;
use crate::cli::client::claims::NewClaimsArgs;
use crate::cli::error::CliError;
use crate::cli::output::listing::{LeftOut, Listing};
use crate::cli::output::objects::grant_request::GrantRequestObject;
use crate::cli::{Global, client, output};
use crate::model::client::ClientId;
use crate::model::grant_request::{GrantRequestId, GrantRequestState, Remark};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::time::Timestamp;

/// The number of requests in one page.
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
        /// The revision of the request that was read; an approval of another one is rejected
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
    /// Only requests in this state: pending, approved, rejected, cancelled or expired
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only requests of this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only requests for this resource
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// Only requests whose client or resource belongs to this owner
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// The maximum number of rows
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
    /// The reason
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs `tokend grant-request`.
pub(crate) async fn run(global: &Global, command: GrantRequestCommand) -> Result<(), CliError> {
    match command {
        GrantRequestCommand::List(args) => list(global, &args).await,
        GrantRequestCommand::Show { id } => {
            let id = GrantRequestId::parse(&id)?;
            let api = Api::open(global, ApiUse::Read).await?;
            let request = ApiRequest::get(path(&["grant-requests", id.as_str()]));
            show(global, &api.read(&request).await?, api.now())
        }
        GrantRequestCommand::Create(args) => create(global, &args).await,
        GrantRequestCommand::Approve { id, revision } => {
            end(global, &id, "approve", json!({ "revision": revision })).await
        }
        GrantRequestCommand::Reject(args) => end(global, &args.id, "reject", reason(&args)?).await,
        GrantRequestCommand::Cancel(args) => end(global, &args.id, "cancel", reason(&args)?).await,
    }
}

/// Ends a request. `verb` is the last segment of the path.
async fn end(global: &Global, id: &str, verb: &str, body: Value) -> Result<(), CliError> {
    let id = GrantRequestId::parse(id)?;
    let api = Api::open(global, ApiUse::Change).await?;
    let request = ApiRequest::post(path(&["grant-requests", id.as_str(), verb]), body);
    show(global, &api.read(&request).await?, api.now())
}

async fn create(global: &Global, args: &CreateArgs) -> Result<(), CliError> {
    let resource = ResourceId::parse(&args.resource)?;
    let scopes = Scopes::parse(&args.scopes.join(" "))?;
    let networks = networks_or_any(&args.networks)?.unwrap_or_default();
    let claims = args.claims.claims()?;
    let message = remark("--message", args.message.as_deref())?;
    let api = Api::open(global, ApiUse::Change).await?;
    let client_id = client::reference::find(&api, &args.client).await?;
    let body = json!({
        "client_id": client_id,
        "resource": resource,
        "scopes": scopes,
        "networks": networks,
        "claims": claims,
        "message": message,
    });
    let made = api.read(&ApiRequest::post(path(&["grant-requests"]), body)).await?;
    show(global, &made, api.now())
}

async fn list(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    let state = args.state.as_deref().map(GrantRequestState::parse).transpose()?;
    let client_id = args.client.as_deref().map(ClientId::parse).transpose()?;
    let resource = args.resource.as_deref().map(ResourceId::parse).transpose()?;
    let owner = args.owner.as_deref().map(Owner::parse).transpose()?;
    let request = ApiRequest::get(path(&["grant-requests"]))
        .with_some("state", state.map(GrantRequestState::as_str))
        .with_some("client", client_id)
        .with_some("resource", resource)
        .with_some("owner", owner);
    let api = Api::open(global, ApiUse::Read).await?;
    let now = api.now();
    let header = ["REQUEST", "STATE", "CLIENT", "RESOURCE", "SCOPES", "REVISION", "CREATED"];
    let mut listing = Listing::new(global.output, &header);
    let (mut wanted, mut cursor) = (args.limit.unwrap_or(u32::MAX), None);
    let mut left_out = LeftOut::new(["grant request", "grant requests"]);
    loop {
        let size = wanted.min(PAGE_SIZE);
        let page = api.page(&request.clone().with("limit", size), cursor.as_deref()).await?;
        listing.page(&page.data, |found| row(found, now))?;
        left_out.name(&page.unreadable);
        wanted = wanted.saturating_sub(size);
        cursor = page.next_cursor;
        if wanted == 0 || cursor.is_none() {
            listing.end()?;
            return left_out.into_result();
        }
    }
}

fn row(found: &Object<GrantRequestObject>, now: Timestamp) -> Vec<String> {
    let request = &found.object;
    vec![
        request.request_id.clone(),
        request.state.clone(),
        request.client_id.clone(),
        request.resource.clone(),
        request.scopes.join(" "),
        request.revision.to_string(),
        output::format_time(request.created_at, now),
    ]
}

fn show(
    global: &Global,
    found: &Object<GrantRequestObject>,
    now: Timestamp,
) -> Result<(), CliError> {
    let request = &found.object;
    let owner = |owner: &Option<String>| owner.clone().unwrap_or_else(|| "none".to_owned());
    let mut rows = vec![
        ("request", request.request_id.clone()),
        ("state", request.state.clone()),
        ("revision", request.revision.to_string()),
        ("client", request.client_id.clone()),
        ("owner of the client", owner(&request.client_owner)),
        ("resource", request.resource.clone()),
        ("owner of the resource", owner(&request.resource_owner)),
        ("scopes", request.scopes.join(" ")),
    ];
    if !request.networks.is_empty() {
        rows.push(("networks", request.networks.join(" ")));
    }
    if !request.claims.is_empty() {
        rows.push(("claims", Value::from(request.claims.clone()).to_string()));
    }
    let remarks = [("message", &request.message), ("reason", &request.reason)];
    rows.extend(remarks.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
    rows.push(("requested by", request.requested_by.clone()));
    rows.extend(request.ended_by.iter().map(|name| ("ended by", name.clone())));
    rows.push(("created", output::format_time(request.created_at, now)));
    rows.push(("expires", output::format_time(request.expires_at, now)));
    output::one(global.output, &request.request_id, &found.json, &rows)
}

/// Builds the body of a request that ends a grant request.
fn reason(args: &EndArgs) -> Result<Value, CliError> {
    Ok(json!({ "reason": remark("--reason", args.reason.as_deref())? }))
}

fn remark(option: &str, text: Option<&str>) -> Result<Option<Remark>, CliError> {
    let parsed = text.map(Remark::parse).transpose();
    parsed.map_err(|malformed| CliError::usage(format!("{option}: {malformed}")))
}
