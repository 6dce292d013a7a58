//! `POST /v1/clients/import`: clients of another system, one JSON object per line (NDJSON). The
//! response is NDJSON as well: progress, then the clients, then a summary.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use hyper::body::Buf;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::admin::import::{self, Existing, ImportOptions};
use crate::admin::{HashLoad, Principal};
use crate::app::App;
use crate::web::api::Problem;
use crate::web::api::import_stream::{LatestProgress, answer_lines};
use crate::web::api::json::{Parameters, wrong_parameter};
use crate::web::api::openapi::{Answer, Description};
use crate::web::api::work_slot::WorkSlot;

/// The maximum body size in bytes. The clients of an import stay in memory until all are checked.
pub(super) const MAX_BODY_BYTES: usize = 64 << 20;

const BODY_TIMEOUT: Duration = Duration::from_mins(2);

/// The maximum time to write the clients. It blocks all other changes on all instances.
const WRITE_TIMEOUT: Duration = Duration::from_mins(2);

/// The media types in use for NDJSON. No media type is registered.
const MEDIA_TYPES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];

/// The example of a body in the `OpenAPI` document.
const REQUEST_EXAMPLE: &str = "\
{\"client_id\":\"acme\",\"client_secret\":\"as-it-was\",\"name\":\"Acme billing\"}
{\"client_id\":\"globex\",\"client_secret\":\"as-it-was\"}
";

/// The example of a response in the `OpenAPI` document.
const ANSWER_EXAMPLE: &str = "\
{\"progress\":{\"done\":1,\"step\":\"hashing secrets\",\"total\":2}}
{\"client_id\":\"acme\",\"result\":\"imported\"}
{\"client_id\":\"globex\",\"result\":\"imported\"}
{\"summary\":{\"dry_run\":false,\"imported\":2,\"skipped\":0,\"unchanged\":0,\"updated\":0}}
";

/// Serializes imports: an instance runs one at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct ImportSlot(WorkSlot);

/// How to import.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// What to do with a client that exists: `reject` (the default), `skip` or `update`.
    existing: Option<String>,
    /// True to check all lines, and to import nothing.
    #[serde(default)]
    dry_run: bool,
}

impl ImportQuery {
    fn options(&self) -> Result<ImportOptions, Problem> {
        let existing = match self.existing.as_deref() {
            None | Some("reject") => Existing::Reject,
            Some("skip") => Existing::Skip,
            Some("update") => Existing::Update,
            Some(_) => {
                return Err(wrong_parameter("existing", "reject, skip or update is expected"));
            }
        };
        Ok(ImportOptions {
            existing,
            is_dry_run: self.dry_run,
            load: HashLoad::Lanes,
            write_limit: Some(WRITE_TIMEOUT),
        })
    }
}

/// Imports all clients or none. Invalid lines are found before the response starts and get an error
/// status. Later failures are in the last line. The import does not wait for a slow reader, which
/// misses progress lines. If the caller disconnects before the end, nothing is imported.
pub(super) async fn run(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Extension(ImportSlot(slot)): Extension<ImportSlot>,
    Parameters(query): Parameters<ImportQuery>,
    request: Request,
) -> Result<Lines, Problem> {
    let options = query.options()?;
    check_media_type(&request)?;
    let in_progress = || {
        let text = "This instance runs another import. Try again when it has ended.";
        Problem::new(StatusCode::CONFLICT, "import_in_progress", text)
    };
    let _body = slot.enter(principal.actor().as_str()).ok_or_else(in_progress)?;
    let body = read(request.into_body()).await?;
    let permit = slot.begin().ok_or_else(in_progress)?;
    let source = body.aggregate().reader();
    let services = app.services.clone();
    let checked = import::check(&services, &principal, source, options, &|_| {}).await?;
    let latest = LatestProgress::default();
    let report = latest.clone();
    let work = async move {
        let progress = move |now| report.set(now);
        checked.run(&services, &principal, &progress).await
    };
    let lines = answer_lines(work, latest, options.is_dry_run, permit);
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Lines(response))
}

/// The NDJSON response.
pub(super) struct Lines(Response);

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for Lines {
    fn describe(description: &mut Description) {
        description.takes_text(MEDIA_TYPES[0], REQUEST_EXAMPLE);
        description.answers_text(MEDIA_TYPES[0], ANSWER_EXAMPLE);
    }
}

fn check_media_type(request: &Request) -> Result<(), Problem> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.and_then(|given| given.split(';').next()).unwrap_or_default().trim();
    if MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(essence)) {
        return Ok(());
    }
    let text = "Send Content-Type: application/x-ndjson, with one JSON object per line.";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", text))
}

async fn read(body: Body) -> Result<Collected<Bytes>, Problem> {
    let reading = Limited::new(body, MAX_BODY_BYTES).collect();
    match tokio::time::timeout(BODY_TIMEOUT, reading).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let text = format!("The body is larger than {} MiB.", MAX_BODY_BYTES >> 20);
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text))
        }
        Ok(Err(_)) => {
            Err(Problem::bad_request("invalid_body", "The body cannot be read to its end."))
        }
        Err(_) => {
            let text = "The body did not arrive in time.";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", text))
        }
    }
}
