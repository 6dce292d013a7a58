//! The headers of a page.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};

/// Everything comes from this server, and nothing in a page runs. The script makes no markup:
/// Trusted Types hold it to that.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The headers of each page. The referrer stays on this server; with `no-referrer` a browser would
/// send `Origin: null` with a form, and `origin` could not tell the forms of the console from
/// others.
pub(in crate::web::console) static PAGE: [(HeaderName, &str); 9] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// A year of https alone, for a console that is called by it.
const TRANSPORT: (HeaderName, &str) =
    (HeaderName::from_static("strict-transport-security"), "max-age=31536000");

/// Adds the headers that a response lacks.
pub(in crate::web::console) fn add(headers: &mut HeaderMap, is_https: bool) {
    let transport = Some(TRANSPORT).filter(|_| is_https);
    for (name, value) in PAGE.iter().cloned().chain(transport) {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
