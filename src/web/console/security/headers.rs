//! The security headers of console pages.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};

/// Resources come only from this server, and inline scripts are forbidden. The script does not
/// create markup, and Trusted Types enforce that.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The headers of every page. The referrer policy is not `no-referrer`: browsers would then send
/// `Origin: null` with forms, and `origin` could not recognize the console's own forms.
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

/// Requires https for a year, if the console is served over https.
const TRANSPORT: (HeaderName, &str) =
    (HeaderName::from_static("strict-transport-security"), "max-age=31536000");

/// Adds the headers that a response does not set itself.
pub(in crate::web::console) fn add(headers: &mut HeaderMap, is_https: bool) {
    let transport = Some(TRANSPORT).filter(|_| is_https);
    for (name, value) in PAGE.iter().cloned().chain(transport) {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
