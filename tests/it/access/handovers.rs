//! A client or a resource with a new owner loses credentials that a limited administrator created,
//! and grants that the new owner has not approved.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::secret_digest::SecretDigest;
use tokend::secrets::offline;

use crate::support::team::{API, Team, assert_rejected, grant_path};
use crate::support::{Answer, Engine, Server, TestClient};

const THIRD_API: &str = "https://third.example";
const CLIENT: &str = "/v1/clients/worker";

/// Imports one line over HTTP, which changes an existing client.
pub async fn import(server: &Server, team: &Team<'_>, line: &Value) -> Answer {
    let url = format!("{}/v1/clients/import?existing=update", server.management);
    let request = server.http.post(url).bearer_auth(&team.token);
    let request = request.header("content-type", "application/x-ndjson").body(line.to_string());
    let answer = Answer::of(request).await;
    server.catch_up().await;
    answer
}

/// Adds a credential of each kind except secrets.
async fn add_credentials(team: &Team<'_>, path: &str) {
    let keys = json!({ "jwks_uri": "https://worker.example/jwks" });
    team.done("POST", &format!("{path}/keys"), Some(keys)).await;
    let trusts = format!("{path}/trusts");
    let trust = json!({
        "issuer": "https://ci.example.com", "audience": "t", "subject": "worker",
        "jwks_uri": "https://ci.example.com/jwks",
    });
    team.done("POST", &trusts, Some(trust)).await;
    let trust = json!({
        "trust_domain": "acme.example", "bundle_endpoint": "https://acme.example/bundle",
        "subject": "spiffe://acme.example/worker",
    });
    team.done("POST", &trusts, Some(trust)).await;
    let subject = json!({ "tls_client_auth_san_dns": "worker.example.com" });
    team.done("PATCH", path, Some(subject)).await;
}

/// Adds a secret, created by this administrator.
async fn secret_of(server: &Server, team: &Team<'_>, id: &str) -> TestClient {
    let made = team.done("POST", &format!("/v1/clients/{id}/secrets"), Some(json!({}))).await;
    let secret = made["client_secret"].as_str().expect("a secret");
    server.keep_secret(secret);
    TestClient { id: id.to_owned(), secret: secret.to_owned() }
}

async fn status(server: &Server, client: &TestClient, resource: &str) -> u16 {
    server.ask_for(client, &[("resource", resource)]).await.status
}

/// Approves a grant of a resource for the client `worker`.
async fn approve(client: &Team<'_>, owner: &Team<'_>, id: &str, resource: &str) {
    let request = client.request(id, resource).await;
    let path = format!("/v1/grant-requests/{request}/approve");
    owner.done("POST", &path, Some(json!({ "revision": 1 }))).await;
}

fn resources(shown: &Value) -> Vec<&str> {
    let grants = shown["grants"].as_array().expect("grants");
    grants.iter().filter_map(|grant| grant["resource"].as_str()).collect()
}

