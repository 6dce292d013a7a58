//! The networks from which a client or a grant may be used.

use rstest::rstest;
use serde_json::json;
use tokend::model::security::Networks;

use crate::support::process::Cli;
use crate::support::{Answer, Engine, INVOICES, ORDERS, Server, TestClient, grant};

fn networks(text: &str) -> Networks {
    Networks::parse(text).expect("networks")
}

async fn ask_from(server: &Server, client: &TestClient, forwarded: &str, resource: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("resource", resource)];
    let request = server.http.post(server.token_url());
    let request = request.header("x-forwarded-for", forwarded);
    Answer::of(request.basic_auth(&client.id, Some(&client.secret)).form(&form)).await
}

/// The address of the peer is used. A header from a peer other than a trusted proxy changes nothing
/// (C-106).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_peer_address_is_used(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let here = server.new_client(|new| new.security.networks = networks("127.0.0.0/8")).await;
    let elsewhere = server.new_client(|new| new.security.networks = networks("10.0.0.0/8")).await;
    ask_from(&server, &here, "10.1.2.3", ORDERS).await.token();
    let refused = ask_from(&server, &elsewhere, "10.1.2.3", ORDERS).await;
    refused.assert_rejected(400, "unauthorized_client");
    assert!(refused.description().contains("127.0.0.1"), "{refused:?}");
    // An unauthenticated caller does not learn the reason.
    let stranger = TestClient { secret: "wrong".to_owned(), ..elsewhere };
    ask_from(&server, &stranger, "", ORDERS).await.assert_rejected(401, "invalid_client");
}

/// Behind a trusted proxy, the forwarded address is used, IPv4 and IPv6 (SECURITY 21).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_address_forwarded_by_a_trusted_proxy_is_checked(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_PROXY_TRUSTED", "127.0.0.0/8")]).await;
    let own = networks("10.0.0.0/8 2001:db8::/32");
    let client = server.new_client(|new| new.security.networks = own).await;
    for (address, status) in [
        ("10.1.2.3", 200),
        ("2001:db8::1", 200),
        ("::ffff:10.1.2.3", 200),
        ("203.0.113.9", 400),
        ("2001:db9::1", 400),
        // Written by the client itself, left of the address that the proxy added.
        ("10.1.2.3, 203.0.113.9", 400),
        // An unreadable address is neither that of a client nor that of the proxy.
        ("unknown", 400),
    ] {
        let answer = ask_from(&server, &client, address, ORDERS).await;
        assert_eq!(answer.status, status, "{address}: {answer:?}");
    }
}

/// A grant can have its own networks.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_may_be_narrower_than_its_client(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_PROXY_TRUSTED", "127.0.0.0/8")]).await;
    server.resource(INVOICES, &[]).await;
    let mut narrow = grant(INVOICES, None);
    narrow.networks = networks("10.0.0.0/8");
    let client = server.new_client(|new| new.grants.push(narrow)).await;
    ask_from(&server, &client, "203.0.113.9", ORDERS).await.token();
    ask_from(&server, &client, "10.0.0.1", INVOICES).await.token();
    let refused = ask_from(&server, &client, "203.0.113.9", INVOICES).await;
    refused.assert_rejected(400, "unauthorized_client");
}

/// The scope that lets a client introspect is valid only in the networks of its grant.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_to_introspect_has_its_networks_too(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_PROXY_TRUSTED", "127.0.0.0/8")]).await;
    let mut narrow = grant("urn:tokend", Some("introspect"));
    narrow.networks = networks("10.0.0.0/8");
    let gateway = server.new_client(|new| new.grants = vec![narrow]).await;
    let token = server.ask(&server.client().await).await.token();
    let ask = async |address: &str| {
        let request = server.http.post(server.url("/v1/oauth/introspect"));
        let request = request.basic_auth(&gateway.id, Some(&gateway.secret));
        let request = request.header("x-forwarded-for", address).form(&[("token", &token)]);
        Answer::of(request).await.json()
    };
    assert_eq!(ask("10.0.0.1").await["active"], true);
    assert_eq!(ask("203.0.113.9").await, json!({ "active": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_are_removed_only_on_request() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let net = ["--network", "10.0.0.0/8"];
    cli.json(&[&["client", "create", "A", "--id", "a"][..], &net].concat());
    let grant = ["client", "grant", "a", "--resource", ORDERS];
    cli.json(&[&grant[..], &net].concat());
    // A variable that is not set.
    for words in [
        &["client", "update", "a", "--network", ""][..],
        &["client", "create", "B", "--network", ""],
    ] {
        let run = cli.run(words);
        assert!(run.code == 2 && run.stderr.contains("any"), "{run:?}");
    }
    let changed = cli.json(&[&grant[..], &["--only-scope", "orders:read"]].concat());
    assert_eq!(changed["networks"], json!(["10.0.0.0/8"]));
    let shown = cli.run(&["client", "show", "a"]).stdout;
    assert!(shown.contains("(orders:read) only from 10.0.0.0/8"), "{shown}");
    let freed = cli.json(&[&grant[..], &["--network", "any"]].concat());
    assert_eq!(freed["networks"], json!([]));
}
