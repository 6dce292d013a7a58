//! The OpenAPI document: every route with its scope, current as committed, and true: `schemathesis`
//! (`PyPI`) finds no answer outside of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::admin_api::ROUTES;
use crate::support::api::{ALL_SCOPES, Api, call};
use crate::support::foreign::python_program;
use crate::support::generated::assert_current;
use crate::support::{Engine, ORDERS, Server};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A server whose metrics need a token, as they do beyond a loopback address.
async fn server() -> Server {
    Server::with(Engine::Sqlite, &[("TOKEND_METRICS_ACCESS", "token")]).await
}

async fn document(server: &Server) -> Value {
    let answer = call(server, None, "GET", "/v1/openapi.json", None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

/// Every operation: its method, its path, and what the document says.
fn operations(document: &Value) -> Vec<(&'static str, &String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in METHODS {
            found.extend(item.get(method).map(|operation| (method, path, operation)));
        }
    }
    found
}

/// True if a path of the document is that of a request.
fn is_path(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(known, given)| known == given || known.starts_with('{'))
}

/// The scopes in the form of [`ROUTES`].
fn scopes(operation: &Value) -> String {
    let alternatives = operation["security"].as_array().expect("requirements").iter();
    let scopes = alternatives.map(|requirement| {
        let scopes = requirement["tokend"].as_array().expect("scopes").iter();
        scopes.map(|scope| scope.as_str().expect("a scope")).collect::<Vec<_>>().join(" ")
    });
    let mut scopes: Vec<_> = scopes.collect();
    scopes.sort();
    scopes.join("|")
}

#[tokio::test]
async fn the_document_is_current() {
    let server = server().await;
    let answer = call(&server, None, "GET", "/v1/openapi.json", None).await;
    let text = answer.text.replace(&server.base, "http://localhost:8080");
    assert_current("docs/openapi.json", &text);
}

#[tokio::test]
async fn every_route_is_in_the_document_with_its_scope() {
    let server = server().await;
    let document = document(&server).await;
    let operations = operations(&document);
    for (method, path, needed) in ROUTES.map(|(method, path, scopes, _)| (method, path, scopes)) {
        let is_it = |(known, template, _): &&(&str, &String, &Value)| {
            known.eq_ignore_ascii_case(method) && is_path(template, path)
        };
        // A path without parameters comes before one that has them.
        let found = operations.iter().filter(is_it).min_by_key(|found| found.1.contains('{'));
        let (_, _, operation) = found.unwrap_or_else(|| panic!("no {method} {path}"));
        assert_eq!(scopes(operation), needed, "{method} {path}");
    }
    let is_guarded = |operation: &Value| operation["security"] != json!([]);
    let count = operations.iter().filter(|(_, _, operation)| is_guarded(operation)).count();
    assert_eq!(count, ROUTES.len());
    let open = operations.iter().filter(|(_, _, operation)| !is_guarded(operation));
    let open: BTreeSet<_> = open.map(|(_, path, _)| path.as_str()).collect();
    let expected = [
        "/.well-known/oauth-protected-resource",
        "/docs",
        "/healthz",
        "/livez",
        "/readyz",
        "/v1/openapi.json",
    ];
    assert_eq!(open, expected.into());
    for path in open {
        assert_ne!(call(&server, None, "GET", path, None).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn every_operation_has_a_text_and_every_reference_a_target() {
    let document = document(&server().await).await;
    let tags = document["tags"].as_array().expect("tags");
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        for member in ["operationId", "summary", "description"] {
            let text = operation[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{method} {path} has no {member}");
        }
        assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
        assert!(tags.iter().any(|tag| tag["name"] == operation["tags"][0]), "{method} {path}");
    }
    let mut values = vec![&document];
    while let Some(value) = values.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|path| document.pointer(path));
            assert!(target.is_some(), "{reference} leads nowhere");
        }
        values.extend(value.as_array().into_iter().flatten());
        values.extend(value.as_object().into_iter().flat_map(|members| members.values()));
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_loads_nothing_from_elsewhere() {
    let server = server().await;
    let answer = call(&server, None, "GET", "/docs", None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    for (_, path, operation) in operations(&document(&server).await) {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(answer.text.contains(&format!("<h3 id=\"{id}\">")), "{path}");
    }
    for foreign in ["<script", "src=", "href=\"http"] {
        assert!(!answer.text.contains(foreign), "{foreign}");
    }
    let style = call(&server, None, "GET", "/docs/style.css", None).await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    for path in ["/docs", "/docs/style.css", "/v1/openapi.json"] {
        let answer = call(&server, None, "POST", path, None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{path}");
    }
}

/// Thousands of requests that fit the document, and as many that do not: no 5xx, and every answer
/// is in the document.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_outside_of_the_document() {
    let server = server().await;
    server.resource(ORDERS, &["orders:read"]).await;
    server.client().await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/schemathesis.toml");
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(python_program("schemathesis"))
        .arg("--config-file")
        .arg(settings)
        .arg("--no-color")
        .args(["run", &format!("{}/v1/openapi.json", server.management)])
        .args(["--header", &format!("Authorization: Bearer {}", api.token)])
        .current_dir(folder.path())
        .output()
        .expect("schemathesis");
    let report = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{problems}");
}
