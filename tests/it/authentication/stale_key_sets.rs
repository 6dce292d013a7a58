//! If the host of a client's key set is unavailable, its last keys work for a day, and no longer.

use std::sync::Arc;

use rstest::rstest;
use tokend::model::security::{KeySetUri, KeySource};
use tokend::model::signing_key::Algorithm;
use tokend::remote_keys::{RemoteKeys, RemoteSource};

use crate::authentication::private_key_jwt::{ask, claims};
use crate::support::eventually::eventually;
use crate::support::https::{self, Https};
use crate::support::keys::{self, KeyPair};
use crate::support::{Engine, Server, TestClient, method};

const HOUR: i64 = 3600;

struct Stage {
    server: Server,
    host: Https,
    client: TestClient,
    key: KeyPair,
    set: Arc<RemoteKeys>,
}

impl Stage {
    /// Creates a client and waits until its keys have been fetched.
    async fn new(engine: Engine) -> Self {
        let key = KeyPair::new(Algorithm::Es256);
        let set = keys::set(&[&key.jwk]);
        let host = Https::new(move |_| https::json(&set)).await;
        let settings = host.settings();
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let server = Server::with(engine, &settings).await;
        let uri = KeySetUri::parse(&host.url("/jwks")).expect("a URI");
        let source = RemoteSource::KeySet(uri.clone());
        let client = server
            .new_client(|new| {
                new.auth_methods = vec![method("private_key_jwt")];
                new.security.keys = Some(KeySource::Remote(uri));
            })
            .await;
        let set = server.app.directory.key_sets.entry(source);
        let stage = Self { server, host, client, key, set };
        eventually("the keys", async || (stage.status().await == 200).then_some(())).await;
        stage
    }

    async fn status(&self) -> u16 {
        ask(&self.server, &self.key.sign(&claims(&self.server, &self.client))).await.status
    }

    /// Advances the clock, and waits until another fetch has failed.
    async fn pass(&self, seconds: i64) {
        let before = self.set.failures_in_a_row();
        self.server.clock.advance(seconds);
        self.server.catch_up().await;
        let asked = async || (self.set.failures_in_a_row() != before).then_some(());
        eventually("another attempt to fetch", asked).await;
    }
}

/// The answer of an unavailable host.
const UNAVAILABLE: &str =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_host_that_is_down_work_for_a_day(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    stage.host.answer(|_| UNAVAILABLE.to_owned());
    for hours in [1, 11, 11] {
        stage.pass(hours * HOUR).await;
        assert_eq!(stage.status().await, 200, "an outage of less than a day rejects the client");
    }
    stage.pass(2 * HOUR).await;
    let refused = ask(&stage.server, &stage.key.sign(&claims(&stage.server, &stage.client))).await;
    refused.assert_rejected(401, "invalid_client");
    // The operator can read the reason.
    let id = refused.header("x-request-id").to_owned();
    stage.server.app.write_rejections().await.expect("written");
    let rejection = stage.server.services().store.rejection(&id).await.expect("a store");
    let reason = format!("{rejection:?}");
    assert!(reason.contains("has not been fetched") && reason.contains("503"), "{reason}");

    // The host is available again with other keys: only those are valid.
    let next = KeyPair::new(Algorithm::Es256);
    let set = keys::set(&[&next.jwk]);
    stage.host.answer(move |_| https::json(&set));
    stage.pass(HOUR).await;
    eventually("a token for the new key", async || {
        let assertion = next.sign(&claims(&stage.server, &stage.client));
        (ask(&stage.server, &assertion).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(stage.status().await, 401, "a withdrawn key works again");
}

/// A wrong clock of the machine neither ends valid keys nor keeps old ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_time_of_day_does_not_change_the_age_of_keys() {
    let stage = Stage::new(Engine::Sqlite).await;
    stage.host.answer(|_| UNAVAILABLE.to_owned());
    stage.server.clock.jump(48 * HOUR);
    stage.server.catch_up().await;
    assert_eq!(stage.status().await, 200, "a jump forward ends valid keys");
    stage.server.clock.jump(-96 * HOUR);
    stage.server.catch_up().await;
    assert_eq!(stage.status().await, 200, "a jump back ends valid keys");
    stage.pass(25 * HOUR).await;
    assert_eq!(stage.status().await, 401, "a wrong time of day keeps old keys valid");
}
