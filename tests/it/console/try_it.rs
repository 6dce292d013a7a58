//! The page with programs for developers: each program gets a token, and the test token is short,
//! marked and in the audit log.

use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::browser::console::{Browser, element, limits};
use crate::support::foreign::{assert_allowed, libraries};
use crate::support::{Engine, ORDERS, Server, TestClient};

/// Returns the program of the page in a language.
async fn program(server: &Server, client: &TestClient, language: &str) -> String {
    let browser = Browser::by_link(server, limits(None, None)).await;
    let page = browser.page(&format!("/console/clients/{}/try?lang={language}", client.id)).await;
    let program = element(&page, "program");
    assert!(!page.contains(&client.secret), "the secret is not in the page");
    assert!(program.contains("CLIENT_SECRET") && program.contains(ORDERS), "{program}");
    program
}

/// Writes a program to a file; returns the command that runs it.
fn command(language: &str, folder: &Path, program: &str) -> (Command, PathBuf) {
    let name = match language {
        "curl" => "token.sh",
        "node" => "token.mjs",
        "python" => "get_token.py",
        "go" => "token.go",
        "java" => "Token.java",
        _ => "token.php",
    };
    let file = folder.join(name);
    std::fs::write(&file, program).expect("written");
    let mut command = match language {
        "curl" => Command::new("sh"),
        "node" => Command::new("node"),
        "python" => Command::new(libraries().join("python/bin/python")),
        "go" => Command::new("go"),
        "java" => Command::new("java"),
        _ => Command::new("php"),
    };
    if language == "go" {
        command.arg("run").env("GOCACHE", folder.join("cache"));
    }
    (command, file)
}

/// Returns the token in the output of a program.
fn token_of(printed: &str) -> String {
    let printed = printed.trim();
    let answer = serde_json::from_str::<Value>(printed).ok();
    let token = answer.and_then(|answer| answer["access_token"].as_str().map(str::to_owned));
    token.unwrap_or_else(|| printed.to_owned())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_program_of_each_language_gets_a_token(
    #[values("curl", "node", "python", "go", "java", "php")] language: &str,
) {
    assert_allowed(language);
    let server = Server::start(Engine::Sqlite).await;
    // Characters that a client id may contain are text in every language.
    let client = server
        .new_client(|new| {
            let id = tokend::model::client::ClientId::parse_new("a\"'\\$(b)`c`%20&+{d}");
            new.client_id = Some(id.expect("an id"));
        })
        .await;
    let program = {
        let browser = Browser::by_link(&server, limits(None, None)).await;
        let id: String = client.id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page = browser.page(&format!("/console/clients/{id}/try?lang={language}")).await;
        assert!(!page.contains(&client.secret), "the secret is not in the page");
        element(&page, "program")
    };
    // Next to the libraries, where Node finds them.
    let folder = tempfile::Builder::new()
        .tempdir_in(if language == "node" {
            libraries().join("node")
        } else {
            std::env::temp_dir()
        })
        .expect("a folder");
    let (mut command, file) = command(language, folder.path(), &program);
    command.arg(&file).env("CLIENT_SECRET", &client.secret);
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = running.await.expect("a thread").expect("the program; run: make test");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program}\n{stdout}{stderr}");
    let token = token_of(&stdout);
    let (_, claims) = tokend::jose::jwt::read_unchecked(&token).expect(&stdout);
    assert_eq!(claims["aud"], ORDERS, "{claims}");
    assert_eq!(claims["client_id"], client.id.as_str());
    assert_eq!(claims["scope"], "orders:read orders:write");
}

/// Equals the program in Rust on the page, compiled.
async fn access_token(
    token_url: &str,
    client_id: &str,
    secret: String,
) -> Result<String, Box<dyn std::error::Error>> {
    let answer: Value = reqwest::Client::new()
        .post(token_url)
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret.as_str()),
            ("resource", ORDERS),
            ("scope", "orders:read orders:write"),
        ])
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    // Use it until it expires: expires_in is its lifetime in seconds.
    Ok(answer["access_token"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_in_rust_is_the_one_that_is_compiled_here() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let shown = program(&server, &client, "rust").await;
    let url = format!("{}/v1/oauth/token", server.base);
    let token = access_token(&url, &client.id, client.secret.clone()).await.expect("a token");
    assert!(token.starts_with("eyJ"));
    let own = include_str!("try_it.rs");
    let own = own.split_once("Result<String, Box<dyn").expect("a function").1;
    let (_, own) = own.split_once("let answer").expect("its body");
    let body = own.split("\n}\n").next().expect("its end");
    let body = body
        .replace(": Value", ": serde_json::Value")
        .replace("token_url", &format!("{url:?}"))
        .replace("client_id)", &format!("{:?})", client.id))
        .replace("ORDERS", &format!("{ORDERS:?}"));
    assert!(shown.contains(body.trim()), "{shown}\n---\n{body}");
}

#[tokio::test]
async fn a_language_of_another_name_and_a_resource_without_a_grant_are_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}/try", client.id);
    assert_eq!(browser.get(&format!("{path}?lang=cobol")).await.status, 400);
    assert_eq!(browser.get(&format!("{path}?resource=urn%3Aa")).await.status, 400);
    let page = browser.page(&format!("{path}?lang=dotnet")).await;
    assert!(element(&page, "program").contains("Environment.GetEnvironmentVariable"));
}

