//! The official MCP SDKs (TypeScript and Python), unmodified: the files of `docs/mcp.md`, each
//! client with each server.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde::Deserialize;
use serde_json::json;
use tokend::admin::trust::{self, NewTrust};
use tokend::jose::public_key_pem;
use tokend::model::claim_pattern::Pattern;
use tokend::model::grant::Grant;
use tokend::model::security::{KeySet, KeySource};
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;
use tokend::model::trust::ExternalIssuer;

use crate::programs::tried_with::record;
use crate::repository::docs::blocks;
use crate::support::foreign::libraries;
use crate::support::keys::KeyPair;
use crate::support::reserved_port::ReservedPort;
use crate::support::{
    Answer, Engine, ORDERS, Place, Server, TestClient, client_id, grant, method, operator,
};

const SCOPE: &str = "tools:call";

/// The indices of the samples on the page, for each language.
const SERVER: usize = 0;
const CLIENT: usize = 1;
const WORKLOAD: usize = 2;

/// A language of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    TypeScript,
    Python,
}

impl Language {
    const ALL: [Self; 2] = [Self::TypeScript, Self::Python];

    fn sample(self, index: usize) -> String {
        let fence = if self == Self::TypeScript { "js" } else { "python" };
        blocks("mcp.md", fence).swap_remove(index)
    }
}

