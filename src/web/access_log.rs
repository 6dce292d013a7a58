//! The line that each request has in the log.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::Response;

use crate::keys::keyring::SigningKey;
use crate::oauth::token::IssuedToken;
use crate::oauth::token::authorization::Granted;
use crate::oauth::token::mint::{MintedToken, TokenResponse};
use crate::telemetry::stage_times::StageTimes;
use crate::telemetry::trace_context::{TraceId, TraceParent};
use crate::telemetry::traces::{RequestSpan, Traces};
use crate::web::api::Problem;
use crate::web::error_response::{ErrorResponse, loggable};

/// What a line says of every request. Never a path, a query or a header: they may hold a secret. Of
/// the caller's text only what a rejection itself repeats is in it.
pub(super) struct AccessLine<'a> {
    pub(super) request_id: &'a str,
    pub(super) trace_id: Option<TraceId>,
    pub(super) method: &'a str,
    /// The pattern of the path.
    pub(super) route: Option<&'a str>,
    pub(super) status: StatusCode,
    pub(super) took: Duration,
    pub(super) client: IpAddr,
}

/// The client that a request was about, on its way to the log in the extensions of the answer.
#[derive(Debug, Clone)]
pub(super) struct LoggedClient(pub(super) String);

/// An issued token, on its way to the log in the extensions of the answer.
#[derive(Debug, Clone)]
pub(super) struct LoggedToken(Arc<TokenFacts>);

#[derive(Debug)]
struct TokenFacts {
    granted: Granted,
    scope: Option<String>,
    jti: String,
    key: Arc<SigningKey>,
    times: StageTimes,
}

impl LoggedToken {
    /// Takes what the log says of a token. The token itself is dropped.
    pub(super) fn new(issued: IssuedToken) -> Self {
        let IssuedToken { token, times } = issued;
        let MintedToken { response, granted, jti, key } = token;
        let TokenResponse { scope, .. } = response;
        Self(Arc::new(TokenFacts { granted, scope, jti, key, times }))
    }

    /// The stages of its request.
    fn times(&self) -> &StageTimes {
        &self.0.times
    }
}

impl AccessLine<'_> {
    /// Makes the spans of the request; gives its trace.
    pub(super) fn record_spans(
        &self,
        traces: &Traces,
        parent: Option<TraceParent>,
        started: Instant,
        response: &Response,
    ) -> Option<TraceId> {
        let facts = response.extensions();
        let token = facts.get::<LoggedToken>();
        let rejection = facts.get::<ErrorResponse>();
        let problem = facts.get::<Problem>();
        let client = facts.get::<LoggedClient>().map(|LoggedClient(id)| id.as_str());
        let of_token = || token.map(|LoggedToken(token)| token.granted.client().id().as_str());
        traces.record(&RequestSpan {
            parent,
            started,
            took: self.took,
            method: self.method,
            route: self.route,
            status: self.status.as_u16(),
            error: rejection.map(ErrorResponse::code).or_else(|| problem.map(Problem::code)),
            request_id: self.request_id,
            address: self.client,
            client_id: client.or_else(of_token).or_else(|| rejection?.client_id()),
            times: token.map(LoggedToken::times).or_else(|| rejection?.times()),
        })
    }

    fn duration_ms(&self) -> f64 {
        (self.took.as_secs_f64() * 1e6).round() / 1e3
    }

    /// A token was issued.
    pub(super) fn issued(&self, LoggedToken(token): &LoggedToken) {
        let client = token.granted.client();
        tracing::info!(
            request_id = self.request_id,
            trace_id = self.trace_id.map(tracing::field::display),
            http.request.method = self.method,
            http.route = self.route,
            http.response.status_code = self.status.as_u16(),
            duration_ms = self.duration_ms(),
            client.address = %self.client,
            client.id = client.id().as_str(),
            grant_type = token.granted.grant_type().as_str(),
            auth_method = client.authenticated_by().as_str(),
            resource = token.granted.resource().resource.as_str(),
            scope = token.scope.as_deref(),
            token.jti = token.jti.as_str(),
            token.kid = token.key.kid().as_str(),
            "token issued"
        );
    }

    /// A request was answered, and was not rejected.
    pub(super) fn answered(&self, client_id: Option<&str>) {
        tracing::info!(
            request_id = self.request_id,
            trace_id = self.trace_id.map(tracing::field::display),
            http.request.method = self.method,
            http.route = self.route,
            http.response.status_code = self.status.as_u16(),
            duration_ms = self.duration_ms(),
            client.address = %self.client,
            client.id = client_id,
            "request answered"
        );
    }

    /// A probe was answered: there is one every second or so, and each says the same.
    pub(super) fn probed(&self) {
        tracing::debug!(
            request_id = self.request_id,
            trace_id = self.trace_id.map(tracing::field::display),
            http.request.method = self.method,
            http.route = self.route,
            http.response.status_code = self.status.as_u16(),
            duration_ms = self.duration_ms(),
            client.address = %self.client,
            "probe answered"
        );
    }

    /// A request was rejected, or failed by a fault of the server.
    pub(super) fn rejected(&self, rejection: &Rejected<'_>) {
        let &Rejected { error, code, ref reason, client_id } = rejection;
        if self.status.is_server_error() {
            tracing::error!(
                request_id = self.request_id,
                trace_id = self.trace_id.map(tracing::field::display),
                http.request.method = self.method,
                http.route = self.route,
                http.response.status_code = self.status.as_u16(),
                duration_ms = self.duration_ms(),
                client.address = %self.client,
                client.id = client_id,
                error.type = error,
                reason_code = code,
                reason = &**reason,
                "request failed"
            );
        } else {
            tracing::info!(
                request_id = self.request_id,
                trace_id = self.trace_id.map(tracing::field::display),
                http.request.method = self.method,
                http.route = self.route,
                http.response.status_code = self.status.as_u16(),
                duration_ms = self.duration_ms(),
                client.address = %self.client,
                client.id = client_id,
                error.type = error,
                reason_code = code,
                reason = &**reason,
                "request rejected"
            );
        }
    }
}

/// Why a request was rejected.
pub(super) struct Rejected<'a> {
    /// The code of the answer.
    error: &'static str,
    /// The reason in the closed lists that metrics have.
    code: Option<&'static str>,
    /// The true reason.
    reason: Cow<'a, str>,
    /// The client that the request was about, if it exists.
    client_id: Option<&'a str>,
}

impl<'a> Rejected<'a> {
    /// The rejection of a request of a client.
    pub(super) fn of(rejection: &'a ErrorResponse) -> Self {
        Self {
            error: rejection.code(),
            code: Some(rejection.reason_code().as_str()),
            reason: rejection.reason(),
            client_id: rejection.client_id(),
        }
    }

    /// The rejection of a request to the admin API.
    pub(super) fn of_problem(problem: &'a Problem, client: Option<&'a LoggedClient>) -> Self {
        Self {
            error: problem.code(),
            code: Some(problem.code()),
            reason: loggable(problem.reason()),
            client_id: client.map(|LoggedClient(id)| id.as_str()),
        }
    }
}
