//! HTTP: read a request, call what decides, write the answer. Every route is on this screen.

pub mod address;
mod basic;
mod body;
mod document;
mod exchange;
mod health;
mod refusal;
mod token;

pub use exchange::{Exchange, answer, answer_to_noise};
pub use refusal::Shape;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::oauth::error::OAuthError;
use crate::oauth::metadata::{KEY_SET_PATH, TOKEN_PATH};
use crate::web::refusal::Refusal;

/// Where metadata is found (RFC 8414, section 3; OpenID Connect Discovery).
const METADATA_PATHS: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// The public listener: tokens, metadata, keys, health. If the issuer has a path, everything is
/// also found below that path, and metadata also where RFC 8414, section 3.1, inserts it.
pub fn public(app: Arc<App>) -> Router {
    let prefix = app.issuer.path().to_owned();
    let aliases = app.foundation.config.token.aliases.clone();
    let mut routes = endpoints(&aliases).merge(health::routes());
    if !prefix.is_empty() {
        routes = routes.nest(&prefix, endpoints(&aliases));
        for path in METADATA_PATHS {
            routes = routes.route(&format!("{path}{prefix}"), any(document::metadata));
        }
    }
    finish(routes, app)
}

/// The management listener: for now, health.
pub fn management(app: Arc<App>) -> Router {
    finish(health::routes(), app)
}

fn endpoints(aliases: &[String]) -> Router<Arc<App>> {
    let mut routes = Router::new().route(KEY_SET_PATH, any(document::key_set));
    for path in METADATA_PATHS {
        routes = routes.route(path, any(document::metadata));
    }
    let mut paths = vec![TOKEN_PATH];
    paths.extend(aliases.iter().map(String::as_str));
    paths.dedup();
    for path in paths {
        // A slash at the end is served too: a redirect would turn the POST into a GET (N-09).
        routes =
            routes.route(path, any(token::token)).route(&format!("{path}/"), any(token::token));
    }
    routes
}

fn finish(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    routes.fallback(not_found).layer(CatchPanicLayer::custom(panicked)).with_state(app)
}

async fn not_found() -> Refusal {
    Refusal::not_found()
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Refusal::from(OAuthError::server_error("a handler panicked; see the log above")).into_response()
}