/// Each operation that can change an owner ends credentials and grants.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_ends_the_credentials_that_the_old_team_knows(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("patch", "put", "import", "apply")] verb: &str,
) {
    let server = Server::start(engine).await;
    let all = Team::of(&server, None).await;
    let (shop, third) = (Team::new(&server, "shop").await, Team::new(&server, "third").await);
    shop.resource(API, "shop").await;
    third.resource(THIRD_API, "third").await;
    let of_team = shop.client("worker", "shop").await;
    let own = Some(json!({ "scopes": ["orders:read"] }));
    shop.done("PUT", &grant_path("worker"), own).await;
    approve(&shop, &third, "worker", THIRD_API).await;
    add_credentials(&shop, CLIENT).await;
    let of_platform = secret_of(&server, &all, "worker").await;
    assert_eq!(status(&server, &of_team, THIRD_API).await, 200);
    let pending = {
        all.resource("urn:example:later", "third").await;
        shop.request("worker", "urn:example:later").await
    };

    let stated = json!([{ "resource": API, "scopes": ["orders:read"] }]);
    let answer = match verb {
        "patch" => all.call("PATCH", CLIENT, Some(json!({ "owner": "pay" }))).await,
        "put" => {
            let body = json!({ "owner": "pay", "grants": stated });
            let request = server.http.put(format!("{}{CLIENT}", server.management));
            let request = request.bearer_auth(&all.token).header("if-match", "*").json(&body);
            let answer = Answer::of(request).await;
            server.catch_up().await;
            answer
        }
        "import" => import(&server, &all, &json!({ "client_id": "worker", "owner": "pay" })).await,
        _ => {
            let client = json!({ "client_id": "worker", "owner": "pay", "grants": stated });
            all.post("/v1/apply?adopt=true", json!({ "clients": [client] })).await
        }
    };
    assert!(answer.status == 200 && !answer.text.contains("\"problem\""), "{}", answer.text);

    assert_eq!(status(&server, &of_team, API).await, 401, "the team knows this secret");
    assert_eq!(status(&server, &of_platform, API).await, 200);
    let shown = all.get(CLIENT).await.json();
    assert_eq!(shown["owner"], "pay");
    assert_eq!(resources(&shown), [API], "the third team has approved another owner");
    let no_credentials = json!([[], null, null, null]);
    let names = ["trusts", "spiffe_trusts", "jwks_uri", "tls_client_auth_san_dns"];
    assert_eq!(Value::from_iter(names.map(|name| shown[name].clone())), no_credentials);
    assert_eq!(all.state(&pending).await.0, "cancelled");
    let events = all.get("/v1/audit-events?action=client.updated&limit=1").await.json();
    let event = &events["data"][0];
    assert_eq!(event["subject"], "client/worker");
    let ended = &event["detail"]["ended_credentials"];
    assert_eq!(ended["secrets"].as_array().map(Vec::len), Some(1), "{event}");
    if verb != "apply" {
        let ended = (&ended["trusts"], &ended["keys"], &ended["tls_subject"]);
        assert_eq!(ended.0.as_array().map(Vec::len), Some(2), "{event}");
        assert_eq!((ended.1, ended.2), (&json!(true), &json!(true)), "{event}");
    }
    // The team of the API sees that the grant was revoked.
    let events = third.get("/v1/audit-events?action=grant.revoked").await.json();
    assert_eq!(events["data"][0]["detail"]["resource"], THIRD_API, "{events}");
    assert_eq!(all.get("/v1/audit-events/verify").await.json()["is_intact"], true);
}

/// Objects that a file states are kept, and a second apply finds no difference.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_declaration_keeps_what_it_states(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let all = Team::of(&server, None).await;
    let (shop, third) = (Team::new(&server, "shop").await, Team::new(&server, "third").await);
    third.resource(THIRD_API, "third").await;
    let plain = offline::generate().expect("a secret");
    let digest: SecretDigest =
        offline::digest_of(secrecy::ExposeSecret::expose_secret(&plain)).expect("a digest");
    let client = |owner: &str, grants: Value| {
        json!({ "clients": [{
            "client_id": "worker", "owner": owner, "grants": grants,
            "jwks_uri": "https://worker.example/jwks",
            "tls_client_auth_san_dns": "worker.example.com",
            "secrets": [{ "secret_digest": digest.to_string() }],
            "trusts": [{ "issuer": "https://ci.example.com", "audience": "t",
                         "jwks_uri": "https://ci.example.com/jwks",
                         "conditions": { "sub": "worker" } }],
            "auth_methods": ["client_secret_basic", "private_key_jwt", "tls_client_auth"],
        }] })
    };
    shop.done("POST", "/v1/apply", Some(client("shop", json!([])))).await;
    let listed = server.known("worker", &plain);
    let unlisted = secret_of(&server, &shop, "worker").await;
    approve(&shop, &third, "worker", THIRD_API).await;
    let grants = json!([{ "resource": THIRD_API, "scopes": ["orders:read"] }]);
    let moved = client("pay", grants);
    let answer = all.post("/v1/apply", moved.clone()).await;
    assert_rejected(&answer, 409, "other_owner");
    all.done("POST", "/v1/apply?adopt=true", Some(moved.clone())).await;
    assert_eq!(status(&server, &listed, THIRD_API).await, 200);
    assert_eq!(status(&server, &unlisted, THIRD_API).await, 401);
    let shown = all.get(CLIENT).await.json();
    assert_eq!(shown["jwks_uri"], "https://worker.example/jwks");
    assert_eq!(shown["tls_client_auth_san_dns"], "worker.example.com");
    assert_eq!(shown["trusts"].as_array().map(Vec::len), Some(1));
    let again = all.done("POST", "/v1/apply", Some(moved)).await;
    assert_eq!((&again["changes"], &again["unchanged"]), (&json!([]), &json!(1)));
}

