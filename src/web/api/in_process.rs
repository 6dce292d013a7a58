//! The admin API for commands of this process, which call its routes without a socket.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt, Collected};
use tower::ServiceExt;

use crate::admin::{AdminError, Principal};
use crate::app::App;
use crate::web::api::{Access, Delivery, Problem, routes};
use crate::web::request_id;

/// The admin API on the database of this process. The caller of every request is the operator.
pub struct InProcessApi {
    app: Arc<App>,
    principal: Principal,
}

/// A response of the API.
#[derive(Debug)]
pub struct InProcessAnswer {
    /// The status code.
    pub status: StatusCode,
    /// The body that a listener would send.
    pub body: Bytes,
    /// The error of the operation that caused a 4xx or 5xx status, if any.
    pub error: Option<AdminError>,
}

impl InProcessApi {
    /// Creates the API of an app for a caller.
    pub fn new(app: Arc<App>, principal: Principal) -> Self {
        Self { app, principal }
    }

    /// Returns the app.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Answers a request. If the request creates a secret, `delivery` receives the response before
    /// the change is committed.
    pub async fn call(
        &self,
        request: Request<String>,
        delivery: Option<Delivery>,
    ) -> InProcessAnswer {
        let access = Access::Operator(self.principal.clone());
        let router = routes(&self.app, access).with_state(self.app.clone());
        let mut request = request.map(Body::from);
        if let Some(delivery) = delivery {
            request.extensions_mut().insert(delivery);
        }
        let mut response = match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let problem = response.extensions_mut().remove::<Problem>();
        if let Some(problem) = &problem {
            response = problem.render(&request_id::generate());
        }
        let status = response.status();
        // The body is in memory already, so reading it cannot fail.
        let body = response.into_body().collect().await.map(Collected::to_bytes);
        let error = problem.and_then(Problem::into_error);
        InProcessAnswer { status, body: body.unwrap_or_default(), error }
    }
}
