//! Routes as metric labels. A label is a route pattern of the program, never the path that a caller
//! requested.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::model::public_path::PublicEndpoint;
use crate::telemetry::metrics::http::{HttpMetrics, Route};

/// A route with a fixed path.
#[derive(Debug)]
pub(super) struct KnownRoute {
    path: String,
    pub(super) route: Arc<Route>,
    pub(super) is_token: bool,
    is_probe: bool,
}

/// The paths of the management listener that monitoring polls.
const MANAGEMENT_PROBES: [&str; 4] = ["/livez", "/readyz", "/healthz", "/metrics"];

/// Routes of a listener with fixed paths.
#[derive(Debug, Default)]
pub struct RouteLabels(Vec<KnownRoute>);

impl RouteLabels {
    /// Returns the routes of the public listener. They are few and have no parameters, so a linear
    /// search finds the path. The token endpoint is first.
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

    /// Returns the route of a path, if the path is fixed.
    pub(super) fn find(&self, path: &str) -> Option<&KnownRoute> {
        self.0.iter().find(|known| known.path == path)
    }
}

/// Stores the matched pattern in the response, for [`AnsweredRoute::of`].
pub(super) async fn note(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().insert(matched);
    }
    response
}

pub(super) enum AnsweredRoute<'a> {
    /// A fixed path.
    Known(&'a KnownRoute),
    /// A pattern that the router matched.
    Matched(Arc<Route>),
    /// A path without a route.
    Absent(&'a Route),
}

impl<'a> AnsweredRoute<'a> {
    /// Returns the known route, or the one that [`note`] stored.
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

    pub(super) fn observe(&self, method: &str, code: u16, took: Duration) {
        self.route().observe(method, code, took);
    }

    /// Returns the pattern of the path, if a route matched.
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
