//! OAuth clients and JWT verifiers of other languages, unmodified.

use std::process::Command;

use rstest::rstest;
use tokend::model::security::{KeySet, KeySource};
use tokend::model::time::Clock;

use crate::programs::tried_with::record;
use crate::support::foreign::libraries;
use crate::support::{Engine, ORDERS, Place, Server, method};

/// Starts an instance on the real clock, which those libraries use.
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
    let libraries = libraries();
    let server = server(engine, algorithm).await;
    let client = server.client().await;
    let mut python = Command::new(libraries.join("python/bin/python"));
    python.arg("clients.py");
    let mut node = Command::new("node");
    node.arg("clients.mjs").env("LIBRARIES", libraries.join("node"));
    for (command, successes) in [(&mut python, 6), (&mut node, 10)] {
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
    record(&["authlib", "requests-oauthlib", "openid-client", "oauth4webapi"]);
}

/// The libraries openid-client and oauth4webapi unmodified, with a bound token too; Authlib needs
/// the right audience in its configuration.
#[rstest]
#[case(Engine::Sqlite, "EC", "P-256", "ES256")]
#[case(Engine::Postgres, "EC", "P-256", "ES256")]
#[case(Engine::Sqlite, "OKP", "Ed25519", "EdDSA")]
#[case(Engine::Sqlite, "OKP", "Ed25519", "Ed25519")]
#[tokio::test(flavor = "multi_thread")]
async fn stock_clients_with_keys_of_their_own_get_tokens(
    #[case] engine: Engine,
    #[case] kind: &str,
    #[case] curve: &str,
    #[case] algorithm: &str,
) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let libraries = libraries();
    let server = server(engine, "ES256").await;
    let folder = tempfile::tempdir().expect("a folder");
    // The library of another language creates the key.
    let script = "import sys, json\nfrom joserfc.jwk import JWKRegistry\nkind, curve, alg = sys.argv[1:]\nkey = JWKRegistry.generate_key(kind, curve)\nprint(json.dumps(key.as_dict(private=True) | {'alg': alg, 'kid': 'own'}))";
    let mut made = Command::new(libraries.join("python/bin/python"));
    let made = made.args(["-c", script, kind, curve, algorithm]).output().expect("the interpreter");
    let private = String::from_utf8(made.stdout).expect("text");
    let mut public: serde_json::Value = serde_json::from_str(&private).expect("a JWK");
    public.as_object_mut().expect("an object").remove("d");
    let file = folder.path().join("key.json");
    std::fs::write(&file, &private).expect("a file");
    let client = server
        .new_client(|new| {
            new.auth_methods = vec![method("private_key_jwt")];
            let set = KeySet::parse(&crate::support::keys::set(&[&public])).expect("a set");
            new.security.keys = Some(KeySource::Inline(set));
        })
        .await;
    let mut python = Command::new(libraries.join("python/bin/python"));
    python.arg("keyed.py");
    let mut node = Command::new("node");
    node.arg("keyed.mjs").env("LIBRARIES", libraries.join("node"));
    for (command, successes) in [(&mut python, 2), (&mut node, 4)] {
        let command = command.current_dir(root.join("tests/interop"));
        let output = command.args([&server.base, &client.id]).arg(&file).arg(ORDERS).output();
        let output = output.expect("the interpreter");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stdout}{stderr}");
        assert_eq!(stdout.matches("ok ").count(), successes, "{stdout}");
    }
}
