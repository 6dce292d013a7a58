//! An API that verifies access tokens by itself, with axum and jsonwebtoken.
//!
//! Start `tokend dev`, then this, then ask it with a token of the demo client:
//!
//! ```text
//! ISSUER=http://localhost:8080 AUDIENCE=https://api.demo.localhost cargo run --example api
//! curl -i http://127.0.0.1:3000/orders -H "Authorization: Bearer $TOKEN"
//! ```

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program of its own: it prints, and takes its settings from the environment"
)]

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use tokio::net::TcpListener;

/// The scope that the only route needs.
const SCOPE: &str = "demo:read";

/// tokend publishes a key a day before it signs, so an unknown `kid` is not a reason to fetch.
const REFRESH_INTERVAL: Duration = Duration::from_mins(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::new(std::env::var("ISSUER")?, std::env::var("AUDIENCE")?).await?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("GET http://127.0.0.1:3000/orders needs a token with scope {SCOPE}");
    serve(listener, verifier).await?;
    Ok(())
}

/// Answers requests until the process ends, and keeps the keys fresh.
pub(crate) async fn serve(listener: TcpListener, verifier: Verifier) -> std::io::Result<()> {
    let verifier = Arc::new(verifier);
    tokio::spawn(refresh(verifier.clone()));
    let routes = Router::new().route("/orders", get(orders)).with_state(verifier);
    axum::serve(listener, routes).await
}

async fn refresh(verifier: Arc<Verifier>) {
    loop {
        tokio::time::sleep(REFRESH_INTERVAL).await;
        // After a failure the keys of the last time stay.
        if let Ok(keys) = fetch_keys(&verifier.issuer).await {
            *verifier.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
    }
}

async fn orders(State(verifier): State<Arc<Verifier>>, headers: HeaderMap) -> Response {
    match verifier.authorize(&headers, SCOPE) {
        Ok(claims) => {
            let body = serde_json::json!({ "caller": claims.client_id, "orders": [] });
            ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
        }
        Err(denied) => denied.into_response(),
    }
}

/// What this API reads of a token.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    client_id: String,
    #[serde(default)]
    scope: String,
    cnf: Option<serde_json::Value>,
}

/// Verifies the tokens of one issuer for one API.
pub(crate) struct Verifier {
    issuer: String,
    audience: String,
    keys: RwLock<JwkSet>,
}

impl Verifier {
    /// Fetches the keys of the issuer.
    pub(crate) async fn new(issuer: String, audience: String) -> reqwest::Result<Self> {
        let keys = RwLock::new(fetch_keys(&issuer).await?);
        Ok(Self { issuer, audience, keys })
    }

    fn authorize(&self, headers: &HeaderMap, scope: &str) -> Result<Claims, Denied> {
        let header = headers.get(AUTHORIZATION).ok_or(Denied::NoToken)?;
        let header = header.to_str().map_err(|_| Denied::InvalidToken)?;
        let (scheme, token) = header.split_once(' ').ok_or(Denied::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Denied::NoToken);
        }
        let claims = self.verify(token).ok_or(Denied::InvalidToken)?;
        // A bound token needs a proof of its key, which this API does not check.
        if claims.cnf.is_some() {
            return Err(Denied::InvalidToken);
        }
        let is_granted = claims.scope.split(' ').any(|granted| granted == scope);
        if is_granted { Ok(claims) } else { Err(Denied::InsufficientScope) }
    }

    /// The claims of a valid token (RFC 9068, section 4).
    fn verify(&self, token: &str) -> Option<Claims> {
        let header = decode_header(token).ok()?;
        if header.typ.as_deref() != Some("at+jwt") {
            return None;
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = DecodingKey::from_jwk(keys.find(&header.kid?)?).ok()?;
        drop(keys);
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        rules.leeway = 5;
        Some(decode::<Claims>(token, &key, &rules).ok()?.claims)
    }
}

async fn fetch_keys(issuer: &str) -> reqwest::Result<JwkSet> {
    let url = format!("{issuer}/.well-known/jwks.json");
    reqwest::get(url).await?.error_for_status()?.json().await
}

/// Why a request was denied (RFC 6750, section 3.1).
enum Denied {
    NoToken,
    InvalidToken,
    InsufficientScope,
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let (status, challenge) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "Bearer".to_owned()),
            Self::InvalidToken => {
                (StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\"".to_owned())
            }
            Self::InsufficientScope => (
                StatusCode::FORBIDDEN,
                format!("Bearer error=\"insufficient_scope\", scope=\"{SCOPE}\""),
            ),
        };
        (status, [(WWW_AUTHENTICATE, challenge)]).into_response()
    }
}
