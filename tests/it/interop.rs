//! OAuth clients and JWT verifiers of other languages, as they come.

use std::process::Command;

use rstest::rstest;
use tokend::model::time::Clock;

use crate::support::{Engine, ORDERS, Place, Server};

/// An instance on the real clock, by which those libraries go.
async fn server(engine: Engine, algorithm: &str) -> Server {
    let place = std::sync::Arc::new(Place::new(engine).await);
    let settings = [("TOKEND_TOKEN_ALGORITHM", algorithm)];
    let server = Server::at(place, Clock::System, &settings).await;
    server.resource(ORDERS, &["orders:read", "orders:write"]).await;
    server
}

/// W-01, K-19: stock clients get tokens that stock verifiers accept, by the issuer URL alone.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn stock_clients_get_tokens_that_stock_verifiers_accept(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("ES256", "RS256", "EdDSA")] algorithm: &str,
) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let libraries = root.join("target/interop");
    assert!(libraries.join("package.json").exists(), "not installed; run: make test");
    let server = server(engine, algorithm).await;
    let client = server.client().await;
    let mut python = Command::new(libraries.join("python/bin/python"));
    python.arg("clients.py");
    let mut node = Command::new("node");
    node.arg("clients.mjs").env("LIBRARIES", libraries.join("node"));
    for (command, successes) in [(&mut python, 6), (&mut node, 7)] {
        command.current_dir(root.join("tests/interop")).args([
            &server.base,
            &client.id,
            &client.secret,
            ORDERS,
        ]);
        let output = command.output().expect("the interpreter");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{algorithm}: {stdout}{stderr}");
        assert_eq!(stdout.matches("ok ").count(), successes, "{algorithm}: {stdout}");
    }
}
