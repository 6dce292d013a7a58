//! Responses of the console: a page, a redirect or an error page.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::admin::revision::PreconditionError;
use crate::admin::{AdminError, AdminErrorKind};
use crate::app::App;
use crate::store::StoreError;
use crate::web::api::Problem;
use crate::web::console::page_parts::frame::{Frame, Outside};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::visible::escape_hidden_characters;
use crate::web::console::security::{headers, problems};
use crate::web::console::sign_in::gate::SignedIn;
use crate::web::page::{ErrorPage, REQUEST_ID_PLACE};

/// Why a page is not shown.
#[derive(Debug)]
pub(in crate::web::console) enum ConsoleError {
    /// An error. The gate renders its page, because it knows the session.
    Problem(Box<Problem>),
    /// A redirect to another page of the console.
    Redirect(String),
}

impl ConsoleError {
    /// 400 for a form or a query that the console does not produce.
    pub(in crate::web::console) fn invalid(detail: impl Into<String>) -> Self {
        Problem::bad_request("invalid_query", detail).into()
    }
}

impl From<Problem> for ConsoleError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<AdminError> for ConsoleError {
    fn from(error: AdminError) -> Self {
        Problem::from(error).into()
    }
}

impl From<StoreError> for ConsoleError {
    fn from(error: StoreError) -> Self {
        AdminError::from(error).into()
    }
}

impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Redirect(place) => see_other(&place),
        }
    }
}

/// Returns the text of an error that can be corrected in the form. Other errors have their own
/// page.
///
/// # Errors
/// The error itself, if other input would not fix it.
pub(in crate::web::console) fn correctable(error: AdminError) -> Result<String, ConsoleError> {
    if matches!(error, AdminError::Precondition(PreconditionError::Changed)) {
        return Err(problems::changed_since().into());
    }
    let is_of_form = match error.code().kind() {
        AdminErrorKind::Invalid | AdminErrorKind::Conflict => true,
        _ => matches!(
            error,
            AdminError::OwnerNotHeld { .. }
                | AdminError::OwnerPolicy(_)
                | AdminError::ApprovalNeeded { .. }
        ),
    };
    if is_of_form { Ok(error.to_string()) } else { Err(error.into()) }
}

/// The result of a handler.
pub(in crate::web::console) type Answer = Result<Response, ConsoleError>;

pub(in crate::web::console) fn page(template: &impl Template) -> Answer {
    Ok(render(StatusCode::OK, template)?)
}

pub(in crate::web::console) fn render(
    status: StatusCode,
    template: &impl Template,
) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| Problem::internal(&error.to_string()))?;
    let mut response = Response::new(Body::from(escape_hidden_characters(html)));
    *response.status_mut() = status;
    headers::add(response.headers_mut(), false);
    Ok(response)
}

/// Redirects the browser to a page of the console by GET.
pub(in crate::web::console) fn see_other(place: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // Paths of the console are valid header values.
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/console/"));
    response.headers_mut().insert(LOCATION, place);
    response
}

/// Shows a form again with the problem.
pub(in crate::web::console) fn rejected(form: &impl Template) -> Answer {
    Ok(render(StatusCode::UNPROCESSABLE_ENTITY, form)?)
}

/// Redirects to a page that shows a notice.
pub(in crate::web::console) async fn changed(app: &App, place: &str, notice: Notice) -> Answer {
    catch_up_or_log(app).await;
    let separator = if place.contains('?') { '&' } else { '?' };
    Ok(see_other(&format!("{place}{separator}done={}", notice.as_str())))
}

/// Applies a change to the memory of this instance, so that the next request sees it. If that fails
/// now, the background task applies the change, as on other instances.
pub(in crate::web::console) async fn catch_up_or_log(app: &App) {
    if let Err(error) = app.catch_up().await {
        tracing::debug!(%error, "a change was not applied at once");
    }
}

/// The content of an error page.
pub(in crate::web::console) struct Failure {
    pub(in crate::web::console) status: StatusCode,
    pub(in crate::web::console) title: &'static str,
    /// The failure, the received and the expected value.
    pub(in crate::web::console) detail: String,
    pub(in crate::web::console) code: String,
    /// The effect of the failed change, as far as it is known.
    pub(in crate::web::console) outcome: &'static str,
}

impl Failure {
    pub(in crate::web::console) fn of(problem: &Problem, is_form: bool) -> Self {
        Self {
            outcome: outcome(problem, is_form),
            status: problem.status(),
            title: title(problem.status()),
            detail: problem.detail().to_owned(),
            code: problem.code().to_owned(),
        }
    }
}

/// Describes the effect of a failed form. A rejected form changed nothing; after a server error,
/// the effect is unknown.
fn outcome(problem: &Problem, is_form: bool) -> &'static str {
    let is_rejected = problem.status().is_client_error();
    match problem.code() {
        "form_sent_twice" => "The first form may have changed something.",
        _ if !is_form => "",
        _ if is_rejected => "Nothing was changed. Go back to the page before and correct the form.",
        _ => "Whether something was changed is not known. Look at the object before you repeat it.",
    }
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "Not permitted",
        404 => "Not found",
        409 | 412 | 428 => "It does not fit the present state",
        400 | 422 => "That is not possible",
        413 => "The form is too large",
        429 => "Too many requests",
        503 => "Not available right now",
        _ => "The server failed",
    }
}

#[derive(Template)]
#[template(path = "console/page_parts/failure.html")]
struct FailurePage<'a> {
    frame: Frame,
    failure: &'a Failure,
    request_id: &'static str,
}

#[derive(Template)]
#[template(path = "console/page_parts/failure_outside.html")]
struct FailureOutside<'a> {
    outside: Outside,
    failure: &'a Failure,
    request_id: &'static str,
}

/// Renders the page of a failure, with or without a session. The outermost layer adds it to the
/// response, because it knows the request id.
pub(in crate::web::console) fn failure_page(
    signed_in: Option<&SignedIn>,
    failure: &Failure,
) -> ErrorPage {
    let request_id = REQUEST_ID_PLACE;
    let html = match signed_in {
        Some(signed_in) => {
            let frame = signed_in.frame(failure.title);
            FailurePage { frame, failure, request_id }.render()
        }
        None => FailureOutside { outside: Outside::default(), failure, request_id }.render(),
    };
    ErrorPage::with_headers(escape_hidden_characters(html.unwrap_or_default()), &headers::PAGE)
}

/// Answers a path below `/console/` that does not exist.
pub(in crate::web::console) async fn not_found() -> ConsoleError {
    problems::no_page().into()
}

/// Answers a method that the path does not accept.
pub(in crate::web::console) async fn other_method(method: Method) -> ConsoleError {
    problems::other_method(&method).into()
}

/// The state that handlers share.
pub(in crate::web::console) type AppState = axum::extract::State<Arc<App>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_states_whether_something_changed() {
        let says = |problem: &Problem, is_form, text: &str| {
            assert!(Failure::of(problem, is_form).outcome.starts_with(text), "{text}");
        };
        says(&Problem::bad_request("invalid_query", "x"), true, "Nothing was changed.");
        says(&Problem::internal("x"), true, "Whether something was changed is not known.");
        says(&problems::sent_twice(), true, "The first form may have changed something.");
        assert_eq!(Failure::of(&problems::no_page(), false).outcome, "");
    }
}
