//! Untrusted texts in pages of the console, and what a page says of a failure.

use std::process::Command;

use tokend::model::facts::Description;
use tokend::model::untrusted_text::is_unsafe;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::console::{Browser, limits};
use crate::support::{Engine, Server};

/// The text of the element with this id.
fn text_of(page: &str, id: &str) -> String {
    let rest = page.split(&format!("id=\"{id}\"")).nth(1).expect("an element");
    let text = rest.split_once('>').expect("a tag").1.split('<').next().expect("a text");
    text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&")
}

/// A person copies the command into a shell. The arguments are what the shell reads.
#[tokio::test]
async fn a_shell_runs_nothing_that_an_id_says() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let evil = "x$(echo$IFS'p'wned)`echo`";
    let once = browser.once("/console/clients/new").await;
    let fields = [("name", "Innocent"), ("client_id", evil), ("once", once.as_str())];
    let answer = browser.send("/console/clients/new", &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    server.keep_secret(&text_of(&answer.text, "client-secret"));
    let encoded = percent_encoding::utf8_percent_encode(evil, percent_encoding::NON_ALPHANUMERIC);
    let encoded = encoded.to_string();
    for rest in ["", "/credentials", "/access", "/activity", "/audit"] {
        let page = browser.page(&format!("/console/clients/{encoded}{rest}")).await;
        for id in ["same-request", "same-command"] {
            let text = text_of(&page, id);
            let script = format!(
                "curl() {{ printf '%s\\n' \"$@\"; }}\ntokend() {{ printf '%s\\n' \"$@\"; }}\n{text}"
            );
            let run = Command::new("sh")
                .args(["-c", &script])
                .env("TOKEN", "t")
                .env("TOKEND_SERVER", "http://a")
                .output()
                .expect("a shell");
            let printed = String::from_utf8_lossy(&run.stdout).into_owned();
            assert!(printed.contains(&encoded) || printed.contains(evil), "{text}: {run:?}");
            assert!(!printed.contains("pwned"), "{text}: {run:?}");
        }
    }
}

#[tokio::test]
async fn what_reorders_or_hides_text_is_shown() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server
        .new_client(|new| {
            let text = "pay\u{202e}load\u{200b}\u{2066}";
            new.facts.description = Some(Description::parse(text).expect("a description"));
        })
        .await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for rest in ["", "/audit"] {
        let page = browser.page(&format!("/console/clients/{}{rest}", client.id)).await;
        assert!(page.contains("pay\\u{202e}load\\u{200b}\\u{2066}"), "{page}");
        assert!(!page.contains(|c: char| is_unsafe(c) && c != '\n'), "{page}");
    }
    // A form sends back what it was given.
    let page = browser.page("/console/clients?q=a%E2%80%AEb").await;
    assert!(page.contains("value=\"a\u{202e}b\""), "{page}");
}

/// A secret that is pasted into the address is in neither an answer nor the log, which the server
/// of a test is searched for.
#[tokio::test]
async fn a_secret_in_a_path_is_not_repeated() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let client = server.client().await;
    let secret = client.secret.as_str();
    for path in [
        format!("/v1/clients/{}/secrets/{secret}", client.id),
        format!("/v1/clients/{secret}"),
        format!("/v1/clients/{}/keys/{secret}", client.id),
        format!("/v1/clients/{}/trusts/{secret}", client.id),
        format!("/v1/resources/{secret}"),
    ] {
        let answer = api.call("DELETE", &path, None).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for path in [
        format!("/console/%23{secret}"),
        format!("/console/clients/{secret}"),
        format!("/console/rejections/{secret}"),
    ] {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        let text = answer.text.replace(&format!("value=\"{path}\""), "");
        assert!(!text.contains(secret), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_page_of_a_failure_says_only_what_is_true() {
    const UNCHANGED: &str = "Nothing was changed.";
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let answer = browser.get("/console/clients/absent").await;
    assert_eq!(answer.status, 404, "{answer:?}");
    assert!(!answer.text.contains(UNCHANGED), "a page changes nothing: {answer:?}");
    let path = format!("/console/clients/{}", client.id);
    let answer = browser.send(&format!("{path}/state"), &[("state", "gone")]).await;
    assert!(answer.status == 400 && answer.text.contains(UNCHANGED), "{answer:?}");
    let once = browser.once(&format!("{path}/credentials")).await;
    let fields = [("overlap", "24h"), ("lifetime", ""), ("label", ""), ("once", once.as_str())];
    let made = browser.send(&format!("{path}/rotate"), &fields).await;
    server.keep_secret(&text_of(&made.text, "client-secret"));
    let again = browser.send(&format!("{path}/rotate"), &fields).await;
    assert_eq!(again.status, 409, "{again:?}");
    assert!(!again.text.contains(UNCHANGED), "the first form made a secret: {again:?}");
}
