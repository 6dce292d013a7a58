//! A small OpenID Connect provider. A test controls its answers, including invalid ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokend::crypto::digest;
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::https::acceptor;
use crate::keys::{KeyPair, set};

/// The client id of tokend at the provider.
pub const CLIENT_ID: &str = "tokend console";

/// The client secret. It has characters that HTTP Basic must encode.
pub const CLIENT_SECRET: &str = "s3cret:/+ of the console";

/// The access token of each sign-in.
pub const ACCESS_TOKEN: &str = "opaque-access-token-of-a-person";

type Change = Box<dyn Fn(&mut Value) + Send>;
type Sign = Box<dyn Fn(&KeyPair, &Value) -> String + Send>;

/// An identity provider on this machine.
pub struct IdentityProvider {
    pub issuer: String,
    ca_file: Option<NamedTempFile>,
    state: Arc<Mutex<State>>,
}

struct State {
    issuer: String,
    clock: Clock,
    key: KeyPair,
    claims: Change,
    metadata: Change,
    sign: Sign,
    userinfo: Option<Value>,
    /// Authorization codes, with the requests that they belong to.
    codes: BTreeMap<String, BTreeMap<String, String>>,
    used: BTreeSet<String>,
    /// True if a code may be exchanged again.
    accepts_used_codes: bool,
    /// True if every answer is an error.
    is_down: bool,
    /// Requests, by path.
    requests: Vec<String>,
    problems: Vec<String>,
}

impl IdentityProvider {
    /// Starts a provider without TLS.
    pub async fn start(clock: &Clock) -> Self {
        Self::on(clock, false).await
    }

    /// Starts a provider with its own certificate.
    pub async fn with_tls(clock: &Clock) -> Self {
        Self::on(clock, true).await
    }

