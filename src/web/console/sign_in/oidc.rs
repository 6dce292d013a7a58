//! Signing in at the identity provider of a company (OpenID Connect, authorization code with PKCE).
//!
//! The browser leaves by a link and comes back by the redirect URI. What belongs together is sealed
//! in a cookie, so any instance takes the response.

use std::borrow::Cow;

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{HOST, SET_COOKIE};
use axum::http::request::Parts;
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::admin::console::{self, OpenedSession, PersonSignIn};
use crate::app::App;
use crate::config::Config;
use crate::identity_provider::{
    AuthorizationResponse, IdentityProvider, NewSignIn, SignInError, SignedInPerson,
};
use crate::jose::id_token::Freshness;
use crate::model::console_session::SessionId;
use crate::model::reason_code::ReasonCode;
use crate::oauth::error::OAuthError;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::Outside;
use crate::web::console::security::origin::{Transport, safe_redirect_path};
use crate::web::console::security::problems;
use crate::web::console::sign_in::form::{SignInFailure, failed};
use crate::web::console::sign_in::gate::{self, sign_in_path};
use crate::web::console::sign_in::oidc_cookie;

/// The path of the redirect URI.
pub(in crate::web::console) const CALLBACK_PATH: &str = "/console/sign-in/oidc/callback";

/// The page that leads on. A redirect would not do: the browser comes from another site, and does
/// not send the strict cookie of the session until a page of this site leads on.
#[derive(Template)]
#[template(path = "console/sign_in/signed_in.html")]
struct SignedInPage {
    outside: Outside,
    issuer: String,
    next: String,
}

/// The link that begins a sign-in, which then goes to a page.
pub(in crate::web::console) fn begin_path(next: &str, is_reauthentication: bool) -> String {
    let fresh = if is_reauthentication { "&fresh=1" } else { "" };
    format!("/console/sign-in/oidc?next={}{fresh}", utf8_percent_encode(next, NON_ALPHANUMERIC))
}

/// Sends the browser to the provider.
pub(in crate::web::console) async fn begin(
    State(app): AppState,
    Extension(transport): Extension<Transport>,
    request: Request,
) -> Answer {
    let query = Form::of_query(&request);
    let (head, _) = request.into_parts();
    let provider = provider(&app)?;
    query.only(&["next", "fresh"])?;
    let next = query.text("next").and_then(safe_redirect_path).unwrap_or("/console/").to_owned();
    let site = head.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if matches!(site, Some("cross-site" | "same-site")) {
        // Another site must not sign a person in without a click.
        return Err(ConsoleError::Redirect(sign_in_path(&next)));
    }
    let redirect_uri = redirect_uri(&app.services.config, transport, &head.headers)
        .ok_or_else(|| ConsoleError::invalid("The header Host is not that of this console."))?;
    let new = NewSignIn {
        redirect_uri,
        next: next.clone(),
        freshness: if query.has("fresh") { Freshness::Fresh } else { Freshness::Any },
        replaces: present_session(&app, transport, &head).await?,
    };
    match provider.begin(&app.services.keys.master, new).await {
        Ok(begun) => {
            let mut response = answer::see_other(begun.url.as_str());
            if let Some(cookie) = oidc_cookie::set(transport.cookie, &begun.cookie) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error) => Ok(rejected(&app, &error, Some(&next))),
    }
}

/// Takes the response of the provider.
pub(in crate::web::console) async fn callback(
    State(app): AppState,
    Extension(transport): Extension<Transport>,
    request: Request,
) -> Answer {
    let (head, _) = request.into_parts();
    let provider = provider(&app)?;
    let query = head.uri.query().unwrap_or_default();
    let cookie = oidc_cookie::read(transport.cookie, &head.headers);
    let finished = match AuthorizationResponse::parse(query) {
        Ok(response) => {
            provider.finish(&app.services.keys.master, cookie.as_ref(), &response).await
        }
        Err(error) => Err(error),
    };
    match finished {
        Ok(signed_in) => enter(&app, transport, &head, signed_in).await,
        Err(error) => Ok(rejected(&app, &error, None)),
    }
}

fn provider(app: &App) -> Result<&IdentityProvider, ConsoleError> {
    let provider = app.services.identity_provider.as_deref();
    provider.ok_or_else(|| problems::no_page().into())
}

