//! An API that answers 200 only to a token for its resource, and records the requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokend::jose::jwt::{self, VerificationKey};
use tokend::model::time::Clock;
use tokio::net::TcpListener;

use crate::support::Server;

/// A running API.
pub struct ProtectedApi {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    keys: Vec<VerificationKey>,
    issuer: String,
    audience: String,
    /// Content type and body of each path.
    pages: BTreeMap<&'static str, (&'static str, &'static str)>,
    accepted: Mutex<Vec<(String, Value)>>,
}

impl ProtectedApi {
    /// Starts an API that accepts tokens of `server` for `audience`. `pages` has content type and
    /// body of each path.
    pub async fn start(
        server: &Server,
        audience: &str,
        pages: &[(&'static str, (&'static str, &'static str))],
    ) -> Self {
        let keys = server.get("/.well-known/jwks.json").await.text;
        let shared = Arc::new(Shared {
            keys: jwt::key_set(&keys).expect("a key set"),
            issuer: server.base.clone(),
            audience: audience.to_owned(),
            pages: pages.iter().copied().collect(),
            accepted: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, shared }
    }

    /// Returns the path and the claims of each request with a valid token.
    pub fn accepted(&self) -> Vec<(String, Value)> {
        self.shared.accepted.lock().expect("a lock").clone()
    }
}

impl Shared {
    /// Returns the claims of a valid token for this API.
    fn claims(&self, request: &Request) -> Option<Value> {
        let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
        let token = value.strip_prefix("Bearer ")?;
        let claims = jwt::verify(token, &self.keys, Some(&self.issuer), Clock::System.now());
        let claims = serde_json::to_value(claims.ok()?.claims).ok()?;
        (claims["aud"] == self.audience.as_str()).then_some(claims)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Some(claims) = shared.claims(&request) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Some((content_type, body)) = shared.pages.get(path.as_str()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    shared.accepted.lock().expect("a lock").push((path, claims));
    ([(header::CONTENT_TYPE, *content_type)], *body).into_response()
}
