//! Texts in requests to the admin API that a database rejects, or that have a special meaning
//! elsewhere.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::browser::console::{Browser, limits};
use crate::support::{Engine, Server};

/// A text that a database rejects is an error of the caller, on both engines.
#[rstest]
#[tokio::test]
async fn no_text_of_a_caller_makes_the_server_fail(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for odd in ["%00", "a%00b", "%FF", "%F0%9F%92%A9", "..%2F..", "%25", "%E2%80%AE", "'%22;--"] {
        for path in [
            "clients/{}",
            "clients/{}/secrets",
            "clients/a/secrets/{}",
            "clients/{}/grants/{}",
            "resources/{}",
            "rejections/{}",
            "clients/{}/keys",
            "clients/a/keys/{}",
            "clients/{}/trusts",
            "clients/a/trusts/{}",
            "signing-keys/{}",
            "rejections?client_id={}",
            "rejections?since={}",
            "rejections?reason={}",
            "rejections?cursor={}",
            "audit-events/verify?cursor={}",
            "clients/a/secrets?cursor={}",
            "clients?q={}",
            "clients?name={}",
            "resources?cursor={}",
            "resources?owner={}",
            "resources?label={}",
            "resources?q={}",
            "audit-events?subject={}",
            "audit-events?actor={}",
            "audit-events?action={}",
            "clients?cursor={}",
            "clients?owner={}",
            "clients?label={}",
            "clients?label=a={}",
            "clients?resource={}",
            "clients?scope={}",
            "clients?state={}",
            "clients?unused_for={}",
            "clients?limit={}",
        ] {
            let path = format!("/v1/{}", path.replace("{}", odd));
            for method in ["GET", "DELETE"] {
                let answer = api.call(method, &path, None).await;
                assert!(answer.status < 500, "{method} {path}: {} {}", answer.status, answer.text);
            }
        }
        let text = percent_encoding::percent_decode_str(odd).decode_utf8_lossy().into_owned();
        for body in [
            json!({ "client_id": text }),
            json!({ "name": text }),
            json!({ "owner": text }),
            json!({ "description": text }),
            json!({ "labels": { text.clone(): text } }),
            json!({ "secret": { "label": text } }),
            json!({ "networks": [text] }),
            json!({ "grants": [{ "resource": text, "scopes": [text] }] }),
        ] {
            let answer = api.call("POST", "/v1/clients", Some(body.clone())).await;
            assert!(answer.status < 500, "{body}: {} {}", answer.status, answer.text);
        }
    }
}

/// Postgres cannot compare text with NUL, so parameters of lists and pages reject it.
#[tokio::test]
async fn a_parameter_with_nul_is_the_mistake_of_the_caller() {
    let server = Server::start(Engine::Postgres).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let document = std::fs::read_to_string(file).expect("the document");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let Some(parameters) = operations["get"]["parameters"].as_array() else { continue };
        let path = path.split('/').map(|part| if part.starts_with('{') { "a" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            let answer = api.call("GET", &format!("{path}?{name}=a%00b"), None).await;
            assert!((400..500).contains(&answer.status), "{path} {name}: {}", answer.text);
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for (page, names) in [
        ("clients", "q state owner label resource expiring unused after"),
        ("audit", "actor action subject owner since until before verify"),
        ("rejections", "request client reason after"),
        ("resources", "q after"),
        ("grant-requests", "state before"),
        ("clients/a/access", "resource"),
    ] {
        for name in names.split(' ') {
            for value in ["%00", "a%00b"] {
                let answer = browser.get(&format!("/console/{page}?{name}={value}")).await;
                let is_rejected = (400..500).contains(&answer.status);
                assert!(is_rejected, "{page} {name}: {answer:?}");
            }
        }
    }
}

/// Two parsers may read different values from a duplicate member (RFC 8259, section 4).
#[tokio::test]
async fn a_duplicate_member_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (path, body, pointer) in [
        ("/v1/apply", r#"{"clients":[{"client_id":"a","client_id":"b"}]}"#, "/clients/0/client_id"),
        ("/v1/apply?dry_run=true", r#"{"clients":[],"\u0063lients":[]}"#, "/clients"),
        ("/v1/clients", r#"{"client_id":"a","labels":{"x":"1","x":"2"}}"#, "/labels/x"),
        ("/v1/clients", r#"{"client_id":"a","client_id":"b"}"#, ""),
    ] {
        let answer = api.send("POST", path, &[], Some(body)).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert!(answer.text.contains(pointer), "{body}: {}", answer.text);
    }
    for id in ["a", "b"] {
        assert_eq!(api.call("GET", &format!("/v1/clients/{id}"), None).await.status, 404);
    }
}
