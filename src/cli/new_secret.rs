//! A request that makes a secret, and where the secret goes: the same command over the local
//! database and of a server.

use std::path::Path;

use serde_json::Value;

use crate::cli::api::{Api, ApiRequest};
use crate::cli::error::CliError;
use crate::cli::remote_secret;
use crate::cli::secret_destination::{Destination, Render, check_output};
use crate::cli::secret_file::{ExistingFile, check_place};
use crate::model::client::ClientId;

/// A request that makes a secret.
pub(super) struct SecretRequest<'a> {
    /// The request.
    pub(super) request: ApiRequest,
    /// The client; `None` if its id is generated.
    pub(super) client: Option<&'a str>,
    /// The file of the secret; standard output if absent.
    pub(super) file: Option<&'a Path>,
    /// What to do with a file that exists.
    pub(super) existing: ExistingFile,
}

/// Sends a request that makes a secret, and delivers the secret; gives the answer. A destination that
/// takes nothing is found before the request is sent.
pub(super) async fn make(
    api: &Api,
    wanted: SecretRequest<'_>,
    render: Render,
) -> Result<Value, CliError> {
    match wanted.file {
        Some(file) => check_place(file)?,
        None => check_output(wanted.existing)?,
    }
    match api {
        Api::Local(api) => {
            let client = wanted.client.map(ClientId::parse).transpose()?;
            let SecretRequest { request, file, existing, .. } = wanted;
            let services = api.services();
            let destination = Destination::open(services, file, client.as_ref(), existing).await?;
            Box::pin(destination.deliver(api, &request, render)).await
        }
        Api::Remote(_) => Box::pin(remote_secret::make(api, wanted, render)).await,
    }
}
