//! The root of the issuer: a description of this server and links to its documents. A browser gets
//! HTML, a program gets JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::model::public_path::{KEY_SET_PATH, METADATA_PATH, TOKEN_PATH};
use crate::web::error_response::ErrorResponse;
use crate::web::page::{self, escaped, wants_html};

const ABOUT: &str = "This is tokend, an OAuth 2.0 authorization server for machines. It issues access \
                     tokens to registered clients. People do not sign in here.";

/// The documentation is part of the source code.
const DOCUMENTATION: &str =
    "docs/getting-tokens.md and docs/verifying-tokens.md in the source of tokend";

/// The JSON description for programs.
#[derive(Serialize)]
struct Description {
    about: &'static str,
    issuer: String,
    token_endpoint: String,
    metadata: String,
    jwks_uri: String,
    documentation: &'static str,
}

pub(super) async fn welcome(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ErrorResponse::not_found());
    }
    let issuer = app.issuer.as_str();
    if wants_html(request.headers()) {
        return Ok(page::response(StatusCode::OK, text(issuer)));
    }
    let description = Description {
        about: ABOUT,
        issuer: issuer.to_owned(),
        token_endpoint: format!("{issuer}{TOKEN_PATH}"),
        metadata: format!("{issuer}{METADATA_PATH}"),
        jwks_uri: format!("{issuer}{KEY_SET_PATH}"),
        documentation: DOCUMENTATION,
    };
    Ok(([(CACHE_CONTROL, "no-store"), (VARY, "accept")], Json(description)).into_response())
}

fn text(issuer: &str) -> String {
    let issuer = escaped(issuer);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>tokend</title>
</head>
<body>
<h1>{issuer}</h1>
<p>{ABOUT}</p>
<h2>Get a token</h2>
<pre>curl -s {issuer}{TOKEN_PATH} \
  -u "$CLIENT_ID:$CLIENT_SECRET" \
  -d grant_type=client_credentials</pre>
<p>The operator of this server registers clients and gives them their credentials.</p>
<h2>Documents</h2>
<ul>
<li><a href="{issuer}{METADATA_PATH}">Metadata</a> (RFC 8414): endpoints and algorithms</li>
<li><a href="{issuer}{KEY_SET_PATH}">Key set</a> (RFC 7517): the public keys that verify tokens</li>
<li>Documentation: {DOCUMENTATION}</li>
</ul>
</body>
</html>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_issuer_is_markup() {
        let page = text("https://a.example/<b>\"&");
        assert!(page.contains("https://a.example/&lt;b&gt;&quot;&amp;/v1/oauth/token"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }
}
