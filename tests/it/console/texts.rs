//! Untrusted texts in pages of the console, and the texts of error pages.

use std::process::Command;

use serde_json::json;
use tokend::model::facts::Description;
use tokend::text::escaping::is_unsafe;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::browser::console::{Browser, limits};
use crate::support::process::Cli;
use crate::support::{Engine, Server};

/// The text of the element with this id.
fn text_of(page: &str, id: &str) -> String {
    let rest = page.split(&format!("id=\"{id}\"")).nth(1).expect("an element");
    let text = rest.split_once('>').expect("a tag").1.split('<').next().expect("a text");
    text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&")
}

/// A person copies the command into a shell. The arguments are what the shell reads.
#[tokio::test]
async fn a_copied_command_quotes_a_malicious_id() {
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

/// The suggestion on the page of a form sets every value of the client. Run on the same client, the
/// command and the request change nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_and_the_request_of_a_form_set_its_values() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let audience = format!("{}/", server.token_url());
    let client = json!({
        "client_id": "acme", "name": "Acme's \"billing\"", "owner": "sales",
        "description": "Bills $(customers)", "contact": "#billing",
        "labels": { "env": "prod", "empty": "" },
        "auth_methods": ["client_secret_post", "private_key_jwt"],
        "grant_types": ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
        "token_ttl_seconds": 900, "token_rate": "60/m", "leak_policy": "end_now",
        "dpop_bound_access_tokens": true, "networks": ["10.0.0.0/8", "192.0.2.1/32"],
        "assertion_audiences": [audience],
        "claims": { "tenant": "it's acme", "roles": ["reader"], "limit": 5 },
    });
    let made = api.call("POST", "/v1/clients", Some(client)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let page = browser.page("/console/clients/acme/edit").await;
    assert_sets_the_same(&server, &api, &page, "/v1/clients/acme").await;
    for value in ["end_now", &audience, "10.0.0.0/8", "tenant"] {
        for id in ["same-request", "same-command"] {
            assert!(text_of(&page, id).contains(value), "{value} in {id}");
        }
    }
}

/// The suggestion for a resource has the same property.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_and_the_request_of_a_resource_set_its_values() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let resource = json!({
        "resource": "https://bills.example.com", "owner": "sales",
        "scopes": [
            { "name": "orders:read", "description": "Read 'orders' = all" },
            { "name": "orders:write" },
        ],
        "description": "Orders of $(customers)", "contact": "#orders",
        "labels": { "env": "prod" }, "token_ttl_seconds": 600, "token_typ": "JWT",
    });
    let made = api.call("POST", "/v1/resources", Some(resource)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let segment = "https%3A%2F%2Fbills.example.com";
    let page = browser.page(&format!("/console/resources/{segment}/edit")).await;
    assert_sets_the_same(&server, &api, &page, &format!("/v1/resources/{segment}")).await;
}

/// Runs the suggested request and command of a page: they change nothing.
async fn assert_sets_the_same(server: &Server, api: &Api<'_>, page: &str, path: &str) {
    let before = api.call("GET", path, None).await.json();
    let events = api.call("GET", "/v1/audit-events", None).await.json();
    for (program, id) in [("curl", "same-request"), ("tokend", "same-command")] {
        let script = format!("{program}() {{ printf '%s\\0' \"$@\"; }}\n{}", text_of(page, id));
        let run = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        let printed = String::from_utf8(run.stdout).expect("text");
        let arguments: Vec<&str> = printed.trim_end_matches('\0').split('\0').collect();
        if program == "curl" {
            let place = arguments.iter().position(|it| *it == "-d").expect("a body") + 1;
            let body = serde_json::from_str(arguments[place]).expect("JSON");
            let answer = api.call("PATCH", path, Some(body)).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        } else {
            let cli = Cli::at(server.place.clone()).set("TOKEND_ISSUER", &server.base);
            let run = cli.run(&arguments);
            assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
        }
        let after = api.call("GET", path, None).await.json();
        assert_eq!(after, before, "{program}: {arguments:?}");
    }
    // A change without effect has no event. Reads are not recorded.
    assert_eq!(api.call("GET", "/v1/audit-events", None).await.json(), events);
}

/// The command and the request of a list have the filters of the page.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_and_the_request_of_a_list_have_its_filters() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for (page, command, request) in [
        (
            "rejections?client=acme&reason=it%27s",
            "tokend rejections list --client acme --reason 'it'\\''s'",
            "/v1/rejections?client_id=acme&reason=it%27s",
        ),
        (
            "grant-requests?state=approved",
            "tokend grant-request list --state approved",
            "/v1/grant-requests?state=approved",
        ),
        (
            "audit?actor=cli%3Aana&until=2026-11-24",
            "tokend audit list --actor cli:ana --until 2026-11-24T23:59:59Z",
            "/v1/audit-events?actor=cli%3Aana&until=2026-11-24T23%3A59%3A59Z",
        ),
        ("audit?verify=1", "tokend audit verify", "/v1/audit-events/verify"),
        ("settings?doctor=1", "tokend doctor", "/v1/server"),
        ("clients?expiring=30d", "tokend client list --expiring 30d", "?expiring_within=30d"),
    ] {
        let shown = browser.page(&format!("/console/{page}")).await;
        assert_eq!(text_of(&shown, "same-command"), command, "{page}");
        let asked = text_of(&shown, "same-request");
        assert!(asked.contains(request), "{page}: {asked}");
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
    // A form returns its input unchanged.
    let page = browser.page("/console/clients?q=a%E2%80%AEb").await;
    assert!(page.contains("value=\"a\u{202e}b\""), "{page}");
}

/// A secret that is pasted into the address is in neither an answer nor the log, in which every
/// test searches.
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
async fn an_error_page_reports_whether_something_was_changed() {
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
