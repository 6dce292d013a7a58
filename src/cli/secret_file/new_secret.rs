//! Requests that create a secret, and the delivery of the secret. The command is the same over the
//! local database and at a server.

use std::path::Path;

use serde_json::Value;

use crate::cli::api::{Api, ApiRequest};
use crate::cli::error::CliError;
use crate::cli::remote;
use crate::cli::secret_file::destination::{Destination, Render, check_output};
use crate::cli::secret_file::{ExistingFile, check_place};
use crate::model::client::ClientId;

/// A request that creates a secret.
pub(in crate::cli) struct SecretRequest<'a> {
    pub(in crate::cli) request: ApiRequest,
    /// The client; `None` if the server generates its id.
    pub(in crate::cli) client: Option<&'a str>,
    /// The file of the secret; standard output if absent.
    pub(in crate::cli) file: Option<&'a Path>,
    pub(in crate::cli) existing: ExistingFile,
}

/// Sends a request that creates a secret, delivers the secret, and returns the response. An
/// unwritable destination is found before the request is sent.
pub(in crate::cli) async fn make(
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
        Api::Remote(_) => Box::pin(remote::secret::make(api, wanted, render)).await,
    }
}
