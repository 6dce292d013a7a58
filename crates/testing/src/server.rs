//! A live instance in this process, and the methods that send it requests.

use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokend::admin;
use tokend::admin::client::NewClient;
use tokend::admin::resource::NewResource;
use tokend::admin::secret::NewSecret;
use tokend::app::App;
use tokend::config::sources::Flags;
use tokend::config::{Config, Requirement};
use tokend::model::client::{ClientId, ClientName};
use tokend::model::facts::Facts;
use tokend::model::leak_policy::LeakPolicy;
use tokend::model::resource::{ResourceId, ResourceScope, TokenTyp};
use tokend::model::security::ClientSecurity;
use tokend::model::signing_key::Algorithm;
use tokend::model::static_claims::StaticClaims;
use tokend::model::time::Clock;
use tokend::model::usage::Usage;
use tokend::server::Server as Tokend;
use tokend::services::Services;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::{
    Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Place, client, client_id, grant, log, now, operator,
};

pub struct Server {
    pub base: String,
    pub management: String,
    pub app: Arc<App>,
    pub http: reqwest::Client,
    pub clock: Clock,
    pub place: Arc<Place>,
    secrets: Mutex<Vec<String>>,
    log_start: u64,
    stop: Option<oneshot::Sender<()>>,
}

#[derive(Debug, Clone)]
pub struct TestClient {
    pub id: String,
    pub secret: String,
}

impl Server {
    /// Starts an instance with default settings, a resource [`ORDERS`], and a fixed clock.
    pub async fn start(engine: Engine) -> Self {
        Self::with(engine, &[]).await
    }

