//! The HTTP layer: it parses a request, calls the core and writes the response. All public routes
//! are in this file; those of the management listener are in `api` and `console`.
//!
//! Each listener has one axum [`Router`]. It costs seven allocations for a token request: one for
//! the boxed body and four for the extensions. They hold the path parameters, which axum always
//! inserts, and the request origin. The cloned route and its boxed future cost one each. In return
//! there is one route table that every Rust engineer can read. `service` avoids three more
//! allocations.

mod accept;
mod access_log;
pub mod address;
mod api;
mod authorize;
mod basic;
mod bearer;
mod body;
mod certificate;
mod check;
mod console;
mod document;
mod endpoint;
mod erased_handler;
mod error_response;
pub mod fuzzing;
mod health;
mod page;
mod pipeline;
mod request_id;
mod route_labels;
mod welcome;

pub use crate::web::api::{Delivery, FORCE_HEADER, InProcessAnswer, InProcessApi};
pub use error_response::ErrorFormat;
pub use pipeline::{ListenerContext, Peer, answer, malformed_request_response};
pub use route_labels::RouteLabels;

use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::FutureExt;
use futures_util::future::Either;
use tower::{Service, service_fn};

use crate::app::App;
use crate::model::public_path::PublicEndpoint;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::error::OAuthError;
use crate::web::error_response::ErrorResponse;

/// Routes of the public listener: tokens, metadata, keys, health.
pub fn public_routes(app: Arc<App>) -> Router {
    let config = &app.services.config;
    let mut routes = Router::new();
    for (path, endpoint) in config.public_paths.iter() {
        routes = match endpoint {
            PublicEndpoint::Token => routes.route_service(path, service(&app, endpoint::token)),
            PublicEndpoint::Introspection => {
                routes.route_service(path, service(&app, endpoint::introspection))
            }
            PublicEndpoint::Revocation => {
                routes.route_service(path, service(&app, endpoint::revocation))
            }
            PublicEndpoint::Check => {
                let check =
                    |app: Arc<App>, origin, request| ready(check::answer(&app, &origin, &request));
                routes.route_service(path, service(&app, check))
            }
            PublicEndpoint::Authorization if !config.metadata.authorization_endpoint => routes,
            PublicEndpoint::Authorization => routes.route(path, any(authorize::authorize)),
            PublicEndpoint::Metadata => routes.route(path, any(document::metadata)),
            PublicEndpoint::KeySet => routes.route(path, any(document::key_set)),
            PublicEndpoint::RevocationList => routes.route(path, any(document::revocation_list)),
            PublicEndpoint::Welcome => routes.route(path, any(welcome::welcome)),
            PublicEndpoint::Liveness => routes.route(path, any(health::live)),
            PublicEndpoint::Readiness => routes.route(path, any(health::ready)),
        };
    }
    routes.fallback(not_found).with_state(app)
}

/// Routes of the management listener: the admin API, the console, metrics and health.
pub fn management_routes(app: Arc<App>) -> Router {
    let mut routes = api::routes(&app, api::Access::Token);
    if app.services.config.console_enabled {
        routes = routes.merge(console::routes(&app));
    }
    api::with_layers(routes).layer(from_fn(route_labels::note)).with_state(app)
}

/// Wraps the handler of an endpoint that gateways and clients call for each of their own requests.
/// A service needs no second box for its future. axum does not add `Content-Length` to it, and
/// hyper writes that header anyway. This takes seven allocations, `any` or `post` ten.
fn service<H, F>(
    app: &Arc<App>,
    handler: H,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static
where
    H: Fn(Arc<App>, RequestOrigin, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output: IntoResponse> + Send + 'static,
{
    let app = app.clone();
    service_fn(move |mut request: Request| {
        let Some(origin) = request.extensions_mut().remove::<RequestOrigin>() else {
            let error = OAuthError::server_error("a request has no origin");
            return Either::Right(ready(Ok(ErrorResponse::from(error).into_response())));
        };
        // An async block would store the future of the handler twice.
        let answering = handler(app.clone(), origin, request);
        Either::Left(answering.map(|answer| Ok(answer.into_response())))
    })
}

async fn not_found() -> ErrorResponse {
    ErrorResponse::not_found()
}
