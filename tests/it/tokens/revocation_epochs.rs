//! No token outlasts its revocation, for any timing, clock, engine and number of instances (D24).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use rstest::rstest;
use serde_json::Value;
use sqlx::Connection;
use tokend::admin;
use tokend::admin::revocation::{RevocationTarget, revoke_token, revoke_tokens};
use tokend::admin::secret::NewSecret;
use tokend::admin::secret::rotation::rotate;
use tokend::jose::jwt;
use tokend::model::client::ClientState;
use tokend::model::overlap::Overlap;
use tokend::model::security::{KeySet, KeySource};
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;
use tokend::model::token::TokenId;

use crate::support::keys::{self, KeyPair};
use crate::support::{Engine, ORDERS, Place, Server, TestClient, client_id, now, operator};

pub const TWO_DAYS: i64 = 2 * 86_400;

pub const UNLIMITED: (&str, &str) = ("TOKEND_LIMITS_TOKENS_PER_CLIENT", "off");

/// Returns the number of clients in the race with each command. `TOKEND_RACE_CLIENTS` sets a higher
/// number than that of the CI.
fn race_clients() -> usize {
    let asked = std::env::var("TOKEND_RACE_CLIENTS").ok();
    asked.map_or(10, |text| text.parse().expect("a number"))
}

/// Two instances on one database, with a client that may introspect every token.
pub struct Pair {
    servers: [Server; 2],
    gateway: TestClient,
}

impl Pair {
    /// Starts the instances with clocks that differ from the correct time by these seconds.
    async fn start(engine: Engine, skews: [i64; 2]) -> Self {
        let place = Arc::new(Place::new(engine).await);
        let now = now();
        let one = Server::at(place.clone(), Clock::fixed(now), &[UNLIMITED]).await;
        let settings = [("TOKEND_ISSUER", one.base.as_str()), UNLIMITED];
        let other = Server::at(place, Clock::fixed(now), &settings).await;
        one.clock.advance(skews[0]);
        other.clock.advance(skews[1]);
        one.resource(ORDERS, &["orders:read"]).await;
        let gateway = one.administrator("introspect").await;
        Self { servers: [one, other], gateway }
    }

    async fn catch_up(&self) {
        for server in &self.servers {
            server.catch_up().await;
        }
    }

    /// Returns the tokens that an API accepts, by introspection at either instance, or by the
    /// revocation list.
    async fn survivors(&self, tokens: Vec<String>) -> Vec<String> {
        let list = self.servers[0].get("/v1/oauth/revocations").await;
        let (_, list) = jwt::read_unchecked(&list.text).expect("a JWT");
        let list = &list;
        let survives = async |token: String| {
            let mut survives = !is_listed(list, &token);
            for server in &self.servers {
                survives |= server.is_active(&self.gateway, &token).await;
            }
            survives.then_some(token)
        };
        stream::iter(tokens)
            .map(survives)
            .buffer_unordered(16)
            .filter_map(async |it| it)
            .collect()
            .await
    }
}

/// Applies the documented rule for verifiers of the list.
pub fn is_listed(list: &Value, token: &str) -> bool {
    let (_, claims) = jwt::read_unchecked(token).expect("a JWT");
    let id = claims["client_id"].as_str().expect("a client");
    let jti = claims["jti"].as_str().expect("a jti");
    let number = |value: &Value| value.as_i64().expect("a number");
    let is_after = |epoch: &Value| {
        claims["evt"].as_i64().unwrap_or(0) < number(&epoch["evt"])
            || number(&claims["iat"]) < number(&epoch["iat_before"])
    };
    list["tokens"].get(jti).is_some() || list["epochs"].get(id).is_some_and(is_after)
}

/// The action of an operator after a secret has leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Disable,
    Delete,
    RevokeTokens,
    RotateAndRevoke,
}

impl Command {
    async fn run(self, server: &Server, client: &TestClient) {
        let (services, id) = (server.services(), client_id(&client.id));
        match self {
            Self::Disable => set_state(server, client, ClientState::Disabled).await,
            Self::Delete => {
                admin::client::delete(services, &operator(), &id).await.expect("deleted");
            }
            Self::RevokeTokens => {
                revoke_tokens(services, &operator(), &id).await.expect("revoked");
            }
            Self::RotateAndRevoke => {
                let new = NewSecret::default();
                let overlap = Overlap::None;
                rotate(services, &operator(), &id, &new, overlap).await.expect("rotated");
                revoke_tokens(services, &operator(), &id).await.expect("revoked");
            }
        }
    }

