//! The baseline: a bare server that reads the same form, signs the same claims with the same kind
//! of key, parsed once, and writes the same answer. It authenticates no client, logs nothing and
//! stores nothing. A server that writes each response at once cannot issue tokens over HTTP much
//! faster than this. `token_path` compares tokend with it.
//!
//! Usage: `baseline ALGORITHM [together]`; prints the port it listens on. With `together`, it writes
//! the responses of one turn together, as tokend does.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark is no library")]

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use tokend::crypto::random;
use tokend::jose::jwt;
use tokend::jose::signer::{Signer, generate};
use tokend::model::signing_key::{Algorithm, RsaSize};
use tokend::model::time::Clock;

#[derive(Deserialize)]
struct Form<'a> {
    grant_type: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    scope: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
}

#[derive(Serialize)]
struct Answer {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: &'static str,
}

struct Key {
    signer: Signer,
    public: Option<ParsedPublicKey>,
    header: String,
    writes_together: bool,
}

async fn token(State(key): State<Arc<Key>>, body: Bytes) -> Response {
    let form: Form<'_> = serde_urlencoded::from_bytes(&body).expect("a form");
    assert_eq!(form.grant_type, "client_credentials");
    let now = Clock::System.now().0;
    let jti = BASE64_URL_SAFE_NO_PAD.encode(random::public_bytes::<16>().expect("random bytes"));
    let claims = Claims {
        iss: "http://127.0.0.1:8080",
        sub: "cl_01234567890123456789",
        aud: "https://orders.example.com",
        client_id: "cl_01234567890123456789",
        scope: "orders:read orders:write",
        iat: now,
        exp: now + 3600,
        jti: &jti,
    };
    let mut token = String::with_capacity(800);
    token.push_str(&key.header);
    let mut text = Vec::with_capacity(512);
    serde_json::to_writer(&mut text, &claims).expect("claims");
    BASE64_URL_SAFE_NO_PAD.encode_string(text, &mut token);
    let mut signature = String::with_capacity(key.signer.encoded_length());
    key.signer.sign(token.as_bytes(), &mut signature).expect("a signature");
    token.push('.');
    token.push_str(&signature);
    let answer = Answer {
        access_token: token,
        token_type: "Bearer",
        expires_in: 3600,
        scope: "orders:read orders:write",
    };
    let mut body = Vec::with_capacity(1024);
    serde_json::to_writer(&mut body, &answer).expect("an answer");
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    if key.writes_together {
        tokio::task::yield_now().await;
    }
    response
}

#[derive(Deserialize)]
struct Question<'a> {
    token: &'a str,
}

/// A bare verification: the signature is checked, and the claims are returned unchecked.
fn verify(key: &Key, token: &str) -> jwt::AccessTokenClaims {
    let (signed, signature) = token.rsplit_once('.').expect("a JWS");
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    key.public.as_ref().expect("ES256").verify_sig(signed.as_bytes(), &signature).expect("valid");
    let claims = signed.split('.').nth(1).expect("claims");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    serde_json::from_slice(&claims).expect("claims")
}

async fn introspect(State(key): State<Arc<Key>>, body: Bytes) -> Response {
    let question: Question<'_> = serde_urlencoded::from_bytes(&body).expect("a form");
    let mut claims = verify(&key, question.token);
    claims.cnf = None;
    let body = serde_json::to_vec(&claims).expect("an answer");
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Like a check for a gateway: the token is in a header, and the result too.
async fn check(State(key): State<Arc<Key>>, headers: HeaderMap) -> Response {
    let token = headers[AUTHORIZATION].to_str().expect("a text").strip_prefix("Bearer ");
    let claims = verify(&key, token.expect("a bearer token"));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let client_id = HeaderValue::from_str(&claims.client_id).expect("a header");
    headers.insert("x-auth-client-id", client_id);
    response
}

/// Returns the public key, parsed once, if it is a P-256 key.
fn public(signer: &Signer) -> Option<ParsedPublicKey> {
    let jwk = serde_json::to_value(signer.public_jwk().expect("a key").1).expect("JSON");
    let part = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
    let point = [vec![4], part("x")?, part("y")?].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()
}

fn main() {
    let Some(algorithm) = std::env::args().nth(1).and_then(|name| Algorithm::parse(&name).ok())
    else {
        // `cargo bench` runs every benchmark; another benchmark starts this one.
        return;
    };
    let key = generate(algorithm, RsaSize::Bits2048).expect("a key");
    let signer = Signer::new(algorithm, &key).expect("a signer");
    let kid = signer.public_jwk().expect("a public key").0;
    let header = format!(r#"{{"typ":"at+jwt","alg":"{}","kid":"{kid}"}}"#, algorithm.as_str());
    let header = format!("{}.", BASE64_URL_SAFE_NO_PAD.encode(header));
    let writes_together = std::env::args().nth(2).is_some_and(|word| word == "together");
    let routes: Router = Router::new()
        .route("/v1/oauth/token", post(token))
        .route("/v1/oauth/introspect", post(introspect))
        .route("/v1/oauth/check", get(check))
        .with_state(Arc::new(Key { public: public(&signer), signer, header, writes_together }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address").port());
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("an option");
            let service = TowerToHyperService::new(routes.clone());
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
}
