//! Operators rotate, retire and revoke signing keys, and every instance follows (O-3; D7).

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::signing_key;
use tokend::admin::signing_key::rotation::RotationPolicy;
use tokend::jose::jwt;
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;

use crate::support::api::{ALL_SCOPES, Api, call};
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{Engine, INVOICES, ORDERS, Server, grant};

/// The time for which a key is published before it signs (`keys.publish_before`).
const DAY: i64 = 86_400;

const FORCE: [(&str, &str); 1] = [("tokend-force", "true")];

/// Starts a second instance on the same database, with this clock.
async fn second(one: &Server, clock: Clock) -> Server {
    Server::at(one.place.clone(), clock, &[("TOKEND_ISSUER", &one.base)]).await
}

fn kid(token: &str) -> String {
    let (header, _) = jwt::read_unchecked(token).expect("a token");
    header["kid"].as_str().expect("a kid").to_owned()
}

async fn key_set(server: &Server) -> Vec<String> {
    let set = server.get("/.well-known/jwks.json").await.json();
    let keys = set["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// Returns the claims of the revocation list, verified with the published keys.
async fn revocations(server: &Server) -> Value {
    let list = server.get("/v1/oauth/revocations").await.text;
    assert!(key_set(server).await.contains(&kid(&list)), "it is signed by a key of the key set");
    jwt::read_unchecked(&list).expect("a JWT").1
}

/// Performs the due steps of the key timelines.
pub async fn rotate_due(server: &Server) {
    server.catch_up().await;
    signing_key::rotation::rotate_due_keys(&server.app, RotationPolicy::CreateAndRetire)
        .await
        .expect("a rotation");
}

/// Performs a step with `force`, which must succeed.
async fn forced(api: &Api<'_>, path: &str, body: Value) -> Value {
    let answer = api.send("POST", path, &FORCE, Some(&body.to_string())).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

fn revoke_path(kid: &str) -> String {
    format!("/v1/signing-keys/{kid}/revoke")
}

async fn shown(api: &Api<'_>, kid: &str) -> Value {
    api.call("GET", &format!("/v1/signing-keys/{kid}"), None).await.json()
}

/// O-3: revoke.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_out_on_every_instance_and_the_next_one_signs(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let one = Server::start(engine).await;
    let two = second(&one, one.clock.clone()).await;
    let client = one.client().await;
    two.catch_up().await;
    let token = two.ask(&client).await.token();
    let (api, stolen) = (Api::with(&one, ALL_SCOPES).await, kid(&token));
    two.catch_up().await;
    let manage = async |server: &Server, token: &str| {
        let authorization = format!("Bearer {token}");
        call(server, Some(&authorization), "GET", "/v1/server", None).await.status
    };
    assert_eq!(manage(&two, &api.token).await, 200);

    let path = revoke_path(&stolen);
    let answer = api.call("POST", &path, Some(json!({}))).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert_eq!(answer.json()["code"], "step_breaks_verifiers");
    let dry = forced(&api, &format!("{path}?dry_run=true"), json!({})).await;
    assert_eq!((&dry["changed"], &dry["key"]["state"]), (&json!(true), &json!("revoked")));
    assert!(dry["impact"]["invalid_tokens_until"].is_string(), "{dry}");
    assert!(dry["impact"]["unknown_key_until"].is_string(), "{dry}");
    assert!(one.is_active(&client, &token).await, "a dry run changes nothing");

    let done = forced(&api, &path, json!({ "reason": "INC-12" })).await;
    let next = done["successor"]["kid"].as_str().expect("a successor").to_owned();
    assert_eq!(done["successor"]["state"], "signing");
    assert!(!one.is_active(&client, &token).await);
    eventually("the other instance follows", async || {
        (!two.is_active(&client, &token).await).then_some(())
    })
    .await;
    for server in [&one, &two] {
        assert_eq!(key_set(server).await, [next.as_str()]);
        assert_eq!(manage(server, &api.token).await, 401, "its tokens open no listener");
        let list = revocations(server).await;
        assert_eq!(list["keys"], json!({ stolen.as_str(): one.clock.now().0 }), "{list}");
        let new = server.ask(&client).await.token();
        assert_eq!(kid(&new), next);
        for other in [&one, &two] {
            assert!(other.is_active(&client, &new).await);
        }
    }
    let stored = one.services().store.signing_keys().await.expect("a store");
    let revoked = stored.iter().find(|key| key.kid.as_str() == stolen).expect("the key");
    assert!(revoked.sealed.is_none(), "its private half is removed");
    let api = Api::with(&one, ALL_SCOPES).await;
    let again = forced(&api, &path, json!({})).await;
    assert_eq!(again["changed"], false);
    let events = api.call("GET", "/v1/audit-events?action=key.revoked", None).await.json();
    assert_eq!(events["data"][0]["detail"]["reason"], "INC-12", "{events}");
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1));
    // After a year no verifier caches its public half.
    one.clock.advance(367 * DAY);
    one.catch_up().await;
    assert!(revocations(&one).await.get("keys").is_none());
}

