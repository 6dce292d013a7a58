//! Resources, scopes and grants in token requests (D5).

use rstest::rstest;
use tokend::admin;
use tokend::admin::resource::ResourceUpdate;
use tokend::model::resource::ResourceId;
use tokend::model::scope::ScopeName;

use crate::support::{Engine, INVOICES, ORDERS, Server, TestClient, grant, operator};

/// Creates a client that may read orders, and has every scope of invoices.
async fn server_with_two_apis(engine: Engine) -> (Server, TestClient) {
    let server = Server::start(engine).await;
    server.resource(INVOICES, &["invoices:read", "invoices:send"]).await;
    let client = server
        .new_client(|new| {
            new.grants = vec![grant(ORDERS, Some("orders:read")), grant(INVOICES, None)];
        })
        .await;
    (server, client)
}

async fn assert_granted(
    server: &Server,
    client: &TestClient,
    more: &[(&str, &str)],
    audience: &str,
    scope: &str,
) {
    let answer = server.ask_for(client, more).await;
    let claims = server.claims(&answer.token()).await;
    assert_eq!(claims["aud"], audience, "{more:?}");
    assert_eq!(claims["scope"], scope, "{more:?}");
    assert_eq!(answer.json()["scope"], scope, "{more:?}");
}

/// RFC 6749, section 3.3 (N-02, N-03, K-08, W-45, C-19, C-20, C-21, C-56, W-05).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_the_requested_scope_or_all_granted_scopes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    for (asked, given) in [
        (None, "orders:read orders:write"),
        (Some("orders:read"), "orders:read"),
        (Some("orders:write orders:read"), "orders:read orders:write"),
        (Some("  orders:read   orders:read "), "orders:read"),
    ] {
        let more: Vec<_> = asked.iter().map(|scope| ("scope", *scope)).collect();
        assert_granted(&server, &client, &more, ORDERS, given).await;
    }
    // The plus of a form is a space: two scopes, not one.
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=orders:read+orders:write",
        client.id, client.secret
    );
    assert_eq!(server.form(&body).await.json()["scope"], "orders:read orders:write");
}

/// RFC 6749, sections 3.3 and 5.2 (N-10, C-19, C-23, C-24, C-32, SECURITY 25): the request is
/// rejected as a whole, and the description names the scope.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_beyond_the_grant_is_rejected_as_a_whole(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client =
        server.new_client(|new| new.grants = vec![grant(ORDERS, Some("orders:read"))]).await;
    for scope in
        ["orders:write", "orders:read orders:write", "orders:wirte", "ORDERS:READ", "orders:*"]
    {
        let answer = server.ask_for(&client, &[("scope", scope)]).await;
        answer.assert_rejected(400, "invalid_scope");
        assert!(answer.description().contains("Granted: orders:read."), "{scope}: {answer:?}");
    }
    for scope in ["a\"b", "a\\b", "caf\u{e9}", "a\tb", "a\u{0}b", "   "] {
        let answer = server.ask_for(&client, &[("scope", scope)]).await;
        answer.assert_rejected(400, "invalid_scope");
        assert!(
            answer.description().starts_with("The scope is malformed"),
            "{scope:?}: {answer:?}"
        );
    }
    // An unauthenticated caller learns nothing about scopes.
    let stranger = TestClient { secret: "wrong".into(), ..client };
    server.ask_for(&stranger, &[("scope", "x")]).await.assert_rejected(401, "invalid_client");
}

/// More parameters, the code of the rejection, and parts of its description.
type Refused<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);