    async fn on(clock: &Clock, has_tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let scheme = if has_tls { "https" } else { "http" };
        let issuer = format!("{scheme}://localhost:{port}/tenant");
        let state = Arc::new(Mutex::new(State {
            issuer: issuer.clone(),
            clock: clock.clone(),
            key: KeyPair::new(Algorithm::Es256),
            claims: Box::new(|_| {}),
            metadata: Box::new(|_| {}),
            sign: Box::new(KeyPair::sign),
            userinfo: None,
            codes: BTreeMap::new(),
            used: BTreeSet::new(),
            accepts_used_codes: false,
            is_down: false,
            requests: Vec::new(),
            problems: Vec::new(),
        }));
        let (tls, ca_file) = has_tls.then(acceptor).unzip();
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, state).await;
                            }
                        }
                        None => serve(stream, state).await,
                    }
                });
            }
        });
        Self { issuer, ca_file, state }
    }

    /// Returns the settings with which an instance uses the provider.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("TOKEND_CONSOLE_OIDC_ISSUER", self.issuer.clone()),
            ("TOKEND_CONSOLE_OIDC_CLIENT_ID", CLIENT_ID.to_owned()),
            ("TOKEND_CONSOLE_OIDC_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ];
        if let Some(file) = &self.ca_file {
            settings.push(("TOKEND_FETCH_CA_FILE", file.path().display().to_string()));
        }
        settings
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("a lock")
    }

    /// Changes the claims of each later ID token.
    pub fn claims(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.state().claims = Box::new(change);
    }

    /// Changes the metadata from now on.
    pub fn metadata(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.state().metadata = Box::new(change);
    }

    /// Replaces the function that signs ID tokens.
    pub fn sign(&self, sign: impl Fn(&KeyPair, &Value) -> String + Send + 'static) {
        self.state().sign = Box::new(sign);
    }

    /// Answers later `UserInfo` requests with these claims.
    pub fn userinfo(&self, claims: Value) {
        self.state().userinfo = Some(claims);
    }

    /// Replaces the signing key.
    pub fn rotate(&self) {
        self.state().key = KeyPair::new(Algorithm::Es256);
    }

    pub fn accept_used_codes(&self) {
        self.state().accepts_used_codes = true;
    }

    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// Returns the number of requests to a path.
    pub fn requests(&self, path: &str) -> usize {
        self.state().requests.iter().filter(|known| *known == path).count()
    }

    /// Returns the mistakes in the requests of tokend.
    pub fn problems(&self) -> Vec<String> {
        self.state().problems.clone()
    }

    /// Signs a person in by the authorization request `url`; returns the redirect URL of the
    /// response.
    ///
    /// # Panics
    ///
    /// If the request does not ask for a code with PKCE.
    pub fn authorize(&self, url: &str) -> String {
        let url = reqwest::Url::parse(url).expect("a URL");
        assert!(url.as_str().starts_with(&format!("{}/authorize?", self.issuer)), "{url}");
        let request: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(request.len(), url.query_pairs().count(), "a parameter is there twice: {url}");
        let is = |name: &str, value: &str| assert_eq!(request[name], value, "{url}");
        is("response_type", "code");
        is("client_id", CLIENT_ID);
        is("code_challenge_method", "S256");
        assert!(request["code_challenge"].len() == 43 && request["nonce"].len() >= 22, "{url}");
        assert!(request["scope"].split(' ').any(|scope| scope == "openid"), "{url}");
        let code = format!("code {}", self.state().codes.len());
        let mut back = reqwest::Url::parse(&request["redirect_uri"]).expect("a URL");
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &request["state"])
            .append_pair("iss", &self.issuer);
        self.state().codes.insert(code, request);
        back.into()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<Mutex<State>>) {
    let mut text = Vec::new();
    let (head, body) = loop {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => text.extend_from_slice(&part[..length]),
            _ => return,
        }
        let whole = String::from_utf8(text.clone()).expect("UTF-8");
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let length = header(head, "content-length").and_then(|text| text.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let (status, body) = state.lock().expect("a lock").answer(&head, &body);
    let answer = format!(
        "HTTP/1.1 {status} Any\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.to_string().len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

impl State {
    fn answer(&mut self, head: &str, body: &str) -> (u16, Value) {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let path = path.strip_prefix("/tenant").unwrap_or(path).to_owned();
        self.requests.push(path.clone());
        if self.is_down {
            return (503, json!({ "error": "temporarily_unavailable" }));
        }
        match path.as_str() {
            "/.well-known/openid-configuration" => (200, self.document()),
            "/jwks" => {
                let keys = set(&[&self.key.jwk]);
                (200, serde_json::from_str(&keys).expect("JSON"))
            }
            "/token" => self.exchange(head, body),
            "/userinfo" => match (&self.userinfo, header(head, "authorization")) {
                (Some(claims), Some(bearer)) if bearer.ends_with(ACCESS_TOKEN) => {
                    (200, claims.clone())
                }
                _ => (401, json!({})),
            },
            _ => (404, json!({})),
        }
    }

    fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let mut document = json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/jwks"),
            "scopes_supported": ["openid", "groups", "email"],
            "authorization_response_iss_parameter_supported": true,
        });
        (self.metadata)(&mut document);
        document
    }

    fn exchange(&mut self, head: &str, body: &str) -> (u16, Value) {
        match self.id_token(head, body) {
            Ok(token) => (
                200,
                json!({
                    "access_token": ACCESS_TOKEN,
                    "token_type": "Bearer",
                    "expires_in": 60,
                    "id_token": token,
                }),
            ),
            Err(problem) => {
                self.problems.push(problem.clone());
                (400, json!({ "error": "invalid_grant", "error_description": problem }))
            }
        }
    }

    fn id_token(&mut self, head: &str, body: &str) -> Result<String, String> {
        let url = format!("http://localhost/?{body}");
        let form: BTreeMap<_, _> =
            reqwest::Url::parse(&url).expect("a form").query_pairs().into_owned().collect();
        let get = |name: &str| form.get(name).cloned().unwrap_or_default();
        // RFC 6749, section 2.3.1: both parts are form-encoded.
        let basic = "tokend+console:s3cret%3A%2F%2B+of+the+console";
        let expected = format!("Basic {}", BASE64_STANDARD.encode(basic));
        let is_in_body = get("client_id") == CLIENT_ID && get("client_secret") == CLIENT_SECRET;
        if header(head, "authorization") != Some(&expected) && !is_in_body {
            return Err("the client is not authenticated".to_owned());
        }
        let code = get("code");
        if !self.used.insert(code.clone()) && !self.accepts_used_codes {
            return Err("the code was used before".to_owned());
        }
        let request = self.codes.get(&code).ok_or("the code is unknown")?;
        if get("redirect_uri") != request["redirect_uri"] {
            return Err("the redirect URI is another one".to_owned());
        }
        let challenge = digest::of_bytes(get("code_verifier").as_bytes());
        if challenge != request["code_challenge"] || get("grant_type") != "authorization_code" {
            return Err("the code verifier is wrong".to_owned());
        }
        let now = self.clock.now().0;
        let is_fresh = request.get("max_age").is_some_and(|age| age == "0");
        let mut claims = json!({
            "iss": self.issuer,
            "sub": "ana",
            "aud": CLIENT_ID,
            "nonce": request["nonce"],
            "iat": now,
            "exp": now + 300,
            "auth_time": if is_fresh { now } else { now - 7_200 },
            "email": "ana@example.com",
            "groups": ["staff", "platform"],
        });
        (self.claims)(&mut claims);
        Ok((self.sign)(&self.key, &claims))
    }
}
