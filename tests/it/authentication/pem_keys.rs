//! Public keys of clients in PEM, in the common variants.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tokend::model::client::JWT_BEARER_ASSERTION;
use tokend::model::time::Clock;

use crate::support::foreign::python_program;
use crate::support::process::Cli;
use crate::support::{Engine, ORDERS, Place, Server};

fn python(arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new(python_program("python"));
    python.arg("pem.py").args(arguments).current_dir(root.join("tests/interop"));
    let output = python.output().expect("the interpreter");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// O-69: a public key or a certificate, of each type, and several in one file.
#[tokio::test(flavor = "multi_thread")]
async fn pem_keys_authenticate_their_clients() {
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let server = Server::at(place.clone(), Clock::System, &[]).await;
    server.resource(ORDERS, &["orders:read"]).await;
    let cli = Cli::at(place);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    python(&["make", &path("")]);
    let all = ["ec.pub", "rsa.crt", "ed25519.pub"]
        .map(|name| std::fs::read_to_string(folder.path().join(name)).expect("a file"));
    std::fs::write(path("all.pem"), all.concat()).expect("a file");
    for (file, kinds) in [
        ("ec.pub", &["ec"][..]),
        ("ec.crt", &["ec"]),
        ("rsa.pub", &["rsa"]),
        ("rsa.crt", &["rsa"]),
        ("ed25519.pub", &["ed25519"]),
        ("ed25519.crt", &["ed25519"]),
        ("all.pem", &["ec", "rsa", "ed25519"]),
    ] {
        let id = file.replace('.', "-");
        let keys = path(file);
        cli.json(&["client", "create", &id, "--grant", ORDERS, "--no-secret", "--jwks", &keys]);
        server.catch_up().await;
        for kind in kinds {
            let assertion = python(&["sign", &path(""), kind, &id, &server.base]);
            let form = [
                ("grant_type", "client_credentials"),
                ("client_assertion_type", JWT_BEARER_ASSERTION),
                ("client_assertion", assertion.as_str()),
            ];
            let request = server.http.post(server.token_url()).form(&form);
            let token = crate::support::Answer::of(request).await.token();
            assert_eq!(server.claims(&token).await["sub"], id.as_str());
        }
    }
    let run = cli.run(&["client", "keys", "add", "ec-pub", "--jwks", &path("ec.key")]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("openssl pkey -in FILE -pubout"), "{run:?}");
}