    /// Enables the client again, or creates another one with its id.
    async fn undo(self, server: &Server, client: &TestClient) {
        match self {
            Self::Disable => set_state(server, client, ClientState::Active).await,
            Self::Delete => {
                server.new_client(|new| new.client_id = Some(client_id(&client.id))).await;
            }
            Self::RevokeTokens | Self::RotateAndRevoke => {}
        }
    }
}

pub async fn set_state(server: &Server, client: &TestClient, state: ClientState) {
    let id = client_id(&client.id);
    let (services, who) = (server.services(), operator());
    admin::client::set_state(services, &who, &id, state, None).await.expect("a change");
}

/// S-1: a thief sends requests without a pause on 16 connections while the operator acts.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_token_survives_a_race_with_its_revocation(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Command::Disable, Command::Delete, Command::RevokeTokens, Command::RotateAndRevoke)]
    command: Command,
) {
    let pair = Pair::start(engine, [0, 0]).await;
    let one = &pair.servers[0];
    let clients: Vec<_> = join_all((0..race_clients()).map(|_| one.client())).await;
    pair.catch_up().await;
    let mut revoked = Vec::new();
    for client in &clients {
        // From now on no instance needs a hash, so the race is as fast as possible.
        for server in &pair.servers {
            revoked.push(server.ask(client).await.token());
        }
    }
    let is_over = AtomicBool::new(false);
    let thief = async |connection: usize| {
        let server = &pair.servers[connection % 2];
        let mut tokens = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            for place in 0..clients.len() {
                let client = &clients[(place + connection) % clients.len()];
                let answer = server.ask(client).await;
                if answer.status == 200 {
                    tokens.push(answer.token());
                }
            }
        }
        tokens
    };
    let operator = async {
        for client in &clients {
            command.run(one, client).await;
        }
        pair.catch_up().await;
        is_over.store(true, Ordering::Relaxed);
    };
    let ((), stolen) = tokio::join!(operator, join_all((0..16).map(&thief)));
    if command != Command::RevokeTokens {
        revoked.extend(stolen.into_iter().flatten());
    }
    for client in &clients {
        command.undo(one, client).await;
    }
    pair.catch_up().await;
    let count = revoked.len();
    assert!(count >= clients.len());
    let survivors = pair.survivors(revoked).await;
    assert!(survivors.is_empty(), "{} of {count} survived: {survivors:?}", survivors.len());
    if command == Command::RevokeTokens {
        let token = pair.servers[1].ask(&clients[0]).await.token();
        assert_eq!(pair.survivors(vec![token]).await.len(), 1, "the next token is valid");
    }
}

/// S-4, D24: clocks that differ by ten seconds, in both directions.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_token_survives_because_clocks_differ(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values([10, 0], [-10, 0], [0, 10], [10, -10])] skews: [i64; 2],
) {
    let pair = Pair::start(engine, skews).await;
    let [one, other] = &pair.servers;
    let client = one.client().await;
    pair.catch_up().await;
    let mut revoked = vec![one.ask(&client).await.token(), other.ask(&client).await.token()];
    revoke_tokens(other.services(), &operator(), &client_id(&client.id)).await.expect("revoked");
    // If this instance has not read the event yet, the token is revoked from the beginning. If it
    // reads the event during the request, it answers 503 (`issue_time`).
    let late = one.ask(&client).await;
    pair.catch_up().await;
    let evt = |token: &str| {
        jwt::read_unchecked(token).expect("a JWT").1["evt"].as_i64().expect("a number")
    };
    let head = one.services().store.head().await.expect("a head").sequence;
    if late.status == 503 {
        assert_eq!(late.json()["error"], "temporarily_unavailable");
    } else if evt(&late.token()) < head {
        revoked.push(late.token());
    }
    assert!(pair.survivors(revoked).await.is_empty());
    for server in &pair.servers {
        let token = server.ask(&client).await.token();
        assert_eq!(evt(&token), head);
        // A verifier allows ten seconds for the clock of another machine.
        assert!(server.is_active(&pair.gateway, &token).await, "the next token is valid at once");
    }
}

