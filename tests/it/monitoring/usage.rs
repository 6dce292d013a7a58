//! Usage statistics: the time, number and origin of uses of a secret.

use rstest::rstest;
use serde_json::Value;
use tokend::model::usage::Usage;

use crate::database::outage::server_behind_proxy;
use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::proxy::Link;
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Server, TestClient, client, client_id,
};

async fn usage(server: &Server, client: &TestClient) -> Option<Usage> {
    let id = client_id(&client.id);
    let found = server.services().store.registration(&id).await.expect("a store");
    found.expect("a client").secrets[0].usage
}

/// T-18: uses are counted, and written without an event.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_a_secret_is_counted_and_is_not_an_event(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (used, unused) = (server.client().await, server.client().await);
    let head = server.services().store.head().await.expect("a head");
    let first = server.clock.now();
    for _ in 0..3 {
        server.ask(&used).await.token();
        server.clock.advance(2);
    }
    let wrong = TestClient { secret: "wrong".into(), ..used.clone() };
    server.ask(&wrong).await.assert_rejected(401, "invalid_client");
    assert_eq!(usage(&server, &used).await, None, "the token path has written");
    server.app.write_usage().await.expect("written");
    let written = usage(&server, &used).await.expect("a use");
    assert_eq!((written.uses, written.first_used_at), (3, first));
    assert_eq!(written.last_used_at.0, first.0 + 4);
    assert_eq!(written.last_address.to_string(), "127.0.0.1");
    assert_eq!(usage(&server, &unused).await, None);
    // The next batch adds to the first, and an empty one changes nothing.
    server.app.write_usage().await.expect("written");
    server.ask(&used).await.token();
    server.app.write_usage().await.expect("written");
    let more = usage(&server, &used).await.expect("a use");
    assert_eq!((more.uses, more.first_used_at.0, more.last_used_at.0), (4, first.0, first.0 + 6));
    assert_eq!(server.services().store.head().await.expect("a head"), head);
}

/// A client that is changed or deleted between use and batch does not affect other rows.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_survives_clients_that_change_or_go(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (going, changing) = (server.client().await, server.client().await);
    for client in [&going, &changing] {
        server.ask(client).await.token();
    }
    let actor = crate::support::operator();
    let services = server.services();
    tokend::admin::client::delete(services, &actor, &client_id(&going.id)).await.expect("gone");
    let update = tokend::admin::client::ClientUpdate {
        token_lifetime: Some(Some(crate::support::lifetime(60))),
        ..Default::default()
    };
    tokend::admin::client::update(services, &actor, &client_id(&changing.id), update)
        .await
        .expect("changed");
    server.catch_up().await;
    server.ask(&changing).await.token();
    server.app.write_usage().await.expect("written");
    assert_eq!(usage(&server, &changing).await.expect("a use").uses, 2);
}

/// Many secrets are written at once, more than fit into one statement.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_be_long(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let lines: String = (0..1201)
        .map(|n| format!("{{\"client_id\":\"c{n}\",\"client_secret\":\"hush-hush-{n}\"}}\n"))
        .collect();
    server.import(&lines).await;
    for n in 0..1201 {
        let entry = server.app.directory.client(&format!("c{n}")).expect("a client");
        let usage = &server.app.directory.usage;
        usage.note(&entry.secrets[0], [192, 0, 2, 1].into(), server.clock.now());
    }
    server.app.write_usage().await.expect("written");
    for n in [0, 499, 500, 1200] {
        let client = TestClient { id: format!("c{n}"), secret: String::new() };
        assert_eq!(usage(&server, &client).await.expect("a use").uses, 1, "c{n}");
    }
}

/// D3: while the database is unavailable, tokens do not wait, and the counts are written later.
#[tokio::test(flavor = "multi_thread")]
async fn usage_that_cannot_be_written_is_kept() {
    let (server, proxy) = server_behind_proxy().await;
    let client = server.client().await;
    server.ask(&client).await.token();
    proxy.set(Link::Cut);
    assert!(server.app.write_usage().await.is_err());
    server.ask(&client).await.token();
    proxy.set(Link::Open);
    eventually("the write", async || server.app.write_usage().await.ok()).await;
    assert_eq!(usage(&server, &client).await.expect("a use").uses, 2);
}

async fn ask(server: &Process, made: &Value) {
    let text = |name: &str| made[name].as_str().expect("a text");
    let request = client()
        .post(format!("{}/v1/oauth/token", server.base))
        .basic_auth(text("client_id"), Some(text("client_secret")))
        .form(&CLIENT_CREDENTIALS);
    Answer::of(request).await.token();
}

/// Statistics are written when the server stops at the latest, and `client show` and `list` show
/// them.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn shutdown_writes_usage_statistics_and_the_operator_reads_them(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS]);
    let made = cli.json(&["client", "create", "a", "--id", "a", "--grant", ORDERS]);
    assert!(cli.json(&["client", "show", "a"])["secrets"][0]["usage"].is_null());
    assert!(cli.run(&["client", "list"]).stdout.contains("never"));
    let mut server = cli.serve().await;
    ask(&server, &made).await;
    ask(&server, &made).await;
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!(shown["secrets"][0]["usage"]["uses"], 2, "{shown}");
    assert_eq!(shown["secrets"][0]["usage"]["last_address"], "127.0.0.1");
    let text = cli.run(&["client", "show", "a"]).stdout;
    let last = shown["secrets"][0]["usage"]["last_used_at"].as_str().expect("a moment");
    let is_it = |line: &str| line.starts_with("last used ") && line.contains(last);
    assert!(text.lines().any(is_it), "{text}");
    let of_secret = |line: &str| {
        line.contains(&format!("last used {last} (")) && line.ends_with("from 127.0.0.1, 2 times")
    };
    assert!(text.lines().any(of_secret), "{text}");
    let list = cli.run(&["client", "list"]).stdout;
    assert!(list.contains("LAST USED") && list.contains(last), "{list}");
}
