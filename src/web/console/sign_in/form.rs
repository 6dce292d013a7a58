//! Sign-in with a one-time link of the operator, or with the id and secret of an administrator.
//! `oidc` implements the third method, a corporate identity provider.

use std::borrow::Cow;

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;

use crate::admin::console::{self, OpenedSession};
use crate::app::App;
use crate::model::client::{AuthenticationMethod, ClientId};
use crate::oauth::caller::{Caller, Credentials, RequestOrigin, SecretCredentials, SecretMethod};
use crate::oauth::client_authentication::{AuthenticationPurpose, authenticate};
use crate::oauth::error::OAuthError;
use crate::secrets::secret;
use crate::web::console::page_parts::answer::{self, Answer, AppState};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::Outside;
use crate::web::console::security::cookie::is_secret;
use crate::web::console::security::headers;
use crate::web::console::security::origin::{Transport, safe_redirect_path};
use crate::web::console::security::problems;
use crate::web::console::sign_in::gate;
use crate::web::console::sign_in::oidc;
use crate::web::error_response::ErrorResponse;
use crate::web::page::{ErrorPage, REQUEST_ID_PLACE};

#[derive(Template)]
#[template(path = "console/sign_in/form.html")]
struct SignInPage {
    outside: Outside,
    issuer: String,
    /// The page to show after the sign-in.
    next: String,
    provider: Option<ProviderLink>,
    /// True if recent authentication is required before a dangerous action.
    is_reauthentication: bool,
    /// True if the browser came from another site and therefore withheld the cookie.
    is_cross_site: bool,
    failure: Option<SignInFailure>,
    /// The client id that was entered before.
    client_id: String,
    request_id: &'static str,
}

struct ProviderLink {
    /// The host of the provider.
    name: String,
    path: String,
}

pub(in crate::web::console) struct SignInFailure {
    pub(in crate::web::console) title: &'static str,
    pub(in crate::web::console) detail: Cow<'static, str>,
}

impl SignInPage {
    fn new(app: &App, next: Option<&str>) -> Self {
        Self {
            outside: Outside::default(),
            issuer: app.issuer.as_str().to_owned(),
            next: next.and_then(safe_redirect_path).unwrap_or("/console/").to_owned(),
            provider: None,
            is_reauthentication: false,
            is_cross_site: false,
            failure: None,
            client_id: String::new(),
            request_id: REQUEST_ID_PLACE,
        }
        .with_provider(app)
    }

    fn with_provider(mut self, app: &App) -> Self {
        let provider = app.services.identity_provider.as_ref();
        self.provider = provider.map(|provider| ProviderLink {
            name: provider.settings().issuer.host().to_owned(),
            path: oidc::begin_path(&self.next, self.is_reauthentication),
        });
        self
    }
}

pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(transport): Extension<Transport>,
    request: Request,
) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    let value = |name: &str| {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    };
    let mut page = SignInPage::new(&app, value("next").as_deref());
    page.is_reauthentication = value("fresh").is_some();
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    // The browser withholds strict cookies when it follows a link from another site. The page then
    // navigates to `next` itself.
    let has_cookie = transport.cookie.read(request.headers()).is_some();
    page.is_cross_site = site == Some("cross-site") && !has_cookie && !page.is_reauthentication;
    answer::page(&page.with_provider(&app))
}

/// Signs in with a one-time link. The form accepts the whole link or the part after `#`.
pub(in crate::web::console) async fn by_link(
    State(app): AppState,
    Extension(form): Extension<Form>,
    Extension(transport): Extension<Transport>,
    request: Request,
) -> Answer {
    form.only(&["link", "next"])?;
    let origin = gate::origin_of(request.extensions())?;
    let text = form.text("link").unwrap_or_default();
    let secret = text.rsplit('#').next().unwrap_or_default();
    let opened = if is_secret(secret) {
        let visitor = gate::visitor(&origin, request.headers());
        console::open_by_link(&app.services, &SecretString::from(secret), &visitor).await?
    } else {
        None
    };
    if let Some(opened) = opened {
        return enter(&app, transport, request.headers(), &origin, opened, &form).await;
    }
    let error = OAuthError::authentication_failed("the link of the console is not valid");
    Ok(failed(&app, error, &LINK_FAILED, form.text("next"), ""))
}

