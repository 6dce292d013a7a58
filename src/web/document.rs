//! Public documents, served from memory: metadata (RFC 8414), the key set (RFC 7517) and the
//! revocation list.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    USER_AGENT,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::app::App;
use crate::keys::document::CachedDocument;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::error::OAuthError;
use crate::oauth::{metadata, revocation_list};
use crate::web::error_response::ErrorResponse;

const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// The media type and the cache policy of a document.
struct DocumentType {
    content_type: &'static str,
    cache_control: &'static str,
}

/// A verifier that cannot reach the server may use its copy for a day (RFC 5861).
const JSON: DocumentType = DocumentType {
    content_type: "application/json",
    cache_control: "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400",
};

/// Verifiers poll the revocation list every few seconds, and most responses are 304.
const SIGNED: DocumentType = DocumentType {
    content_type: "application/jwt",
    cache_control: "public, max-age=2, must-revalidate",
};

/// Serves both metadata paths.
pub(super) async fn metadata(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    serve(&request, &JSON, || Ok(CachedDocument::of(&metadata::metadata(&app))))
}

pub(super) async fn key_set(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let now = app.services.clock.now();
    let keyring = app.directory.keyring();
    let response = serve(&request, &JSON, || Ok(keyring.key_set(now)))?;
    if *request.method() == Method::GET
        && let Some(origin) = request.extensions().get::<RequestOrigin>()
        && let Some(newest_key_at) = keyring.newest_published(now)
    {
        let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        app.key_set_readers.note(origin.address, agent, newest_key_at, now);
    }
    Ok(response)
}

pub(super) async fn revocation_list(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    serve(&request, &SIGNED, || revocation_list::revocation_list(&app))
}

fn serve(
    request: &Request,
    kind: &DocumentType,
    document: impl FnOnce() -> Result<CachedDocument, OAuthError>,
) -> Result<Response, ErrorResponse> {
    let mut response = Response::new(Body::empty());
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => {
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(ALLOWED));
            response
                .headers_mut()
                .insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return Ok(response);
        }
        _ => return Err(ErrorResponse::method_not_allowed(ALLOWED)),
    }
    let document = document()?;
    let tag = HeaderValue::from_str(&document.entity_tag)
        .map_err(|error| OAuthError::server_error(error.to_string()))?;
    let is_known = is_known(request.headers(), &document.entity_tag);
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kind.cache_control));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind.content_type));
        *response.body_mut() = Body::from(document.body);
    }
    Ok(response)
}

/// True if the caller already has this version of the document (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|candidate| candidate.trim().trim_start_matches("W/"))
        .any(|candidate| candidate == tag || candidate == "*")
}
