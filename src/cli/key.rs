//! `tokend key`: the keys that tokens are signed with.

use clap::Subcommand;

use crate::cli::Global;
use crate::cli::api::{Api, ApiRequest, Purpose, path};
use crate::cli::error::CliError;
use crate::cli::objects::signing_key::SigningKeyObject;
use crate::cli::output;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the signing keys and their states
    List,
}

/// Runs `tokend key`.
pub(crate) async fn run(global: &Global, command: &KeyCommand) -> Result<(), CliError> {
    let KeyCommand::List = command;
    let api = Api::open(global, Purpose::Read).await?;
    let request = ApiRequest::get(path(&["signing-keys"]));
    let keys = api.page::<SigningKeyObject>(&request, None).await?.data;
    let header = ["KEY", "ALGORITHM", "STATE", "CREATED", "SIGNS FROM"];
    let now = api.now();
    output::many(global.output, &keys, &header, |key| key.object.row(now))
}