static LINK_FAILED: SignInFailure = SignInFailure {
    title: "This link does not work",
    detail: Cow::Borrowed(
        "A link works once, within 30 minutes. Make a new one on the server: tokend console link",
    ),
};

static CLIENT_FAILED: SignInFailure = SignInFailure {
    title: "Sign-in failed",
    detail: Cow::Borrowed(
        "The client id or the secret is not valid. The reason is recorded under the request id: tokend explain shows it.",
    ),
};

/// Signs in with the id and secret of an administrator. The secret is checked as in a token
/// request, with the same hash queue, guess limit and rejection records.
pub(in crate::web::console) async fn by_client(
    State(app): AppState,
    Extension(form): Extension<Form>,
    Extension(transport): Extension<Transport>,
    request: Request,
) -> Answer {
    form.only(&["client_id", "client_secret", "next"])?;
    let origin = gate::origin_of(request.extensions())?;
    let secret = SecretString::from(form.text("client_secret").unwrap_or_default());
    let typed = form.typed("client_id");
    let id = form.text("client_id").unwrap_or_default().to_owned();
    if id.len() > ClientId::MAX_LENGTH {
        let error = OAuthError::authentication_failed("the client id is too long");
        return Ok(failed(&app, error, &CLIENT_FAILED, form.text("next"), &typed));
    }
    // Read before the authentication, so that a later revocation has a higher sequence.
    let sequence = app.directory.published_sequence();
    let caller = caller(&app, id, secret, origin.clone());
    let client = match authenticate(&app, &caller, AuthenticationPurpose::Other).await {
        Ok(client) => client,
        Err(error) => return Ok(failed(&app, error, &CLIENT_FAILED, form.text("next"), &typed)),
    };
    let visitor = gate::visitor(&origin, request.headers());
    let services = &app.services;
    let opened = match client.secret_id() {
        Some(secret_id) => {
            console::open_for_client(services, client.id(), secret_id, sequence, &visitor).await?
        }
        None => None,
    };
    match opened {
        Some(opened) => enter(&app, transport, request.headers(), &origin, opened, &form).await,
        None => Err(problems::not_an_administrator().into()),
    }
}

/// Builds the caller of the form. Clients that allow only `client_secret_basic` may use the form
/// too.
fn caller(app: &App, client_id: String, secret: SecretString, origin: RequestOrigin) -> Caller {
    let by_header = app.directory.client(&client_id).is_some_and(|entry| {
        !entry.allowed.auth_methods.contains(&AuthenticationMethod::ClientSecretPost)
    });
    let method = if by_header { SecretMethod::Basic } else { SecretMethod::Post };
    let credentials = Credentials::Secret(SecretCredentials { client_id, secret, method });
    Caller { credentials: Some(credentials), client_id: None, misspelt: None, origin }
}

/// Sets the cookie of the new session, ends the previous session of the browser, and redirects.
async fn enter(
    app: &App,
    transport: Transport,
    headers: &HeaderMap,
    origin: &RequestOrigin,
    opened: OpenedSession,
    form: &Form,
) -> Answer {
    if let Some(before) = transport.cookie.read(headers)
        && let Some(before) = console::resume(&app.services, &before, origin.address).await?
    {
        console::end(&app.services, &before.principal, &before.session.session_id).await?;
    }
    let next = form.text("next").and_then(safe_redirect_path).unwrap_or("/console/");
    let mut response = answer::see_other(next);
    if let Some(cookie) = transport.cookie.set(&opened.secret) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Shows the sign-in again with the failure and the entered client id. The rejection is logged,
/// counted and recorded as for a token request.
pub(in crate::web::console) fn failed(
    app: &App,
    error: OAuthError,
    failure: &SignInFailure,
    next: Option<&str>,
    client_id: &str,
) -> Response {
    let SignInFailure { title, detail } = failure;
    let mut page = SignInPage::new(app, next);
    // The text may be a secret that was entered into the wrong field.
    page.client_id = secret::redact(client_id).into_owned();
    page.failure = Some(SignInFailure { title, detail: detail.clone() });
    let html = page.render().unwrap_or_default();
    let mut response = ErrorResponse::from(error).into_response();
    response.extensions_mut().insert(ErrorPage::with_headers(html, &headers::PAGE));
    response
}
