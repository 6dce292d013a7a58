//! The routes of a listener as labels of metrics. A label is a pattern of ours, never what a caller
//! asked for.

use std::sync::Arc;

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
}

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
            KnownRoute { path: path.to_owned(), route, is_token: endpoint == PublicEndpoint::Token }
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

/// Notes on an answer which pattern the path of its request met, for [`of_answer`].
pub(super) async fn note(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().insert(matched);
    }
    response
}

/// The route that was noted on an answer.
pub(super) fn of_answer(http: &HttpMetrics, response: &mut Response) -> Option<Arc<Route>> {
    let matched = response.extensions_mut().remove::<MatchedPath>()?;
    Some(http.route(matched.as_str()))
}
