//! Two teams that share an API: the beginning of `docs/teams.md`, and `docs/examples/teams`.

use serde_json::{Value, json};

use crate::readme::blocks;
use crate::support::script::Script;
use crate::support::team::API;
use crate::support::{Engine, Server, TestClient};

#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_of_the_page_works() {
    let server = Server::start(Engine::Sqlite).await;
    let script = Script::of(&server);
    let [operator, teams, client] = &blocks("docs/teams.md", "sh")[..] else {
        panic!("other blocks than expected")
    };
    script.run(operator);
    server.catch_up().await;
    let approved = script.run(teams);
    assert!(approved.contains("\"state\":\"pending\""), "{approved}");
    assert!(approved.contains("\"state\":\"approved\""), "{approved}");
    server.catch_up().await;
    let answer: Value = serde_json::from_str(&script.run(client)).expect("a token");
    let claims = server.claims(answer["access_token"].as_str().expect("a token")).await;
    assert_eq!((&claims["aud"], &claims["tenant"]), (&json!(API), &json!("acme")));
}

/// A plan in the answer of an apply: how many objects change and do not.
fn plan(line: &str) -> (usize, Value) {
    let answer: Value = serde_json::from_str(line).expect("JSON");
    (answer["changes"].as_array().expect("changes").len(), answer["unchanged"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_teams_with_a_file_each_share_an_api() {
    let server = Server::start(Engine::Sqlite).await;
    let script =
        Script::of(&server).set("ISSUER", &server.base).set("ADMIN_API", &server.management);
    script.run("sh docs/examples/teams/operator.sh");
    server.catch_up().await;
    let printed = script.run("sh docs/examples/teams/share.sh");
    let lines: Vec<_> = printed.lines().filter(|line| !line.is_empty()).collect();
    let [dry_run, shop, pending, approved, billing] = lines[..] else { panic!("{printed}") };
    assert_eq!((plan(dry_run), plan(shop)), ((1, json!(0)), (1, json!(0))));
    assert!(pending.contains("\"state\":\"pending\""), "{pending}");
    assert!(approved.contains("\"state\":\"approved\""), "{approved}");
    assert_eq!(plan(billing), (0, json!(1)), "the file has what was approved");

    server.catch_up().await;
    let secret = script.read("invoices.secret").trim().to_owned();
    let token = server.ask(&TestClient { id: "invoices".to_owned(), secret }).await.token();
    let claims = server.claims(&token).await;
    assert_eq!(
        (&claims["aud"], &claims["scope"], &claims["tenant"]),
        (&json!(API), &json!("orders:read"), &json!("acme"))
    );

    // The team of the client cannot widen the grant by its file, nor apply one of the other team.
    script.copy_example("teams");
    let widened = script.read("billing-with-grant.json").replace("orders:read", "orders:write");
    script.write("billing-with-grant.json", &widened);
    let run = script.try_run("sh share.sh");
    assert!(run.code != 0 && run.stdout.contains("grant_approval_needed"), "{run:?}");
}
