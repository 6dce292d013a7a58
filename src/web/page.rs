//! HTML pages in place of a JSON body. The pages of `authorize` and `welcome` are text and links; the
//! console sets its own headers.

use askama::Template;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::oauth::error::OAuthError;
use crate::web::accept;
use crate::web::error_response::ErrorResponse;

/// The page is text and links, so loading, scripts, forms and framing are forbidden.
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

/// The placeholder for the request id in an [`ErrorPage`].
pub(super) const REQUEST_ID_PLACE: &str = "{the id of this request}";

/// A page that replaces the body of a rejection, passed as a response extension.
#[derive(Debug, Clone)]
pub(super) struct ErrorPage {
    html: String,
    headers: &'static [(HeaderName, &'static str)],
}

impl ErrorPage {
    /// Creates a page of text and links.
    pub(super) fn new(html: String) -> Self {
        Self { html, headers: &HEADERS }
    }

    /// Creates a page with its own headers.
    pub(super) fn with_headers(
        html: String,
        headers: &'static [(HeaderName, &'static str)],
    ) -> Self {
        Self { html, headers }
    }

    pub(super) fn render(self, status: StatusCode, request_id: &str) -> Response {
        answer(status, self.html.replace(REQUEST_ID_PLACE, request_id), self.headers)
    }
}

/// Renders a page of text and links.
pub(super) fn rendered(
    status: StatusCode,
    page: &impl Template,
) -> Result<Response, ErrorResponse> {
    let html = page.render().map_err(|error| OAuthError::server_error(error.to_string()))?;
    Ok(answer(status, html, &HEADERS))
}

fn answer(
    status: StatusCode,
    html: String,
    headers: &'static [(HeaderName, &'static str)],
) -> Response {
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// True if `Accept` names HTML and does not prefer JSON (RFC 9110, section 12.5.1).
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = accept::ranges(headers);
    let quality = |wanted: &str| {
        let found = accepted.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map_or(0.0, |(_, quality)| *quality)
    };
    let html = quality("text/html");
    html > 0.0 && html >= quality("application/json")
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT;

    use super::*;

    fn is_html(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).expect("a value"));
        wants_html(&headers)
    }

    #[test]
    fn html_is_sent_only_if_the_accept_header_prefers_it() {
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
}