/// RFC 8707, section 2; D5 (C-90, C-91, C-94, C-101, C-161, C-162, C-58, O-32, O-33).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_the_one_resource_that_is_named_or_fits(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (server, client) = server_with_two_apis(engine).await;
    let everything = "invoices:read invoices:send";
    assert_granted(&server, &client, &[("resource", ORDERS)], ORDERS, "orders:read").await;
    assert_granted(&server, &client, &[("audience", INVOICES)], INVOICES, everything).await;
    let both = [("resource", ORDERS), ("audience", ORDERS), ("resource", ORDERS)];
    assert_granted(&server, &client, &both, ORDERS, "orders:read").await;
    assert_granted(&server, &client, &[("scope", "invoices:send")], INVOICES, "invoices:send")
        .await;
    assert_granted(&server, &client, &[("scope", "orders:read")], ORDERS, "orders:read").await;

    let rejections: [Refused<'_>; 9] = [
        (
            &[],
            "invalid_target",
            &[
                "has grants for 2",
                "resource=https://invoices.example.com or resource=https://orders.example.com",
            ],
        ),
        (
            &[("resource", "https://order.example.com")],
            "invalid_target",
            &["Did you mean https://orders.example.com?"],
        ),
        (
            &[("resource", "https://nothing.like.it.test")],
            "invalid_target",
            &["It may call: https://invoices.example.com https://orders.example.com."],
        ),
        (&[("resource", ORDERS), ("resource", INVOICES)], "invalid_target", &["for one resource"]),
        (&[("resource", ORDERS), ("audience", INVOICES)], "invalid_target", &["for one resource"]),
        (
            &[("scope", "orders:read invoices:read")],
            "invalid_target",
            &[
                "orders:read belongs to https://orders.example.com",
                "invoices:read belongs to https://invoices.example.com",
                "Request a separate token for each API.",
            ],
        ),
        (
            &[("scope", "orders:read,invoices:read")],
            "invalid_scope",
            &["Separate scopes by spaces."],
        ),
        (&[("scope", "orders:write")], "invalid_scope", &["is not granted to", "for any API"]),
        (
            &[("resource", ORDERS), ("scope", "invoices:read")],
            "invalid_scope",
            &["Granted: orders:read.", "It belongs to https://invoices.example.com"],
        ),
    ];
    for (more, error, words) in rejections {
        let answer = server.ask_for(&client, more).await;
        answer.assert_rejected(400, error);
        for words in words {
            assert!(answer.description().contains(words), "{more:?}: {answer:?}");
        }
    }
    // C-160: a text that is not a resource identifier is not a resource of the client.
    let long = "https://a.example/".repeat(200);
    for odd in ["orders", "/orders", "https://orders.example.com#x", "caf\u{e9}:x", &long] {
        let answer = server.ask_for(&client, &[("resource", odd)]).await;
        answer.assert_rejected(400, "invalid_target");
        assert!(answer.description().len() < 500, "{answer:?}");
    }
    let outsider = server.new_client(|new| new.grants = Vec::new()).await;
    let answer = server.ask(&outsider).await;
    answer.assert_rejected(400, "invalid_target");
    assert!(answer.description().contains("may not call any API yet"), "{answer:?}");
    // A resource without a grant looks like one that does not exist.
    let answer = server.ask_for(&outsider, &[("resource", ORDERS)]).await;
    answer.assert_rejected(400, "invalid_target");
}

/// W-14, W-15, C-89: a scope that is removed from a resource is removed from every grant.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_removed_from_a_resource_is_gone_from_tokens(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let all = server.client().await;
    let some =
        server.new_client(|new| new.grants = vec![grant(ORDERS, Some("orders:write"))]).await;
    let id = ResourceId::parse(ORDERS).expect("a resource");
    let remove = vec![ScopeName::parse("orders:write").expect("a scope")];
    let update = ResourceUpdate { remove, ..ResourceUpdate::default() };
    admin::resource::update(server.services(), &operator(), &id, update).await.expect("a change");
    server.catch_up().await;
    assert_granted(&server, &all, &[], ORDERS, "orders:read").await;
    server.ask_for(&all, &[("scope", "orders:write")]).await.assert_rejected(400, "invalid_scope");
    // The grant has no scopes left: the token has none.
    let answer = server.ask(&some).await;
    assert!(answer.json().get("scope").is_none(), "{answer:?}");
    let claims = server.claims(&answer.token()).await;
    assert!(claims.get("scope").is_none() && claims["aud"] == ORDERS, "{claims}");
}

/// C-32: an imported id is shown without the characters that a description must not contain.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_holds_only_allowed_characters(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.import(r#"{"client_id":"DOMAIN\\svc\"x","client_secret":"hush-hush-hush","grants":[{"resource":"https://orders.example.com"}]}"#).await;
    let client = TestClient { id: "DOMAIN\\svc\"x".into(), secret: "hush-hush-hush".into() };
    server.ask(&client).await.token();
    let answer = server.ask_for(&client, &[("scope", "nope")]).await;
    answer.assert_rejected(400, "invalid_scope");
    assert!(answer.description().contains("DOMAIN?svc?x"), "{answer:?}");
}
