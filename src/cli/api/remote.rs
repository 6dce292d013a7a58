//! The admin API of a server: over HTTPS, with an access token of an administrator's client.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{Empty, Full};
use hyper::body::{Body, Bytes};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use hyper::http::request::Builder;
use hyper::{Method, Request};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::cli::api::connection::{Answer, Connector, ExchangeError};
use crate::cli::api::credentials::Credentials;
use crate::cli::api::events::SentEvents;
use crate::cli::api::failure::Failure;
use crate::cli::api::lines::AnswerLines;
use crate::cli::api::server_url::ServerUrl;
use crate::cli::api::{ApiRequest, access_token};
use crate::cli::error::CliError;
use crate::cli::remedies::command::ServerRemedy;
use crate::config::command_variables::SERVER_CA_FILE_VARIABLE;
use crate::config::environment;
use crate::web::FORCE_HEADER;

/// The header of a POST request that may be repeated.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header with the id of the last event that was received (WHATWG HTML, section 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The time limit for the head of a stream and for the text of an error.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum silence in a stream of events: 30 times the interval of the server's keep-alive
/// comments.
const EVENT_SILENCE: Duration = Duration::from_mins(1);

/// The time limit for an upload until its response begins: the server validates the whole upload
/// first.
const UPLOAD_TIMEOUT: Duration = Duration::from_hours(1);

/// The maximum silence in the response to an upload.
const UPLOAD_SILENCE: Duration = Duration::from_mins(10);

/// The API of a server.
pub(crate) struct RemoteApi {
    server: ServerUrl,
    connector: Connector,
    credentials: Credentials,
    token: Mutex<Option<SecretString>>,
    is_forced: bool,
}

/// The server that a command is sent to, and the origin of its URL.
#[derive(Debug, Clone)]
pub(crate) struct NamedServer {
    /// `--server`, or the name of the variable.
    pub(crate) origin: &'static str,
    /// The URL as given.
    pub(crate) url: String,
}

impl RemoteApi {
    /// Creates the API of this server with the credentials of the environment. Sends nothing yet.
    /// With `is_forced`, changes also apply to objects that are managed by a source.
    pub(crate) fn new(named: &NamedServer, is_forced: bool) -> Result<Self, CliError> {
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

    /// Returns the URL of the server, as it is recorded in a leftover file.
    pub(crate) fn server(&self) -> String {
        self.server.to_string()
    }

    pub(super) async fn send(&self, request: &ApiRequest) -> Result<Value, Failure> {
        self.with_token(async |token| self.send_with(token, request).await).await
    }

    /// Follows a stream of events after the event with this id.
    pub(crate) async fn follow(
        &self,
        request: &ApiRequest,
        last: i64,
    ) -> Result<SentEvents, Failure> {
        let lines = self
            .with_token(async |token| {
                let head = self
                    .head(token, request)?
                    .header(ACCEPT, "text/event-stream")
                    .header(LAST_EVENT_ID, last);
                let http = built(head, Empty::new())?;
                self.open(request, http, HEAD_TIMEOUT, EVENT_SILENCE).await
            })
            .await?;
        Ok(SentEvents::new(lines))
    }

    /// Streams an NDJSON upload, and returns the lines of the response. An upload is never
    /// repeated.
    pub(crate) async fn upload<B>(
        &self,
        request: &ApiRequest,
        body: B,
    ) -> Result<AnswerLines, Failure>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let token = self.new_token().await?;
        let head = self.head(&token, request)?.header(CONTENT_TYPE, "application/x-ndjson");
        self.open(request, built(head, body)?, UPLOAD_TIMEOUT, UPLOAD_SILENCE).await
    }

    /// Drops the token, so that the next request gets a new one. The dropped token is no longer
    /// valid, or lacks a right that the client may have again.
    pub(crate) async fn forget_token(&self) {
        *self.token.lock().await = None;
    }

    async fn new_token(&self) -> Result<SecretString, CliError> {
        access_token::request(&self.connector, &self.server, &self.credentials).await
    }

    /// Calls `send` with the cached token, and again with a new one if the cached one has expired.
    async fn with_token<T>(
        &self,
        send: impl AsyncFn(&SecretString) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut known = self.token.lock().await;
        if let Some(token) = known.as_ref() {
            match send(token).await {
                // A command that follows the audit log can outlive its token.
                Err(failure) if failure.is_invalid_token() => {}
                outcome => return outcome,
            }
        }
        let new = self.new_token().await?;
        send(known.insert(new)).await
    }

    async fn send_with(
        &self,
        token: &SecretString,
        request: &ApiRequest,
    ) -> Result<Value, Failure> {
        let mut head = self.head(token, request)?;
        let mut body = Bytes::new();
        if let Some(json) = &request.body {
            head = head.header(CONTENT_TYPE, "application/json");
            body = Bytes::from(json.to_string());
        }
        let url = self.server.join(&request.target())?;
        match self.connector.exchange(&url, built(head, Full::new(body))?).await {
            Ok(Answer { status, body }) => Failure::or_json(status, &body),
            Err(error) => Err(missing(request, &error)),
        }
    }

    /// Builds the head that all requests have in common.
    fn head(&self, token: &SecretString, request: &ApiRequest) -> Result<Builder, CliError> {
        let bearer = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
        let mut head = Request::builder()
            .method(&request.method)
            .header(AUTHORIZATION, access_token::sensitive(&bearer)?);
        if let Some(key) = &request.idempotency_key {
            head = head.header(IDEMPOTENCY_KEY, key);
        }
        if self.is_forced && request.method != Method::GET {
            head = head.header(FORCE_HEADER, "true");
        }
        Ok(head)
    }

    /// Opens a response of lines. An error response is read as a whole.
    async fn open<B>(
        &self,
        request: &ApiRequest,
        http: Request<B>,
        timeout: Duration,
        silence: Duration,
    ) -> Result<AnswerLines, Failure>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let url = self.server.join(&request.target())?;
        let answer = self.connector.open(&url, http, timeout).await;
        let answer = answer.map_err(|error| missing(request, &error))?;
        if answer.status().is_success() {
            return Ok(answer.lines(silence));
        }
        let whole = tokio::time::timeout(HEAD_TIMEOUT, answer.read_to_end()).await;
        let whole = whole.unwrap_or_else(|_| Err("the answer does not end".to_owned()));
        let Answer { status, body } = whole.map_err(CliError::server)?;
        Err(Failure::of_answer(status, &body))
    }
}

fn built<B>(head: Builder, body: B) -> Result<Request<B>, CliError> {
    head.body(body).map_err(|error| CliError::failed(error.to_string()))
}

fn missing(request: &ApiRequest, error: &ExchangeError) -> Failure {
    match error {
        ExchangeError::NoAnswer(text) if request.method != Method::GET => {
            CliError::outcome_unknown(text).with_remedy(ServerRemedy::OutcomeUnknown).into()
        }
        error => CliError::server(error.text()).with_remedy(ServerRemedy::Reach).into(),
    }
}
