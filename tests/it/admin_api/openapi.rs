//! The `OpenAPI` document: every route with its scope, current as committed, and complete:
//! `schemathesis` (`PyPI`) finds no answer outside of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::admin_api::routes::ROUTES;
use crate::support::api::{ALL_SCOPES, Api, call};
use crate::support::foreign::python_program;
use crate::support::generated::{assert_current, read};
use crate::support::{Engine, ORDERS, Server};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Starts a server with metrics that need a token, as they do beyond loopback.
async fn server() -> Server {
    Server::with(Engine::Sqlite, &[("TOKEND_METRICS_ACCESS", "token")]).await
}

async fn document(server: &Server) -> Value {
    let answer = call(server, None, "GET", "/v1/openapi.json", None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

/// Returns every operation: its method, its path, and its part of the document.
fn operations(document: &Value) -> Vec<(&'static str, &String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in METHODS {
            found.extend(item.get(method).map(|operation| (method, path, operation)));
        }
    }
    found
}

/// True if a path of the document matches the path of a request.
fn is_path(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(known, given)| known == given || known.starts_with('{'))
}

/// Returns the scopes in the form of [`ROUTES`].
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
        // A path without parameters takes precedence over one with parameters.
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

/// Returns the answers and bodies with an example: their place, schema and example.
fn bodies(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (method, path, operation) in operations(document) {
        let answers = operation["responses"].as_object().expect("responses");
        let answers = answers.iter().filter(|(status, _)| status.starts_with('2'));
        let body = operation.get("requestBody").map(|body| ("body", body));
        for (name, part) in answers.map(|(name, part)| (name.as_str(), part)).chain(body) {
            for (media_type, content) in part["content"].as_object().into_iter().flatten() {
                found.push((format!("{method} {path} {name} {media_type}"), content));
            }
        }
    }
    let problems = document["components"]["responses"].as_object().expect("responses");
    for (name, problem) in problems {
        found.push((name.clone(), &problem["content"]["application/problem+json"]));
    }
    found
}

/// Reads lines with a name, a schema and an example; prints the examples that do not validate.
const VALIDATE: &str = "
import json, sys
from jsonschema_rs import Draft202012Validator
count = 0
for line in sys.stdin:
    name, schema, example = json.loads(line)
    count += 1
    for error in Draft202012Validator(schema, validate_formats=True).iter_errors(example):
        print(name, list(error.instance_path), error.message)
print(count)
";

#[tokio::test]
async fn every_example_fits_its_schema() {
    let document = document(&server().await).await;
    let components = json!({ "schemas": document["components"]["schemas"] });
    let mut lines = String::new();
    let mut add = |name: &str, schema: &Value, example: &Value| {
        let mut schema = schema.clone();
        schema["components"] = components.clone();
        lines += &format!("{}\n", json!([name, schema, example]));
    };
    for (name, content) in bodies(&document) {
        assert!(!content["example"].is_null(), "{name} has no example");
        add(&name, &content["schema"], &content["example"]);
    }
    for (name, schema) in components["schemas"].as_object().expect("schemas") {
        for example in schema["examples"].as_array().into_iter().flatten() {
            add(name, schema, example);
        }
    }
    let count = lines.lines().count();
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("examples");
    std::fs::write(&input, lines).expect("the examples");
    let output = Command::new(python_program("python"))
        .args(["-c", VALIDATE])
        .stdin(std::fs::File::open(&input).expect("the examples"))
        .output()
        .expect("python");
    let found = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert_eq!(found.trim(), count.to_string(), "{problems}");
}

#[tokio::test]
async fn every_code_of_the_page_has_its_status() {
    let document = document(&server().await).await;
    let problems = document["components"]["responses"].to_string();
    let page = read("docs/admin-api.md");
    let section = page.split_once("\n## Errors\n").expect("a section").1;
    let codes: Vec<_> = section.split('`').skip(1).step_by(2).collect();
    let codes: Vec<_> = codes.iter().filter(|code| code.contains('_')).collect();
    assert!(codes.len() > 20, "{codes:?}");
    for code in codes {
        assert!(problems.contains(&format!("- `{code}`: ")), "{code}");
    }
}

/// Returns the document for `schemathesis`. It removes the token of a request, to check that it is
/// required, only for schemes of the type `http`.
fn with_bearer(mut document: Value) -> Value {
    document["components"]["securitySchemes"]["tokend"] =
        json!({ "type": "http", "scheme": "bearer" });
    document
}

/// Creates objects with the ids of the examples, so that requests find something.
async fn add_objects(api: &Api<'_>) {
    for (method, path, body) in [
        ("PUT", "/v1/owner-policies/payments", json!({ "max_clients": 100_000 })),
        (
            "POST",
            "/v1/clients",
            json!({
                "client_id": "acme",
                "owner": "payments",
                "labels": { "plan": "gold" },
                "claims": { "tenant": "acme" },
                "grants": [{ "resource": ORDERS, "scopes": ["orders:read"] }],
            }),
        ),
        (
            "POST",
            "/v1/clients/acme/trusts",
            json!({
                "issuer": "https://token.actions.githubusercontent.com",
                "jwks_uri": "https://acme.example/jwks",
                "subject": "repo:acme/api:ref:refs/heads/main",
                "audience": "https://auth.example.com",
            }),
        ),
    ] {
        let answer = api.call(method, path, Some(body)).await;
        assert!(answer.status < 300, "{path}: {}", answer.text);
    }
}

/// Sends thousands of valid and invalid requests: no answer is 5xx, and every answer is documented.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_outside_of_the_document() {
    // With default settings metrics are public here, so no route needs `stats:read`. The
    // administrator has it and its token does not, so no request can change the administrator.
    let server = Server::start(Engine::Sqlite).await;
    let mut api = Api::with(&server, ALL_SCOPES).await;
    // The token lacks `keys:write` too: revoking a signing key would invalidate the token.
    let scopes = ALL_SCOPES.replace("stats:read ", "").replace("keys:write ", "");
    let parameters = [("resource", "urn:tokend"), ("scope", scopes.as_str())];
    api.token = server.ask_for(&api.administrator, &parameters).await.token();
    add_objects(&api).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("openapi.json");
    let text = with_bearer(document(&server).await).to_string();
    std::fs::write(&path, text).expect("the document");
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/schemathesis.toml");
    let output = Command::new(python_program("schemathesis"))
        .arg("--config-file")
        .arg(&settings)
        .arg("--no-color")
        .arg("run")
        .arg(&path)
        .args(["--url", &server.management])
        .args(["--header", &format!("Authorization: Bearer {}", api.token)])
        .env("SCHEMATHESIS_HOOKS", settings.with_file_name("schemathesis_hooks.py"))
        .current_dir(folder.path())
        .output()
        .expect("schemathesis");
    let report = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{problems}");
    // The requests have not disabled the caller, so the answers were those of an administrator.
    assert_eq!(api.call("GET", "/v1/server", None).await.status, 200);
}
