//! The admin API of a server: over HTTPS, with an access token of an administrator's client.

use std::path::PathBuf;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use hyper::{Method, Request};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::cli::api::connection::{Answer, Connector, ExchangeError};
use crate::cli::api::credentials::Credentials;
use crate::cli::api::failure::Failure;
use crate::cli::api::server_url::ServerUrl;
use crate::cli::api::{ApiRequest, access_token};
use crate::cli::error::CliError;
use crate::cli::remedies::command::ServerRemedy;
use crate::config::command_variables::SERVER_CA_FILE_VARIABLE;
use crate::config::environment;
use crate::web::FORCE_HEADER;

/// The header of a POST that may be repeated.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The API of a server.
pub(crate) struct RemoteApi {
    server: ServerUrl,
    connector: Connector,
    credentials: Credentials,
    token: Mutex<Option<SecretString>>,
    is_forced: bool,
}

/// The server that a command is sent to, and what named it.
#[derive(Debug, Clone)]
pub(crate) struct NamedServer {
    /// `--server` or the variable.
    pub(crate) origin: &'static str,
    /// The URL as it was given.
    pub(crate) url: String,
}

impl RemoteApi {
    /// The API of this server, for the credentials of the environment. Nothing is sent yet. With
    /// `is_forced`, changes are made to objects that are applied from a source as well.
    pub(super) fn new(named: &NamedServer, is_forced: bool) -> Result<Self, CliError> {
        let server = ServerUrl::parse(named.origin, &named.url)?;
        let credentials = Credentials::from_environment()?;
        let environment = environment();
        let ca_file = environment.iter().find(|(name, _)| name == SERVER_CA_FILE_VARIABLE);
        let ca_file = ca_file.map(|(_, path)| PathBuf::from(path));
        let connector = Connector::new(ca_file.as_deref()).map_err(|problem| {
            CliError::configuration(format!("{SERVER_CA_FILE_VARIABLE}: {problem}"))
        })?;
        Ok(Self { server, connector, credentials, token: Mutex::new(None), is_forced })
    }

    /// The server, as a file that a command leaves behind names it.
    pub(crate) fn server(&self) -> String {
        self.server.to_string()
    }

    pub(super) async fn send(&self, request: &ApiRequest) -> Result<Value, Failure> {
        let mut known = self.token.lock().await;
        if let Some(token) = known.as_ref() {
            match self.send_with(token, request).await {
                // The token of a command that follows the audit log expires.
                Err(failure) if failure.is_invalid_token() => {}
                outcome => return outcome,
            }
        }
        let new = access_token::request(&self.connector, &self.server, &self.credentials).await?;
        let token = known.insert(new);
        self.send_with(token, request).await
    }

    async fn send_with(
        &self,
        token: &SecretString,
        request: &ApiRequest,
    ) -> Result<Value, Failure> {
        let bearer = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
        let mut head = Request::builder()
            .method(&request.method)
            .header(AUTHORIZATION, access_token::sensitive(&bearer)?);
        let mut body = Bytes::new();
        if let Some(json) = &request.body {
            head = head.header(CONTENT_TYPE, "application/json");
            body = Bytes::from(json.to_string());
        }
        if let Some(key) = &request.idempotency_key {
            head = head.header(IDEMPOTENCY_KEY, key);
        }
        if self.is_forced && request.method != Method::GET {
            head = head.header(FORCE_HEADER, "true");
        }
        let url = self.server.join(&request.target())?;
        let http = head.body(Full::new(body));
        let http = http.map_err(|error| CliError::failed(error.to_string()))?;
        match self.connector.exchange(&url, http).await {
            Ok(Answer { status, body }) => Failure::or_json(status, &body),
            Err(ExchangeError::NoAnswer(text)) if request.method != Method::GET => {
                Err(CliError::outcome_unknown(text)
                    .with_remedy(ServerRemedy::OutcomeUnknown)
                    .into())
            }
            Err(error) => {
                Err(CliError::server(error.text()).with_remedy(ServerRemedy::Reach).into())
            }
        }
    }
}
