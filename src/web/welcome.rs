//! The page that a person finds who opens the address of the server in a browser. Programs, which
//! do not ask for HTML, get the error of any path without content.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;

use crate::app::App;
use crate::oauth::metadata::{KEY_SET_PATH, TOKEN_PATH};
use crate::web::refusal::Refusal;

/// Nothing may be loaded, run, sent or framed: the page is text and links.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (VARY, "accept"),
];

/// Answers a browser at the root of the issuer.
pub(super) async fn welcome(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) || !wants_html(request.headers()) {
        return Err(Refusal::not_found());
    }
    let mut response = Response::new(Body::from(page(app.issuer.as_str())));
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// True if HTML is asked for by name, and before JSON (RFC 9110, section 12.5.1).
fn wants_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accepted: Vec<(&str, f32)> = values.flat_map(|value| value.split(',')).map(range).collect();
    let quality = |wanted: &str| {
        let found = accepted.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map_or(0.0, |(_, quality)| *quality)
    };
    let html = quality("text/html");
    html > 0.0 && html >= quality("application/json")
}

/// A media range and its quality.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    (name, quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0)))
}

fn page(issuer: &str) -> String {
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_html(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).expect("a value"));
        wants_html(&headers)
    }

    #[test]
    fn only_who_asks_for_html_gets_it() {
        assert!(is_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(is_html("text/html, application/json;q=0.5"));
        assert!(is_html("Text/HTML"));
        for accept in [
            "*/*",
            "application/json",
            "text/*",
            "text/html;q=0",
            "application/json, text/html;q=0.5",
            "text/html;q=x",
            "",
        ] {
            assert!(!is_html(accept), "{accept:?}");
        }
        assert!(!wants_html(&HeaderMap::new()));
    }

    #[test]
    fn nothing_of_the_issuer_is_markup() {
        let page = page("https://a.example/<b>\"&");
        assert!(page.contains("https://a.example/&lt;b&gt;&quot;&amp;/v1/oauth/token"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }
}
