//! The signing algorithms of tokens, for the server and for each resource.

use rstest::rstest;
use serde_json::Value;
use tokend::admin::resource::{self, ResourceUpdate};
use tokend::admin::signing_key;
use tokend::admin::signing_key::rotation::RotationPolicy;
use tokend::jose::jwt;
use tokend::model::resource::ResourceId;
use tokend::model::signing_key::Algorithm;

use crate::support::process::Cli;
use crate::support::{Engine, INVOICES, ORDERS, Server, grant, operator};

/// The time for which a key is published before it signs (`keys.publish_before`).
const DAY: i64 = 86_400;

async fn key_set(server: &Server) -> Vec<Value> {
    server.get("/.well-known/jwks.json").await.json()["keys"].as_array().expect("keys").clone()
}

async fn algorithms(server: &Server) -> Vec<String> {
    let keys = key_set(server).await;
    let mut names: Vec<_> =
        keys.iter().map(|key| key["alg"].as_str().expect("an alg").to_owned()).collect();
    names.sort();
    names
}

fn algorithm_of(token: &str) -> String {
    let (header, _) = jwt::read_unchecked(token).expect("a token");
    header["alg"].as_str().expect("an alg").to_owned()
}

async fn sign_with(server: &Server, algorithm: Option<Algorithm>) {
    let update = ResourceUpdate { signing_algorithm: Some(algorithm), ..ResourceUpdate::default() };
    let id = ResourceId::parse(ORDERS).expect("a resource");
    resource::update(server.services(), &operator(), &id, update).await.expect("an update");
    server.catch_up().await;
}

/// Tests every algorithm, for the server as a whole; RSA keys of both sizes.
#[rstest]
#[case("ES256", "2048", None)]
#[case("RS256", "2048", Some(256))]
#[case("PS256", "3072", Some(384))]
#[case("EdDSA", "2048", None)]
#[tokio::test(flavor = "multi_thread")]
async fn the_server_signs_with_the_configured_algorithm(
    #[case] algorithm: &str,
    #[case] size: &str,
    #[case] modulus: Option<usize>,
) {
    let settings = [("TOKEND_TOKEN_ALGORITHM", algorithm), ("TOKEND_KEYS_RSA_SIZE", size)];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    assert_eq!(algorithm_of(&token), algorithm);
    server.claims(&token).await;
    assert_eq!(algorithms(&server).await, [algorithm]);
    let key = key_set(&server).await.swap_remove(0);
    let bytes = key["n"].as_str().map(|n| n.len() * 3 / 4);
    assert_eq!(bytes, modulus);
}

/// No API has verified a token for a new resource, so its first token uses its algorithm. For an
/// existing resource the change waits, and until then its tokens stay the same.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_resource_has_its_algorithm_at_once_and_an_old_one_keeps_its_own_until_then(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.signed_resource(INVOICES, &["invoices:read"], Some(Algorithm::Rs256)).await;
    let client = server.new_client(|new| new.grants = vec![grant(INVOICES, None)]).await;
    let of = async || algorithm_of(&server.ask(&client).await.token());
    let sign_with = async |algorithm| {
        let signing_algorithm = Some(Some(algorithm));
        let update = ResourceUpdate { signing_algorithm, ..ResourceUpdate::default() };
        let id = ResourceId::parse(INVOICES).expect("a resource");
        resource::update(server.services(), &operator(), &id, update).await.expect("an update");
        server.catch_up().await;
        signing_key::rotation::rotate_due_keys(&server.app, RotationPolicy::CreateAndRetire)
            .await
            .expect("a rotation");
    };
    assert_eq!(of().await, "RS256");
    sign_with(Algorithm::Ps256).await;
    assert_eq!(of().await, "RS256");
    // Changed again before the first change took effect.
    sign_with(Algorithm::EdDsa).await;
    assert_eq!(of().await, "RS256");
    server.clock.advance(DAY);
    signing_key::rotation::rotate_due_keys(&server.app, RotationPolicy::CreateAndRetire)
        .await
        .expect("a rotation");
    assert_eq!(of().await, "EdDSA");
    server.claims(&server.ask(&client).await.token()).await;
}

/// The algorithms of other resources do not affect a resource: neither a return to the server's
/// algorithm, nor a new resource, nor a delay.
#[tokio::test(flavor = "multi_thread")]
async fn the_algorithm_of_one_resource_does_not_change_the_others() {
    let server = Server::start(Engine::Sqlite).await;
    let [keeps, new] = ["https://keeps.example", "https://new.example"];
    for resource in [keeps, INVOICES] {
        server.signed_resource(resource, &["a"], Some(Algorithm::Rs256)).await;
    }
    sign_with(&server, Some(Algorithm::Ps256)).await;
    server.signed_resource(new, &["a"], Some(Algorithm::Ps256)).await;
    let grants = [ORDERS, INVOICES, keeps, new].map(|resource| grant(resource, None)).to_vec();
    let client = server.new_client(|new| new.grants = grants).await;
    let of = async |resource: &str| {
        algorithm_of(&server.ask_for(&client, &[("resource", resource)]).await.token())
    };
    assert_eq!(of(ORDERS).await, "ES256", "it was there before, and waits");
    assert_eq!(of(new).await, "PS256", "it is new, and the key is published");
    let update = ResourceUpdate { signing_algorithm: Some(None), ..ResourceUpdate::default() };
    let id = ResourceId::parse(INVOICES).expect("a resource");
    resource::update(server.services(), &operator(), &id, update).await.expect("an update");
    server.catch_up().await;
    assert_eq!(of(INVOICES).await, "ES256", "taken back");
    assert_eq!(of(keeps).await, "RS256");
    server.clock.advance(DAY);
    server.catch_up().await;
    assert_eq!(of(ORDERS).await, "PS256");
}

