//! HTTP: read a request, call what decides, write the answer. Every route is on this screen.

pub mod address;
mod authorize;
mod basic;
mod body;
mod certificate;
mod check;
mod document;
mod endpoint;
mod error_response;
mod health;
mod page;
mod pipeline;
mod welcome;

pub use error_response::ErrorFormat;
pub use pipeline::{ListenerContext, Peer, answer, malformed_request_response};

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{BoxError, Router};
use tower::ServiceExt;

use crate::app::App;
use crate::model::public_path::{
    AUTHORIZATION_PATH, CHECK_PATH, INTROSPECTION_PATH, KEY_SET_PATH, REVOCATION_LIST_PATH,
    REVOCATION_PATH, TOKEN_PATH,
};
use crate::oauth::caller::RequestOrigin;
use crate::web::endpoint::Endpoint;
use crate::web::error_response::ErrorResponse;

/// Where metadata is found (RFC 8414, section 3; OpenID Connect Discovery).
const METADATA_PATHS: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// What is at the paths of a listener.
///
/// The endpoints where clients authenticate are looked up by themselves: a router keeps the future
/// of each request in boxes within boxes, and asks for them anew each time; that is a tenth of what
/// a token may cost.
pub struct Routes {
    endpoints: Option<Endpoints>,
    rest: Router,
}

struct Endpoints {
    at: HashMap<String, Direct>,
    app: Arc<App>,
}

/// What is called without a router.
#[derive(Debug, Clone, Copy)]
enum Direct {
    /// An endpoint where clients authenticate.
    Client(Endpoint),
    /// The check of tokens for gateways.
    Check,
}

impl Routes {
    /// The public listener: tokens, metadata, keys, health. If the issuer has a path, everything
    /// is also found below that path, and metadata also where RFC 8414, section 3.1, inserts it.
    pub fn public(app: Arc<App>) -> Self {
        let path = app.issuer.path();
        let below = |suffix: &str| [suffix.to_owned(), format!("{path}{suffix}")];
        let aliases = app.services.config.token.aliases.iter().map(String::as_str);
        // A slash at the end is served too: a redirect would turn the POST into a GET (N-09).
        let tokens = [TOKEN_PATH]
            .into_iter()
            .chain(aliases)
            .map(|path| (path, Direct::Client(Endpoint::Token)));
        let others = [
            (INTROSPECTION_PATH, Direct::Client(Endpoint::Introspection)),
            (REVOCATION_PATH, Direct::Client(Endpoint::Revocation)),
            (CHECK_PATH, Direct::Check),
        ];
        let at = tokens
            .chain(others)
            .flat_map(|(path, endpoint)| below(path).map(|path| (path, endpoint)))
            .flat_map(|(path, endpoint)| [(format!("{path}/"), endpoint), (path, endpoint)])
            .collect();
        let mut routes = health::routes();
        for key_set in BTreeSet::from(below(KEY_SET_PATH)) {
            routes = routes.route(&key_set, any(document::key_set));
        }
        for list in BTreeSet::from(below(REVOCATION_LIST_PATH)) {
            routes = routes.route(&list, any(document::revocation_list));
        }
        if app.services.config.metadata.authorization_endpoint {
            for path in BTreeSet::from(below(AUTHORIZATION_PATH)) {
                routes = routes.route(&path, any(authorize::authorize));
                routes = routes.route(&format!("{path}/"), any(authorize::authorize));
            }
        }
        let inserted = METADATA_PATHS.map(|prefix| format!("{prefix}{path}"));
        let metadata = METADATA_PATHS.into_iter().flat_map(below).chain(inserted);
        for metadata in metadata.collect::<BTreeSet<_>>() {
            routes = routes.route(&metadata, any(document::metadata));
        }
        for root in BTreeSet::from([
            "/".to_owned(),
            format!("{path}/"),
            format!("/{}", path.trim_start_matches('/')),
        ]) {
            routes = routes.route(&root, any(welcome::welcome));
        }
        let endpoints = Some(Endpoints { at, app: app.clone() });
        Self { endpoints, ..Self::only(routes.with_state(app)) }
    }

    /// The management listener: for now, health.
    pub fn management(app: Arc<App>) -> Self {
        let routes = health::routes().with_state(app).fallback(not_found_on_management);
        Self { endpoints: None, rest: routes }
    }

    /// A listener without endpoints where clients authenticate.
    fn only(routes: Router) -> Self {
        Self { endpoints: None, rest: routes.fallback(not_found) }
    }

    /// Calls what is at the path of the request.
    async fn answer<B>(&self, origin: RequestOrigin, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        if let Some(Endpoints { at, app }) = &self.endpoints
            && let Some(direct) = at.get(request.uri().path())
        {
            return match *direct {
                Direct::Client(endpoint) => {
                    endpoint::answer(endpoint, app, origin, request).await.into_response()
                }
                Direct::Check => check::answer(app, &origin, &request),
            };
        }
        match self.rest.clone().oneshot(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

async fn not_found() -> ErrorResponse {
    ErrorResponse::not_found()
}

async fn not_found_on_management() -> ErrorResponse {
    ErrorResponse::not_found_on_management()
}
