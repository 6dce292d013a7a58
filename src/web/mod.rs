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
use std::collections::BTreeSet;
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
    let path = app.issuer.path();
    let below = |suffix: &str| [suffix.to_owned(), format!("{path}{suffix}")];
    let aliases = app.foundation.config.token.aliases.iter().map(String::as_str);
    let mut routes = health::routes();
    // A slash at the end is served too: a redirect would turn the POST into a GET (N-09).
    let endpoints = [TOKEN_PATH].into_iter().chain(aliases).flat_map(below);
    for endpoint in endpoints.flat_map(|path| [format!("{path}/"), path]).collect::<BTreeSet<_>>() {
        routes = routes.route(&endpoint, any(token::token));
    }
    for key_set in BTreeSet::from(below(KEY_SET_PATH)) {
        routes = routes.route(&key_set, any(document::key_set));
    }
    let inserted = METADATA_PATHS.map(|prefix| format!("{prefix}{path}"));
    let metadata = METADATA_PATHS.into_iter().flat_map(below).chain(inserted);
    for metadata in metadata.collect::<BTreeSet<_>>() {
        routes = routes.route(&metadata, any(document::metadata));
    }
    finish(routes, app)
}

/// The management listener: for now, health.
pub fn management(app: Arc<App>) -> Router {
    finish(health::routes(), app)
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