/// A resource from before the first start of a server has no delay.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_keys_of_all_sign_at_once() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["resource", "create", ORDERS, "--signing-alg", "RS256"]);
    cli.json(&["resource", "create", INVOICES]);
    for (id, resource) in [("a", ORDERS), ("b", INVOICES)] {
        cli.json(&["client", "create", "A", "--id", id, "--grant", resource]);
    }
    let issue = |client: &str| {
        let run = cli.run(&["token", "issue", "--client", client, "-o", "id"]);
        algorithm_of(run.stdout.trim())
    };
    let server = cli.serve().await;
    assert_eq!((issue("a"), issue("b")), ("RS256".to_owned(), "ES256".to_owned()));
    drop(server);
}

/// A key of a type is created when the first resource needs it, and published before it signs. It
/// leaves the key set when no resource needs it and its last token has expired.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_exists_while_a_resource_needs_its_algorithm(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.resource(INVOICES, &["invoices:read"]).await;
    let client = server.new_client(|new| new.grants.push(grant(INVOICES, None))).await;
    let ask = async |resource: &str| server.ask_for(&client, &[("resource", resource)]).await;
    let of = async |resource: &str| algorithm_of(&ask(resource).await.token());
    sign_with(&server, Some(Algorithm::Rs256)).await;
    assert_eq!(algorithms(&server).await, ["ES256", "RS256"], "published at once");
    assert_eq!(of(ORDERS).await, "ES256", "not signing yet");

    server.clock.advance(DAY);
    server.catch_up().await;
    let token = ask(ORDERS).await.token();
    assert_eq!(algorithm_of(&token), "RS256");
    server.claims(&token).await;
    assert_eq!(of(INVOICES).await, "ES256", "the other resource keeps the server's choice");
    let metadata = server.get("/.well-known/openid-configuration").await.json();
    let listed = &metadata["id_token_signing_alg_values_supported"];
    assert_eq!(listed.to_string(), r#"["ES256","RS256"]"#);

    sign_with(&server, None).await;
    signing_key::rotation::rotate_due_keys(&server.app, RotationPolicy::CreateAndRetire)
        .await
        .expect("a rotation");
    assert_eq!(of(ORDERS).await, "ES256");
    assert_eq!(algorithms(&server).await, ["ES256", "RS256"], "tokens of it are still valid");

    // If it is needed again in time, the same key continues to sign.
    sign_with(&server, Some(Algorithm::Rs256)).await;
    assert_eq!(of(ORDERS).await, "RS256");
    sign_with(&server, None).await;
    signing_key::rotation::rotate_due_keys(&server.app, RotationPolicy::CreateAndRetire)
        .await
        .expect("a rotation");
    // token.lifetime_max and keys.keep_after.
    server.clock.advance(25 * 3600);
    server.catch_up().await;
    assert_eq!(algorithms(&server).await, ["ES256"]);
}

/// S-11: two instances with different `token.algorithm`, as in a rolling change, retired each
/// other's keys and created new ones every half minute.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn instances_that_want_different_algorithms_keep_each_others_keys(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let old = Server::start(engine).await;
    let client = old.client().await;
    let settings = [("TOKEND_ISSUER", old.base.as_str()), ("TOKEND_TOKEN_ALGORITHM", "EdDSA")];
    let new = Server::at(old.place.clone(), old.clock.clone(), &settings).await;
    let rotate = async || {
        for _ in 0..5 {
            for server in [&old, &new] {
                server.catch_up().await;
                signing_key::rotation::rotate_due_keys(
                    &server.app,
                    RotationPolicy::CreateAndRetire,
                )
                .await
                .expect("a rotation");
            }
            old.clock.advance(30);
        }
        for server in [&old, &new] {
            server.catch_up().await;
        }
    };
    rotate().await;
    let keys = async || old.services().store.signing_keys().await.expect("a store");
    assert_eq!(keys().await.len(), 2);
    old.clock.advance(DAY);
    rotate().await;
    let known = keys().await;
    assert_eq!(known.len(), 2, "{known:?}");
    assert!(known.iter().all(|key| key.retired_at.is_none()), "{known:?}");
    assert_eq!(algorithm_of(&new.ask(&client).await.token()), "EdDSA", "it comes to sign");
    assert_eq!(algorithm_of(&old.ask(&client).await.token()), "ES256");
    // A key is retired an hour after the last instance that needed it has ended.
    drop(new);
    old.clock.advance(3000);
    old.catch_up().await;
    signing_key::rotation::rotate_due_keys(&old.app, RotationPolicy::CreateAndRetire)
        .await
        .expect("a rotation");
    assert!(keys().await.iter().all(|key| key.retired_at.is_none()));
    old.clock.advance(601);
    old.catch_up().await;
    signing_key::rotation::rotate_due_keys(&old.app, RotationPolicy::CreateAndRetire)
        .await
        .expect("a rotation");
    let retired: Vec<_> = keys().await.into_iter().filter(|key| key.retired_at.is_some()).collect();
    assert_eq!(retired.len(), 1);
    assert_eq!(retired[0].algorithm, Algorithm::EdDsa);
}
