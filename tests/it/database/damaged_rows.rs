//! Rows that no version of tokend writes: each affects only its own object, and no list, page,
//! command or change of another one. A result that would be wrong without the object is an error.

use rstest::rstest;
use serde_json::{Value, json};

use crate::database::damage::{damaged_clients, fixture};
use crate::listeners::stopping::execute;
use crate::support::api::{ALL_SCOPES, Api, call};
use crate::support::browser::console::{Browser, limits};
use crate::support::process::{Cli, Run};
use crate::support::{Answer, Engine, ORDERS, Server, TestClient};

/// Readable paths of the other objects.
const PATHS: [&str; 31] = [
    "/v1/clients",
    "/v1/clients?limit=2&count=10",
    "/v1/clients?q=whole",
    "/v1/clients?resource=urn:bad:alg",
    "/v1/clients?scope=read",
    "/v1/clients?unused_for=90d",
    "/v1/clients?expiring_within=14d",
    "/v1/clients/whole",
    "/v1/clients/whole/secrets",
    "/v1/clients/whole/keys",
    "/v1/clients/whole/trusts",
    "/v1/clients/whole/grants",
    "/v1/grant-requests",
    "/v1/grant-requests?client=asks",
    "/v1/resources",
    "/v1/resources?limit=1",
    "/v1/resources?q=orders",
    "/v1/resources/urn:example:other",
    "/v1/owner-policies",
    "/v1/owner-policies/good",
    "/v1/signing-keys",
    "/v1/rejections",
    "/v1/audit-events",
    "/v1/audit-events?subject=client/whole",
    "/v1/audit-events/verify",
    "/v1/audit-checkpoints",
    "/v1/audit-keys",
    "/v1/server",
    "/v1/export?owner=good",
    "/metrics",
    "/readyz",
];

/// Pages of the console about the other objects.
const PAGES: [&str; 22] = [
    "/console/",
    "/console/clients",
    "/console/clients?q=whole",
    "/console/clients?resource=urn:bad:alg",
    "/console/clients?expiring=14d",
    "/console/clients/new",
    "/console/clients/whole",
    "/console/clients/whole/credentials",
    "/console/clients/whole/access",
    "/console/clients/whole/activity",
    "/console/clients/whole/audit",
    "/console/clients/whole/edit",
    "/console/resources",
    "/console/resources/new",
    "/console/resources/urn:example:other",
    "/console/resources/urn:example:other/edit",
    "/console/grant-requests",
    "/console/signing-keys",
    "/console/rejections",
    "/console/audit",
    "/console/settings?doctor=1",
    "/console/sessions",
];

fn names(page: &Value) -> Vec<String> {
    let found = page["unreadable"].as_array().into_iter().flatten();
    found.map(|object| object["id"].as_str().expect("an id").to_owned()).collect()
}

async fn get(api: &Api<'_>, path: &str) -> Answer {
    let answer = api.call("GET", path, None).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer
}

/// Reads every list and every intact object, over the API and in the console.
async fn read_everything(server: &Server) {
    let api = Api::with(server, ALL_SCOPES).await;
    for path in PATHS {
        get(&api, path).await;
    }
    let clients = names(&get(&api, "/v1/clients?limit=1000").await.json());
    for id in damaged_clients() {
        assert!(clients.iter().any(|known| known == id), "{id}: {clients:?}");
    }
    let resources = names(&get(&api, "/v1/resources").await.json());
    assert_eq!(resources, ["urn:bad:alg", "urn:bad:labels"]);
    assert_eq!(names(&get(&api, "/v1/grant-requests").await.json()).len(), 1);
    assert_eq!(names(&get(&api, "/v1/owner-policies").await.json()), ["bad"]);
    assert_eq!(names(&get(&api, "/v1/signing-keys").await.json()), ["badkey"]);
    // The pages of one resource end, even if some of them cannot be read.
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let page = get(&api, &format!("/v1/resources?limit=1{cursor}")).await.json();
        seen += page["data"].as_array().expect("a list").len() + names(&page).len();
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, 6, "the four of the fixture, that of the server and its orders");
    let browser = Browser::by_link(server, limits(None, None)).await;
    for path in PAGES {
        browser.page(path).await;
    }
    for (path, name) in [
        ("/console/clients", "method"),
        ("/console/resources", "urn:bad:alg"),
        ("/console/signing-keys", "badkey"),
        ("/console/grant-requests", "grq_"),
    ] {
        let page = browser.page(path).await;
        let notice = page.split("Some rows of this page cannot be read").nth(1);
        assert!(notice.is_some_and(|rest| rest.contains(name)), "{path}: {page}");
    }
}

