//! `POST /v1/clients/import`: the lines of the answer, and the rights that each line needs.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin;
use tokend::admin::AdminErrorCode;
use tokend::admin::import::{self, ImportOptions};
use tokend::oauth::caller::{PresentedCertificate, RequestOrigin};
use tokend::web::management_routes;
use tower::ServiceExt;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::eventually::eventually;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Server, client_id, operator};

async fn import(api: &Api<'_>, query: &str, lines: &[Value]) -> Answer {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let url = format!("{}/v1/clients/import{query}", api.server.management);
    let request = api.server.http.post(url).bearer_auth(&api.token);
    let request = request.header("content-type", "application/x-ndjson").body(body);
    let answer = Answer::of(request).await;
    api.server.catch_up().await;
    answer
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let lines = answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    lines.filter(|line: &Value| line["progress"].is_null()).collect()
}

#[rstest]
#[tokio::test]
async fn clients_are_imported_over_http(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let a = json!({
        "client_id": "a", "client_secret": "a-secret-of-old", "owner": "payments",
        "grants": [{ "resource": ORDERS, "scopes": ["orders:read"] }],
    });
    let b = json!({ "client_id": "b", "client_secret": "b-secret-of-old" });
    let tried = lines(&import(&api, "?dry_run=true", &[a.clone(), b.clone()]).await);
    assert_eq!(tried[2]["summary"]["dry_run"], true, "{tried:?}");
    assert_eq!(api.call("GET", "/v1/clients/a", None).await.status, 404);
    let done = lines(&import(&api, "", &[a.clone(), b.clone()]).await);
    let summary =
        json!({ "imported": 2, "updated": 0, "unchanged": 0, "skipped": 0, "dry_run": false });
    let expected = [
        json!({ "client_id": "a", "result": "imported" }),
        json!({ "client_id": "b", "result": "imported" }),
        json!({ "summary": summary }),
    ];
    assert_eq!(done, expected);
    let token = server.basic("a", "a-secret-of-old", &CLIENT_CREDENTIALS);
    assert_eq!(token.await.status, 200);
    let again = import(&api, "", std::slice::from_ref(&a)).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("import_conflict")));
    let skipped = lines(&import(&api, "?existing=skip", std::slice::from_ref(&a)).await);
    assert_eq!(skipped[0]["result"], "skipped");
    let changed = json!({ "client_id": "a", "name": "Billing" });
    let updated = lines(&import(&api, "?existing=update", &[changed, b]).await);
    assert_eq!(
        (&updated[0]["result"], &updated[1]["result"]),
        (&json!("updated"), &json!("unchanged"))
    );
    assert_eq!(api.call("GET", "/v1/clients/a", None).await.json()["name"], "Billing");
    let wrong = import(&api, "", &[json!({ "client_id": "c" }), json!({ "id": "d" })]).await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (422, &json!("invalid_value")));
    let detail = wrong.json()["detail"].as_str().expect("a text").to_owned();
    assert!(detail.contains("line 1:") && detail.contains("line 2:"), "{detail}");
    assert!(!wrong.text.contains("secret-of-old"), "{}", wrong.text);
    for (query, kind, status) in [
        ("?existing=maybe", "application/x-ndjson", 400),
        ("?unknown=1", "application/x-ndjson", 400),
        ("", "application/json", 415),
    ] {
        let url = format!("{}/v1/clients/import{query}", server.management);
        let request = server.http.post(url).bearer_auth(&api.token).header("content-type", kind);
        assert_eq!(Answer::of(request.body("{}")).await.status, status, "{query} {kind}");
    }
}

/// Import needs exactly the scopes of the single calls, and is all or nothing.
#[rstest]
#[tokio::test]
async fn a_line_needs_the_rights_of_the_single_calls(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let free = json!({ "client_id": "free", "client_secret": "free-secret-of-old" });
    let secret = json!({ "client_id": "x", "client_secret": "x-secret-of-old" });
    let granted = json!({ "client_id": "x", "client_secret": "x-secret-of-old",
        "grants": [{ "resource": ORDERS }] });
    let claims = json!({ "client_id": "x", "client_secret": "x-secret-of-old",
        "claims": { "tenant": "acme" } });
    let administrator = json!({ "client_id": "x", "client_secret": "x-secret-of-old",
        "grants": [{ "resource": "urn:tokend", "scopes": ["audit:read"] }] });
    let trust = json!({ "client_id": "x",
        "trusts": [{ "issuer": "https://a.example", "subject": "b", "audience": "c" }] });
    let writers = "clients:write secrets:write";
    for (scopes, line, code) in [
        ("clients:write", &secret, "scope_missing"),
        ("clients:write", &trust, "scope_missing"),
        (writers, &granted, "scope_missing"),
        (writers, &claims, "scope_missing"),
        ("clients:write secrets:write grants:write", &administrator, "scope_missing"),
        (
            "clients:write secrets:write grants:write admins:write",
            &administrator,
            "rights_not_held",
        ),
    ] {
        let api = Api::with(&server, scopes).await;
        let answer = import(&api, "", &[free.clone(), line.clone()]).await;
        let found = answer.json();
        assert_eq!((answer.status, &found["code"]), (403, &json!(code)), "{scopes}: {line}");
        if scopes != "clients:write" {
            let detail = found["detail"].as_str().expect("a text");
            assert!(detail.starts_with("line 2: "), "{detail}");
        }
        let all = Api::with(&server, "clients:read").await;
        assert_eq!(all.call("GET", "/v1/clients/free", None).await.status, 404, "{scopes}");
    }
    let api = Api::with(&server, writers).await;
    assert_eq!(lines(&import(&api, "", &[free]).await)[0]["result"], "imported");
}

