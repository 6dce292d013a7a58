//! Liveness and readiness: a status code for machines and a text for people.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::app::App;
use crate::web::error_response::ErrorResponse;

const ALLOWED: &str = "GET, HEAD";

/// The delay in seconds, beyond the poll interval, after which the database is reported as late.
const LATE_SECONDS: i64 = 5;

/// The result of the readiness check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(super) struct Report {
    /// `ready`, `degraded: REASON`, `unavailable` or `stopping`.
    #[schema(examples("ready"))]
    status: String,
    #[serde(skip)]
    state: HealthState,
    /// `ok`, or for how long the database is unavailable and what that means.
    #[schema(value_type = String, examples("ok"))]
    database: PartState,
    /// `ok`, or that no key can sign.
    #[schema(value_type = String, examples("ok"))]
    signing_key: PartState,
    /// `ok`, or the tasks that fail.
    #[schema(value_type = String, examples("ok"))]
    background_tasks: PartState,
}

/// The state of a part of an instance.
#[derive(Debug)]
enum PartState {
    Ok,
    Problem(String),
}

/// Serializes `ok` or the problem.
impl Serialize for PartState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Ok => "ok",
            Self::Problem(problem) => problem,
        })
    }
}

/// The state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HealthState {
    /// It issues tokens and has no problems.
    Ready,
    /// It issues tokens, but has a problem.
    Degraded,
    /// It issues no tokens.
    Unavailable,
    /// It was asked to stop.
    Stopping,
}

impl HealthState {
    pub(super) const ALL: [Self; 4] =
        [Self::Ready, Self::Degraded, Self::Unavailable, Self::Stopping];

    /// Returns the name in responses and metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Unavailable => "unavailable",
            Self::Stopping => "stopping",
        }
    }
}

impl Report {
    /// Describes each part that has a problem, for people.
    pub(super) fn problems(&self) -> Vec<String> {
        let parts = [
            ("database", &self.database),
            ("signing key", &self.signing_key),
            ("background tasks", &self.background_tasks),
        ];
        let problem = |(part, state): (&str, &PartState)| match state {
            PartState::Ok => None,
            PartState::Problem(problem) => Some(format!("{part}: {problem}")),
        };
        parts.into_iter().filter_map(problem).collect()
    }

    pub(super) fn state(&self) -> HealthState {
        self.state
    }
}

/// Reports liveness. It never depends on another component, whose outage must not restart the
/// process.
pub(super) async fn live(request: Request) -> Result<Response, ErrorResponse> {
    write(&request, StatusCode::OK, &serde_json::json!({ "status": "alive" }))
}

/// Reports if the instance can issue tokens, if necessary from memory (D3).
pub(super) async fn ready(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (status, report) = report(&app);
    write(&request, status, &report)
}

/// The state of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatabaseState {
    Ok,
    RejectsWrites,
    Unavailable,
    /// Changes have not been read for this number of seconds.
    Late(i64),
    /// Late by more than `directory.max_staleness`.
    TooLate(i64),
}

impl DatabaseState {
    /// Returns the worst state that applies.
    fn of(app: &App) -> Self {
        let config = &app.services.config.directory;
        let staleness = app.directory.staleness(app.services.clock.now());
        let poll = i64::try_from(config.poll_interval.as_secs()).unwrap_or(i64::MAX);
        if staleness > config.max_staleness.seconds() {
            Self::TooLate(staleness)
        } else if staleness > poll.saturating_add(LATE_SECONDS) {
            Self::Late(staleness)
        } else if app.database.is_unavailable() {
            Self::Unavailable
        } else if app.database.rejects_writes() {
            Self::RejectsWrites
        } else {
            Self::Ok
        }
    }

    /// Returns why the instance is degraded.
    fn degradation(self) -> Option<&'static str> {
        match self {
            Self::Ok => None,
            Self::RejectsWrites => Some("writes fail"),
            Self::Unavailable | Self::Late(_) | Self::TooLate(_) => {
                Some("the database is unavailable")
            }
        }
    }

    /// Describes the consequences for tokens and changes.
    fn part_state(self) -> PartState {
        PartState::Problem(match self {
            Self::Ok => return PartState::Ok,
            Self::RejectsWrites => {
                "takes no writes: tokens are issued, changes are not stored".to_owned()
            }
            Self::Unavailable => {
                "does not answer: tokens are issued from memory, changes wait".to_owned()
            }
            Self::Late(seconds) => {
                format!("unavailable for {seconds} s: tokens are issued from memory, changes wait")
            }
            Self::TooLate(seconds) => format!(
                "unavailable for {seconds} s: longer than directory.max_staleness, no tokens are \
                 issued"
            ),
        })
    }
}

pub(super) fn report(app: &App) -> (StatusCode, Report) {
    let database = DatabaseState::of(app);
    let can_sign = app.directory.keyring().signing_any(app.services.clock.now()).is_some();
    let failing = app.background.failing(app.services.clock.monotonic());
    let degradation =
        database.degradation().or((!failing.is_empty()).then_some("background tasks fail"));
    let (code, state) = if app.stopping.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, HealthState::Stopping)
    } else if !can_sign || matches!(database, DatabaseState::TooLate(_)) {
        (StatusCode::SERVICE_UNAVAILABLE, HealthState::Unavailable)
    } else if degradation.is_some() {
        (StatusCode::OK, HealthState::Degraded)
    } else {
        (StatusCode::OK, HealthState::Ready)
    };
    let status = match degradation {
        Some(reason) if state == HealthState::Degraded => format!("degraded: {reason}"),
        _ => state.as_str().to_owned(),
    };
    let database = database.part_state();
    let signing_key =
        if can_sign { PartState::Ok } else { PartState::Problem("no key can sign".to_owned()) };
    let background_tasks = if failing.is_empty() {
        PartState::Ok
    } else {
        let tasks = failing.join(", ");
        PartState::Problem(format!("these tasks fail repeatedly: {tasks}; the log says why"))
    };
    (code, Report { status, state, database, signing_key, background_tasks })
}

fn write<T: Serialize>(
    request: &Request,
    status: StatusCode,
    report: &T,
) -> Result<Response, ErrorResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ErrorResponse::method_not_allowed(ALLOWED));
    }
    let body = serde_json::to_string(report).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