#[tokio::test]
async fn a_test_token_is_short_marked_verified_and_in_the_audit_log() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}", client.id);
    let fields = [("lang", "curl"), ("resource", ORDERS)];
    let answer = browser.send(&format!("{path}/test-token"), &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = element(&answer.text, "test-token");
    server.keep_secret(&token);
    let (header, claims) = tokend::jose::jwt::read_unchecked(&token).expect("a token");
    assert_eq!(claims["test"], true);
    let lifetime = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
    assert_eq!(lifetime, 300);
    let shown: Value = serde_json::from_str(&element(&answer.text, "token-claims")).expect("JSON");
    assert_eq!(shown, claims);
    let kid = header["kid"].as_str().expect("a kid");
    for word in [kid, "Valid for 300 seconds", "aud is exactly", "The signature"] {
        assert!(answer.text.contains(word), "{word}: {answer:?}");
    }
    let audit = browser.page(&format!("{path}/audit")).await;
    assert!(audit.contains("token.issued_by_operator"), "{audit}");
    assert!(!audit.contains(&token));
    // An ordinary token has no mark.
    let ordinary = server.ask(&client).await.token();
    let (_, claims) = tokend::jose::jwt::read_unchecked(&ordinary).expect("a token");
    assert_eq!(claims["test"], Value::Null);
}

#[tokio::test]
async fn a_test_token_has_the_claims_of_the_client_and_lives_no_longer_than_its_tokens() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server
        .new_client(|new| {
            let claims = json!({ "tenant": "acme" }).to_string();
            new.claims =
                tokend::model::static_claims::StaticClaims::parse(&claims).expect("claims");
            new.token_lifetime = Some(tokend::model::time::Lifetime::parse("60s").expect("one"));
        })
        .await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}/test-token", client.id);
    let answer = browser.send(&path, &[("lang", "node"), ("resource", ORDERS)]).await;
    let token = element(&answer.text, "test-token");
    server.keep_secret(&token);
    let (_, claims) = tokend::jose::jwt::read_unchecked(&token).expect("a token");
    assert_eq!((&claims["test"], &claims["tenant"]), (&json!(true), &json!("acme")));
    // A shorter lifetime is kept.
    let lifetime = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
    assert_eq!(lifetime, 60);
}

#[tokio::test]
async fn a_caller_without_the_right_gets_no_test_token() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let path = format!("/console/clients/{}", client.id);
    let reader = Browser::by_link(&server, limits(Some(&["clients:read"]), None)).await;
    let page = reader.page(&format!("{path}/try")).await;
    assert!(!page.contains("Issue a test token"), "{page}");
    let fields = [("lang", "curl"), ("resource", ORDERS)];
    let answer = reader.send(&format!("{path}/test-token"), &fields).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    // No caller gets one for this server itself.
    let administrator = server
        .new_client(|new| {
            new.grants = vec![crate::support::grant("urn:tokend", Some("clients:read"))];
        })
        .await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = format!("/console/clients/{}/test-token", administrator.id);
    let answer = browser.send(&path, &[("lang", "curl"), ("resource", "urn:tokend")]).await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn a_resource_shows_how_each_stack_verifies_its_tokens() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let path = "/console/resources/https%3A%2F%2Forders.example.com";
    let page = browser.page(path).await;
    let stacks = crate::support::browser::console::between(&page, "<option value=\"", "\"");
    assert_eq!(stacks.len(), 17, "{stacks:?}");
    for stack in stacks {
        let page = browser.page(&format!("{path}?stack={stack}")).await;
        let verify = page.split("id=\"verify\"").nth(1).expect("a part");
        assert!(!verify.contains("id.example.com"), "{stack}: {verify}");
        assert!(page.len() < 60_000, "{stack}: {}", page.len());
    }
    let page = browser.page(&format!("{path}?stack=java-spring-boot")).await;
    assert!(page.contains(&format!("{}/.well-known/jwks.json", server.base)), "{page}");
    assert_eq!(browser.get(&format!("{path}?stack=x")).await.status, 400);
}
