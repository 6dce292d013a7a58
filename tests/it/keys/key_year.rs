//! A year of signing keys: two instances, verifiers that cache a key set for exactly twelve hours,
//! and operators. No token is ever rejected.

use std::collections::BTreeSet;

use tokend::admin::resource::{self, ResourceUpdate};
use tokend::admin::signing_key;
use tokend::admin::signing_key::change::Start;
use tokend::admin::signing_key::rotation::RotationPolicy;
use tokend::admin::{AdminError, Conflict};
use tokend::jose::jwt::{self, VerificationKey};
use tokend::model::key_timeline::signing_key;
use tokend::model::resource::ResourceId;
use tokend::model::signing_key::{Algorithm, KeyId};
use tokend::model::time::Lifetime;

use crate::support::{Engine, INVOICES, ORDERS, Server, TestClient, grant, operator};

const HOUR: i64 = 3_600;
const STEP: i64 = 3 * HOUR;
const STEPS_PER_DAY: i64 = 24 * HOUR / STEP;
const CACHE: i64 = 12 * HOUR;

/// A verifier that caches a key set for twelve hours.
struct Verifier {
    keys: Vec<VerificationKey>,
    fetched_at: i64,
}

/// A token, and the time of its last verification.
struct Issued {
    token: String,
    last_use: i64,
}

struct Year {
    instances: [Server; 2],
    client: TestClient,
    verifiers: Vec<Verifier>,
    issued: Vec<Issued>,
    kids: BTreeSet<String>,
}

impl Year {
    async fn new() -> Self {
        let lifetime = ("TOKEND_TOKEN_LIFETIME", "24h");
        let one = Server::with(Engine::Sqlite, &[lifetime]).await;
        one.resource(INVOICES, &["invoices:read"]).await;
        let grants = [ORDERS, INVOICES].map(|resource| grant(resource, None)).to_vec();
        let client = one.new_client(|new| new.grants = grants).await;
        let settings = [lifetime, ("TOKEND_ISSUER", one.base.as_str())];
        let two = Server::at(one.place.clone(), one.clock.clone(), &settings).await;
        // Each one fetches at another time of the twelve hours.
        let verifiers = (0..CACHE / STEP).map(|phase| {
            let fetched_at = one.clock.now().0 - CACHE + phase * STEP;
            Verifier { keys: Vec::new(), fetched_at }
        });
        let verifiers = verifiers.collect();
        let instances = [one, two];
        Self { instances, client, verifiers, issued: Vec::new(), kids: BTreeSet::new() }
    }

    fn now(&self) -> i64 {
        self.instances[0].clock.now().0
    }

    /// One step of time: both instances run due tasks, tokens are issued and verified.
    async fn step(&mut self, number: i64) {
        let now = self.now();
        for server in &self.instances {
            server.catch_up().await;
            signing_key::rotation::rotate_due_keys(&server.app, RotationPolicy::CreateAndRetire)
                .await
                .expect("a rotation");
        }
        // A verifier with an empty cache begins with the first step; the others are due.
        for (place, verifier) in self.verifiers.iter_mut().enumerate() {
            if verifier.keys.is_empty() || now - verifier.fetched_at >= CACHE {
                let from = &self.instances[(place + usize::from(number % 2 == 0)) % 2];
                let set = from.get("/.well-known/jwks.json").await.text;
                verifier.keys = jwt::key_set(&set).expect("a key set");
                if now - verifier.fetched_at >= CACHE {
                    verifier.fetched_at = now;
                }
            }
        }
        for (server, resource) in self.instances.iter().zip([ORDERS, INVOICES]) {
            let answer = server.ask_for(&self.client, &[("resource", resource)]).await;
            let token = answer.token();
            self.verify(&token, number);
            let (header, _) = jwt::read_unchecked(&token).expect("a token");
            self.kids.insert(header["kid"].as_str().expect("a kid").to_owned());
            self.issued.push(Issued { token, last_use: now + 24 * HOUR - STEP });
        }
        let issued = std::mem::take(&mut self.issued).into_iter();
        let (due, later): (Vec<_>, Vec<_>) = issued.partition(|it| it.last_use <= now);
        self.issued = later;
        for issued in &due {
            self.verify(&issued.token, number);
        }
        self.instances[0].clock.advance(STEP);
    }

    fn verify(&self, token: &str, number: i64) {
        let server = &self.instances[0];
        let issuer = Some(server.app.issuer.as_str());
        for (place, verifier) in self.verifiers.iter().enumerate() {
            let verified = jwt::verify(token, &verifier.keys, issuer, server.clock.now());
            let day = number / STEPS_PER_DAY;
            assert!(verified.is_ok(), "day {day}, verifier {place}: {:?}", verified.err());
        }
    }

    /// Performs the operator's actions at the first step of a day.
    async fn operate(&self, day: i64) {
        let services = self.instances[0].services();
        match day {
            // An ordinary rotation, and one that is planned for later.
            40 | 300 => {
                let start = if day == 40 { Start::WhenKnown } else { Start::Now };
                let rotated =
                    signing_key::change::rotate_now(services, &operator(), None, start).await;
                assert_eq!(rotated.is_ok(), day == 40, "{:?}", rotated.err());
            }
            // A signing key is retired only when verifiers know the next one.
            120 => {
                let signing = self.signing().await;
                let retired = signing_key::change::retire(services, &operator(), &signing).await;
                let error = retired.expect_err("nothing is published");
                assert!(matches!(error, AdminError::Conflict(Conflict::BreaksVerifiers(_))));
                let start = Start::In(Lifetime::parse("72h").expect("a lifetime"));
                let rotated =
                    signing_key::change::rotate_now(services, &operator(), None, start).await;
                rotated.expect("a rotation");
            }
            121 => {
                let signing = self.signing().await;
                let retired = signing_key::change::retire(services, &operator(), &signing).await;
                assert!(retired.is_ok(), "{:?}", retired.err());
            }
            150 => self.sign_invoices_with(Some(Algorithm::Rs256)).await,
            250 => self.sign_invoices_with(None).await,
            _ => {}
        }
    }

    async fn signing(&self) -> KeyId {
        let keys = self.instances[0].services().store.signing_keys().await.expect("a store");
        let (algorithm, now) = (Algorithm::Es256, self.instances[0].clock.now());
        signing_key(&keys, algorithm, now).expect("a key").kid.clone()
    }

    async fn sign_invoices_with(&self, algorithm: Option<Algorithm>) {
        let update =
            ResourceUpdate { signing_algorithm: Some(algorithm), ..ResourceUpdate::default() };
        let id = ResourceId::parse(INVOICES).expect("a resource");
        let services = self.instances[0].services();
        resource::update(services, &operator(), &id, update).await.expect("an update");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_rejected_in_a_year() {
    let mut year = Year::new().await;
    for number in 0..365 * STEPS_PER_DAY {
        if number % STEPS_PER_DAY == 0 {
            year.operate(number / STEPS_PER_DAY).await;
        }
        year.step(number).await;
    }
    // Four rotations by time, those of the operator, and the keys of RS256.
    assert!(year.kids.len() >= 7, "{:?}", year.kids);
    let set = year.instances[1].get("/.well-known/jwks.json").await.json();
    let published = set["keys"].as_array().map_or(0, Vec::len);
    assert!((1..=3).contains(&published), "{published} keys are published");
}
