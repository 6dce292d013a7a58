//! The endpoints where clients authenticate: token (RFC 6749, section 3.2), introspection
//! (RFC 7662) and revocation (RFC 7009).

use std::future::{Ready, ready};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::future::Either;
use futures_util::{FutureExt, TryFutureExt};
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::model::reason_code::ReasonCode;
use crate::oauth::caller::{HeaderCredentials, RequestOrigin};
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::parameters::Parameters;
use crate::oauth::token::RatePolicy;
use crate::oauth::token::request::TokenRequest;
use crate::oauth::token::sender_constraint::PresentedProof;
use crate::oauth::token_query::TokenQuery;
use crate::oauth::{introspection, revocation, token};
use crate::web::access_log::{LoggedClient, LoggedToken};
use crate::web::body::BodyLimits;
use crate::web::error_response::ErrorResponse;
use crate::web::{basic, body};

const ALLOWED: &str = "POST, OPTIONS";

/// The header with the DPoP proof (RFC 9449, section 4.1).
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The initial buffer capacity in bytes. Most responses fit, and a longer one grows the buffer.
const RESPONSE_CAPACITY: usize = 256;

/// Parameters that must not be in a URL, because proxies log URLs (C-05).
const NEVER_IN_URL: [&str; 5] =
    ["client_id", "client_secret", "client_assertion", "assertion", "token"];

struct Call<P> {
    parameters: Parameters,
    credentials: HeaderCredentials,
    proof: P,
}

type Answer = Result<Response, ErrorResponse>;

/// Handles the token endpoint.
///
/// The steps are chained futures that pass their values on. An `async fn` would store each value
/// twice: as its own argument and as that of the step. The whole future must stay below 1 KiB: axum
/// boxes it, and the allocator is slow above that size.
pub(super) fn token(
    app: Arc<App>,
    origin: RequestOrigin,
    request: Request,
) -> impl Future<Output = Answer> + Send {
    only_post(request, |request| {
        read(app.clone(), request, proof).and_then(move |call| issue(app, call, origin))
    })
}

pub(super) fn introspection(
    app: Arc<App>,
    origin: RequestOrigin,
    request: Request,
) -> impl Future<Output = Answer> + Send {
    only_post(request, |request| {
        read(app.clone(), request, |_| Ok(()))
            // Boxed, because the state of a database query takes 9 KB.
            .and_then(move |call| Box::pin(introspect(app, call, origin)))
    })
}

pub(super) fn revocation(
    app: Arc<App>,
    origin: RequestOrigin,
    request: Request,
) -> impl Future<Output = Answer> + Send {
    only_post(request, |request| {
        read(app.clone(), request, |_| Ok(()))
            // Boxed, because the state of a database query takes 9 KB.
            .and_then(move |call| Box::pin(revoke(app, call, origin)))
    })
}

/// Passes a POST to `answer`, and responds to every other method itself.
fn only_post<F>(request: Request, answer: impl FnOnce(Request) -> F) -> Either<Ready<Answer>, F>
where
    F: Future<Output = Answer>,
{
    match *request.method() {
        Method::POST => Either::Right(answer(request)),
        Method::OPTIONS => Either::Left(ready(Ok(options()))),
        _ => Either::Left(ready(Err(ErrorResponse::method_not_allowed(ALLOWED)))),
    }
}

fn issue(
    app: Arc<App>,
    Call { parameters, credentials, proof }: Call<Option<PresentedProof>>,
    origin: RequestOrigin,
) -> impl Future<Output = Answer> + Send {
    let request = TokenRequest::new(parameters, credentials, origin);
    ready(request.map(|request| request.with_proof(proof)))
        .and_then(move |request| async move {
            token::respond(&app, &request, RatePolicy::Enforce).await
        })
        .map(|issued| {
            let issued = issued?;
            let mut response = json_response(issued.token.response.to_json());
            response.extensions_mut().insert(LoggedToken::new(issued));
            Ok(response)
        })
}

async fn introspect(app: Arc<App>, call: Call<()>, origin: RequestOrigin) -> Answer {
    let query = TokenQuery::new(call.parameters, call.credentials, origin)?;
    let (client, answer) = introspection::introspect(&app, &query).await?;
    Ok(about(&client, write(&answer, RESPONSE_CAPACITY * 2)?))
}

async fn revoke(app: Arc<App>, call: Call<()>, origin: RequestOrigin) -> Answer {
    let query = TokenQuery::new(call.parameters, call.credentials, origin)?;
    let client = revocation::revoke(&app, &query).await?;
    Ok(about(&client, write(&json!({}), RESPONSE_CAPACITY)?))
}

fn about(client: &AuthenticatedClient, mut response: Response) -> Response {
    response.extensions_mut().insert(LoggedClient(client.id().as_str().to_owned()));
    response
}

/// Reads a request. `proof` reads the DPoP proof; introspection and revocation have none.
fn read<P: Send>(
    app: Arc<App>,
    request: Request,
    proof: impl FnOnce(&Parts) -> Result<P, OAuthError> + Send,
) -> impl Future<Output = Result<Call<P>, ErrorResponse>> + Send {
    let (head, content) = request.into_parts();
    async move {
        reject_credentials_in_url(&head.uri)?;
        let limits = body_limits(&app);
        let parameters = body::parameters(&head.headers, content, limits).await?;
        let is_known = |id: &str| app.directory.client(id).is_some();
        let credentials = basic::credentials(&head.headers, is_known)?;
        Ok(Call { parameters, credentials, proof: proof(&head)? })
    }
}

fn body_limits(app: &App) -> BodyLimits {
    let live = app.services.live.load();
    BodyLimits { size: live.limits.body_size, timeout: live.limits.body_timeout }
}

/// Reads the DPoP proof of the request (RFC 9449, section 5).
fn proof(head: &Parts) -> Result<Option<PresentedProof>, OAuthError> {
    let mut values = head.headers.get_all(DPOP).iter().peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let values = values.map(|value| value.to_str().map(str::to_owned)).collect::<Result<_, _>>();
    let values = values.map_err(|_| {
        OAuthError::new(ErrorCode::InvalidDpopProof, "The DPoP header is not text.")
    })?;
    Ok(Some(PresentedProof { values, path: head.uri.path().to_owned() }))
}

fn write<T: Serialize>(value: &T, capacity: usize) -> Result<Response, ErrorResponse> {
    let mut body = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut body, value)
        .map_err(|error| OAuthError::server_error(error.to_string()))?;
    Ok(json_response(body))
}

fn json_response(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Answers 204 without CORS headers: browser code must not handle client secrets (C-55).
fn options() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(ALLOWED));
    response
}

fn reject_credentials_in_url(uri: &Uri) -> Result<(), OAuthError> {
    let Some(query) = uri.query() else { return Ok(()) };
    if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| NEVER_IN_URL.contains(&&*name)) {
        return Err(OAuthError::invalid_request(
            "Client credentials and tokens must not be in the URL. Treat this secret as leaked and rotate it.",
        )
        .because(ReasonCode::CredentialsInUrl));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<F>(_: impl Fn(Arc<App>, RequestOrigin, Request) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_request_stays_below_one_kibibyte() {
        let size = size_of_future(token);
        assert!(size < 1024, "{size} bytes");
    }
}
