//! The gate of the console, which every request passes before its handler. It checks the transport,
//! the origin of forms, the session and its current rights.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{Extensions, HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::admin::Principal;
use crate::admin::console::{self, Resumed, Visitor};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::console_session::ConsoleSession;
use crate::model::owner::Owner;
use crate::model::time::Timestamp;
use crate::oauth::caller::RequestOrigin;
use crate::web::api::Problem;
use crate::web::console::page_parts::answer::{ConsoleError, Failure, failure_page};
use crate::web::console::page_parts::form::{self, Form};
use crate::web::console::page_parts::frame::Frame;
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::security::cookie::Theme;
use crate::web::console::security::origin::{self, OriginError, Transport};
use crate::web::console::security::{headers, problems};

/// The signed-in user with current rights, and the data that pages need.
#[derive(Clone)]
pub(in crate::web::console) struct SignedIn(Arc<Inner>);

pub(in crate::web::console) struct Inner {
    pub(in crate::web::console) principal: Principal,
    pub(in crate::web::console) session: ConsoleSession,
    /// True for a limited time after the sign-in.
    is_recent: bool,
    pub(in crate::web::console) form_token: String,
    pub(in crate::web::console) theme: Theme,
    pub(in crate::web::console) issuer: String,
    /// The path and the query of the page.
    pub(in crate::web::console) path: String,
    pub(in crate::web::console) notice: Option<&'static str>,
    pub(in crate::web::console) now: Timestamp,
}

impl std::ops::Deref for SignedIn {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl SignedIn {
    /// Rejects a session without the scope, as the admin API does.
    ///
    /// # Errors
    /// 403 if the scope is missing.
    pub(in crate::web::console) fn require(&self, scope: AdminScope) -> Result<(), ConsoleError> {
        Ok(self.principal.require(scope)?)
    }

    /// True if the session has the scope. Pages hide everything else.
    pub(in crate::web::console) fn may(&self, scope: AdminScope) -> bool {
        self.principal.require(scope).is_ok()
    }

    /// True if the session is not limited to owners.
    pub(in crate::web::console) fn sees_all(&self) -> bool {
        self.principal.owners().is_none()
    }

    /// Returns the owners that the session is limited to, for selection.
    pub(in crate::web::console) fn owner_names(&self) -> Vec<String> {
        self.principal.owners().into_iter().flatten().map(Owner::to_string).collect()
    }

    /// Requires a recent sign-in before a dangerous action. The sign-in returns to the page `next`.
    ///
    /// # Errors
    /// A redirect to the sign-in.
    pub(in crate::web::console) fn require_recent_authentication(
        &self,
        next: &str,
    ) -> Result<(), ConsoleError> {
        if self.is_recent {
            return Ok(());
        }
        Err(ConsoleError::Redirect(format!("{}&fresh=1", sign_in_path(next))))
    }

