//! `Idempotency-Key`: the same caller with the same rights can read a lost answer again.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::time::Timestamp;
use tokend::store::server::idempotency::{IdempotencyState, IdempotentRequest, KEY_TTL_SECONDS};

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::team::{API, Team};
use crate::support::{Answer, Engine, Server, client_id, operator};

const CLIENTS: &str = "/v1/clients";

/// Sends a POST with a key.
async fn post(api: &Api<'_>, key: &str, path: &str, body: &Value) -> Answer {
    api.send("POST", path, &[("idempotency-key", key)], Some(&body.to_string())).await
}

fn assert_code(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{answer:?}");
}

#[rstest]
#[tokio::test]
async fn a_repeated_request_has_the_stored_answer(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let body = json!({ "client_id": "acme" });
    let first = post(&api, "key-1", CLIENTS, &body).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""), "{}", first.text);
    let secret = first.json()["client_secret"].as_str().expect("a secret").to_owned();
    server.keep_secret(&secret);
    for key in ["key-1", "\"key-1\""] {
        let again = post(&api, key, CLIENTS, &body).await;
        assert_eq!((again.status, &again.text), (201, &first.text));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(again.header("cache-control"), "no-store");
    }
    let events = api.call("GET", "/v1/audit-events?action=client.created&subject=acme", None).await;
    assert_eq!(events.json()["data"].as_array().map(Vec::len), Some(1), "{}", events.text);

    // Another body, path or query is another request; each caller has its own keys.
    let other = post(&api, "key-1", CLIENTS, &json!({ "client_id": "b" })).await;
    assert_code(&other, 422, "idempotency_key_reused");
    let secrets = "/v1/clients/acme/secrets";
    assert_code(&post(&api, "key-1", secrets, &json!({})).await, 422, "idempotency_key_reused");
    let stranger = Api::with(&server, ALL_SCOPES).await;
    assert_code(&post(&stranger, "key-1", CLIENTS, &body).await, 409, "already_exists");

    // The second secret is created once.
    let added = post(&api, "key-2", secrets, &json!({})).await;
    assert_eq!(added.status, 201, "{}", added.text);
    server.keep_secret(added.json()["client_secret"].as_str().expect("a secret"));
    assert_eq!(post(&api, "key-2", secrets, &json!({})).await.text, added.text);
    let listed = api.call("GET", secrets, None).await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");

    // After ten minutes the key is deleted, by the request and by the background task.
    server.clock.advance(KEY_TTL_SECONDS + 1);
    if engine == Engine::Sqlite {
        assert_code(&post(&api, "key-1", CLIENTS, &body).await, 409, "already_exists");
    }
}

