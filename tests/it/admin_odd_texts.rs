//! Texts of callers of the admin API that no database takes, or that mean something elsewhere.

use rstest::rstest;
use serde_json::json;

use crate::admin_api::{ALL_SCOPES, Api};
use crate::support::{Engine, Server};

/// Texts that a database does not take are the caller's mistake, on both engines.
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