/// An administrator of both owners does not transfer the approval of a third one.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_does_not_move_with_a_client(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let both = Team::of(&server, Some(&["shop", "pay"])).await;
    let third = Team::new(&server, "third").await;
    third.resource(THIRD_API, "third").await;
    both.client("worker", "shop").await;
    approve(&both, &third, "worker", THIRD_API).await;
    let grants = json!([{ "resource": THIRD_API, "scopes": ["orders:read"] }]);
    // Stating the grant creates it.
    let stated = json!({ "owner": "pay", "grants": grants });
    let answer = both.call("PATCH", CLIENT, Some(stated.clone())).await;
    assert_rejected(&answer, 403, "grant_approval_needed");
    let mut line = stated;
    line["client_id"] = json!("worker");
    let answer = import(&server, &both, &line).await;
    assert!(answer.text.contains("grant_approval_needed"), "{}", answer.text);
    for query in ["?adopt=true", "?adopt=true&dry_run=true"] {
        let path = format!("/v1/apply{query}");
        let answer = both.post(&path, json!({ "clients": [line] })).await;
        assert_rejected(&answer, 403, "grant_approval_needed");
    }
    both.done("PATCH", CLIENT, Some(json!({ "owner": "pay" }))).await;
    assert_eq!(both.get(CLIENT).await.json()["grants"], json!([]));
}

/// A resource with a new owner is removed from the grants of all other teams. Clients of the
/// platform keep theirs.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_removes_a_resource_from_grants_of_other_teams(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("patch", "apply")] verb: &str,
) {
    let server = Server::start(engine).await;
    let all = Team::of(&server, None).await;
    let (shop, pay) = (Team::new(&server, "shop").await, Team::new(&server, "pay").await);
    shop.resource(API, "shop").await;
    let mut clients = Vec::new();
    for (id, owner) in [("a", Some("shop")), ("b", Some("pay")), ("c", Some("third")), ("d", None)]
    {
        let body = json!({ "client_id": id, "owner": owner });
        let made = all.done("POST", "/v1/clients", Some(body)).await;
        let secret = made["client_secret"].as_str().expect("a secret").to_owned();
        server.keep_secret(&secret);
        clients.push(TestClient { id: id.to_owned(), secret });
        if id != "b" {
            let grant = Some(json!({ "scopes": ["orders:read"] }));
            all.done("PUT", &grant_path(id), grant).await;
        }
    }
    approve(&pay, &shop, "b", API).await;
    let path = "/v1/resources/https%3A%2F%2Fapi.shop.example";
    if verb == "patch" {
        all.done("PATCH", path, Some(json!({ "owner": "third" }))).await;
    } else {
        let scopes = json!(["orders:read", "orders:write"]);
        let resource = json!({ "resource": API, "owner": "third", "scopes": scopes });
        let body = json!({ "resources": [resource] });
        let plan = "/v1/apply?adopt=true&dry_run=true";
        let planned = all.done("POST", plan, Some(body.clone())).await;
        let losses = planned["changes"][0]["losses"].to_string();
        for (id, is_lost) in [("a", true), ("b", true), ("c", false), ("d", false)] {
            let text = format!("grant of client {id} ");
            assert_eq!(losses.contains(&text), is_lost, "{id}: {losses}");
        }
        all.done("POST", "/v1/apply?adopt=true", Some(body)).await;
    }
    for (client, expected) in clients.iter().zip([400, 400, 200, 200]) {
        assert_eq!(status(&server, client, API).await, expected, "{}", client.id);
    }
    for team in [&shop, &pay] {
        let events = team.get("/v1/audit-events?action=grant.revoked").await.json();
        assert_eq!(events["data"].as_array().map(Vec::len), Some(1), "{events}");
    }
}

/// A team is renamed in one file: its clients keep the grants of its resources.
#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_renamed_in_one_apply() {
    let server = Server::start(Engine::Sqlite).await;
    let all = Team::of(&server, None).await;
    let document = |owner: &str| {
        json!({
            "source": "git",
            "resources": [{ "resource": API, "owner": owner, "scopes": ["orders:read"] }],
            "clients": [{ "client_id": "worker", "owner": owner, "grants": [{ "resource": API }] }],
        })
    };
    let made = all.done("POST", "/v1/apply", Some(document("shop"))).await;
    let secret = made["secrets"][0]["client_secret"].as_str().expect("a secret").to_owned();
    server.keep_secret(&secret);
    let client = TestClient { id: "worker".to_owned(), secret };
    all.done("POST", "/v1/apply?adopt=true", Some(document("store"))).await;
    assert_eq!(status(&server, &client, API).await, 200, "an unlimited administrator made it");
    let again = all.done("POST", "/v1/apply", Some(document("store"))).await;
    assert_eq!(again["unchanged"], 2, "{again}");
}