    /// Returns the frame of a page outside of the navigation.
    pub(in crate::web::console) fn frame(&self, title: &str) -> Frame {
        Frame::new(self, title, "")
    }
}

/// Returns the path of the sign-in, which then redirects to `next`.
pub(in crate::web::console) fn sign_in_path(next: &str) -> String {
    format!("/console/sign-in?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC))
}

/// Admits requests over https or from this machine. A form must come from a page of the console.
/// All responses get the headers of a page.
pub(in crate::web::console) async fn guard(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let config = &app.services.config;
    let transport = Transport::of(config, &head.headers);
    let is_form = !matches!(head.method, Method::GET | Method::HEAD);
    let checked = transport.and_then(|transport| {
        if is_form {
            origin::check_form(config, &head.headers)?;
        }
        Ok(transport)
    });
    let is_https = checked.is_ok_and(Transport::is_https);
    let mut response = match checked {
        Ok(transport) => {
            head.extensions.insert(transport);
            match form_of(&head.headers, body, is_form).await {
                Ok(form) => {
                    head.extensions.insert(form);
                    next.run(Request::from_parts(head, Body::empty())).await
                }
                Err(error) => error.into_response(),
            }
        }
        Err(error) => ConsoleError::from(problem(error)).into_response(),
    };
    add_page(None, is_form, &mut response);
    headers::add(response.headers_mut(), is_https);
    response
}

fn problem(error: OriginError) -> Problem {
    match error {
        OriginError::PlainHttp => problems::plain_http(),
        OriginError::OtherSite => problems::other_site(),
    }
}

async fn form_of(headers: &HeaderMap, body: Body, is_form: bool) -> Result<Form, ConsoleError> {
    const KIND: &str = "application/x-www-form-urlencoded";
    if !is_form {
        return Ok(Form::default());
    }
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok());
    let media_type = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if media_type != Some(KIND) {
        return Err(ConsoleError::invalid("A form is sent as application/x-www-form-urlencoded."));
    }
    let read = Limited::new(body, form::MAX_BYTES).collect().await;
    let bytes: Bytes = read
        .map_err(|_| ConsoleError::invalid("The form is larger than 64 KiB, or it was cut off."))?
        .to_bytes();
    Ok(Form::parse(&bytes))
}

/// Admits requests with a valid session and adds its current rights. A form must have the CSRF
/// token of the session. Other requests are redirected to the sign-in.
pub(in crate::web::console) async fn signed_in(
    State(app): State<Arc<App>>,
    Extension(form): Extension<Form>,
    Extension(transport): Extension<Transport>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let is_form = !matches!(head.method, Method::GET | Method::HEAD);
    let signed_in = match resume(&app, transport, &head).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => {
            let place = path_of(&head);
            let place =
                origin::safe_redirect_path(place).filter(|_| !is_form).unwrap_or("/console/");
            return ConsoleError::Redirect(sign_in_path(place)).into_response();
        }
        Err(error) => return error.into_response(),
    };
    let mut response = if is_form && form.text(form::TOKEN) != Some(&signed_in.form_token) {
        ConsoleError::from(problems::other_session()).into_response()
    } else {
        head.extensions.insert(signed_in.clone());
        next.run(Request::from_parts(head, body)).await
    };
    add_page(Some(&signed_in), is_form, &mut response);
    response
}

fn path_of(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/console/", PathAndQuery::as_str)
}

async fn resume(
    app: &App,
    transport: Transport,
    head: &Parts,
) -> Result<Option<SignedIn>, ConsoleError> {
    let Some(secret) = transport.cookie.read(&head.headers) else { return Ok(None) };
    let address = origin_of(&head.extensions)?.address;
    let Some(resumed) = console::resume(&app.services, &secret, address).await? else {
        return Ok(None);
    };
    let Resumed { session, principal, is_recent } = resumed;
    let inner = Inner {
        principal,
        session,
        is_recent,
        form_token: console::form_token(&secret),
        theme: Theme::read(&head.headers),
        issuer: app.issuer.as_str().to_owned(),
        path: origin::safe_redirect_path(path_of(head)).unwrap_or("/console/").to_owned(),
        notice: Notice::of_query(head.uri.query()).map(Notice::text),
        now: app.services.clock.now(),
    };
    Ok(Some(SignedIn(Arc::new(inner))))
}

/// Returns the origin of a request.
pub(in crate::web::console) fn origin_of(
    extensions: &Extensions,
) -> Result<RequestOrigin, ConsoleError> {
    let origin = extensions.get::<RequestOrigin>().cloned();
    origin.ok_or_else(|| Problem::internal("a request has no origin").into())
}

pub(in crate::web::console) fn visitor<'a>(
    origin: &RequestOrigin,
    headers: &'a HeaderMap,
) -> Visitor<'a> {
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    Visitor { address: origin.address, user_agent: user_agent.unwrap_or_default() }
}

/// Adds an error page to a response with a problem.
fn add_page(signed_in: Option<&SignedIn>, is_form: bool, response: &mut Response) {
    let has_page = response.extensions().get::<crate::web::page::ErrorPage>().is_some();
    let problem = response.extensions().get::<Problem>();
    let Some(failure) = problem.map(|problem| Failure::of(problem, is_form)) else { return };
    if !has_page {
        response.extensions_mut().insert(failure_page(signed_in, &failure));
    }
}
