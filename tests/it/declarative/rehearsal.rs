//! A dry run of an apply rejects what the apply rejects, and an instance runs one apply at a time.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::team::{API, Team};
use crate::support::{Answer, Engine, Server};

/// Tests each rule that is checked inside the transaction of an apply.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_rejects_what_the_apply_rejects(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let all = Api::with(&server, ALL_SCOPES).await;
    let keyless = "clients:read clients:write secrets:write grants:write resources:read \
                   resources:write";
    let keyless = Api::with(&server, keyless).await;
    let (shop, pay) = (Team::new(&server, "shop").await, Team::new(&server, "pay").await);
    shop.resource(API, "shop").await;
    let policy = json!({ "secret_expiry_required": true });
    let set = all.call("PUT", "/v1/owner-policies/strict", Some(policy)).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let bound = json!({
        "client_id": "bound", "secret": null, "networks": ["10.0.0.0/8"],
        "grants": [{ "resource": "urn:tokend", "scopes": ["clients:read"] }],
    });
    let bound = |networks: Value| {
        let mut client = bound.clone();
        client["networks"] = networks;
        json!({ "source": "s", "clients": [client] })
    };
    let made = all.call("POST", "/v1/apply", Some(bound(json!(["10.0.0.0/8"])))).await;
    assert_eq!(made.status, 200, "{}", made.text);

    let grant = json!([{ "resource": API, "scopes": ["orders:read"] }]);
    let foreign = json!({ "client_id": "a", "owner": "pay", "secret": null, "grants": grant });
    let unscoped = json!([{ "resource": API, "scopes": ["nothing"] }]);
    let unscoped = json!({ "client_id": "a", "owner": "pay", "secret": null, "grants": unscoped });
    let algorithm = json!({ "resource": "urn:example:rsa", "signing_alg": "RS256" });
    let token = |team: &Team<'_>| team.token.clone();
    for (token, body, code) in [
        (token(&pay), json!({ "clients": [foreign] }), "grant_approval_needed"),
        (token(&pay), json!({ "clients": [unscoped] }), "grant_approval_needed"),
        (keyless.token.clone(), json!({ "resources": [algorithm] }), "scope_missing"),
        (keyless.token.clone(), bound(json!([])), "scope_missing"),
        (
            all.token.clone(),
            json!({ "clients": [{ "client_id": "a", "owner": "strict" }] }),
            "owner_policy_secret_expiry",
        ),
    ] {
        let made = server.services().hasher.made();
        for query in ["?dry_run=true", ""] {
            let request = server.http.post(format!("{}/v1/apply{query}", server.management));
            let request = request.bearer_auth(&token).json(&body);
            let answer = Answer::of(request).await;
            assert_eq!(answer.json()["code"], code, "{query} {body}: {}", answer.text);
            if !query.is_empty() {
                assert_eq!(server.services().hasher.made(), made, "a dry run costs no hash");
            }
        }
    }
}

/// The command line plans with the same checks, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_diff_rejects_what_the_apply_rejects() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["owner-policy", "set", "strict", "--require-secret-expiry"]);
    let file = cli.place.folder.path().join("a.yaml");
    let file = file.to_str().expect("a path");
    std::fs::write(file, "clients: [{client_id: a, owner: strict}]\n").expect("written");
    for words in [
        &["diff", "-f", file][..],
        &["apply", "-f", file, "--dry-run"],
        &["apply", "-f", file, "--secrets-dir", "secrets"],
    ] {
        let run = cli.run(words);
        assert!(run.code != 0 && run.stderr.contains("has no expiry"), "{words:?}: {run:?}");
    }
    std::fs::write(file, "clients: [{client_id: a, owner: free}]\n").expect("written");
    let run = cli.run(&["diff", "-f", file]);
    assert!(run.code == 0 && run.stdout.contains("a secret is generated"), "{run:?}");
    assert_eq!(cli.run(&["client", "list", "-o", "id"]).stdout, "");
}

/// A second apply of a caller is rejected with `Retry-After` while the body of the first one
/// arrives.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_runs_one_apply_at_a_time() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let body = json!({ "clients": [{ "client_id": "a" }] });
    let address = server.management.strip_prefix("http://").expect("http").to_owned();
    let text = body.to_string();
    let head = format!(
        "POST /v1/apply HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        api.token,
        text.len(),
    );
    // The second request must not take the slot before the first one has arrived.
    let (mut first, busy) = eventually("an apply in progress", async || {
        let mut first = TcpStream::connect(&address).await.expect("a connection");
        first.write_all(head.as_bytes()).await.expect("a head");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = api.call("POST", "/v1/apply?dry_run=true", Some(body.clone())).await;
        (answer.status == 409).then_some((first, answer))
    })
    .await;
    assert_eq!(busy.json()["code"], "apply_in_progress", "{}", busy.text);
    assert_eq!(busy.header("retry-after"), "2");
    // Only a body of the same caller waits: another caller is not delayed.
    let other = Api::with(&server, ALL_SCOPES).await;
    let answer = other.call("POST", "/v1/apply?dry_run=true", Some(body.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // Without the right to apply, a caller neither takes the slot nor learns about it.
    let stranger = Api::with(&server, "audit:read").await;
    let answer = stranger.call("POST", "/v1/apply", Some(body.clone())).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    first.write_all(text.as_bytes()).await.expect("a body");
    let applied = eventually("the end of the first apply", async || {
        let answer = api.call("POST", "/v1/apply?dry_run=true", Some(body.clone())).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(applied.json()["unchanged"], 1, "{}", applied.text);
}

/// A caller that sends the lines of an import slowly delays no other one.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_arrives_slowly_holds_up_no_other_caller() {
    let server = Server::start(Engine::Sqlite).await;
    let (slow, other) =
        (Api::with(&server, ALL_SCOPES).await, Api::with(&server, ALL_SCOPES).await);
    let address = server.management.strip_prefix("http://").expect("http").to_owned();
    let head = format!(
        "POST /v1/clients/import HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: 9000\r\n\r\n{{",
        slow.token,
    );
    let import = async |api: &Api<'_>| {
        let request = server.http.post(format!("{}/v1/clients/import", server.management));
        let request = request.bearer_auth(&api.token);
        let request = request.header("content-type", "application/x-ndjson");
        Answer::of(request.body("{\"client_id\":\"a\",\"client_secret\":\"as it was\"}")).await
    };
    let connection = eventually("the slow import", async || {
        let mut connection = TcpStream::connect(&address).await.expect("a connection");
        connection.write_all(head.as_bytes()).await.expect("a head");
        // A second import of the same caller is rejected with `Retry-After`, unless it arrives
        // first.
        import(&slow).await.text.contains("import_in_progress").then_some(connection)
    })
    .await;
    let answer = import(&other).await;
    assert!(answer.status == 200 || answer.text.contains("import_conflict"), "{}", answer.text);
    drop(connection);
}