/// A failed request changes nothing, so its key can be used for the corrected request.
#[tokio::test]
async fn a_failed_request_does_not_take_its_key() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    assert_eq!(post(&api, "k", CLIENTS, &json!({ "nmae": "x" })).await.status, 422);
    let made = post(&api, "k", CLIENTS, &json!({ "client_id": "a" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    server.keep_secret(made.json()["client_secret"].as_str().expect("a secret"));
    // A dry run stores nothing, so it uses no key.
    let path = "/v1/clients?dry_run=true";
    for _ in 0..2 {
        let dry = post(&api, "dry", path, &json!({ "client_id": "b" })).await;
        assert_eq!((dry.status, dry.header("idempotency-replayed")), (201, ""), "{}", dry.text);
    }
    let long = "k".repeat(256);
    for key in ["", "a b", &long] {
        let answer = post(&api, key, CLIENTS, &json!({})).await;
        assert_code(&answer, 400, "invalid_idempotency_key");
    }
}

/// A stored answer is returned only to a caller that may still perform the request.
#[tokio::test]
async fn a_stored_answer_is_authorized_again() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let caller = Api::with(&server, "clients:read clients:write secrets:write").await;
    let made = post(&caller, "k", CLIENTS, &json!({ "client_id": "acme" })).await;
    server.keep_secret(made.json()["client_secret"].as_str().expect("a secret"));
    // The client now has more rights than the caller.
    let strong = "/v1/clients/acme/grants/urn:tokend";
    let granted = api.call("PUT", strong, Some(json!({ "scopes": ["keys:write"] }))).await;
    assert_eq!(granted.status, 200, "{}", granted.text);
    let refused = post(&caller, "k", CLIENTS, &json!({ "client_id": "acme" })).await;
    assert_code(&refused, 403, "client_more_powerful");
    assert_eq!(api.call("DELETE", strong, None).await.status, 204);
    let again = post(&caller, "k", CLIENTS, &json!({ "client_id": "acme" })).await;
    assert_eq!((again.status, &again.text), (201, &made.text));
    // The caller has fewer rights than before, although it still has the scope of the route.
    let path = format!("/v1/clients/{}/grants/urn:tokend", caller.administrator.id);
    let fewer = json!({ "scopes": ["clients:read", "clients:write"] });
    assert_eq!(api.call("PUT", &path, Some(fewer)).await.status, 200);
    let refused = post(&caller, "k", CLIENTS, &json!({ "client_id": "acme" })).await;
    assert_code(&refused, 403, "scope_missing");
}

/// The team of a resource does not see the client of a request that it decides. It can read the
/// lost answer again anyway. A caller that sees neither side cannot.
#[rstest]
#[tokio::test]
async fn the_answer_to_a_decision_is_read_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let (shop, billing) = (Team::new(&server, "shop").await, Team::new(&server, "billing").await);
    shop.resource(API, "shop").await;
    billing.client("invoices", "billing").await;
    for (verb, team, body) in [
        ("reject", &shop, json!({ "reason": "Too wide." })),
        ("cancel", &billing, json!({})),
        ("approve", &shop, json!({ "revision": 1 })),
    ] {
        let id = billing.request("invoices", API).await;
        let path = format!("/v1/grant-requests/{id}/{verb}");
        let first = decide(&server, team, &path, &body).await;
        assert_eq!(first.status, 200, "{verb}: {}", first.text);
        server.catch_up().await;
        let again = decide(&server, team, &path, &body).await;
        assert_eq!((again.status, &again.text), (200, &first.text), "{verb}");
        assert_eq!(again.header("idempotency-replayed"), "true", "{verb}");
    }
    // An administrator that has lost the owner can no longer see the request or its answer.
    let id = billing.request("invoices", API).await;
    let last = format!("/v1/grant-requests/{id}/reject");
    let first = decide(&server, &shop, &last, &json!({})).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let all = Team::of(&server, None).await;
    let path = format!("/v1/clients/{}", shop.administrator.id);
    all.done("PATCH", &path, Some(json!({ "admin_of": ["other"] }))).await;
    let again = decide(&server, &shop, &last, &json!({})).await;
    assert_code(&again, 404, "grant_request_not_found");
}

/// Decides a request with an idempotency key.
async fn decide(server: &Server, team: &Team<'_>, path: &str, body: &Value) -> Answer {
    let key = path.rsplit('/').take(2).collect::<Vec<_>>().join("-");
    let request = server.http.post(format!("{}{path}", server.management));
    let request = request.bearer_auth(&team.token).header("idempotency-key", key);
    Answer::of(request.json(body)).await
}

/// The stored data is sealed, and one request at a time holds a key.
#[rstest]
#[tokio::test]
async fn a_key_is_claimed_once_and_its_answer_is_sealed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let services = server.services();
    let store = &services.store;
    let now = store.time(&services.clock).await.expect("a time");
    let request = IdempotentRequest {
        key_hash: "k".to_owned(),
        caller: "client:a".to_owned(),
        request_hash: "r".to_owned(),
    };
    let other = IdempotentRequest { request_hash: "s".to_owned(), ..request.clone() };
    let claim = async |request: &IdempotentRequest, seconds: i64| {
        let at = Timestamp(now.0 + seconds);
        store.claim_key(request, at).await.expect("a state")
    };
    assert_eq!(claim(&request, 0).await, IdempotencyState::Claimed);
    assert_eq!(claim(&request, 1).await, IdempotencyState::InFlight);
    assert_eq!(claim(&other, 1).await, IdempotencyState::OtherRequest);
    // A server that stopped during a request does not hold its key for ten minutes.
    assert_eq!(claim(&request, 200).await, IdempotencyState::Claimed);
    assert_eq!(claim(&request, 201).await, IdempotencyState::InFlight);
    store.release_key("k").await.expect("released");
    assert_eq!(claim(&request, 202).await, IdempotencyState::Claimed);
    let sealed = services.keys.master.seal("idempotency_key/k", b"{}").expect("sealed");
    store.store_answer("k", &sealed).await.expect("stored");
    assert_eq!(claim(&request, 203).await, IdempotencyState::Answered(sealed.clone()));
    store.release_key("k").await.expect("an answer stays");
    assert_eq!(claim(&request, 203).await, IdempotencyState::Answered(sealed));
    store.purge_keys(Timestamp(now.0 + 202 + KEY_TTL_SECONDS)).await.expect("purged");
    assert_eq!(claim(&request, 204).await, IdempotencyState::Claimed);
    assert_eq!(claim(&request, 204 + KEY_TTL_SECONDS).await, IdempotencyState::Claimed);
}

