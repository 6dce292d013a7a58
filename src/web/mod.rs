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

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{BoxError, Router};
use tower::ServiceExt;

use crate::app::App;
use crate::oauth::metadata::{KEY_SET_PATH, TOKEN_PATH};
use crate::web::refusal::Refusal;

/// Where metadata is found (RFC 8414, section 3; OpenID Connect Discovery).
const METADATA_PATHS: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// What is at the paths of a listener.
///
/// The token endpoint is looked up by itself: a router keeps the future of each request in boxes
/// within boxes, and asks for them anew each time; that is a tenth of what a token may cost.
pub struct Routes {
    token_endpoint: Option<TokenEndpoint>,
    rest: Router,
}

struct TokenEndpoint {
    paths: HashSet<String>,
    app: Arc<App>,
}

impl Routes {
    /// The public listener: tokens, metadata, keys, health. If the issuer has a path, everything
    /// is also found below that path, and metadata also where RFC 8414, section 3.1, inserts it.
    pub fn public(app: Arc<App>) -> Self {
        let path = app.issuer.path();
        let below = |suffix: &str| [suffix.to_owned(), format!("{path}{suffix}")];
        let aliases = app.foundation.config.token.aliases.iter().map(String::as_str);
        // A slash at the end is served too: a redirect would turn the POST into a GET (N-09).
        let endpoints = [TOKEN_PATH].into_iter().chain(aliases).flat_map(below);
        let paths = endpoints.flat_map(|path| [format!("{path}/"), path]).collect();
        let mut routes = health::routes();
        for key_set in BTreeSet::from(below(KEY_SET_PATH)) {
            routes = routes.route(&key_set, any(document::key_set));
        }
        let inserted = METADATA_PATHS.map(|prefix| format!("{prefix}{path}"));
        let metadata = METADATA_PATHS.into_iter().flat_map(below).chain(inserted);
        for metadata in metadata.collect::<BTreeSet<_>>() {
            routes = routes.route(&metadata, any(document::metadata));
        }
        let token_endpoint = Some(TokenEndpoint { paths, app: app.clone() });
        Self { token_endpoint, ..Self::only(routes.with_state(app)) }
    }

    /// The management listener: for now, health.
    pub fn management(app: Arc<App>) -> Self {
        Self::only(health::routes().with_state(app))
    }

    /// A listener without a token endpoint.
    fn only(routes: Router) -> Self {
        Self { token_endpoint: None, rest: routes.fallback(not_found) }
    }

    /// Calls what is at the path of the request.
    async fn answer<B>(&self, client: IpAddr, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        if let Some(endpoint) = &self.token_endpoint
            && endpoint.paths.contains(request.uri().path())
        {
            return token::token(&endpoint.app, client, request).await.into_response();
        }
        match self.rest.clone().oneshot(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

async fn not_found() -> Refusal {
    Refusal::not_found()
}
