//! `tokend client`: manages clients, which are the machines that request tokens.

pub(super) mod access;
mod change;
pub(super) mod claims;
pub(super) mod grant;
mod identity;
pub(super) mod import;
mod keys;
mod list;
pub(super) mod reference;
mod registration;
mod secret;
mod trust;
mod trust_notes;
mod trust_test;
mod view;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::client::access::RevokeGrantArgs;
use crate::cli::client::grant::GrantArgs;
use crate::cli::client::import::ImportArgs;
use crate::cli::client::keys::KeysCommand;
use crate::cli::client::list::ListArgs;
use crate::cli::client::registration::{CreateArgs, UpdateArgs};
use crate::cli::client::secret::{AddSecretArgs, ExpireSecretArgs, RotateSecretArgs};
use crate::cli::client::trust::TrustCommand;
use crate::cli::error::CliError;
use crate::cli::output::objects::client::ClientObject;
use crate::cli::{Global, output};

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Register a client; prints its secret once
    Create(Box<CreateArgs>),
    /// List clients
    List(ListArgs),
    /// Show a client with its secrets and grants
    Show(IdArgs),
    /// Change a client
    Update(UpdateArgs),
    /// Enable a client again after it was disabled
    Enable(IdArgs),
    /// Disable a client: it gets no more tokens, and its tokens are revoked
    Disable(DisableArgs),
    /// Delete a client with its secrets and grants
    Delete(DeleteArgs),
    /// Add a secret to a client; prints it once
    AddSecret(AddSecretArgs),
    /// Replace the secrets of a client by a new one; prints it once
    RotateSecret(RotateSecretArgs),
    /// Expire a secret, at once or at a later time
    ExpireSecret(ExpireSecretArgs),
    /// Grant a client scopes of a resource, or change its grant
    ///
    /// A new grant without a scope option has all scopes of the resource, including scopes that are
    /// added later. An existing grant keeps its scopes unless an option changes them.
    Grant(GrantArgs),
    /// Remove a client's grant for a resource
    RevokeGrant(RevokeGrantArgs),
    /// Public keys and certificates of a client, for authentication without a secret
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Trusts: external issuers whose tokens authenticate a client
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Revoke every token that a client has, on every instance within two seconds
    RevokeTokens(IdArgs),
    /// Import clients from another system, with their ids and secrets
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    /// The client's id, or its name if the name is unique
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct DisableArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// The reason, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// Skip the confirmation; required without a terminal
    #[arg(long)]
    yes: bool,
}

/// Runs `tokend client`.
pub(crate) async fn run(global: &Global, command: ClientCommand) -> Result<(), CliError> {
    match command {
        ClientCommand::Create(args) => registration::create(global, *args).await,
        ClientCommand::List(args) => list::run(global, &args).await,
        ClientCommand::Show(args) => show(global, &args).await,
        ClientCommand::Update(args) => Box::pin(registration::update(global, &args)).await,
        ClientCommand::Enable(args) => set_state(global, &args.id, "enable", None).await,
        ClientCommand::Disable(args) => {
            set_state(global, &args.id, "disable", args.reason.as_deref()).await
        }
        ClientCommand::Delete(args) => delete(global, &args).await,
        ClientCommand::AddSecret(args) => Box::pin(secret::add(global, &args)).await,
        ClientCommand::RotateSecret(args) => Box::pin(secret::rotate(global, &args)).await,
        ClientCommand::ExpireSecret(args) => secret::expire(global, &args).await,
        ClientCommand::Grant(args) => grant::run(global, &args).await,
        ClientCommand::RevokeGrant(args) => access::revoke(global, &args).await,
        ClientCommand::Keys(command) => Box::pin(keys::run(global, command)).await,
        ClientCommand::Trust(command) => Box::pin(trust::run(global, command)).await,
        ClientCommand::RevokeTokens(args) => access::revoke_tokens(global, &args.id).await,
        ClientCommand::Import(args) => import::run(global, &args).await,
    }
}

async fn show(global: &Global, args: &IdArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let id = reference::find(&api, &args.id).await?;
    let found = api.read(&ApiRequest::get(path(&["clients", &id]))).await?;
    view::print(global, &found, api.now())
}

/// Disables or enables a client. `verb` is the last segment of the path.
async fn set_state(
    global: &Global,
    id: &str,
    verb: &str,
    reason: Option<&str>,
) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, id).await?;
    let request = ApiRequest::post(path(&["clients", &id, verb]), json!({ "reason": reason }));
    let changed = change::send(&api, &id, &request).await?;
    view::print(global, &changed, api.now())
}

async fn delete(global: &Global, args: &DeleteArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    let place = path(&["clients", &id]);
    let found: Object<ClientObject> = api.read(&ApiRequest::get(place.clone())).await?;
    let losses = output::destruction_preview::of_client(&found.object, api.now());
    output::confirmation::confirm(&format!("Delete client {id}?"), &losses, args.yes)?;
    api.send(&ApiRequest::delete(place)).await?;
    let value = json!({ "client_id": id, "deleted": true });
    output::one(global.output, &id, &value, &[("deleted", id.clone())])
}