/// S-4: an instance with a slow clock does not accept a secret that was rotated out, so it issues
/// no token with it after the revocation.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_secret_is_rejected_where_the_clock_is_behind(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let pair = Pair::start(engine, [-10, 10]).await;
    let [behind, ahead] = &pair.servers;
    let client = behind.client().await;
    pair.catch_up().await;
    assert_eq!(behind.ask(&client).await.status, 200);
    Command::RotateAndRevoke.run(ahead, &client).await;
    pair.catch_up().await;
    for server in &pair.servers {
        assert_eq!(server.ask(&client).await.status, 401, "the old secret has ended");
    }
}

/// S-4: a clock that jumps two days ahead, and back, makes no token active again.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_makes_nothing_valid_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let pair = Pair::start(engine, [0, 0]).await;
    let [one, other] = &pair.servers;
    let (client, single) = (one.client().await, one.client().await);
    pair.catch_up().await;
    let revoked = vec![one.ask(&client).await.token(), one.ask(&single).await.token()];
    revoke_tokens(one.services(), &operator(), &client_id(&client.id)).await.expect("revoked");
    let jti = one.claims(&revoked[1]).await["jti"].as_str().expect("a jti").to_owned();
    let jti = TokenId::parse(&jti).expect("a jti");
    let target = RevocationTarget::Id(jti);
    revoke_token(one.services(), &operator(), target).await.expect("revoked");
    pair.catch_up().await;
    other.clock.advance(TWO_DAYS);
    other.app.purge_expired().await.expect("purged");
    other.clock.advance(-TWO_DAYS);
    assert!(pair.survivors(revoked.clone()).await.is_empty());
    let settings = [("TOKEND_ISSUER", one.base.as_str())];
    let started_again = Server::at(one.place.clone(), one.clock.clone(), &settings).await;
    for token in &revoked {
        assert!(!started_again.is_active(&pair.gateway, token).await);
    }
}

/// A revocation by a fast clock stops the client, and another one by the correct clock lets it
/// continue.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_by_a_clock_that_is_ahead_can_be_repeated() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let old = server.ask(&client).await.token();
    let id = client_id(&client.id);
    server.clock.advance(TWO_DAYS);
    revoke_tokens(server.services(), &operator(), &id).await.expect("revoked");
    server.clock.advance(-TWO_DAYS);
    server.catch_up().await;
    server.ask(&client).await.assert_rejected(503, "temporarily_unavailable");
    revoke_tokens(server.services(), &operator(), &id).await.expect("revoked");
    server.catch_up().await;
    let new = server.ask(&client).await.token();
    assert!(!server.is_active(&client, &old).await);
    assert!(server.is_active(&client, &new).await);
}

/// S-1: a request that waits for the database while its client is disabled gets no token that
/// outlasts this.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_the_database_gets_no_token_that_survives() {
    let pair = Pair::start(Engine::Postgres, [0, 0]).await;
    let one = &pair.servers[0];
    let key = KeyPair::new(Algorithm::Es256);
    let set = KeySet::parse(&keys::set(&[&key.jwk])).expect("a key set");
    let client = one.new_client(|new| new.security.keys = Some(KeySource::Inline(set))).await;
    let mut connection =
        sqlx::PgConnection::connect(&one.place.database_url).await.expect("a connection");
    let mut lock = connection.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE used_assertion").execute(&mut *lock).await.expect("a lock");
    let assertion = key.sign(&serde_json::json!({
        "iss": client.id, "sub": client.id, "aud": one.base, "jti": "waits",
        "exp": one.clock.now().0 + 60,
    }));
    let body = format!(
        "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
         client-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
    );
    let operator = async {
        // The request has found its client and waits for the lock.
        let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted";
        loop {
            let waiting: i64 =
                sqlx::query_scalar(waiting).fetch_one(&mut *lock).await.expect("a count");
            if waiting > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Command::Disable.run(one, &client).await;
        pair.catch_up().await;
        lock.commit().await.expect("released");
    };
    let (answer, ()) = tokio::join!(one.form(&body), operator);
    Command::Disable.undo(one, &client).await;
    pair.catch_up().await;
    if answer.status == 200 {
        assert!(pair.survivors(vec![answer.token()]).await.is_empty());
    } else {
        answer.assert_rejected(503, "temporarily_unavailable");
    }
}