/// An instance on the real clock, the MCP servers that it protects, and the folder of their files.
struct Stage {
    server: Server,
    folder: tempfile::TempDir,
    running: Vec<Child>,
    resources: Vec<String>,
    reserved: Vec<ReservedPort>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Stage {
    /// Starts the MCP server of each language, and waits until it accepts connections.
    async fn set(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let place = Arc::new(Place::new(engine).await);
        let server = Server::at(place, Clock::System, settings).await;
        server.resource(ORDERS, &[SCOPE]).await;
        let folder = tempfile::tempdir_in(libraries().join("node"));
        let folder = folder.expect("the libraries; run: make test");
        let (running, resources, reserved) = (Vec::new(), Vec::new(), Vec::new());
        let mut stage = Self { server, folder, running, resources, reserved };
        for language in Language::ALL {
            stage.start(language).await;
        }
        stage
    }

    /// Starts the MCP server of this language, and waits until it accepts connections.
    async fn start(&mut self, language: Language) {
        let reserved = ReservedPort::new();
        let port = reserved.number();
        let resource = format!("http://localhost:{port}/mcp");
        self.server.resource(&resource, &[SCOPE, "tools:list"]).await;
        let mut command = self.command(language, SERVER, "server");
        let command = command.env("RESOURCE", &resource).stdout(Stdio::null());
        self.running.push(command.spawn().expect("the interpreter"));
        self.resources.push(resource);
        self.reserved.push(reserved);
        while TcpStream::connect(("localhost", port)).is_err() {
            let ended = self.running.last_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "{language:?}: {ended:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Returns a sample of the page as a program of its own.
    fn command(&self, language: Language, index: usize, name: &str) -> Command {
        let (interpreter, suffix) = match language {
            Language::TypeScript => (PathBuf::from("node"), "mjs"),
            Language::Python => (libraries().join("python/bin/python"), "py"),
        };
        let file = self.folder.path().join(format!("{name}.{suffix}"));
        std::fs::write(&file, language.sample(index)).expect("written");
        let mut command = Command::new(interpreter);
        command
            .arg(file)
            .current_dir(self.folder.path())
            .env("ISSUER", self.server.app.issuer.as_str());
        for variable in ["RESOURCE", "CLIENT_ID", "CLIENT_SECRET", "KEY_FILE", "TOKEN_FILE"] {
            command.env_remove(variable);
        }
        command
    }

    /// Calls the tool of a resource by a sample; returns its answer or the error of the program.
    async fn call(
        &self,
        (language, index): (Language, usize),
        resource: &str,
        credentials: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut command = self.command(language, index, "client");
        command.env("RESOURCE", resource).envs(credentials.iter().copied());
        let output =
            tokio::task::spawn_blocking(move || command.output().expect("the interpreter"));
        let output = output.await.expect("an output");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    fn grants(&self) -> Vec<Grant> {
        self.resources.iter().map(|resource| grant(resource, None)).collect()
    }

    async fn client(&self) -> TestClient {
        self.server.new_client(|new| new.grants = self.grants()).await
    }

    /// Creates a client with a key; returns it with the file of the private half (PKCS #8).
    async fn keyed_client(&self) -> (TestClient, String) {
        let script = "
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
private = (form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
open('agent.key', 'wb').write(key.private_bytes(*private))
public = (form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
print(key.public_key().public_bytes(*public).decode())";
        let mut python = Command::new(libraries().join("python/bin/python"));
        let python = python.args(["-c", script]).current_dir(self.folder.path());
        let made = python.output().expect("the interpreter");
        let public = String::from_utf8(made.stdout).expect("text");
        let set = public_key_pem::key_set(&public).expect("a key set").to_string();
        let client = self
            .server
            .new_client(|new| {
                new.auth_methods = vec![method("private_key_jwt")];
                new.grants = self.grants();
                new.security.keys = Some(KeySource::Inline(KeySet::parse(&set).expect("a set")));
            })
            .await;
        let file = self.folder.path().join("agent.key");
        (client, file.to_str().expect("a path").to_owned())
    }

    /// Sends the first request of a client to an MCP server, with this token or none.
    async fn post(&self, resource: &str, token: Option<&str>) -> Answer {
        let about = json!({ "name": "test", "version": "1" });
        let parameters =
            json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters });
        let request = self.server.http.post(resource).json(&message);
        let request = request.header("accept", "application/json, text/event-stream");
        Answer::of(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
        .await
    }
}

/// Each client works with each server, with a secret and with a key.
#[rstest]
#[case(Engine::Sqlite, "{base}")]
#[case(Engine::Postgres, "{base}/tenant/a")]
#[tokio::test(flavor = "multi_thread")]
async fn each_client_calls_a_tool_of_each_server(#[case] engine: Engine, #[case] issuer: &str) {
    let stage = Stage::set(engine, &[("TOKEND_ISSUER", issuer)]).await;
    let with_secret = stage.client().await;
    let (with_key, file) = stage.keyed_client().await;
    let secret = [("CLIENT_ID", &*with_secret.id), ("CLIENT_SECRET", &*with_secret.secret)];
    let key = [("CLIENT_ID", &*with_key.id), ("KEY_FILE", &*file)];
    for resource in &stage.resources {
        for language in Language::ALL {
            for (id, credentials) in [(&with_secret.id, &secret), (&with_key.id, &key)] {
                let answer = stage.call((language, CLIENT), resource, credentials).await;
                assert_eq!(answer.as_ref(), Ok(id), "{language:?} at {resource}");
            }
        }
    }
    record(&["@modelcontextprotocol/sdk", "mcp"]);
}

/// SEP-1933: the token of a platform is the grant; the client has no other credential.
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_calls_a_tool_with_the_token_of_its_platform() {
    const PLATFORM: &str = "https://platform.example";
    let stage = Stage::set(Engine::Sqlite, &[]).await;
    let client = stage
        .server
        .new_client(|new| {
            new.auth_methods = vec![method("private_key_jwt")];
            new.grants = stage.grants();
        })
        .await;
    let key = KeyPair::new(Algorithm::Es256);
    let pattern = Pattern::parse("sub", "worker").expect("a pattern");
    let new = NewTrust {
        issuer: ExternalIssuer::parse(PLATFORM).expect("an issuer"),
        keys: Some(key.source()),
        audience: None,
        conditions: BTreeMap::from([("sub".to_owned(), pattern)]),
    };
    let id = client_id(&client.id);
    trust::add(stage.server.services(), &operator(), &id, new).await.expect("a trust");
    stage.server.catch_up().await;
    let now = stage.server.clock.now().0;
    let file = stage.folder.path().join("token");
    for (subject, expected) in [("worker", Some(&client.id)), ("another", None)] {
        let claims = json!({
            "iss": PLATFORM, "sub": subject, "aud": stage.server.base, "iat": now, "exp": now + 300,
        });
        std::fs::write(&file, key.sign(&claims)).expect("written");
        let credentials =
            [("CLIENT_ID", &*client.id), ("TOKEN_FILE", file.to_str().expect("a path"))];
        for resource in &stage.resources {
            let sample = (Language::TypeScript, WORKLOAD);
            let answer = stage.call(sample, resource, &credentials).await;
            assert_eq!(answer.as_ref().ok(), expected, "{subject} at {resource}: {answer:?}");
        }
    }
}

/// The servers of the page reject tokens that are for another resource or lack the scope, and point
/// the client to the metadata (RFC 9728).
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_hold_callers_to_resource_and_scope() {
    let stage = Stage::set(Engine::Sqlite, &[]).await;
    let mut grants = stage.grants();
    grants.push(grant(ORDERS, None));
    let client = stage.server.new_client(|new| new.grants = grants).await;
    let token = async |resource: &str, scope: &str| {
        let more = [("resource", resource), ("scope", scope)];
        stage.server.ask_for(&client, &more).await.token()
    };
    let elsewhere = token(ORDERS, SCOPE).await;
    for resource in &stage.resources {
        let (origin, path) = resource.rsplit_once("/mcp").expect("a path");
        assert_eq!(path, "");
        let place = format!("{origin}/.well-known/oauth-protected-resource/mcp");
        let metadata = Answer::of(stage.server.http.get(&place)).await.json();
        assert_eq!(metadata["resource"], resource.as_str());
        assert_eq!(metadata["authorization_servers"], json!([stage.server.base]));
        assert_eq!(metadata["scopes_supported"], json!([SCOPE]));

        assert_eq!(stage.post(resource, Some(&token(resource, SCOPE).await)).await.status, 200);
        for refused in [None, Some("nonsense"), Some(&*elsewhere)] {
            let answer = stage.post(resource, refused).await;
            assert_eq!(answer.status, 401, "{answer:?}");
            let expected = format!("resource_metadata=\"{place}\"");
            assert!(answer.header("www-authenticate").contains(&expected), "{answer:?}");
        }
        let narrow = token(resource, "tools:list").await;
        assert_eq!(stage.post(resource, Some(&narrow)).await.status, 403);
    }
}

/// The reason for the authorization endpoint: without it these clients get no token.
#[tokio::test(flavor = "multi_thread")]
async fn the_sdks_reject_metadata_without_an_authorization_endpoint() {
    let settings = [("TOKEND_METADATA_AUTHORIZATION_ENDPOINT", "false")];
    let stage = Stage::set(Engine::Sqlite, &settings).await;
    let client = stage.client().await;
    let credentials = [("CLIENT_ID", &*client.id), ("CLIENT_SECRET", &*client.secret)];
    for language in Language::ALL {
        let answer = stage.call((language, CLIENT), &stage.resources[0], &credentials).await;
        let complaint = answer.expect_err("no token");
        let words = match language {
            Language::TypeScript => "\"authorization_endpoint\"",
            Language::Python => "No authorization server metadata discovered",
        };
        assert!(complaint.contains(words), "{language:?}: {complaint}");
    }
}

/// The page promises twenty lines for each server and each client.
#[test]
fn servers_and_clients_have_twenty_lines() {
    for (language, samples) in [(Language::TypeScript, 3), (Language::Python, 2)] {
        for index in 0..samples {
            let sample = language.sample(index);
            let lines = sample.lines().filter(|line| !line.trim().is_empty()).count();
            assert!(lines <= 20, "{language:?} {index}: {lines}");
        }
    }
}

/// The metadata that the crate `rmcp` 3.11 reads. It was not run; see the page.
#[derive(Deserialize)]
struct RmcpMetadata {
    authorization_endpoint: String,
    token_endpoint: String,
    issuer: Option<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
}

/// The metadata that the crate `openidconnect` 4 requires. It was not run; see the page.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is enough that they can be read")]
struct OpenidconnectMetadata {
    issuer: String,
    authorization_endpoint: String,
    jwks_uri: String,
    response_types_supported: Vec<String>,
    subject_types_supported: Vec<String>,
    id_token_signing_alg_values_supported: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_has_what_the_crates_read() {
    let server = Server::start(Engine::Sqlite).await;
    let document = server.get("/.well-known/openid-configuration").await.text;
    serde_json::from_str::<OpenidconnectMetadata>(&document).expect("metadata");
    let read: RmcpMetadata = serde_json::from_str(&document).expect("metadata");
    assert_eq!(read.issuer.as_deref(), Some(&*server.base));
    assert!(read.authorization_endpoint.starts_with(&server.base));
    assert!(read.token_endpoint.starts_with(&server.base));
    let has = |list: Option<Vec<String>>, item: &str| {
        assert!(list.expect("a list").iter().any(|known| known == item), "{item}");
    };
    has(read.code_challenge_methods_supported, "S256");
    for method in ["client_secret_post", "private_key_jwt"] {
        has(read.token_endpoint_auth_methods_supported.clone(), method);
    }
    for algorithm in ["RS256", "ES256"] {
        has(read.token_endpoint_auth_signing_alg_values_supported.clone(), algorithm);
    }
}
