//! Client authentication: every method, and one identical error.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;
use secrecy::SecretString;
use tokend::admin;
use tokend::admin::secret;
use tokend::admin::secret::NewSecret;
use tokend::model::client::{ClientState, GrantType};
use tokend::model::overlap::Overlap;

use crate::support::eventually::eventually;
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Server, TestClient, client_id, lifetime, method,
    operator,
};

const GRANT: &str = "grant_type=client_credentials";

async fn with_header(server: &Server, value: &str, form: &str) -> Answer {
    let request = server
        .http
        .post(server.token_url())
        .header("authorization", value)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    Answer::of(request).await
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// Returns the parts of an answer that must not differ: all except the id and the date.
fn comparable_parts(answer: &Answer) -> String {
    let id = answer.header("x-request-id").to_owned();
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| {
            format!("{name}: {}", value.to_str().expect("a text").replace(&id, "ID"))
        })
        .collect();
    headers.sort();
    format!("{} {headers:?} {}", answer.status, answer.text.replace(&id, "ID"))
}

/// RFC 6749, section 2.3.1 (C-08, C-09, C-10, N-06, N-07, K-02, K-04, C-195, W-02, SECURITY 3).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_authenticates_by_header_or_body(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let TestClient { id, secret } = server.client().await;
    assert!(format!("{id}{secret}").bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    let encoded = basic(&format!("{id}:{secret}").replace('_', "%5F"));
    let plain = basic(&format!("{id}:{secret}"));
    for header in
        [&plain, &encoded, &plain.replace("Basic", "basic"), &plain.replace("Basic", "BASIC")]
    {
        assert_eq!(with_header(&server, header, GRANT).await.status, 200);
    }
    let equal = format!("{GRANT}&client_id={id}");
    assert_eq!(with_header(&server, &plain, &equal).await.status, 200);
    let body = format!("{GRANT}&client_id={id}&client_secret={secret}");
    assert_eq!(server.form(&body).await.status, 200);
    // C-04, K-04, K-16, C-38: one method in one request.
    for form in
        [body, format!("{GRANT}&client_secret={secret}"), format!("{GRANT}&client_id=other")]
    {
        with_header(&server, &plain, &form).await.assert_rejected(400, "invalid_request");
    }
}

