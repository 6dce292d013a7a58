//! The routes of a listener as labels of metrics. A label is a pattern of the program, never what a
//! caller asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::model::public_path::PublicEndpoint;
use crate::telemetry::metrics::http::{HttpMetrics, Route};

/// A route whose path is known from the start.
#[derive(Debug)]
pub(super) struct KnownRoute {
    path: String,
    /// Its requests.
    pub(super) route: Arc<Route>,
    /// True for the token endpoint.
    pub(super) is_token: bool,
    is_probe: bool,
}

/// The paths of the management listener that machines read again and again.
const MANAGEMENT_PROBES: [&str; 4] = ["/livez", "/readyz", "/healthz", "/metrics"];

/// The routes of a listener.
#[derive(Debug, Default)]
pub struct RouteLabels(Vec<KnownRoute>);

impl RouteLabels {
    /// Those of the public listener: few, and without parameters. So a request finds its handle by
    /// comparing texts, the token endpoint first.
    pub fn of_public(app: &App) -> Self {
        let config = &app.services.config;
        let route = |(path, endpoint): (&str, PublicEndpoint)| {
            let label = path.trim_end_matches('/');
            let route = app.metrics.http.route(if label.is_empty() { "/" } else { label });
            let is_token = endpoint == PublicEndpoint::Token;
            let is_probe = matches!(endpoint, PublicEndpoint::Liveness | PublicEndpoint::Readiness);
            KnownRoute { path: path.to_owned(), route, is_token, is_probe }
        };
        let is_served = |(_, endpoint): &(&str, PublicEndpoint)| {
            *endpoint != PublicEndpoint::Authorization || config.metadata.authorization_endpoint
        };
        let mut routes: Vec<_> = config.public_paths.iter().filter(is_served).map(route).collect();
        routes.sort_by_key(|known| !known.is_token);
        Self(routes)
    }

    /// The route of a path, if it is known from the start.
    pub(super) fn find(&self, path: &str) -> Option<&KnownRoute> {
        self.0.iter().find(|known| known.path == path)
    }
}

/// Notes on an answer which pattern the path of its request met, for [`AnsweredRoute::of`].
pub(super) async fn note(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().insert(matched);
    }
    response
}

/// The route of a request that has been answered.
pub(super) enum AnsweredRoute<'a> {
    /// Its path was known from the start.
    Known(&'a KnownRoute),
    /// A pattern.
    Matched(Arc<Route>),
    /// There is nothing at its path.
    Absent(&'a Route),
}

impl<'a> AnsweredRoute<'a> {
    /// The route that was known, or that was noted on the answer.
    pub(super) fn of(
        http: &'a HttpMetrics,
        known: Option<&'a KnownRoute>,
        response: &mut Response,
    ) -> Self {
        if let Some(known) = known {
            return Self::Known(known);
        }
        match response.extensions_mut().remove::<MatchedPath>() {
            Some(matched) => Self::Matched(http.route(matched.as_str())),
            None => Self::Absent(http.other()),
        }
    }

    fn route(&self) -> &Route {
        match self {
            Self::Known(known) => &known.route,
            Self::Matched(route) => route,
            Self::Absent(other) => other,
        }
    }

    /// Counts the answer.
    pub(super) fn observe(&self, method: &str, code: u16, took: Duration) {
        self.route().observe(method, code, took);
    }

    /// The pattern of its path, if there is one.
    pub(super) fn label(&self) -> Option<&str> {
        match self {
            Self::Known(_) | Self::Matched(_) => Some(self.route().label()),
            Self::Absent(_) => None,
        }
    }

    /// True for health and metrics.
    pub(super) fn is_probe(&self) -> bool {
        match self {
            Self::Known(known) => known.is_probe,
            Self::Matched(route) => MANAGEMENT_PROBES.contains(&route.label()),
            Self::Absent(_) => false,
        }
    }
}
