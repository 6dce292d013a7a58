//! `tokend resource`: the APIs that tokens are for.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::resource::{self, ResourceUpdate};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::span::{span, span_or_default};
use crate::cli::{Global, actor};
use crate::model::resource::{OfferedScope, Resource, ResourceId};
use crate::model::scope::ScopeName;
use crate::model::time::Timestamp;

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Register a resource
    Create(CreateArgs),
    /// List resources
    List,
    /// Show a resource with its scopes
    Show(UriArgs),
    /// Change a resource
    Update(UpdateArgs),
    /// Remove a resource and every grant to it
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its identifier, an absolute URI: the audience of its tokens
    uri: String,
    /// A scope it offers, with or without a description; may be repeated
    #[arg(long = "scope", value_name = "SCOPE[=TEXT]")]
    scopes: Vec<String>,
    /// How long tokens for it live, such as 30m
    #[arg(long, value_name = "SPAN")]
    token_ttl: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UriArgs {
    /// Its identifier
    uri: String,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// Its identifier
    uri: String,
    /// A scope to offer besides, or with another description; may be repeated
    #[arg(long = "scope", value_name = "SCOPE[=TEXT]")]
    scopes: Vec<String>,
    /// A scope to offer no longer; may be repeated
    #[arg(long = "remove-scope", value_name = "SCOPE")]
    remove: Vec<String>,
    /// How long tokens for it live from now on; `default` for the server's choice
    #[arg(long, value_name = "SPAN")]
    token_ttl: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Its identifier
    uri: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Runs `tokend resource`.
pub(crate) async fn run(global: &Global, command: ResourceCommand) -> Result<(), CliError> {
    match command {
        ResourceCommand::Create(args) => create(global, &args).await,
        ResourceCommand::List => list(global).await,
        ResourceCommand::Show(args) => show(global, &args).await,
        ResourceCommand::Update(args) => update(global, &args).await,
        ResourceCommand::Delete(args) => delete(global, &args).await,
    }
}

async fn create(global: &Global, args: &CreateArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let scopes = offered(&args.scopes)?;
    let lifetime = args.token_ttl.as_deref().map(span).transpose()?;
    let foundation = global.foundation().await?;
    let made = resource::create(&foundation, &actor(), id, scopes, lifetime).await?;
    print(global, &made, foundation.clock.now())
}

async fn list(global: &Global) -> Result<(), CliError> {
    let foundation = global.foundation().await?;
    let resources = foundation.store.resources().await?;
    output::many(global.output, &resources, &["RESOURCE", "SCOPES", "TOKEN TTL"], |resource| {
        vec![
            resource.resource.to_string(),
            resource.scope_names().to_string(),
            resource.token_lifetime.map_or_else(|| "default".to_owned(), |span| span.to_string()),
        ]
    })
}

async fn show(global: &Global, args: &UriArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let foundation = global.foundation().await?;
    let found = resource::show(&foundation, &id).await?;
    print(global, &found, foundation.clock.now())
}

async fn update(global: &Global, args: &UpdateArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let update = ResourceUpdate {
        add: offered(&args.scopes)?,
        remove: args.remove.iter().map(|text| ScopeName::parse(text)).collect::<Result<_, _>>()?,
        token_lifetime: args.token_ttl.as_deref().map(span_or_default).transpose()?,
    };
    let foundation = global.foundation().await?;
    let changed = resource::update(&foundation, &actor(), &id, update).await?;
    print(global, &changed, foundation.clock.now())
}

async fn delete(global: &Global, args: &DeleteArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let foundation = global.foundation().await?;
    output::confirm(&format!("Delete {id} and every grant to it?"), args.yes)?;
    let grants = resource::delete(&foundation, &actor(), &id).await?;
    let value = json!({ "resource": id, "deleted": true, "grants_revoked": grants });
    let rows = [("deleted", id.to_string()), ("grants revoked", grants.to_string())];
    output::one(global.output, id.as_str(), &value, &rows)
}

fn offered(texts: &[String]) -> Result<Vec<OfferedScope>, CliError> {
    Ok(texts.iter().map(|text| OfferedScope::parse(text)).collect::<Result<_, _>>()?)
}

fn print(global: &Global, resource: &Resource, now: Timestamp) -> Result<(), CliError> {
    let mut rows = vec![("resource", resource.resource.to_string())];
    rows.extend(resource.scopes.iter().map(|scope| {
        let text = match scope.description.as_str() {
            "" => scope.name.to_string(),
            description => format!("{} ({description})", scope.name),
        };
        ("scope", text)
    }));
    if let Some(lifetime) = resource.token_lifetime {
        rows.push(("token ttl", lifetime.to_string()));
    }
    rows.push(("created", output::moment(resource.created_at, now)));
    output::one(global.output, resource.resource.as_str(), resource, &rows)
}