/// RFC 6749, section 5.2; SECURITY 7 (T-04, T-05, T-06, N-12, K-03, K-09, W-10, W-42, C-01, C-11,
/// C-34, C-35, K-14, O-22, W-04, W-40, W-44, SECURITY 5, D11).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_authentication_failure_has_the_same_answer(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(false, true)] with_imported: bool,
) {
    let server = Server::start(engine).await;
    let (services, who) = (server.services(), operator());
    let good = server.client().await;
    let other = server.client().await;
    let disabled = server.client().await;
    let id = client_id(&disabled.id);
    admin::client::set_state(services, &who, &id, ClientState::Disabled, None)
        .await
        .expect("disabled");
    let expired = server
        .new_client(|new| new.secret.get_or_insert_default().lifetime = Some(lifetime(60)))
        .await;
    let rotated = server.client().await;
    let id = client_id(&rotated.id);
    let new = NewSecret::default();
    let rotation = secret::rotation::rotate(services, &who, &id, &new, Overlap::None).await;
    rotation.expect("rotated");
    let body_only =
        server.new_client(|new| new.auth_methods = vec![method("client_secret_post")]).await;
    let header_only =
        server.new_client(|new| new.auth_methods = vec![method("client_secret_basic")]).await;
    let ended = server.client().await;
    let id = client_id(&ended.id);
    let record = services.store.registration(&id).await.expect("a store").expect("a client");
    let secret_id = &record.secrets[0].secret_id;
    secret::expire(services, &who, &id, secret_id, None).await.expect("ended");
    let deleted = server.client().await;
    admin::client::delete(services, &who, &client_id(&deleted.id)).await.expect("deleted");
    if with_imported {
        server.import(r#"{"client_id":"legacy","client_secret":"hush-hush-hush"}"#).await;
        let legacy = TestClient { id: "legacy".into(), secret: "hush-hush-hush".into() };
        // The secret is valid, and the client has no grant.
        server.ask(&legacy).await.assert_rejected(400, "invalid_target");
    }
    server.catch_up().await;
    server.ask(&expired).await.token();
    server.clock.advance(60);

    let last = if good.secret.ends_with('x') { 'y' } else { 'x' };
    let damaged = format!("{}{last}", &good.secret[..good.secret.len() - 1]);
    let long = "x".repeat(5000);
    let cases: Vec<(&str, &str, &str)> = vec![
        ("unknown client, real secret", "cl_nobody", &good.secret),
        ("unknown client, any secret", "cl_nobody", "wrong"),
        ("an id of another format", "2f1c0c8e-8f0e-4a57-9d3c-0d0c8a1d9b11", "wrong"),
        ("wrong secret", &good.id, "wrong"),
        ("damaged secret", &good.id, &damaged),
        ("cut secret", &good.id, &good.secret[..20]),
        ("secret of another client", &good.id, &other.secret),
        ("secret that is too long", &good.id, &long),
        ("id and secret swapped", &good.secret, &good.id),
        ("a token in place of the secret", &good.id, "eyJ0eXAi.eyJpc3Mi.c2ln"),
        ("disabled client", &disabled.id, &disabled.secret),
        ("disabled client, wrong secret", &disabled.id, "wrong"),
        ("expired secret", &expired.id, &expired.secret),
        ("rotated secret", &rotated.id, &rotated.secret),
        ("ended secret", &ended.id, &ended.secret),
        ("wrong method", &body_only.id, &body_only.secret),
        ("deleted client", &deleted.id, &deleted.secret),
        ("imported client, wrong secret", "legacy", "wrong"),
        ("imported client, secret of another", "legacy", &good.secret),
    ];
    let mut faces = Vec::new();
    for (name, id, secret) in cases {
        let answer = server.basic(id, secret, &CLIENT_CREDENTIALS).await;
        answer.assert_rejected(401, "invalid_client");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Basic realm=\"tokend\", charset=\"UTF-8\""), "{challenge}");
        let description = format!("error_description=\"{}\"", answer.description());
        assert!(challenge.ends_with(&description), "{challenge}");
        assert!(challenge.contains(answer.header("x-request-id")), "{challenge}");
        assert!(!answer.text.contains(id) && !answer.text.contains(secret), "{name}: {answer:?}");
        faces.push((name, comparable_parts(&answer)));
    }
    for broken in
        ["Basic", "Basic !!!", "Basic YQ==", "Basic OmI=", "Basic JTp4", "Bearer abc", "Digest x"]
    {
        faces.push((broken, comparable_parts(&with_header(&server, broken, GRANT).await)));
    }
    for (name, other) in &faces {
        assert_eq!(*other, faces[0].1, "{name}");
    }
    // As above, in the body, where a client that must use the body succeeds.
    let form = |id: &str, secret: &str| format!("{GRANT}&client_id={id}&client_secret={secret}");
    for (id, secret) in [
        (&good.id, "wrong"),
        (&header_only.id, header_only.secret.as_str()),
        (&disabled.id, &disabled.secret),
        (&expired.id, &expired.secret),
    ] {
        let answer = server.form(&form(id, secret)).await;
        assert_eq!(comparable_parts(&answer), faces[0].1, "{id} in the body");
    }
    server.ask(&header_only).await.token();
    assert_eq!(server.form(&form(&body_only.id, &body_only.secret)).await.status, 200);
}

/// K-09: a client that is enabled again gets tokens with its old secret.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_be_disabled_and_enabled_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let id = client_id(&client.id);
    for (state, status) in
        [(ClientState::Active, 200), (ClientState::Disabled, 401), (ClientState::Active, 200)]
    {
        let change =
            admin::client::set_state(server.services(), &operator(), &id, state, None).await;
        change.expect("a change");
        server.clock.advance(1);
        server.catch_up().await;
        assert_eq!(server.ask(&client).await.status, status, "{state:?}");
    }
}

/// D4, W-13, SECURITY 31: rotation with overlap keeps both secrets, and then the old one expires.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_old_secret_expires_at_the_end_of_the_overlap(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let old = server.client().await;
    let (who, id, wanted) = (operator(), client_id(&old.id), NewSecret::default());
    let day = Overlap::For(lifetime(86_400));
    let rotated = secret::rotation::rotate(server.services(), &who, &id, &wanted, day).await;
    let secret = rotated.expect("a rotation").plain.expect("a secret");
    server.catch_up().await;
    let new = server.known(&old.id, &secret);
    for client in [&old, &new, &old] {
        server.ask(client).await.token();
    }
    server.clock.advance(86_399);
    server.catch_up().await;
    server.ask(&old).await.token();
    server.clock.advance(1);
    server.ask(&old).await.assert_rejected(401, "invalid_client");
    server.ask(&new).await.token();
}

