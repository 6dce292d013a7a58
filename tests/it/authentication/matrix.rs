//! The authentication matrix: every method, with every algorithm, in both body formats. Each token
//! is verified by two verifiers of other languages (`jose` on Node, `PyJWT` on Python).

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Map, Value, json};
use tokend::admin::client::NewClient;
use tokend::admin::trust::{self, NewTrust};
use tokend::crypto::random;
use tokend::model::claim_pattern::Pattern;
use tokend::model::client::{GrantType, JWT_BEARER_ASSERTION};
use tokend::model::security::{ClientSecurity, KeySet, KeySource, TlsSubject};
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;
use tokend::model::trust::ExternalIssuer;
use tokend::x509::certificate::ClientCertificate;

use crate::support::certificates::{Ca, Pair, params, self_signed};
use crate::support::foreign::libraries;
use crate::support::keys::KeyPair;
use crate::support::{
    Answer, Engine, ORDERS, Place, Server, TestClient, client_id, method, operator,
};

const ALGORITHMS: [&str; 4] = ["ES256", "RS256", "PS256", "EdDSA"];
const EXTERNAL: &str = "https://ci.example";

/// The authentication of a request.
#[derive(Debug, Clone, Copy)]
enum Way {
    Basic,
    Body,
    /// Signed with the client's own key.
    OwnAssertion,
    /// Signed by an external issuer, as client authentication and as a grant.
    ExternalAssertion,
    ExternalGrant,
    /// A certificate that a trusted proxy passes on: one with a trusted root, and a registered one.
    Certificate,
    SelfSignedCertificate,
}

const WAYS: [Way; 7] = [
    Way::Basic,
    Way::Body,
    Way::OwnAssertion,
    Way::ExternalAssertion,
    Way::ExternalGrant,
    Way::Certificate,
    Way::SelfSignedCertificate,
];

/// The clients, with all their credentials.
struct Actors {
    client: TestClient,
    own: Vec<KeyPair>,
    external: KeyPair,
    /// A client for each method with a certificate, and its certificate.
    certified: (TestClient, Pair),
    self_signed: (TestClient, Pair),
}

async fn by_certificate(server: &Server, name: &str, security: ClientSecurity) -> TestClient {
    let change = |new: &mut NewClient| {
        new.auth_methods = vec![method(name)];
        new.security = security;
    };
    server.new_client(change).await
}

async fn certified(server: &Server, ca: &Ca) -> (TestClient, Pair) {
    let subject = TlsSubject::parse("san_dns=worker.example").expect("a subject");
    let security = ClientSecurity { tls_subject: Some(subject), ..ClientSecurity::default() };
    let client = by_certificate(server, "tls_client_auth", security).await;
    (client, ca.issue(&params("worker")))
}

async fn self_certified(server: &Server) -> (TestClient, Pair) {
    let pair = self_signed("worker");
    let jwk = ClientCertificate::new(pair.der.clone(), Vec::new()).to_jwk().expect("a key");
    let set = KeySet::parse(&crate::support::keys::set(&[&jwk])).expect("a set");
    let security =
        ClientSecurity { keys: Some(KeySource::Inline(set)), ..ClientSecurity::default() };
    (by_certificate(server, "self_signed_tls_client_auth", security).await, pair)
}

async fn actors(server: &Server, ca: &Ca) -> Actors {
    let own: Vec<_> =
        ALGORITHMS.map(|name| KeyPair::new(Algorithm::parse(name).expect("one"))).into();
    let keys: Vec<_> = own.iter().map(|key| &key.jwk).collect();
    let set = crate::support::keys::set(&keys);
    let client = server
        .new_client(|new| {
            new.auth_methods =
                ["client_secret_basic", "client_secret_post", "private_key_jwt"].map(method).into();
            new.security.keys = Some(KeySource::Inline(KeySet::parse(&set).expect("a set")));
        })
        .await;
    let external = KeyPair::new(Algorithm::Rs256);
    let pattern = Pattern::parse("sub", "worker").expect("a pattern");
    let new = NewTrust {
        issuer: ExternalIssuer::parse(EXTERNAL).expect("an issuer"),
        keys: Some(external.source()),
        audience: None,
        conditions: [("sub".to_owned(), pattern)].into(),
    };
    let id = client_id(&client.id);
    trust::add(server.services(), &operator(), &id, new).await.expect("a trust");
    server.catch_up().await;
    let (certified, self_signed) = (certified(server, ca).await, self_certified(server).await);
    Actors { client, own, external, certified, self_signed }
}

