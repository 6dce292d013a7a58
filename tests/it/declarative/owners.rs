//! Declarations of a team: `apply`, `export` and `--prune` check owners like the single calls.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::team::{API, Team};
use crate::support::{Answer, Engine, Server};

fn client(id: &str, owner: Option<&str>, grants: &[Value]) -> Value {
    json!({ "client_id": id, "owner": owner, "secret": null, "grants": grants })
}

fn document(clients: &[Value]) -> Value {
    json!({ "source": "git", "clients": clients })
}

fn code(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json()["code"].clone())
}

/// Returns the ids of the exported clients and resources.
fn exported(answer: &Answer) -> Vec<String> {
    let documents = answer.json()["documents"].clone();
    let documents = documents.as_array().cloned().unwrap_or_default();
    let mut ids = Vec::new();
    for document in &documents {
        for (list, id) in [("clients", "client_id"), ("resources", "resource")] {
            let objects = document[list].as_array().cloned().unwrap_or_default();
            ids.extend(objects.iter().filter_map(|it| it[id].as_str().map(str::to_owned)));
        }
    }
    ids
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_team_applies_and_exports_its_own_objects(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (all, shop, pay) = (
        Team::of(&server, None).await,
        Team::new(&server, "shop").await,
        Team::new(&server, "pay").await,
    );
    let api = json!({ "resource": API, "scopes": [{ "name": "read" }], "owner": "shop" });
    assert_eq!(all.post("/v1/resources", api).await.status, 201);
    let every = document(&[
        client("shop-job", Some("shop"), &[]),
        client("pay-job", Some("pay"), &[json!({ "resource": API, "scopes": ["read"] })]),
        client("no-team", None, &[]),
    ]);
    assert_eq!(all.post("/v1/apply", every).await.status, 200);

    assert_eq!(exported(&shop.get("/v1/export").await), [API, "shop-job"]);
    assert_eq!(exported(&pay.get("/v1/export").await), ["pay-job"]);

    // Objects that the team cannot see are answered as absent, and a plan reveals nothing about
    // them.
    for (id, owner, expected) in [
        ("pay-job", Some("shop"), (404, "client_not_found")),
        ("no-team", Some("shop"), (404, "client_not_found")),
        ("new", Some("pay"), (403, "owner_not_held")),
        ("new", None, (403, "owner_not_held")),
        ("shop-job", Some("pay"), (403, "owner_not_held")),
    ] {
        for query in ["", "?dry_run=true"] {
            let mut changed = client(id, owner, &[]);
            changed["name"] = json!("Taken over");
            let answer = shop.post(&format!("/v1/apply{query}"), document(&[changed])).await;
            let expected = (expected.0, json!(expected.1));
            assert_eq!(code(&answer), expected, "{id} of {owner:?}{query}: {}", answer.text);
        }
    }

    // A grant of another team's resource needs its approval; an approved one is kept.
    let wider = client("pay-new", Some("pay"), &[json!({ "resource": API, "scopes": ["read"] })]);
    let answer = pay.post("/v1/apply", document(&[wider])).await;
    assert_eq!(code(&answer), (403, json!("grant_approval_needed")));
    let mut same =
        client("pay-job", Some("pay"), &[json!({ "resource": API, "scopes": ["read"] })]);
    same["name"] = json!("Nightly");
    let answer = pay.post("/v1/apply", document(&[same])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);

    // A prune deletes no objects of other teams, although they have the same source.
    let nothing = document(&[]);
    let answer = shop.post("/v1/apply?prune=true", nothing).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for (id, status) in [("shop-job", 404), ("pay-job", 200), ("no-team", 200)] {
        assert_eq!(all.get(&format!("/v1/clients/{id}")).await.status, status, "{id}");
    }
}
