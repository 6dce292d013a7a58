//! The admin API over the local database: calls the routes of the management listener without a
//! socket. The caller is the operator.

use std::sync::Arc;

use hyper::Request;
use hyper::header::CONTENT_TYPE;
use serde_json::Value;

use crate::admin::signing_key;
use crate::admin::signing_key::rotation::RotationPolicy;
use crate::app::App;
use crate::cli::Global;
use crate::cli::api::failure::Failure;
use crate::cli::api::{ApiRequest, ApiUse};
use crate::cli::error::CliError;
use crate::config::Requirement;
use crate::model::client::ClientId;
use crate::model::time::Clock;
use crate::outbound::Fetcher;
use crate::server::ServeError;
use crate::services::{Services, StartError};
use crate::web::{Delivery, InProcessAnswer, InProcessApi};

/// The API served in this process.
pub(crate) struct LocalApi {
    pub(super) api: InProcessApi,
}

impl LocalApi {
    /// Opens the database that the settings name.
    pub(super) async fn open(global: &Global, api_use: ApiUse) -> Result<Self, CliError> {
        let services = match api_use {
            ApiUse::Change => global.services().await?,
            ApiUse::Read | ApiUse::Fetch => {
                let config = global.config(Requirement::Nothing)?;
                let mut services = Box::pin(Services::open_to_read(config, Clock::System)).await?;
                global.close_at_end(&services.store);
                if api_use == ApiUse::Fetch {
                    let fetcher = Fetcher::new(&services.config.fetch);
                    services.fetcher = fetcher.map_err(StartError::from)?;
                }
                services
            }
        };
        let app = Arc::new(App::for_command(services).await?);
        Ok(Self { api: InProcessApi::new(app, global.principal()?) })
    }

    /// Loads the data for issuing a token to this client, and creates the signing keys that are
    /// due.
    pub(super) async fn prepare_to_issue(
        &mut self,
        global: &Global,
        client: &str,
    ) -> Result<(), CliError> {
        if self.api.app().issuer.as_str().is_empty() {
            // Fails with an error that names the setting.
            global.config(Requirement::Issuer)?;
        }
        let app = Arc::new(self.api.app().with_client_loaded(&ClientId::parse(client)?).await?);
        signing_key::rotation::rotate_due_keys(&app, RotationPolicy::CreateDue)
            .await
            .map_err(ServeError::from)?;
        self.api = InProcessApi::new(app, global.principal()?);
        Ok(())
    }

    pub(super) async fn send(
        &self,
        request: &ApiRequest,
        delivery: Option<Delivery>,
    ) -> Result<Value, Failure> {
        let mut head = Request::builder().method(&request.method).uri(request.target());
        let body = match &request.body {
            Some(body) => {
                head = head.header(CONTENT_TYPE, "application/json");
                body.to_string()
            }
            None => String::new(),
        };
        let request = head.body(body).map_err(|error| CliError::failed(error.to_string()))?;
        let InProcessAnswer { status, body, error } =
            Box::pin(self.api.call(request, delivery)).await;
        match error {
            Some(error) => Err(Failure::Operation(error)),
            None => Failure::or_json(status, &body),
        }
    }
}