/// O-3: rotate.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_next_key_signs_when_every_verifier_knows_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let old = server.ask(&client).await.token();
    let rotate = async |body: Value| api.call("POST", "/v1/signing-keys/rotate", Some(body)).await;
    for early in [json!({ "start_in_seconds": 0 }), json!({ "start_in_seconds": DAY - 1 })] {
        let answer = rotate(early).await;
        assert_eq!((answer.status, key_set(&server).await.len()), (409, 1), "{}", answer.text);
    }
    for wrong in [json!({ "algorithm": "PS256" }), json!({ "start_in_seconds": -1 })] {
        assert_eq!(rotate(wrong).await.status, 422);
    }
    let next = rotate(json!({})).await.json();
    let next_kid = next["key"]["kid"].as_str().expect("a kid").to_owned();
    assert_eq!((&next["changed"], &next["key"]["state"]), (&json!(true), &json!("published")));
    assert_eq!(rotate(json!({})).await.json()["changed"], false);
    let step = shown(&api, &kid(&old)).await["next_step"].clone();
    let signs_from = next["key"]["signs_from"].clone();
    assert_eq!(step, json!({ "step": "stops_signing", "at": signs_from }));

    server.clock.advance(DAY - 1);
    server.catch_up().await;
    assert_eq!(kid(&server.ask(&client).await.token()), kid(&old));
    server.clock.advance(1);
    server.catch_up().await;
    assert_eq!(kid(&server.ask(&client).await.token()), next_kid);
    assert_eq!(key_set(&server).await.len(), 2, "the old one verifies");
    let api = Api::with(&server, ALL_SCOPES).await;
    let step = &shown(&api, &kid(&old)).await["next_step"];
    assert_eq!(step["step"], "leaves_key_set", "{step}");
    // A key that was published long enough may sign earlier than planned, without force.
    let body = json!({ "start_in_seconds": 3 * DAY });
    let planned = api.call("POST", "/v1/signing-keys/rotate", Some(body)).await.json();
    server.clock.advance(DAY);
    server.catch_up().await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let body = json!({ "start_in_seconds": 0 });
    let now = api.call("POST", "/v1/signing-keys/rotate", Some(body)).await;
    assert_eq!(now.status, 200, "{}", now.text);
    assert_eq!(now.json()["key"]["kid"], planned["key"]["kid"]);
    assert_eq!(json!(kid(&server.ask(&client).await.token())), planned["key"]["kid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_has_a_maximum_and_a_revocation_is_not_held_up_by_it() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let body = json!({ "start_in_seconds": 0 });
    for _ in 1..16 {
        server.clock.advance(1);
        forced(&api, "/v1/signing-keys/rotate", body.clone()).await;
    }
    let path = "/v1/signing-keys/rotate";
    let answer = api.send("POST", path, &FORCE, Some(&body.to_string())).await;
    assert_eq!(answer.json()["code"], "signing_key_limit_reached", "{}", answer.text);
    let signs = kid(&server.ask(&client).await.token());
    let done = forced(&api, &revoke_path(&signs), json!({})).await;
    assert_eq!(done["successor"]["state"], "signing");
    assert_ne!(kid(&server.ask(&client).await.token()), signs);
}

/// O-3: retire.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_stops_and_its_tokens_stay_valid(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let old = server.ask(&client).await.token();
    let next = api.call("POST", "/v1/signing-keys/rotate", Some(json!({}))).await.json();
    let next = next["key"]["kid"].as_str().expect("a kid").to_owned();
    let path = |kid: &str| format!("/v1/signing-keys/{kid}/retire");
    // A key that does not sign yet leaves at once, and retiring the next key does not end the
    // present one.
    let done = api.call("POST", &path(&next), None).await.json();
    assert_eq!((&done["key"]["state"], &done["successor"]), (&json!("gone"), &Value::Null));
    server.clock.advance(DAY);
    rotate_due(&server).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let old_again = server.ask(&client).await.token();
    assert_eq!((kid(&old_again), key_set(&server).await.len()), (kid(&old), 1));

    let answer = api.call("POST", &path(&kid(&old)), None).await;
    assert_eq!(answer.json()["code"], "step_breaks_verifiers", "{}", answer.text);
    let done = forced(&api, &path(&kid(&old)), json!({})).await;
    assert_eq!(done["key"]["state"], "verifying");
    assert_eq!(done["impact"]["invalid_tokens_until"], Value::Null);
    assert!(server.is_active(&client, &old_again).await);
    assert_eq!(json!(kid(&server.ask(&client).await.token())), done["successor"]["kid"]);
    let again = api.call("POST", &path(&kid(&old)), None).await;
    assert_eq!((again.status, &again.json()["changed"]), (200, &json!(false)));
    server.clock.advance(25 * 3600);
    rotate_due(&server).await;
    assert_eq!(key_set(&server).await.len(), 1);
}

