//! The access log: one line for each request.

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

/// The fields common to all lines. They never include a path, a query or a header, which may hold a
/// secret. Caller text appears only where the error response repeats it.
pub(super) struct AccessLine<'a> {
    pub(super) request_id: &'a str,
    pub(super) trace_id: Option<TraceId>,
    pub(super) method: &'a str,
    pub(super) route: Option<&'a str>,
    pub(super) status: StatusCode,
    pub(super) took: Duration,
    pub(super) client: IpAddr,
}

/// The client that a request concerned, passed to the log in the extensions of the response.
#[derive(Debug, Clone)]
pub(super) struct LoggedClient(pub(super) String);

/// An issued token, passed to the log in the extensions of the response.
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
    /// Keeps the facts for the log and drops the token itself.
    pub(super) fn new(issued: IssuedToken) -> Self {
        let IssuedToken { token, times } = issued;
        let MintedToken { response, granted, jti, key } = token;
        let TokenResponse { scope, .. } = response;
        Self(Arc::new(TokenFacts { granted, scope, jti, key, times }))
    }

    fn times(&self) -> &StageTimes {
        &self.0.times
    }
}

impl AccessLine<'_> {
    /// Records the spans of the request and returns its trace id.
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

    /// Logs an issued token.
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

    /// Logs a request that was answered without a rejection.
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

    /// Logs a probe at debug level, because probes repeat every second or so.
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

    /// Logs a request that was rejected, or that failed by a fault of the server.
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

/// The reason for a rejection.
pub(super) struct Rejected<'a> {
    /// The error code in the response.
    error: &'static str,
    /// The reason code, from the closed list that metrics use.
    code: Option<&'static str>,
    /// The internal reason, which the response does not show.
    reason: Cow<'a, str>,
    /// The client that the request concerned, if it exists.
    client_id: Option<&'a str>,
}

impl<'a> Rejected<'a> {
    pub(super) fn of(rejection: &'a ErrorResponse) -> Self {
        Self {
            error: rejection.code(),
            code: Some(rejection.reason_code().as_str()),
            reason: rejection.reason(),
            client_id: rejection.client_id(),
        }
    }

    pub(super) fn of_problem(problem: &'a Problem, client: Option<&'a LoggedClient>) -> Self {
        Self {
            error: problem.code(),
            code: Some(problem.code()),
            reason: loggable(problem.reason()),
            client_id: client.map(|LoggedClient(id)| id.as_str()),
        }
    }
}
