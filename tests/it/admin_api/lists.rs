//! The lists of the admin API: filters, order and pages.

use rstest::rstest;
use serde_json::{Value, json};

use crate::listeners::stopping::execute;
use crate::support::api::{ALL_SCOPES, Api};
use crate::support::process::Cli;
use crate::support::{Engine, Server, undone_migrations};

/// Returns the ids in all pages of a list.
async fn all(api: &Api<'_>, path: &str, id: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.call("GET", &format!("{path}{cursor}"), None).await.json();
        let data = page["data"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
        seen.extend(data.iter().map(|found| found[id].as_str().expect("an id").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { return seen };
        cursor = format!("&cursor={next}");
    }
}

#[rstest]
#[tokio::test]
async fn clients_are_found_by_each_filter(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (id, name, labels) in [
        ("billing", "Invoices", json!({ "team": "payments", "env": "prod" })),
        ("shop", "Web SHOP", json!({ "team": "payments" })),
        ("stock", "100% of_it", json!({ "team": "logistics" })),
    ] {
        let body = json!({ "client_id": id, "name": name, "labels": labels });
        let made = api.call("POST", "/v1/clients", Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        server.keep_secret(made.json()["client_secret"].as_str().expect("a secret"));
    }
    for (query, expected) in [
        ("q=BILL", &["billing"][..]),
        ("q=voic", &["billing"]),
        ("q=shop", &["shop"]),
        ("q=i", &["billing", "stock"]),
        ("q=%25", &["stock"]),
        ("q=o%25", &[]),
        ("q=none", &[]),
        ("name=Invoices", &["billing"]),
        ("label=team=payments", &["billing", "shop"]),
        ("label=team=payments,env=prod", &["billing"]),
        ("label=team=payments,env=test", &[]),
        ("label=team=payments&q=web", &["shop"]),
        ("label=team=payments&state=disabled", &[]),
    ] {
        let found = all(&api, &format!("/v1/clients?limit=1&{query}"), "client_id").await;
        let found = found.iter().map(String::as_str).filter(|id| !id.starts_with("cl_"));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{query}");
    }
    // The index follows each change of labels.
    let patch = json!({ "labels": { "team": "sales", "env": null } });
    assert_eq!(api.call("PATCH", "/v1/clients/billing", Some(patch)).await.status, 200);
    assert_eq!(all(&api, "/v1/clients?label=team=sales", "client_id").await, ["billing"]);
    assert_eq!(all(&api, "/v1/clients?label=team=payments", "client_id").await, ["shop"]);
    assert_eq!(api.call("DELETE", "/v1/clients/shop", None).await.status, 204);
    assert!(all(&api, "/v1/clients?label=team=payments", "client_id").await.is_empty());
    let long = "a".repeat(101);
    for query in ["q=", "q=%00", &format!("q={long}"), "label=a%20b", "name="] {
        let answer = api.call("GET", &format!("/v1/clients?{query}"), None).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
    }
}

#[rstest]
#[tokio::test]
async fn resources_and_secrets_are_read_page_by_page(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (resource, owner) in [("urn:b", "shop"), ("urn:c", "payments"), ("urn:a", "shop")] {
        let body = json!({ "resource": resource, "owner": owner, "labels": { "for": owner },
            "scopes": [{ "name": "read" }] });
        assert_eq!(api.call("POST", "/v1/resources", Some(body)).await.status, 201);
    }
    for (query, expected) in [
        ("owner=shop", &["urn:a", "urn:b"][..]),
        ("label=for=payments", &["urn:c"]),
        ("label=for=payments,x=y", &[]),
        ("q=URN:B", &["urn:b"]),
        ("q=urn:", &["urn:a", "urn:b", "urn:c", "urn:tokend"]),
    ] {
        let found = all(&api, &format!("/v1/resources?limit=1&{query}"), "resource").await;
        assert_eq!(found, expected, "{query}");
    }
    let page = api.call("GET", "/v1/resources?owner=payments", None).await.json();
    assert_eq!(page["data"][0]["scopes"][0]["name"], "read");
    let client = server.client().await;
    let path = format!("/v1/clients/{}/secrets", client.id);
    let mut made: Vec<String> = Vec::new();
    for _ in 0..2 {
        let secret = api.call("POST", &path, Some(json!({}))).await.json();
        server.keep_secret(secret["client_secret"].as_str().expect("a secret"));
        made.push(secret["secret_id"].as_str().expect("an id").to_owned());
    }
    let pages = all(&api, &format!("{path}?limit=1"), "secret_id").await;
    let mut whole = all(&api, &format!("{path}?limit=100"), "secret_id").await;
    assert_eq!((pages.len(), &pages), (3, &whole));
    whole.retain(|id| !made.contains(id));
    assert_eq!(whole.len(), 1);
    let answer = api.call("GET", &format!("{path}?cursor=sec_absent"), None).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}

/// Labels that were stored before the table existed are found after the migration.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_migration_lists_the_labels_of_existing_clients(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let labels = ["--label", "example.com/cost-center=a.b_c", "--label", "env="];
    cli.json(&[&["client", "create", "a"][..], &labels].concat());
    cli.json(&["client", "create", "b"]);
    for statement in undone_migrations::back_to(engine, 15) {
        execute(engine, &cli.place.database_url, statement).await;
    }
    assert_eq!(cli.run(&["migrate"]).code, 0);
    for label in ["example.com/cost-center=a.b_c", "env="] {
        let found = cli.json(&["client", "list", "--label", label]);
        let ids: Vec<&Value> = found.as_array().expect("a list").iter().collect();
        assert_eq!((ids.len(), &ids[0]["client_id"]), (1, &json!("a")), "{label}");
    }
}

/// A page continues after the previous one, even if its last client has changed.
#[rstest]
#[tokio::test]
async fn a_cursor_outlives_a_change_of_its_client(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (id, hours) in [("one", 1), ("two", 2), ("three", 3)] {
        let secret = json!({ "expires_in_seconds": hours * 3600 });
        let body = json!({ "client_id": id, "secret": secret });
        let made = api.call("POST", "/v1/clients", Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        server.keep_secret(made.json()["client_secret"].as_str().expect("a secret"));
    }
    let list = "/v1/clients?expiring_within=1d&limit=1";
    let first = api.call("GET", list, None).await.json();
    assert_eq!(first["data"][0]["client_id"], "one", "{first}");
    let rotation = json!({ "overlap": "0s" });
    let rotated = api.call("POST", "/v1/clients/one/secrets/rotate", Some(rotation)).await;
    assert!(rotated.status < 300, "{}", rotated.text);
    server.keep_secret(rotated.json()["client_secret"].as_str().expect("a secret"));
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let next = format!("/v1/clients?expiring_within=1d&cursor={cursor}");
    let rest = all(&api, &next, "client_id").await;
    assert_eq!(rest, ["two", "three"]);
    for wrong in ["", "one", &format!("{cursor}x")] {
        let answer = api.call("GET", &format!("{list}&cursor={wrong}"), None).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text);
    }
    let answer = api.call("GET", "/v1/clients?cursor=", None).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let after = api.call("GET", &format!("{list}&after=two"), None).await.json();
    assert_eq!(after["data"][0]["client_id"], "three", "{after}");
    let deleted = api.call("DELETE", "/v1/clients/one", None).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    let rest = all(&api, &next, "client_id").await;
    assert_eq!(rest, ["two", "three"]);
}
