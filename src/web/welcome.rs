//! The page that a person finds who opens the address of the server in a browser. Programs, which
//! do not ask for HTML, get the error of any path without content.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;

use crate::app::App;
use crate::model::public_path::{KEY_SET_PATH, TOKEN_PATH};
use crate::web::error_response::ErrorResponse;
use crate::web::page::{self, escaped, wants_html};

/// Answers a browser at the root of the issuer.
pub(super) async fn welcome(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) || !wants_html(request.headers()) {
        return Err(ErrorResponse::not_found());
    }
    Ok(page::response(StatusCode::OK, text(app.issuer.as_str())))
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
<p>This is tokend, an OAuth 2.0 authorization server for machines. It issues access tokens to registered clients. People do not sign in here.</p>
<h2>Get a token</h2>
<pre>curl -s {issuer}{TOKEN_PATH} \
  -u "$CLIENT_ID:$CLIENT_SECRET" \
  -d grant_type=client_credentials</pre>
<p>The operator of this server registers clients and gives them their credentials.</p>
<h2>Documents</h2>
<ul>
<li><a href="{issuer}/.well-known/oauth-authorization-server">Metadata</a> (RFC 8414): endpoints and algorithms</li>
<li><a href="{issuer}{KEY_SET_PATH}">Key set</a> (RFC 7517): the public keys that verify tokens</li>
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