/// Returns the parameters of a request, in addition to a header.
fn parameters(server: &Server, actors: &Actors, way: Way, key: &KeyPair) -> Map<String, Value> {
    let now = server.clock.now().0;
    let own = || {
        key.sign(&json!({
            "iss": actors.client.id, "sub": actors.client.id, "aud": server.base,
            "exp": now + 60, "jti": random::identifier("").expect("an id"),
        }))
    };
    let external = || {
        let claims =
            json!({ "iss": EXTERNAL, "sub": "worker", "aud": server.base, "exp": now + 60 });
        actors.external.sign(&claims)
    };
    let parameters = match way {
        Way::Basic => json!({}),
        Way::Body => {
            json!({ "client_id": actors.client.id, "client_secret": actors.client.secret })
        }
        Way::OwnAssertion => {
            json!({ "client_assertion_type": JWT_BEARER_ASSERTION, "client_assertion": own() })
        }
        Way::ExternalAssertion => {
            json!({ "client_assertion_type": JWT_BEARER_ASSERTION, "client_assertion": external() })
        }
        Way::ExternalGrant => {
            json!({ "grant_type": GrantType::JWT_BEARER, "assertion": external() })
        }
        Way::Certificate => json!({ "client_id": actors.certified.0.id }),
        Way::SelfSignedCertificate => json!({ "client_id": actors.self_signed.0.id }),
    };
    let Value::Object(mut parameters) = parameters else { unreachable!("an object") };
    parameters.entry("grant_type").or_insert_with(|| json!("client_credentials"));
    parameters
}

async fn ask(server: &Server, actors: &Actors, way: Way, key: &KeyPair, is_json: bool) -> Answer {
    let parameters = parameters(server, actors, way, key);
    let mut request = server.http.post(server.token_url());
    request = match way {
        Way::Basic => request.basic_auth(&actors.client.id, Some(&actors.client.secret)),
        Way::Certificate => request.header("client-cert", actors.certified.1.header()),
        Way::SelfSignedCertificate => request.header("client-cert", actors.self_signed.1.header()),
        _ => request,
    };
    let request = if is_json { request.json(&parameters) } else { request.form(&parameters) };
    Answer::of(request).await
}

/// Tests the matrix on both engines.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_method_algorithm_and_body_format_yields_a_verifiable_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("ES256", "RS256", "PS256", "EdDSA")] algorithm: &str,
) {
    let place = Arc::new(Place::new(engine).await);
    let ca = Ca::new();
    let roots = place.folder.path().join("ca.pem");
    std::fs::write(&roots, &ca.pem).expect("a file");
    let roots = roots.display().to_string();
    let settings = [
        ("TOKEND_TOKEN_ALGORITHM", algorithm),
        ("TOKEND_PROXY_TRUSTED", "127.0.0.0/8"),
        ("TOKEND_TLS_CLIENT_CA", &roots),
    ];
    let server = Server::at(place, Clock::System, &settings).await;
    server.resource(ORDERS, &["orders:read"]).await;
    let actors = actors(&server, &ca).await;
    let mut lines = String::new();
    let mut count = 0;
    for way in WAYS {
        for (key, name) in actors.own.iter().zip(ALGORITHMS) {
            // Only an assertion of the client itself is signed with its keys.
            if !matches!(way, Way::OwnAssertion) && name != ALGORITHMS[0] {
                continue;
            }
            for is_json in [false, true] {
                let answer = ask(&server, &actors, way, key, is_json).await;
                let label = format!("{way:?}-{name}-{}", if is_json { "json" } else { "form" });
                assert_eq!(answer.status, 200, "{label}: {answer:?}");
                lines.push_str(&format!("{label}\t{}\n", answer.token()));
                count += 1;
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let libraries = libraries();
    let mut python = Command::new(libraries.join("python/bin/python"));
    python.arg("verify.py");
    let mut node = Command::new("node");
    node.arg("verify.mjs").env("LIBRARIES", libraries.join("node"));
    for command in [&mut python, &mut node] {
        let verifying = command
            .current_dir(root.join("tests/interop"))
            .args([&server.base, ORDERS])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut verifying = verifying.expect("the interpreter");
        let mut stdin = verifying.stdin.take().expect("an input");
        stdin.write_all(lines.as_bytes()).expect("an input");
        drop(stdin);
        let output = verifying.wait_with_output().expect("its output");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{algorithm}: {stdout}{stderr}");
        assert_eq!(stdout.matches("ok ").count(), count, "{algorithm}: {stdout}");
    }
}
