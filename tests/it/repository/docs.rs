//! The samples of `docs/` that can run here: each verifier accepts a valid token and no invalid
//! one.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokend::admin;
use tokend::model::resource::TokenTyp;
use tokend::model::security::{KeySet, KeySource};
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;

use crate::programs::tried_with::record;
use crate::support::foreign::libraries;
use crate::support::keys::KeyPair;
use crate::support::{Engine, ORDERS, Place, Server, TestClient, client_id, grant, operator};

/// Returns the text of a document in `docs/`.
pub fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    std::fs::read_to_string(path).expect("a document")
}

/// Returns the blocks of this language in a document.
pub fn blocks(name: &str, fence: &str) -> Vec<String> {
    blocks_of(&document(name), fence)
}

/// Returns the blocks of this language below a heading of level 3, up to the next heading.
pub fn blocks_below(name: &str, heading: &str, fence: &str) -> Vec<String> {
    let text = document(name);
    let section = text.split_once(&format!("\n### {heading}\n")).expect("a heading").1;
    let end = ["\n## ", "\n### "].iter().filter_map(|next| section.find(next)).min();
    blocks_of(&section[..end.unwrap_or(section.len())], fence)
}

fn blocks_of(text: &str, fence: &str) -> Vec<String> {
    let opening = format!("```{fence}\n");
    text.split(&opening)
        .skip(1)
        .map(|rest| rest.split("```").next().expect("a block").to_owned())
        .collect()
}

/// Runs a block with lines of LABEL, TAB, TOKEN; returns the labels that it accepts.
fn accepted(server: &Server, fence: &str, block: &str, lines: &str) -> Vec<String> {
    let libraries = libraries();
    let folder = libraries.join("node");
    let (mut command, suffix, harness) = if fence == "js" {
        let harness = "
for (const line of (await import('node:fs')).readFileSync(0, 'utf8').split('\\n').filter(Boolean)) {
  const [label, token] = line.split('\\t')
  try { await verify(token); console.log('yes ' + label) } catch (error) { console.error(label, error.message) }
}
process.exit(0)
";
        (Command::new("node"), ".mjs", harness)
    } else {
        let harness = "
import sys
for line in sys.stdin:
    label, token = line.rstrip('\\n').split('\\t')
    try:
        verify(token)
        print('yes ' + label)
    except Exception as error:
        print(label, error, file=sys.stderr)
";
        (Command::new(libraries.join("python/bin/python")), ".py", harness)
    };
    // Next to the libraries, where modules find them.
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile_in(folder).expect("a file");
    file.write_all(block.as_bytes()).expect("written");
    file.write_all(harness.as_bytes()).expect("written");
    let running = command
        .arg(file.path())
        .env("ISSUER", &server.base)
        .env("AUDIENCE", ORDERS)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut running = running.expect("the interpreter");
    running.stdin.take().expect("an input").write_all(lines.as_bytes()).expect("written");
    let output = running.wait_with_output().expect("its output");
    assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).expect("text");
    stdout.lines().filter_map(|line| line.strip_prefix("yes ")).map(str::to_owned).collect()
}

/// Returns a server on the real clock, its client, and a valid token.
async fn stage() -> (Server, TestClient, String) {
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let server = Server::at(place, Clock::System, &[]).await;
    server.resource(ORDERS, &["orders:read"]).await;
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    (server, client, token)
}

/// Returns tokens that must be rejected, most of them signed with the server's own key.
pub fn bad_tokens(
    server: &Server,
    algorithm: Algorithm,
    good: &Value,
    token: &str,
) -> Vec<(&'static str, String)> {
    let keyring = server.app.directory.keyring();
    let key = keyring.signing_early(algorithm, server.clock.now()).expect("a key").clone();
    let signed = |member: &str, value: Value| {
        let mut claims = good.clone();
        claims[member] = value;
        key.sign_typed(TokenTyp::AtJwt, claims.to_string().as_bytes()).expect("a token")
    };
    let typed = key.sign_as("JWT", good.to_string().as_bytes()).expect("a JWT");
    let (header, rest) = token.split_once('.').expect("a JWS");
    let signature = rest.split_once('.').expect("a JWS").1;
    let tampered = BASE64_URL_SAFE_NO_PAD.encode(good.to_string().replace("orders:read", "all"));
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    // A key in the header of the token, under the id of the server's key.
    let other = KeyPair::new(algorithm);
    let mut own_key = other.header();
    own_key["typ"] = json!("at+jwt");
    own_key["kid"] = json!(key.kid().as_str());
    own_key["jwk"] = other.jwk.clone();
    vec![
        ("another audience", signed("aud", json!("https://other.example"))),
        ("another issuer", signed("iss", json!("https://other.example"))),
        ("expired", signed("exp", json!(server.clock.now().0 - 100))),
        ("another type", typed),
        ("another key", other.sign_under(&own_key, good)),
        ("tampered", format!("{header}.{tampered}.{signature}")),
        ("none", format!("{none}.{}.", rest.split_once('.').expect("a JWS").0)),
    ]
}