/// Each algorithm has its own timeline: a change of one does not affect the others.
#[tokio::test(flavor = "multi_thread")]
async fn each_algorithm_has_its_own_timeline() {
    let server = Server::start(Engine::Sqlite).await;
    server.signed_resource(INVOICES, &["a"], Some(Algorithm::Rs256)).await;
    let grants = [ORDERS, INVOICES].map(|resource| grant(resource, None)).to_vec();
    let client = server.new_client(|new| new.grants = grants).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let of =
        async |resource: &str| server.ask_for(&client, &[("resource", resource)]).await.token();
    let (orders, early) = (of(ORDERS).await, of(INVOICES).await);
    // The key of a new resource signs before its time. When it is revoked, a replacement signs at
    // once.
    let path = revoke_path(&kid(&early));
    assert_eq!(api.call("POST", &path, Some(json!({}))).await.status, 409);
    let done = forced(&api, &path, json!({})).await;
    assert_eq!(done["successor"]["algorithm"], "RS256");
    assert_eq!(done["successor"]["state"], "published");
    assert!(!server.is_active(&client, &early).await);
    assert_eq!(json!(kid(&of(INVOICES).await)), done["successor"]["kid"]);

    server.clock.advance(DAY + 3600);
    rotate_due(&server).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let invoices = of(INVOICES).await;
    let orders_kid = kid(&orders);
    let body = json!({ "algorithm": "RS256" });
    let next = api.call("POST", "/v1/signing-keys/rotate", Some(body)).await.json();
    assert_eq!(next["key"]["algorithm"], "RS256");
    // The next key is published, so it takes over from the revoked one.
    let done = forced(&api, &revoke_path(&kid(&invoices)), json!({})).await;
    assert_eq!(done["successor"]["kid"], next["key"]["kid"]);
    assert_eq!(json!(kid(&of(INVOICES).await)), next["key"]["kid"]);
    assert_eq!(kid(&of(ORDERS).await), orders_kid);
    assert_eq!(shown(&api, &orders_kid).await["next_step"]["step"], "successor_published");
}

/// An instance with a slow clock neither signs with a revoked key nor waits for the next one.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_with_a_slow_clock_follows_at_once() {
    let one = Server::start(Engine::Sqlite).await;
    let late = second(&one, Clock::fixed(one.clock.now().minus_seconds(50))).await;
    let client = one.client().await;
    late.catch_up().await;
    let token = late.ask(&client).await.token();
    let api = Api::with(&one, ALL_SCOPES).await;
    let next = api.call("POST", "/v1/signing-keys/rotate", Some(json!({}))).await.json();
    let done = forced(&api, &revoke_path(&kid(&token)), json!({})).await;
    assert_eq!(done["successor"]["kid"], next["key"]["kid"]);
    late.catch_up().await;
    assert_eq!(json!(kid(&late.ask(&client).await.token())), next["key"]["kid"]);
    assert!(!late.is_active(&client, &token).await);
    // The revoked key had signed the token of the administrator.
    let api = Api::with(&one, ALL_SCOPES).await;
    let path = revoke_path(done["successor"]["kid"].as_str().expect("a kid"));
    let new = forced(&api, &path, json!({})).await;
    late.catch_up().await;
    assert_eq!(json!(kid(&late.ask(&client).await.token())), new["successor"]["kid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn key_commands_warn_before_a_breaking_step() {
    let cli = Cli::new(Engine::Sqlite).await;
    let server = cli.serve().await;
    let signs = cli.json(&["key", "list"])[0]["kid"].as_str().expect("a kid").to_owned();
    let shown = cli.run(&["key", "show", &signs]).stdout;
    assert!(shown.contains("successor published") && shown.contains("planned"), "{shown}");
    let run = cli.run(&["key", "revoke", &signs]);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.stderr.contains("become invalid") && run.stderr.contains("--force"), "{run:?}");
    let run = cli.run(&["key", "revoke", &signs, "--force"]);
    assert_eq!(run.code, 2, "it asks: {run:?}");
    for text in ["Every token that", "5 minutes to 12 hours", "revocation list", "--yes"] {
        assert!(run.stderr.contains(text), "no {text:?} in {run:?}");
    }
    let run = cli.run(&["key", "revoke", &signs, "--force", "--yes", "--reason", "INC-12"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("revoked") && run.stdout.contains("next key"), "{run:?}");
    let http = crate::support::client();
    eventually("the server follows", async || {
        let url = format!("{}/.well-known/jwks.json", server.base);
        let set = http.get(url).send().await.ok()?.text().await.ok()?;
        (!set.contains(&signs) && set.contains("kid")).then_some(())
    })
    .await;
    // Nothing breaks, so the command does not ask.
    let run = cli.run(&["key", "rotate"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    let run = cli.run(&["key", "list"]);
    assert!(run.stdout.contains("NEXT STEP") && run.stdout.contains("revoked"), "{run:?}");
}
