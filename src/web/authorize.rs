//! The authorization endpoint (RFC 6749, section 3.1), which rejects every request.
//!
//! The endpoint exists because some OAuth libraries reject metadata without one. It never redirects
//! and repeats nothing from the request: no redirect URI is registered, so none can be trusted
//! (RFC 9700, section 4.11).

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::model::public_path::TOKEN_PATH;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::web::error_response::ErrorResponse;
use crate::web::page::{ErrorPage, wants_html};

const ALLOWED: &str = "GET, HEAD, POST";

/// The page for a browser.
#[derive(Template)]
#[template(path = "public/no_sign_in.html")]
struct NoSignIn<'a> {
    issuer: &'a str,
}

/// Rejects a request with 400: an HTML page for a browser, `unsupported_response_type` (RFC 6749,
/// section 4.1.2.1) for a program.
pub(super) async fn authorize(State(app): State<Arc<App>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST) {
        return ErrorResponse::method_not_allowed(ALLOWED).into_response();
    }
    let issuer = app.issuer.as_str();
    let mut response = ErrorResponse::from(unsupported(issuer)).into_response();
    if wants_html(request.headers())
        && let Ok(html) = (NoSignIn { issuer }).render()
    {
        response.extensions_mut().insert(ErrorPage::new(html));
    }
    response
}

fn unsupported(issuer: &str) -> OAuthError {
    let sentence = format!(
        "This server issues tokens to machines and has no sign-in. Use grant_type=client_credentials at {issuer}{TOKEN_PATH}."
    );
    OAuthError::new(ErrorCode::UnsupportedResponseType, sentence).with_remedy(
        "a program sent a person to sign in here; configure it for the client credentials grant",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_the_issuer_is_escaped() {
        let page = NoSignIn { issuer: "https://a.example/<b>\"&" }.render().expect("a page");
        assert!(page.contains("https://a.example/&#60;b&#62;&#34;&#38;/v1/oauth/token"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }
}