/// The session that the browser has now.
async fn present_session(
    app: &App,
    transport: Transport,
    head: &Parts,
) -> Result<Option<SessionId>, ConsoleError> {
    let Some(secret) = transport.cookie.read(&head.headers) else { return Ok(None) };
    let address = gate::origin_of(&head.extensions)?.address;
    let resumed = console::resume(&app.services, &secret, address).await?;
    Ok(resumed.map(|resumed| resumed.session.session_id))
}

/// Opens the session, and answers with the page that leads on.
async fn enter(app: &App, transport: Transport, head: &Parts, signed_in: SignedInPerson) -> Answer {
    let next = safe_redirect_path(&signed_in.pending.next).unwrap_or("/console/").to_owned();
    let origin = gate::origin_of(&head.extensions)?;
    let visitor = gate::visitor(&origin, &head.headers);
    match console::open_for_person(&app.services, signed_in, &visitor).await? {
        PersonSignIn::Opened(opened) => signed_in_page(app, transport, &opened, next),
        PersonSignIn::Replayed => {
            let reason = "the response of the identity provider was used before";
            let error =
                OAuthError::authentication_failed(reason).because(ReasonCode::AssertionReplayed);
            Ok(failed(app, error, &failure("This sign-in was used before."), Some(&next), ""))
        }
        PersonSignIn::NoRights { person, groups } => {
            let claim = app.services.identity_provider.as_ref();
            let claim = claim.map_or("", |provider| &provider.settings().groups_claim);
            Err(problems::no_mapped_group(&person, groups.as_deref(), claim).into())
        }
    }
}

fn signed_in_page(app: &App, transport: Transport, opened: &OpenedSession, next: String) -> Answer {
    let issuer = app.issuer.as_str().to_owned();
    let mut response = answer::page(&SignedInPage { outside: Outside::default(), issuer, next })?;
    let session = transport.cookie.set(&opened.secret);
    for cookie in [session, oidc_cookie::remove(transport.cookie)].into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The URL that the provider sends the browser back to: that of the settings over https, and on
/// this machine the one by which the browser came, because the cookie belongs to its host.
fn redirect_uri(config: &Config, transport: Transport, headers: &HeaderMap) -> Option<String> {
    if transport.is_https() {
        let url = config.configured_management_url.as_ref()?;
        return Some(format!("{}{CALLBACK_PATH}", url.as_str()));
    }
    // The transport has found that the host is one of this machine.
    let host = headers.get(HOST)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:[]-".contains(&byte);
    host.bytes().all(is_plain).then(|| format!("http://{host}{CALLBACK_PATH}"))
}

fn failure(detail: impl Into<Cow<'static, str>>) -> SignInFailure {
    SignInFailure { title: "Sign-in failed", detail: detail.into() }
}

/// The sign-in page with what failed. A person learns what to do, the operator the reason.
fn rejected(app: &App, error: &SignInError, next: Option<&str>) -> Response {
    let reason = error.to_string();
    let (error, detail) = match error {
        SignInError::Provider(_) | SignInError::UserInfo(_) => (
            OAuthError::unavailable(reason),
            "The identity provider does not answer as it should. Try again shortly, or use another method.",
        ),
        SignInError::Crypto(_) | SignInError::RedirectUri => {
            (OAuthError::server_error(reason), "The server failed.")
        }
        SignInError::NoCookie | SignInError::TooLate | SignInError::State => (
            OAuthError::authentication_failed(reason),
            "This sign-in did not begin in this browser, or more than 10 minutes ago. Begin again here.",
        ),
        SignInError::Denied(_) => (
            OAuthError::authentication_failed(reason),
            "The identity provider did not sign you in.",
        ),
        SignInError::IdToken(_) | SignInError::Subject(_) => (
            OAuthError::authentication_failed(reason).because(ReasonCode::InvalidAssertion),
            UNACCEPTED,
        ),
        SignInError::OtherProvider
        | SignInError::Duplicate(_)
        | SignInError::Issuer(_)
        | SignInError::NoCode
        | SignInError::Exchange(_) => (OAuthError::authentication_failed(reason), UNACCEPTED),
    };
    failed(app, error, &failure(detail), next, "")
}

const UNACCEPTED: &str = "The answer of the identity provider is not accepted. The reason is recorded under the request id: tokend explain shows it.";
