//! The layers of the management listener: limits, security headers and compression.

use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, ETAG, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::web::api::Problem;
use crate::web::api::guard::BodyLimit;
use crate::web::error_response::ErrorResponse;

/// The time limit until the response starts.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// The minimum size of a compressed response in bytes.
const MIN_COMPRESSED_BYTES: u16 = 1024;

/// The headers of every response that does not set them itself.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// Wraps all routes in the layers.
pub(in crate::web) fn with_layers<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
) -> Router<S> {
    let mut router = router.layer(map_response(with_problem));
    for (name, value) in SECURITY_HEADERS {
        let value = HeaderValue::from_static(value);
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, value));
    }
    let secrets = [AUTHORIZATION, COOKIE, HeaderName::from_static("dpop")];
    router.layer(SetSensitiveRequestHeadersLayer::new(secrets))
}

pub(in crate::web) fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT)
}

pub(super) fn body_limit(BodyLimit(max): BodyLimit) -> RequestBodyLimitLayer {
    RequestBodyLimitLayer::new(max)
}

/// Compresses large responses. A response with an entity tag is not compressed, because a strong
/// tag identifies the bytes of one encoding (RFC 9110, section 8.8.3.3).
pub(in crate::web) fn compression() -> CompressionLayer<impl Predicate> {
    let is_untagged = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| {
        !headers.contains_key(ETAG)
    };
    let is_large = SizeAbove::new(MIN_COMPRESSED_BYTES);
    // Compression would buffer events.
    CompressionLayer::new().compress_when(is_large.and(is_untagged).and(NotForContentType::SSE))
}

/// Turns the responses of layers into problem documents.
async fn with_problem(response: Response) -> Response {
    let extensions = response.extensions();
    if extensions.get::<Problem>().is_some() || extensions.get::<ErrorResponse>().is_some() {
        return response;
    }
    match response.status() {
        // The health routes write their own bodies.
        StatusCode::SERVICE_UNAVAILABLE if response.body().is_end_stream() => {
            let text = format!("a request took longer than {} s", REQUEST_TIMEOUT.as_secs());
            Problem::unavailable(&text).into_response()
        }
        _ => response,
    }
}
