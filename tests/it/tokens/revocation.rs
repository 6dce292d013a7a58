//! Revocation of tokens (RFC 7009), on this instance and on every other one.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use tokend::admin::revocation::{RevocationTarget, revoke_token, revoke_tokens};
use tokend::jose::jwt;
use tokend::model::token::{REVOCATION_MARGIN_SECONDS, TokenId};
use tokend::services::Services;

use crate::support::eventually::HANGS_AFTER;
use crate::support::process::Cli;
use crate::support::{
    Answer, Engine, ORDERS, Server, TestClient, client_id, lifetime, now, operator,
};

const REVOKE: &str = "/v1/oauth/revoke";
const LIST: &str = "/v1/oauth/revocations";

async fn list(server: &Server) -> serde_json::Value {
    let answer = server.get(LIST).await;
    assert_eq!(answer.header("content-type"), "application/jwt");
    let (header, claims) = jwt::read_unchecked(&answer.text).expect("a JWT");
    assert_eq!(header["typ"], "revocations+jwt");
    // Numbers, as in every JWT (RFC 7519, section 2).
    assert_eq!(claims["iat"], server.clock.now().0);
    assert_eq!(claims["exp"], server.clock.now().0 + 600);
    claims
}

/// C-120, C-121, C-122, C-123: only the token's own client can revoke it; a request of any other
/// caller changes nothing and gets the same answer.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_its_own_client_ends_a_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let other = server.client().await;
    let token = server.ask(&client).await.token();
    let kept = server.ask(&client).await.token();
    for (caller, text) in [(&other, token.as_str()), (&client, "nonsense")] {
        let answer = server.post(REVOKE, caller, &[("token", text)]).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "{}"), "{answer:?}");
    }
    assert!(server.is_active(&client, &token).await);
    let stranger = TestClient { secret: "wrong".to_owned(), ..client.clone() };
    let form = [("token", token.as_str()), ("token_type_hint", "refresh_token")];
    server.post(REVOKE, &stranger, &form).await.assert_rejected(401, "invalid_client");
    server.post(REVOKE, &client, &[]).await.assert_rejected(400, "invalid_request");
    for _ in 0..2 {
        let answer = server.post(REVOKE, &client, &form).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert!(!server.is_active(&client, &token).await);
    assert!(server.is_active(&client, &kept).await);
}

/// A revocation is kept until seven days after the token has expired, then deleted, in memory and
/// in the database.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_outlives_a_restart_and_is_purged_in_time(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    let jti = server.claims(&token).await["jti"].as_str().expect("a jti").to_owned();
    server.post(REVOKE, &client, &[("token", &token)]).await;
    let settings = [("TOKEND_ISSUER", server.base.as_str())];
    let second = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    assert!(!second.is_active(&client, &token).await);
    assert!(list(&second).await["tokens"][&jti].is_number());

    revoke_tokens(server.services(), &operator(), &client_id(&client.id)).await.expect("revoked");
    second.catch_up().await;
    let claims = list(&second).await;
    assert_eq!(claims["version"], 2);
    let second_of_it = claims["clients"][&client.id].as_i64().expect("a second");
    let head = second.services().store.head().await.expect("a head");
    let epoch = json!({ "evt": head.sequence, "iat_before": second_of_it - 60 });
    assert_eq!(claims["epochs"][&client.id], epoch);
    let store = &second.services().store;
    let margin = REVOCATION_MARGIN_SECONDS;
    for (seconds, tokens, clients) in
        [(24 * 3600, 1, 1), (margin + 3600, 0, 1), (margin + 24 * 3600 + 2, 0, 0)]
    {
        let later = now().plus_seconds(seconds);
        second.app.directory.revocations.purge_expired(later);
        store.purge_revocations(later).await.expect("purged");
        let claims = list(&second).await;
        let length = |name: &str| claims[name].as_object().expect("an object").len();
        assert_eq!((length("tokens"), length("clients")), (tokens, clients), "{claims}");
        assert_eq!(length("epochs"), clients, "{claims}");
        let rows = store.revoked_clients("", 10).await.expect("rows");
        assert_eq!(rows.map_or(0, |(rows, _)| rows.len()), clients);
    }
    assert!(second.services().store.revoked_tokens("", 10).await.expect("rows").is_none());
}

/// Every token issued before is revoked, and the next one is valid: no client waits for a clock
/// (SECURITY 13).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn all_tokens_issued_until_now_are_revoked_at_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let other = server.client().await;
    let tokens = [server.ask(&client).await.token(), server.ask(&client).await.token()];
    let others = server.ask(&other).await.token();
    revoke_tokens(server.services(), &operator(), &client_id(&client.id)).await.expect("revoked");
    server.catch_up().await;
    for token in &tokens {
        assert!(!server.is_active(&client, token).await);
    }
    assert!(server.is_active(&other, &others).await);
    let token = server.ask(&client).await.token();
    assert!(server.is_active(&client, &token).await);
}