/// The policy determines when a secret ends, so it needs the right to end one.
#[rstest]
#[tokio::test]
async fn a_leak_policy_is_imported_with_the_right_to_secrets(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let writer = Api::with(&server, "clients:write secrets:write clients:read audit:read").await;
    let with_policy = json!({ "client_id": "a", "client_secret": "a-secret-of-old",
        "leak_policy": "end_now" });
    assert_eq!(lines(&import(&writer, "", &[with_policy]).await)[0]["result"], "imported");
    let policy =
        async || writer.call("GET", "/v1/clients/a", None).await.json()["leak_policy"].clone();
    assert_eq!(policy().await, "end_now");
    let event = writer.call("GET", "/v1/audit-events?action=client.imported", None).await.json();
    assert_eq!(event["data"][0]["detail"]["leak_policy"], "end_now", "{event}");
    let weaker = Api::with(&server, "clients:write").await;
    for (member, status) in [
        (json!({ "leak_policy": "end_in_24h" }), 403),
        (json!({ "leak_policy": "end_now" }), 403),
        (json!({ "leak_policy": null }), 403),
        (json!({ "name": "Billing" }), 200),
    ] {
        let mut line = member.clone();
        line["client_id"] = json!("a");
        let answer = import(&weaker, "?existing=update", &[line]).await;
        assert_eq!(answer.status, status, "{member}: {}", answer.text);
        if status == 403 {
            let found = answer.json();
            assert_eq!(found["code"], "scope_missing", "{found}");
            let detail = found["detail"].as_str().expect("a text");
            assert!(detail.contains("secrets:write"), "{detail}");
        }
        assert_eq!(policy().await, "end_now", "{member}");
    }
    let reset = json!({ "client_id": "a", "leak_policy": null });
    let done = lines(&import(&writer, "?existing=update", &[reset]).await);
    assert_eq!(done[0]["result"], "updated");
    assert_eq!(policy().await, "report");
    let wrong = json!({ "client_id": "a", "leak_policy": "sometimes" });
    assert_eq!(import(&writer, "?existing=update", &[wrong]).await.status, 422);
}

/// An import cannot change any member of a client with more rights.
#[tokio::test]
async fn an_import_takes_no_stronger_client_over() {
    let server = Server::start(Engine::Sqlite).await;
    let stronger = server.administrator("keys:write").await;
    let scopes = "clients:write secrets:write grants:write admins:write";
    let api = Api::with(&server, scopes).await;
    for member in [
        json!({ "name": "Mine" }),
        json!({ "state": "disabled" }),
        json!({ "client_secret": "a-secret-of-mine" }),
        json!({ "owner": "me" }),
        json!({ "jwks_uri": "https://a.example/keys" }),
        json!({ "grants": [] }),
        json!({ "networks": ["10.0.0.0/8"] }),
    ] {
        let mut line = member.clone();
        line["client_id"] = json!(stronger.id);
        let answer = import(&api, "?existing=update", &[line.clone()]).await;
        let found = answer.json();
        assert_eq!(
            (answer.status, &found["code"]),
            (403, &json!("client_more_powerful")),
            "{member}"
        );
        let skipped = lines(&import(&api, "?existing=skip", &[line]).await);
        assert_eq!(skipped[0]["result"], "skipped");
    }
    assert_eq!(server.ask_for(&stronger, &[("resource", "urn:tokend")]).await.status, 200);
}

/// The caller never reads the answer. The import ends anyway, and does not block other changes.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_does_not_wait_for_its_reader(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let certificate = PresentedCertificate::Nothing;
    let line = json!({ "client_id": "a", "client_secret": "a-secret-of-old" }).to_string();
    let request = Request::post("/v1/clients/import")
        .header("authorization", format!("Bearer {}", api.token))
        .header("content-type", "application/x-ndjson")
        .extension(RequestOrigin { address, certificate, is_trusted_proxy: false })
        .body(Body::from(line))
        .expect("a request");
    let unread = management_routes(server.app.clone()).oneshot(request).await.expect("an answer");
    assert_eq!(unread.status(), 200);
    let id = client_id("a");
    eventually("the imported client", async || {
        server.services().store.has_client(&id).await.expect("a look").then_some(())
    })
    .await;
    let made = api.call("POST", "/v1/clients", Some(json!({ "client_id": "b" }))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    drop(unread);
}

/// The time limit rolls the transaction back.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_takes_too_long_writes_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let trust =
        json!({ "issuer": "https://a.example", "audience": "c", "conditions": { "sub": "b" } });
    let line = |number: u32| json!({ "client_id": format!("c{number}"), "trusts": [trust] });
    let lines: String = (0..200).map(|number| format!("{}\n", line(number))).collect();
    let options = ImportOptions { write_limit: Some(Duration::ZERO), ..ImportOptions::default() };
    let services = &server.app.services;
    let ended = import::import(services, &operator(), lines.as_bytes(), options, &|_| {}).await;
    let error = ended.expect_err("a time limit of nothing");
    assert_eq!(error.code(), AdminErrorCode::ImportTooLong, "{error}");
    assert!(!services.store.has_client(&client_id("c0")).await.expect("a look"));
    // The lock is free again.
    let lines = lines.as_bytes();
    let options = ImportOptions::default();
    let done = import::import(services, &operator(), lines, options, &|_| {}).await;
    assert_eq!(done.expect("an import").len(), 200);
    let result = admin::audit::verify(&services.store).await.expect("a look");
    assert!(matches!(result, admin::audit::VerificationResult::Intact { .. }), "{result:?}");
}