    /// Like [`Self::start`], with additional settings as `TOKEND_…` variables.
    pub async fn with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let place = Arc::new(Place::new(engine).await);
        let server = Self::at(place, Clock::fixed(now()), settings).await;
        server.resource(ORDERS, &["orders:read", "orders:write"]).await;
        server
    }

    /// Starts an instance at a place that another one may have used before.
    pub async fn at(place: Arc<Place>, clock: Clock, settings: &[(&str, &str)]) -> Self {
        log::start();
        let log_start = log::length();
        let public = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let management = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", public.local_addr().expect("an address"));
        let port = public.local_addr().expect("an address").port().to_string();
        let management_address = management.local_addr().expect("an address").to_string();
        let management_base = format!("http://{management_address}");
        let mut environment = place.environment();
        environment.retain(|(name, _)| name != "TOKEND_ISSUER");
        environment.push(("TOKEND_ISSUER".to_owned(), base.clone()));
        environment.push(("TOKEND_MANAGEMENT_LISTEN".to_owned(), management_address));
        for (name, value) in settings {
            environment.retain(|(known, _)| known != name);
            let value = value.replace("{base}", &base).replace("{port}", &port);
            environment.push(((*name).to_owned(), value));
        }
        let config =
            Config::load(&Flags::default(), &environment, Requirement::Issuer).expect("settings");
        let issuer = config.issuer.clone().expect("an issuer");
        let services = Services::open(config, clock.clone()).await.expect("services");
        let app = Box::pin(App::load(services, issuer)).await.expect("an app");
        let app = Arc::new(app);
        let tokend =
            Tokend::from_listeners(app.clone(), public, management).await.expect("a server");
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(tokend.run(async {
            let _ = stopped.await;
        }));
        Self {
            base,
            management: management_base,
            app,
            http: client(),
            clock,
            place,
            secrets: Mutex::default(),
            log_start,
            stop: Some(stop),
        }
    }

    pub fn services(&self) -> &Services {
        &self.app.services
    }

    /// Stops the instance, as SIGTERM does.
    pub fn request_shutdown(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Updates the memory now, for tests that do not measure how long that takes.
    pub async fn catch_up(&self) {
        self.app.catch_up().await.expect("the events");
    }

    /// Writes the usage statistics, and returns the usage of the client's credentials other than
    /// secrets.
    pub async fn usage(&self, client: &TestClient) -> Option<Usage> {
        self.app.write_usage().await.expect("written");
        let found = self.services().store.registration(&client_id(&client.id)).await;
        found.expect("a store").expect("a client").usage
    }

    /// Notes a secret that must not be in the log when the test ends.
    pub fn keep_secret(&self, secret: &str) {
        self.secrets.lock().expect("a lock").push(secret.to_owned());
    }

    pub async fn resource(&self, uri: &str, scopes: &[&str]) {
        self.signed_resource(uri, scopes, None).await;
    }

    /// Creates a resource with a signing algorithm of its own.
    pub async fn signed_resource(&self, uri: &str, scopes: &[&str], algorithm: Option<Algorithm>) {
        let scopes = scopes.iter().map(|text| ResourceScope::parse(text).expect("a scope"));
        let new = NewResource {
            resource: ResourceId::parse(uri).expect("a resource"),
            scopes: scopes.collect(),
            token_lifetime: None,
            signing_algorithm: algorithm,
            token_typ: TokenTyp::default(),
            facts: Facts::default(),
        };
        admin::resource::create(self.services(), &operator(), new).await.expect("a resource");
        self.catch_up().await;
    }

    /// Creates a client with a grant of everything at [`ORDERS`].
    pub async fn client(&self) -> TestClient {
        self.new_client(|_| {}).await
    }

    /// Creates a client, after `change` has edited it.
    pub async fn new_client(&self, change: impl FnOnce(&mut NewClient)) -> TestClient {
        let mut new = NewClient {
            name: Some(ClientName::parse("A client").expect("a name")),
            client_id: None,
            auth_methods: Vec::new(),
            grant_types: Vec::new(),
            token_lifetime: None,
            token_rate: None,
            grants: vec![grant(ORDERS, None)],
            security: ClientSecurity::default(),
            leak_policy: LeakPolicy::default(),
            claims: StaticClaims::default(),
            facts: Facts::default(),
            admin_of: None,
            secret: Some(NewSecret::default()),
        };
        change(&mut new);
        let (made, secret) =
            admin::client::create(self.services(), &operator(), new).await.expect("a client");
        self.catch_up().await;
        self.known(made.client.client_id.as_str(), &secret.unwrap_or_default())
    }

    /// Creates an administrator: a client with a grant of these scopes of `urn:tokend`.
    pub async fn administrator(&self, scopes: &str) -> TestClient {
        self.new_client(|new| new.grants = vec![grant("urn:tokend", Some(scopes))]).await
    }

    /// Returns a client as tests hold it; its secret must not be in the log.
    pub fn known(&self, id: &str, secret: &SecretString) -> TestClient {
        let secret = secret.expose_secret().to_owned();
        self.keep_secret(&secret);
        TestClient { id: id.to_owned(), secret }
    }

    /// Imports clients of another system.
    pub async fn import(&self, lines: &str) -> Vec<ClientId> {
        // An import needs its own services, like the command line.
        let config = self.services().config.clone();
        let services =
            Arc::new(Services::open(config, self.clock.clone()).await.expect("services"));
        let options = admin::import::ImportOptions::default();
        let who = operator();
        let imported =
            admin::import::import(&services, &who, lines.as_bytes(), options, &|_| {}).await;
        self.catch_up().await;
        imported.expect("an import").into_iter().map(|client| client.client_id).collect()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn token_url(&self) -> String {
        self.url("/v1/oauth/token")
    }

    /// Sends a request to the token endpoint with HTTP Basic and a form.
    pub async fn basic(&self, id: &str, secret: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.http.post(self.token_url()).basic_auth(id, Some(secret)).form(form);
        Answer::of(request).await
    }

    /// Sends the ordinary token request of a client.
    pub async fn ask(&self, client: &TestClient) -> Answer {
        self.basic(&client.id, &client.secret, &CLIENT_CREDENTIALS).await
    }

    /// Like [`Self::ask`], with more parameters.
    pub async fn ask_for(&self, client: &TestClient, more: &[(&str, &str)]) -> Answer {
        let mut form = CLIENT_CREDENTIALS.to_vec();
        form.extend(more);
        self.basic(&client.id, &client.secret, &form).await
    }

    /// Sends a form to any path, with HTTP Basic.
    pub async fn post(&self, path: &str, caller: &TestClient, form: &[(&str, &str)]) -> Answer {
        let request = self.http.post(self.url(path));
        Answer::of(request.basic_auth(&caller.id, Some(&caller.secret)).form(form)).await
    }

    /// Sends a form body exactly as given.
    pub async fn form(&self, body: &str) -> Answer {
        let request = self
            .http
            .post(self.token_url())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned());
        Answer::of(request).await
    }

    /// Sends a JSON body exactly as given.
    pub async fn json(&self, body: &str) -> Answer {
        let request = self
            .http
            .post(self.token_url())
            .header("content-type", "application/json")
            .body(body.to_owned());
        Answer::of(request).await
    }

    /// True if introspection by a caller reports a token as active.
    pub async fn is_active(&self, caller: &TestClient, token: &str) -> bool {
        let answer = self.post("/v1/oauth/introspect", caller, &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let is_active = answer.json()["active"].as_bool().expect("a boolean");
        // C-112: the answer has only this member.
        assert!(is_active || answer.text == r#"{"active":false}"#, "{answer:?}");
        is_active
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.http.get(self.url(path))).await
    }

    /// Returns the claims of a token, verified with the published keys.
    pub async fn claims(&self, token: &str) -> Value {
        let keys = self.get("/.well-known/jwks.json").await;
        let keys = tokend::jose::jwt::key_set(&keys.text).expect("a key set");
        let verified = tokend::jose::jwt::verify(
            token,
            &keys,
            Some(self.app.issuer.as_str()),
            self.clock.now(),
        )
        .expect("a valid token");
        serde_json::to_value(verified.claims).expect("claims")
    }
}

/// Every test ends with a search in the log of its instance.
impl Drop for Server {
    fn drop(&mut self) {
        self.request_shutdown();
        if std::thread::panicking() {
            return;
        }
        let secrets = self.secrets.lock().map(|secrets| secrets.clone()).unwrap_or_default();
        log::assert_silent_about(self.log_start, &secrets);
    }
}