/// Returns the code that decodes a token in `getting-tokens.md`, as a function of the token.
fn first_look(server: &Server, fence: &str) -> String {
    let block = blocks("getting-tokens.md", fence).pop().expect("a block");
    let block = block.replace("http://localhost:8080", &server.base);
    let block = block.replace("https://api.demo.localhost", ORDERS);
    let (imports, body) = block.split_once("\n\n").expect("imports");
    if fence == "js" {
        let body = body.replace("process.env.TOKEN", "token");
        format!("{imports}\nconst verify = async token => {{\n{body}}}\n")
    } else {
        let body = body.replace("os.environ[\"TOKEN\"]", "token");
        let lines: Vec<_> = body.lines().map(|line| format!("    {line}\n")).collect();
        format!("{imports}\n\ndef verify(token):\n{}\n", lines.concat())
    }
}

/// Tests the stacks of the page that can run here (C-93, O-49, W-20).
#[tokio::test(flavor = "multi_thread")]
async fn each_verifier_of_the_docs_takes_good_tokens_and_no_bad_ones() {
    let (server, _, token) = stage().await;
    let good = server.claims(&token).await;
    let mut lines = format!("good\t{token}\n");
    for (label, bad) in bad_tokens(&server, Algorithm::Es256, &good, &token) {
        lines.push_str(&format!("{label}\t{bad}\n"));
    }
    for (fence, min_count) in [("js", 4), ("python", 3)] {
        let mut blocks = blocks("verifying-tokens.md", fence);
        blocks.push(first_look(&server, fence));
        assert!(blocks.len() >= min_count, "{fence}: {}", blocks.len());
        for block in &blocks {
            assert_eq!(accepted(&server, fence, block, &lines), ["good"], "{block}");
        }
    }
    record(&["jose", "oauth4webapi", "express-oauth2-jwt-bearer", "pyjwt", "joserfc"]);
}

/// Tests the samples that read the list of revocations: by `jti`, and by the epoch of a client
/// (C-122).
#[tokio::test(flavor = "multi_thread")]
async fn each_verifier_that_reads_the_list_rejects_what_is_on_it() {
    let (server, client, token) = stage().await;
    let revoked = server.ask(&client).await.token();
    server.post("/v1/oauth/revoke", &client, &[("token", &revoked)]).await;
    let ended = server.client().await;
    let by_client = server.ask(&ended).await.token();
    let id = client_id(&ended.id);
    admin::revocation::revoke_tokens(server.services(), &operator(), &id).await.expect("revoked");
    server.catch_up().await;
    let renewed = server.ask(&ended).await.token();
    let lines =
        format!("good\t{token}\nrevoked\t{revoked}\nby client\t{by_client}\nrenewed\t{renewed}\n");
    for fence in ["js", "python"] {
        let blocks = blocks("revocation.md", fence);
        assert!(!blocks.is_empty(), "{fence}");
        for block in &blocks {
            assert!(block.trim().lines().count() <= 30, "thirty lines are promised");
            assert_eq!(accepted(&server, fence, block, &lines), ["good", "renewed"], "{block}");
        }
    }
}

/// Runs a sample unchanged, in its own folder below the libraries; returns its output.
fn printed(folder: &Path, block: &str, suffix: &str, environment: &[(&str, &str)]) -> String {
    let libraries = libraries();
    let file = folder.join(format!("sample{suffix}"));
    std::fs::write(&file, block).expect("written");
    let interpreter =
        if suffix == ".mjs" { "node".into() } else { libraries.join("python/bin/python") };
    let run = Command::new(interpreter)
        .arg(&file)
        .current_dir(folder)
        .envs(environment.iter().copied())
        .output()
        .expect("the interpreter");
    assert!(run.status.success(), "{block}\n{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text").trim().to_owned()
}

/// Each method on the page on authentication gets a token, in each language that can run here.
#[tokio::test(flavor = "multi_thread")]
async fn each_sample_of_a_client_gets_a_token() {
    let libraries = libraries().join("node");
    let folder = tempfile::tempdir_in(libraries).expect("a folder");
    let folder = folder.path();
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let server = Server::at(place, Clock::System, &[]).await;
    server.resource("https://api.demo.localhost", &["demo:read"]).await;
    let js = blocks("authentication.md", "js");
    let py = blocks("authentication.md", "py");
    let python = blocks("authentication.md", "python");
    let [make, openid_client, oauth4webapi, dpop] = &js[..] else { panic!("other samples") };
    let ([also_make], [authlib]) = (&py[..], &python[..]) else { panic!("other samples") };

    for (make, suffix) in [(also_make, ".py"), (make, ".mjs")] {
        let set = KeySet::parse(&printed(folder, make, suffix, &[])).expect("a key set");
        let client = server
            .new_client(|new| {
                new.grants = vec![grant("https://api.demo.localhost", None)];
                new.security.keys = Some(KeySource::Inline(set));
            })
            .await;
        let environment = [
            ("ISSUER", server.base.as_str()),
            ("CLIENT_ID", &client.id),
            ("CLIENT_SECRET", &client.secret),
        ];
        for (sample, suffix) in
            [(openid_client, ".mjs"), (oauth4webapi, ".mjs"), (dpop, ".mjs"), (authlib, ".py")]
        {
            let output = printed(folder, sample, suffix, &environment);
            let token = output.rsplit(' ').next().expect("a token");
            assert_eq!(server.claims(token).await["sub"], client.id.as_str(), "{sample}");
        }
    }
}
