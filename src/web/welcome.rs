//! The root of the issuer: a description of this server and links to its documents. A browser gets
//! HTML, a program gets JSON.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::model::public_path::{KEY_SET_PATH, METADATA_PATH, TOKEN_PATH};
use crate::web::error_response::ErrorResponse;
use crate::web::page::{self, wants_html};

const ABOUT: &str = "This is tokend, an OAuth 2.0 authorization server for machines. It issues access \
                     tokens to registered clients. People do not sign in here.";

/// The documentation is part of the source code.
const DOCUMENTATION: &str =
    "docs/getting-tokens.md and docs/verifying-tokens.md in the source of tokend";

/// The description of the server: a page for browsers, JSON for programs.
#[derive(Template, Serialize)]
#[template(path = "public/welcome.html")]
struct Description<'a> {
    about: &'static str,
    issuer: &'a str,
    token_endpoint: String,
    metadata: String,
    jwks_uri: String,
    documentation: &'static str,
}

impl<'a> Description<'a> {
    fn new(issuer: &'a str) -> Self {
        Self {
            about: ABOUT,
            issuer,
            token_endpoint: format!("{issuer}{TOKEN_PATH}"),
            metadata: format!("{issuer}{METADATA_PATH}"),
            jwks_uri: format!("{issuer}{KEY_SET_PATH}"),
            documentation: DOCUMENTATION,
        }
    }
}

pub(super) async fn welcome(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ErrorResponse::not_found());
    }
    let description = Description::new(app.issuer.as_str());
    if wants_html(request.headers()) {
        return page::rendered(StatusCode::OK, &description);
    }
    Ok(([(CACHE_CONTROL, "no-store"), (VARY, "accept")], Json(description)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_the_issuer_is_escaped() {
        let page = Description::new("https://a.example/<b>\"&").render().expect("a page");
        assert!(page.contains("https://a.example/&#60;b&#62;&#34;&#38;/v1/oauth/token"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }
}
