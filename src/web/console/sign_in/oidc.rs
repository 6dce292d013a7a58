//! Sign-in with a corporate identity provider (OpenID Connect, authorization code with PKCE).
//!
//! The state of a pending sign-in is sealed in a cookie, so any instance can process the callback.

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

pub(in crate::web::console) const CALLBACK_PATH: &str = "/console/sign-in/oidc/callback";

/// The page after the callback, which then navigates to the target. A redirect does not work: the
/// navigation started at another site, so the browser would not send the strict session cookie.
#[derive(Template)]
#[template(path = "console/sign_in/signed_in.html")]
struct SignedInPage {
    outside: Outside,
    issuer: String,
    next: String,
}

/// Returns the link that starts a sign-in, which then redirects to `next`.
pub(in crate::web::console) fn begin_path(next: &str, is_reauthentication: bool) -> String {
    let fresh = if is_reauthentication { "&fresh=1" } else { "" };
    format!("/console/sign-in/oidc?next={}{fresh}", utf8_percent_encode(next, NON_ALPHANUMERIC))
}

/// Redirects the browser to the provider.
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
        // Another site must not start a sign-in without a click of the user.
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

/// Handles the response of the provider.
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

/// Returns the current session of the browser.
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

/// Opens the session and shows the page that navigates to the target.
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

/// Returns the redirect URI: the configured URL over https. On this machine the URI uses the
/// requested host, because the cookie belongs to it.
fn redirect_uri(config: &Config, transport: Transport, headers: &HeaderMap) -> Option<String> {
    if transport.is_https() {
        let url = config.configured_management_url.as_ref()?;
        return Some(format!("{}{CALLBACK_PATH}", url.as_str()));
    }
    // `Transport` has already verified a loopback host.
    let host = headers.get(HOST)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:[]-".contains(&byte);
    host.bytes().all(is_plain).then(|| format!("http://{host}{CALLBACK_PATH}"))
}

fn failure(detail: impl Into<Cow<'static, str>>) -> SignInFailure {
    SignInFailure { title: "Sign-in failed", detail: detail.into() }
}

/// Shows the sign-in with the failure. The user gets advice; the reason is only for the operator.
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