/// D4, K-06, C-42: secrets of other systems are used unchanged, first verified by hash and then by
/// MAC.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_secret_is_hashed_once_and_then_verified_by_mac(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let line = format!(
        r#"{{"client_id":"a:b","client_secret":"a+b%2F:c","grants":[{{"resource":"{ORDERS}"}}]}}"#
    );
    server.import(&line).await;
    server.keep_secret("a+b%2F:c");
    let checks = || server.services().hasher.checks();
    let before = checks();
    // The vector of PROTOCOL A5: form-encoded in the header, as it is in the body.
    let encoded = basic("a%3Ab:a%2Bb%252F%3Ac");
    assert_eq!(with_header(&server, &encoded, GRANT).await.status, 200);
    assert_eq!(checks(), before + 1);
    for _ in 0..3 {
        assert_eq!(with_header(&server, &encoded, GRANT).await.status, 200);
    }
    let body = format!("{GRANT}&client_id=a%3Ab&client_secret=a%2Bb%252F%3Ac");
    assert_eq!(server.form(&body).await.status, 200);
    assert_eq!(checks(), before + 1, "a proved secret is hashed again");
    // A literal colon in a known id shows that nothing is encoded.
    assert_eq!(with_header(&server, &basic("a:b:a+b%2F:c"), GRANT).await.status, 200);
    assert_eq!(checks(), before + 1, "a proved secret is hashed again");
    // The same bytes after an id without a colon have another meaning, and are rejected.
    server.import(r#"{"client_id":"plain","client_secret":"a+b%2F:c","grants":[]}"#).await;
    let plain = basic("plain:a+b%2F:c");
    with_header(&server, &plain, GRANT).await.assert_rejected(401, "invalid_client");
}

/// D4, C-07: a forged secret costs no hash; neither does a generated one after its first success.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn generated_secrets_are_hashed_once_and_forged_ones_never(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let other = server.client().await;
    let checks = || server.services().hasher.checks();
    let before = checks();
    for secret in [&other.secret, "wrong", "tkd_0000000000000000000000000000000000000000000000000"]
    {
        let answer = server.basic(&client.id, secret, &CLIENT_CREDENTIALS).await;
        answer.assert_rejected(401, "invalid_client");
    }
    assert_eq!(checks(), before);
    for _ in 0..3 {
        server.ask(&client).await.token();
    }
    assert_eq!(checks(), before + 1);
}

/// T-16, C-07, SECURITY 39: if more secrets wait for their first hash than the queue holds,
/// requests are rejected with `Retry-After` in the ordinary format, and the others succeed.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn too_many_concurrent_first_hashes_are_answered_with_retry_after(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let settings =
        [("TOKEND_SECRETS_HASHING_QUEUE", "1"), ("TOKEND_SECRETS_ARGON2_MEMORY", "8MiB")];
    let server = Arc::new(Server::with(engine, &settings).await);
    // The number of concurrent requests depends on the machine: filling the queue may take several
    // rounds.
    eventually("a full queue", async || {
        let refused = count_rejected_first_hashes(&server).await;
        assert!(refused < 12, "none of 12 got through");
        (refused > 0).then_some(())
    })
    .await;
}

/// Twelve new clients request tokens at once; returns the number of rejections with `Retry-After`.
async fn count_rejected_first_hashes(server: &Arc<Server>) -> usize {
    let mut clients = Vec::new();
    for _ in 0..12 {
        clients.push(server.client().await);
    }
    let ask = |client| {
        let server = server.clone();
        tokio::spawn(async move { server.ask(&client).await })
    };
    let asking: Vec<_> = clients.into_iter().map(ask).collect();
    let mut refused = 0;
    for task in asking {
        let answer = task.await.expect("an answer");
        if answer.status != 200 {
            answer.assert_rejected(503, "temporarily_unavailable");
            assert_eq!(answer.header("retry-after"), "2");
            refused += 1;
        }
    }
    refused
}

/// A client that was deleted by mistake is created again with its old secret.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_generated_secret_can_be_imported_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    admin::client::delete(server.services(), &operator(), &client_id(&client.id))
        .await
        .expect("gone");
    let line = format!(
        r#"{{"client_id":"{}","client_secret":"{}","grants":[{{"resource":"{ORDERS}"}}]}}"#,
        client.id, client.secret
    );
    server.clock.advance(1);
    server.import(&line).await;
    server.ask(&client).await.token();
}

/// G-02, K-18, C-36: an authenticated client that may not use the grant type gets a specific error.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_the_grant_is_unauthorized(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.new_client(|new| new.grant_types = vec![GrantType::JwtBearer]).await;
    let answer = server.ask(&client).await;
    answer.assert_rejected(400, "unauthorized_client");
    assert!(answer.description().contains("may not use client_credentials"), "{answer:?}");
    // Only an authenticated client gets it.
    let wrong = TestClient { secret: "wrong".into(), ..client };
    server.ask(&wrong).await.assert_rejected(401, "invalid_client");
}

/// C-40: generated secrets are unique and long.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_two_secrets_are_alike(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let key = &server.services().keys.tag_key;
    let generate = || -> SecretString { key.generate(&client_id("cl_a")).expect("a secret") };
    let generated: std::collections::HashSet<_> =
        (0..1000).map(|_| secrecy::ExposeSecret::expose_secret(&generate()).to_owned()).collect();
    assert_eq!(generated.len(), 1000);
}