/// Creates, changes, uses and deletes other objects.
async fn change_others(server: &Server, whole: &TestClient) {
    let api = Api::with(server, ALL_SCOPES).await;
    let steps = [
        ("POST", "/v1/clients", Some(json!({ "client_id": "new", "owner": "good" })), 201),
        ("PATCH", "/v1/clients/new", Some(json!({ "name": "New" })), 200),
        (
            "PUT",
            "/v1/clients/new/grants/urn:example:other",
            Some(json!({ "scopes": ["read"] })),
            200,
        ),
        ("POST", "/v1/clients/new/secrets/rotate", Some(json!({ "overlap": "0s" })), 201),
        (
            "POST",
            "/v1/clients/new/token-preview",
            Some(json!({ "resource": "urn:example:other" })),
            200,
        ),
        (
            "POST",
            "/v1/tokens",
            Some(json!({ "client_id": "new", "resource": "urn:example:other" })),
            201,
        ),
        ("POST", "/v1/clients/new/tokens/revoke", None, 200),
        ("PATCH", "/v1/resources/urn:example:other", Some(json!({ "description": "x" })), 200),
        ("DELETE", "/v1/resources/urn:example:other", None, 409),
        ("DELETE", "/v1/clients/new", None, 204),
        ("POST", "/v1/leaks", Some(json!({ "text": whole.secret })), 200),
    ];
    let token = server.ask_for(whole, &[("resource", ORDERS)]).await.token();
    for path in ["/v1/tokens/verify", "/v1/tokens/inspect"] {
        let answer = api.call("POST", path, Some(json!({ "token": token }))).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    for (method, path, body, status) in steps {
        let answer = api.call(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        if let Some(secret) = answer.text.contains("client_secret").then(|| answer.json())
            && let Some(secret) = secret["client_secret"].as_str()
        {
            server.keep_secret(secret);
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_row_is_named_and_holds_up_no_other_object(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (server, damaged, whole) = fixture(engine).await;
    read_everything(&server).await;
    // A server that starts on such a database behaves the same.
    let restarted = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    restarted.ask_for(&whole, &[("resource", ORDERS)]).await.token();
    read_everything(&restarted).await;
    change_others(&restarted, &whole).await;
    for client in damaged {
        let answer = restarted.ask_for(&client, &[("resource", ORDERS)]).await;
        match client.id.as_str() {
            // Tokens do not need the damaged member.
            "labels" | "admin" | "use" | "expiry" => _ = answer.token(),
            _ => _ = answer.assert_rejected(401, "invalid_client"),
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_omitted_object_is_always_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (server, ..) = fixture(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let assert_names = |answer: &Answer, names: &[&str]| {
        assert_eq!(answer.status, 409, "{}", answer.text);
        assert_eq!(answer.json()["code"], "objects_unreadable", "{}", answer.text);
        for name in names {
            assert!(answer.text.contains(name), "{name}: {}", answer.text);
        }
    };
    let export = api.call("GET", "/v1/export", None).await;
    assert_names(&export, &["resource urn:bad:alg", "client method"]);
    // Declarations of other objects are applied, those of the damaged ones are not.
    let apply = async |documents: Value| {
        api.call("POST", "/v1/apply?dry_run=true", Some(json!({ "documents": [documents] }))).await
    };
    let other = json!({ "source": "s", "resources": [{ "resource": "urn:x", "scopes": ["x"] }],
        "clients": [{ "client_id": "x", "secret": null, "grants": [{ "resource": "urn:x" }] }] });
    let answer = apply(other.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let damaged = json!({ "resources": [{ "resource": "urn:bad:alg", "scopes": ["x"] }] });
    assert_names(&apply(damaged).await, &["resource urn:bad:alg"]);
    let damaged = json!({ "clients": [{ "client_id": "method", "secret": null }] });
    assert_names(&apply(damaged).await, &["client method"]);
    let grant =
        json!({ "clients": [{ "client_id": "y", "grants": [{ "resource": "urn:bad:alg" }] }] });
    let answer = apply(grant).await;
    assert!(answer.text.contains("urn:bad:alg cannot be read"), "{}", answer.text);
    // An object that is no longer declared is deleted, unless it cannot be read.
    let prune = async || {
        let body = json!({ "documents": [other.clone()] });
        api.call("POST", "/v1/apply?dry_run=true&prune=true", Some(body)).await
    };
    assert_eq!(prune().await.status, 200);
    let url = server.place.database_url.clone();
    execute(engine, &url, "UPDATE client SET source = 's' WHERE client_id = 'method'").await;
    assert_names(&prune().await, &["client method"]);
    execute(engine, &url, "UPDATE client SET source = NULL WHERE client_id = 'method'").await;
    execute(engine, &url, "UPDATE resource SET source = 's' WHERE resource = 'urn:bad:labels'")
        .await;
    assert_names(&prune().await, &["resource urn:bad:labels"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_shows_what_can_be_read_and_fails_if_its_list_is_not_complete(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (server, _, whole) = fixture(engine).await;
    let cli = Cli::at(server.place.clone()).set("TOKEND_ISSUER", &server.base);
    let assert_fails = |run: &Run, text: &str| {
        assert!(run.stderr.contains(text), "{text}: {run:?}");
        assert_eq!(run.code, 1, "{run:?}");
    };
    let run = cli.run(&["client", "list", "-o", "id"]);
    assert_fails(&run, "client method cannot be read");
    assert!(run.stdout.contains("whole\n"), "{run:?}");
    let run = cli.run(&["resource", "list", "-o", "id"]);
    assert_fails(&run, "2 resources cannot be read and are left out");
    assert!(run.stdout.contains("urn:example:other\n"), "{run:?}");
    assert_fails(&cli.run(&["grant-request", "list"]), "1 grant request cannot be read");
    assert_fails(&cli.run(&["owner-policy", "list"]), "owner policy bad cannot be read");
    assert_fails(&cli.run(&["key", "list"]), "signing key badkey cannot be read");
    let run = cli.run(&["export"]);
    assert!(run.code != 0 && run.stdout.is_empty(), "{run:?}");
    assert!(run.stderr.contains("resource urn:bad:alg"), "{run:?}");
    let token = server.ask_for(&whole, &[("resource", ORDERS)]).await.token();
    for (arguments, input) in [
        (&["client", "show", "whole"][..], ""),
        (&["resource", "show", "urn:example:other"], ""),
        (&["token", "verify", "-"], token.as_str()),
        (&["token", "inspect", "-"], token.as_str()),
        (&["token", "issue", "--client", "whole", "--resource", "urn:example:other"], ""),
        (&["audit", "list"], ""),
        (&["rejections", "list"], ""),
        (&["client", "create", "Another", "--id", "another"], ""),
        (&["client", "delete", "another", "--yes"], ""),
        (&["resource", "delete", "urn:example:other", "--yes"], ""),
    ] {
        let run = cli.run_with(arguments, input);
        assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
    }
    let doctor = cli.run(&["doctor", "-o", "json"]);
    let report: Value = serde_json::from_str(&doctor.stdout).expect("JSON");
    let text = report.to_string();
    assert!(text.contains("urn:bad:labels") && text.contains("badkey"), "{report:#}");
}

/// A request without a token learns nothing about damage.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_token_names_no_object() {
    let (server, ..) = fixture(Engine::Sqlite).await;
    for path in ["/v1/resources", "/v1/clients", "/v1/export"] {
        let answer = call(&server, None, "GET", path, None).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.text);
        assert!(!answer.text.contains("urn:bad"), "{path}: {}", answer.text);
    }
}