/// A revocation is kept as long as the issued tokens are valid, even if the revoking process has
/// other settings. A second revocation does not shorten it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_lasts_whatever_the_settings_of_the_process_that_revokes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let tokens = [server.ask(&client).await.token(), server.ask(&client).await.token()];
    let jti = server.claims(&tokens[0]).await["jti"].as_str().expect("a jti").to_owned();
    let jti = TokenId::parse(&jti).expect("a jti");
    let mut config = server.services().config.clone();
    config.token.lifetime_max = lifetime(60);
    let services = Services::open(config, server.clock.clone()).await.expect("services");
    let by_id = RevocationTarget::Id(jti.clone());
    revoke_token(&services, &operator(), by_id).await.expect("revoked");
    let by_text = RevocationTarget::Verified {
        jti: jti.clone(),
        client_id: client_id(&client.id),
        expires_at: server.clock.now().plus_seconds(1),
    };
    revoke_token(&services, &operator(), by_text).await.expect("revoked");
    revoke_tokens(&services, &operator(), &client_id(&client.id)).await.expect("revoked");
    server.catch_up().await;
    let later = now().plus_seconds(120 + REVOCATION_MARGIN_SECONDS);
    server.app.directory.revocations.purge_expired(later);
    server.services().store.purge_revocations(later).await.expect("purged");
    for token in &tokens {
        assert!(!server.is_active(&client, token).await);
    }
    let kept = server.services().store.revoked_token(&jti).await.expect("a store");
    assert!(kept.is_some_and(|token| token.expires_at > now().plus_seconds(3600)));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_instance_learns_of_a_revocation(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    time_until_every_instance_knows(engine).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make test-slow"]
async fn every_instance_knows_within_two_seconds(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let took = time_until_every_instance_knows(engine).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// Returns how long a second instance accepts a token that the first one has revoked.
async fn time_until_every_instance_knows(engine: Engine) -> Duration {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    let settings = [("TOKEND_ISSUER", server.base.as_str())];
    let second = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    assert!(second.is_active(&client, &token).await);
    server.post(REVOKE, &client, &[("token", &token)]).await;
    let began = Instant::now();
    while second.is_active(&client, &token).await {
        assert!(began.elapsed() < HANGS_AFTER, "the revocation never arrived");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// The list for offline verifiers: a signed JWT of its own type, with validators.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_signed_and_answers_304_while_nothing_changes() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    let first = server.get(LIST).await;
    assert!(first.header("cache-control").contains("max-age=2"));
    let keys = jwt::key_set(&server.get("/.well-known/jwks.json").await.text).expect("keys");
    let as_token = jwt::verify(&first.text, &keys, None, server.clock.now());
    assert_eq!(as_token.expect_err("no token"), jwt::TokenError::NotAnAccessToken);
    let again = async |tag: &str| {
        Answer::of(server.http.get(server.url(LIST)).header("if-none-match", tag)).await
    };
    assert_eq!(again(first.header("etag")).await.status, 304);
    server.post(REVOKE, &client, &[("token", &token)]).await;
    let second = again(first.header("etag")).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.header("etag"), first.header("etag"));
}

/// Single revocations write rows, so their number per minute is limited (C-125).
#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_fill_the_database_with_revocations() {
    let settings = [("TOKEND_LIMITS_REVOCATIONS_PER_CLIENT", "2/h")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let into_the_hour = server.clock.now().0 % 3600;
    server.clock.advance(3600 - into_the_hour);
    server.catch_up().await;
    let client = server.client().await;
    for _ in 0..2 {
        let token = server.ask(&client).await.token();
        assert_eq!(server.post(REVOKE, &client, &[("token", &token)]).await.status, 200);
    }
    let token = server.ask(&client).await.token();
    let answer = server.post(REVOKE, &client, &[("token", &token)]).await;
    answer.assert_rejected(429, "temporarily_unavailable");
    assert_ne!(answer.header("retry-after"), "");
}

/// The operator's commands revoke by jti, by token and by client.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_ends_tokens_by_jti_by_token_and_by_client(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS]);
    cli.json(&["client", "create", "A", "--id", "a", "--grant", ORDERS]);
    let issue = || {
        let token = cli.json(&["token", "issue", "--client", "a"]);
        token["access_token"].as_str().expect("a token").to_owned()
    };
    let verify = |token: &str| cli.run_with(&["token", "verify", "-"], token);
    let (first, second, third) = (issue(), issue(), issue());
    let jti = cli.json_with(&["token", "verify", "-"], &first)["claims"]["jti"].clone();
    cli.json(&["token", "revoke", jti.as_str().expect("a jti")]);
    assert_eq!(verify(&first).code, 8);
    assert!(verify(&first).stderr.contains("revoked"), "{:?}", verify(&first).stderr);
    assert_eq!(verify(&second).code, 0);
    cli.json_with(&["token", "revoke", "-"], &second);
    // One in sixty-four begins with a hyphen.
    cli.json(&["token", "revoke", "-AAAAAAAAAAAAAAAAAAAAA"]);
    assert_eq!(cli.run(&["token", "revoke", "nope"]).code, 2);
    assert_eq!(verify(&second).code, 8);
    cli.json(&["client", "revoke-tokens", "a"]);
    assert_eq!(verify(&third).code, 8);
    assert_eq!(cli.run(&["client", "revoke-tokens", "nobody"]).code, 4);
    // This also works in the same second.
    assert_eq!(verify(&issue()).code, 0);
}
