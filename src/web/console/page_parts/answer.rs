//! Answers of the console: a page, another place, or a page that says what went wrong.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::admin::{AdminError, AdminErrorKind};
use crate::app::App;
use crate::store::StoreError;
use crate::web::api::Problem;
use crate::web::console::page_parts::frame::{Frame, Outside};
use crate::web::console::page_parts::visible::escape_hidden_characters;
use crate::web::console::security::{headers, problems};
use crate::web::console::sign_in::gate::SignedIn;
use crate::web::page::{ErrorPage, REQUEST_ID_PLACE};

/// Why a page is not shown.
#[derive(Debug)]
pub(in crate::web::console) enum ConsoleError {
    /// Something is wrong; the page of it is made by the gate, which knows who is signed in.
    Problem(Box<Problem>),
    /// The browser goes to another page of the console.
    Redirect(String),
}

impl ConsoleError {
    /// 400 for a form or a query that no page of the console makes.
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

/// What a person corrects in the form that is shown again. Everything else has a page of its own.
///
/// # Errors
/// The problem, if no other text in the form would fix it.
pub(in crate::web::console) fn correctable(error: AdminError) -> Result<String, ConsoleError> {
    if matches!(error, AdminError::PreconditionFailed) {
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

/// What a handler gives.
pub(in crate::web::console) type Answer = Result<Response, ConsoleError>;

/// 200 with a page.
pub(in crate::web::console) fn page(template: &impl Template) -> Answer {
    Ok(render(StatusCode::OK, template)?)
}

/// A page with a status.
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

/// Sends the browser to a page of the console by GET.
pub(in crate::web::console) fn see_other(place: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // A place is a path of the console, which a header can hold.
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/console/"));
    response.headers_mut().insert(LOCATION, place);
    response
}

/// A form again, with what a person has to correct.
pub(in crate::web::console) fn rejected(form: &impl Template) -> Answer {
    Ok(render(StatusCode::UNPROCESSABLE_ENTITY, form)?)
}

/// Sends the browser to a page that shows what was done; `done` is a word of
/// [`notice`](crate::web::console::page_parts::shown::notice).
pub(in crate::web::console) async fn changed(app: &App, place: &str, done: &str) -> Answer {
    catch_up_or_log(app).await;
    let separator = if place.contains('?') { '&' } else { '?' };
    Ok(see_other(&format!("{place}{separator}done={done}")))
}

/// Applies a change to the memory of this instance, so that it is effective in the next request. A
/// change that cannot be read now is applied by the background task, as on every other instance.
pub(in crate::web::console) async fn catch_up_or_log(app: &App) {
    if let Err(error) = app.catch_up().await {
        tracing::debug!(%error, "a change was not applied at once");
    }
}

/// What a page says that something went wrong.
pub(in crate::web::console) struct Failure {
    /// The status.
    pub(in crate::web::console) status: StatusCode,
    /// What happened, in a few words.
    pub(in crate::web::console) title: &'static str,
    /// What failed, what was received, what is expected.
    pub(in crate::web::console) detail: String,
    /// The stable code.
    pub(in crate::web::console) code: String,
    /// What became of the change, as far as that is known.
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

/// A form that was rejected has changed nothing. What a server that failed has done is not known.
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

/// The page of a failure, with or without a session. The outermost layer writes it into
/// the answer, because it knows the id of the request.
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

/// A path below `/console/` that does not exist.
pub(in crate::web::console) async fn not_found() -> ConsoleError {
    problems::no_page().into()
}

/// Answers a method that an address does not take.
pub(in crate::web::console) async fn other_method(method: Method) -> ConsoleError {
    problems::other_method(&method).into()
}

/// What handlers share.
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
