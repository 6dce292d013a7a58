//! The clock of the machine goes back: an administrator corrects it, or a virtual machine resumes.

use rstest::rstest;
use tokend::admin::revocation::revoke_tokens;
use tokend::model::rate::RateLimit;
use tokend::model::signing_key::Algorithm;

use crate::authentication::full_replay_cache;
use crate::authentication::private_key_jwt::{ask as ask_with_assertion, claims, keyed};
use crate::support::eventually::eventually;
use crate::support::keys::KeyPair;
use crate::support::{Engine, Server, client_id, log, operator};

/// One hour back.
const BACK: i64 = -3600;

/// Tokens are issued at the corrected time, and the server is healthy.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_issued_after_the_clock_went_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let before = server.claims(&server.ask(&client).await.token()).await;
    server.clock.jump(BACK);
    server.catch_up().await;
    let after = server.claims(&server.ask(&client).await.token()).await;
    let difference =
        after["iat"].as_i64().expect("a time") - before["iat"].as_i64().expect("a time");
    assert_eq!(difference, BACK);
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ready")));
    // Objects that were registered before the correction can still be changed.
    let other = server.client().await;
    server.ask(&other).await.token();
}

/// SECURITY 38: the log reports a jump to the operator.
#[tokio::test(flavor = "multi_thread")]
async fn a_jump_of_the_clock_is_warned_of() {
    const JUMP: i64 = -7_777;
    let server = Server::start(Engine::Sqlite).await;
    let start = log::length();
    eventually("a warning", async || {
        // The task may have read the clock for the first time after the previous jump.
        server.clock.jump(JUMP);
        let log = log::since(start);
        let mut lines = log.lines().filter(|line| line.contains("the time of day has jumped"));
        // Other tests write to this log, with jumps by other distances.
        let seconds = |line: &str| {
            let text = line.split("seconds=").nth(1)?.split(' ').next()?;
            text.parse::<i64>().ok()
        };
        lines.any(|line| seconds(line).is_some_and(|seconds| seconds % JUMP == 0)).then_some(())
    })
    .await;
}

/// Assertions and tokens that were used or revoked before the correction stay so.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_makes_nothing_valid_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (client, other) = (server.client().await, server.client().await);
    let key = KeyPair::new(Algorithm::Es256);
    let by_key = keyed(&server, &key).await;
    let assertion = key.sign(&claims(&server, &by_key));
    ask_with_assertion(&server, &assertion).await.token();
    let token = server.ask(&client).await.token();
    let token_of_other = server.ask(&other).await.token();
    server.post("/v1/oauth/revoke", &client, &[("token", &token)]).await;
    revoke_tokens(server.services(), &operator(), &client_id(&other.id)).await.expect("revoked");
    server.catch_up().await;

    for back in [-5, BACK] {
        server.clock.jump(back);
        server.catch_up().await;
        server.app.purge_expired().await.expect("a purge");
        ask_with_assertion(&server, &assertion).await.assert_rejected(401, "invalid_client");
        assert!(!server.is_active(&client, &token).await, "{back}");
        assert!(!server.is_active(&other, &token_of_other).await, "{back}");
    }
}

/// A used DPoP proof is not accepted again after the clock went back a little.
#[tokio::test(flavor = "multi_thread")]
async fn a_used_proof_stays_used_when_the_clock_goes_back() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let proof = full_replay_cache::proof(&server, &key);
    let ask = async || full_replay_cache::ask(&server, &client, &proof).await;
    ask().await.token();
    server.clock.jump(-5);
    ask().await.assert_rejected(400, "invalid_dpop_proof");
}

/// A client that has used up its rate waits no longer than its window, although that window is in
/// the future now.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_does_not_outlast_a_clock_that_goes_back() {
    let server = Server::start(Engine::Sqlite).await;
    let rate = RateLimit::parse("2/m").expect("a rate");
    let client = server.new_client(|new| new.token_rate = Some(rate)).await;
    for _ in 0..2 {
        server.ask(&client).await.token();
    }
    assert_eq!(server.ask(&client).await.status, 429);
    server.clock.jump(BACK);
    server.catch_up().await;
    server.clock.advance(60);
    server.catch_up().await;
    server.ask(&client).await.token();
}

/// The tokens of a client were revoked at a time that is now in the future. A new token would be
/// revoked at once, so the server returns an error instead. Other clients are served.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_in_the_future_holds_up_its_client_alone(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (client, other) = (server.client().await, server.client().await);
    revoke_tokens(server.services(), &operator(), &client_id(&client.id)).await.expect("revoked");
    server.clock.advance(2);
    server.catch_up().await;
    server.ask(&client).await.token();
    server.clock.jump(BACK);
    server.catch_up().await;
    server.ask(&client).await.assert_rejected(503, "temporarily_unavailable");
    server.ask(&other).await.token();
    server.clock.jump(-BACK);
    server.catch_up().await;
    server.ask(&client).await.token();
}