/// Of concurrent requests with one key, only one makes a change.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_requests_change_something_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let client = server.client().await;
    let path = format!("/v1/clients/{}/secrets", client.id);
    let body = json!({});
    let answers = futures_util::future::join_all((0..6).map(|_| post(&api, "k", &path, &body)));
    let (mut secrets, mut running) = (Vec::new(), 0);
    for answer in answers.await {
        if answer.status == 201 {
            secrets.push(answer.json()["client_secret"].clone());
        } else {
            assert_code(&answer, 409, "idempotency_key_in_use");
            running += 1;
        }
    }
    server.keep_secret(secrets[0].as_str().expect("a secret"));
    secrets.dedup();
    assert!(secrets.len() == 1 && running < 6, "{secrets:?}");
    let found =
        tokend::admin::client::show(&server.services().store, &operator(), &client_id(&client.id))
            .await;
    assert_eq!(found.expect("a client").secrets.len(), 2);
}

/// The answer of an apply with new secrets is stored. An apply without new secrets runs again and
/// changes nothing. A dry run does not use a key.
#[rstest]
#[tokio::test]
async fn the_answer_to_an_apply_with_secrets_is_read_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let body = json!({ "source": "s", "clients": [{ "client_id": "acme" }] });
    let planned = post(&api, "key-1", "/v1/apply?dry_run=true", &body).await;
    assert_eq!((planned.status, &planned.json()["applied"]), (200, &json!(false)));
    let applied = post(&api, "key-1", "/v1/apply", &body).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    server.keep_secret(applied.json()["secrets"][0]["client_secret"].as_str().expect("a secret"));
    let again = post(&api, "key-1", "/v1/apply", &body).await;
    assert_eq!((again.status, &again.text), (200, &applied.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = json!({ "source": "s", "clients": [] });
    assert_code(&post(&api, "key-1", "/v1/apply", &other).await, 422, "idempotency_key_reused");
    for _ in 0..2 {
        let unchanged = post(&api, "key-2", "/v1/apply", &body).await;
        assert_eq!(unchanged.header("idempotency-replayed"), "");
        assert_eq!(unchanged.json()["secrets"], json!([]));
    }
}

/// A stored answer to an apply is returned only to a caller that still administers its clients.
#[tokio::test]
async fn the_answer_to_an_apply_is_authorized_again() {
    let server = Server::start(Engine::Sqlite).await;
    let (team, all) =
        (Team::of(&server, Some(&["shop", "b"])).await, Team::of(&server, None).await);
    let body = json!({ "clients": [{ "client_id": "acme", "owner": "shop" }] });
    let first = decide(&server, &team, "/v1/apply", &body).await;
    assert_eq!(first.status, 200, "{}", first.text);
    server.keep_secret(first.json()["secrets"][0]["client_secret"].as_str().expect("a secret"));
    assert_eq!(decide(&server, &team, "/v1/apply", &body).await.text, first.text);
    all.done("PATCH", "/v1/clients/acme", Some(json!({ "owner": "other" }))).await;
    let lost = decide(&server, &team, "/v1/apply", &body).await;
    assert_code(&lost, 404, "client_not_found");
    all.done("PATCH", "/v1/clients/acme", Some(json!({ "owner": "shop" }))).await;
    let path = format!("/v1/clients/{}", team.administrator.id);
    all.done("PATCH", &path, Some(json!({ "admin_of": ["shop"] }))).await;
    let limited = decide(&server, &team, "/v1/apply", &body).await;
    assert_eq!(limited.status, 403, "{}", limited.text);
}
