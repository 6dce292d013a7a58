//! A SPIFFE trust domain of the tests, and requests with its JWT-SVIDs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokend::admin::trust;
use tokend::model::client::JWT_SPIFFE;
use tokend::model::security::KeySetUri;
use tokend::model::signing_key::Algorithm;
use tokend::model::spiffe_id::SpiffeIdPattern;
use tokend::model::spiffe_trust::{SpiffeSource, SpiffeTrust};

use crate::https::{self, Https};
use crate::keys::KeyPair;
use crate::{Answer, Engine, Server, TestClient, client_id, method, operator};

/// The trust domain of the tests, and a workload of it.
pub const DOMAIN: &str = "acme.example";
pub const WORKER: &str = "spiffe://acme.example/ns/prod/worker";

/// A trust domain of the test: its key for JWT-SVIDs, and the endpoint that serves its bundle.
pub struct Domain {
    pub key: KeyPair,
    pub endpoint: Https,
    pub bundle: Arc<Mutex<String>>,
}

/// Returns a bundle with keys of these uses.
pub fn bundle(keys: &[(&str, &KeyPair)]) -> String {
    let keys: Vec<_> = keys
        .iter()
        .map(|(name, key)| {
            let mut jwk = key.jwk.clone();
            // SPIRE omits it.
            jwk.as_object_mut().expect("an object").remove("alg");
            jwk["use"] = json!(name);
            jwk
        })
        .collect();
    json!({ "keys": keys, "spiffe_sequence": 1, "spiffe_refresh_hint": 60 }).to_string()
}

impl Domain {
    pub async fn new(algorithm: Algorithm) -> Self {
        let key = KeyPair::new(algorithm);
        let text = Arc::new(Mutex::new(bundle(&[("jwt-svid", &key)])));
        let served = text.clone();
        let endpoint =
            Https::new(move |_| https::json(&served.lock().expect("a lock").clone())).await;
        Self { key, endpoint, bundle: text }
    }

    pub fn serve(&self, text: String) {
        *self.bundle.lock().expect("a lock") = text;
    }

    pub async fn server(&self, engine: Engine, more: &[(&str, &str)]) -> Server {
        let settings = self.endpoint.settings();
        let mut settings: Vec<_> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.extend(more);
        Server::with(engine, &settings).await
    }

    /// Creates a client that trusts these workloads, and waits until the server has fetched the
    /// bundle.
    pub async fn client(&self, server: &Server, subject: &str) -> TestClient {
        let client = server.new_client(|new| new.auth_methods = vec![method("spiffe_jwt")]).await;
        self.trust(server, &client, subject).await;
        client
    }

    pub async fn trust(&self, server: &Server, client: &TestClient, subject: &str) -> SpiffeTrust {
        let subject = SpiffeIdPattern::parse(subject).expect("a pattern");
        let endpoint = KeySetUri::bundle_endpoint(&self.endpoint.url("/bundle")).expect("a URL");
        let source = SpiffeSource::new(subject.trust_domain().clone(), endpoint, subject);
        let source = source.expect("a source");
        let id = client_id(&client.id);
        let made = trust::spiffe::add(server.services(), &operator(), &id, source).await;
        server.catch_up().await;
        self.until_fetched(server, &client.id).await;
        made.expect("a trust")
    }

    /// Waits until the server has the bundle.
    pub async fn until_fetched(&self, server: &Server, id: &str) {
        for _ in 0..400 {
            let entry = server.app.directory.client(id).expect("a client");
            if entry.spiffe_trusts().iter().all(|known| known.keys.keys().is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the bundle is not fetched");
    }

    pub fn svid(&self, claims: &Value) -> String {
        self.key.sign(claims)
    }
}

/// Returns the claims of a JWT-SVID as SPIRE issues it: without `iss` and `jti`, with a list as
/// `aud`.
pub fn claims(server: &Server, sub: &str) -> Value {
    let now = server.clock.now().0;
    json!({ "sub": sub, "aud": [server.base], "exp": now + 300, "iat": now })
}

pub async fn send(server: &Server, id: Option<&str>, kind: &str, token: &str) -> Answer {
    server.keep_secret(token);
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", kind),
        ("client_assertion", token),
    ];
    form.extend(id.map(|id| ("client_id", id)));
    Answer::of(server.http.post(server.token_url()).form(&form)).await
}

pub async fn ask(server: &Server, id: Option<&str>, token: &str) -> Answer {
    send(server, id, JWT_SPIFFE, token).await
}

/// Returns the reason and the remedy that the operator gets for a rejected request.
pub async fn explained(server: &Server, answer: &Answer) -> (String, String) {
    answer.assert_rejected(401, "invalid_client");
    let told = answer.description();
    assert!(told.starts_with("Client authentication failed. The reason"), "{answer:?}");
    server.app.write_rejections().await.expect("written");
    let id = answer.header("x-request-id").to_owned();
    let kept = server.services().store.rejection(&id).await.expect("a store").expect("one");
    (kept.reason, kept.remedy.map(|remedy| remedy.encode().into_owned()).unwrap_or_default())
}
