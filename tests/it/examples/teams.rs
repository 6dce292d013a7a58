//! Two teams that share an API: the beginning of `docs/teams.md`, and `docs/examples/teams`.

use serde_json::{Value, json};

use crate::repository::readme::blocks;
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
    let script = script.without_database();
    let printed = script.run(teams);
    assert_eq!(states(&printed), ["pending", "approved"], "{printed}");
    server.catch_up().await;
    let answer: Value = serde_json::from_str(&script.run(client)).expect("a token");
    let claims = server.claims(answer["access_token"].as_str().expect("a token")).await;
    assert_eq!((&claims["aud"], &claims["tenant"]), (&json!(API), &json!("acme")));
}

/// Returns the states of requests in the output of commands.
fn states(printed: &str) -> Vec<&str> {
    let words = printed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter_map(|words| (words.first() == Some(&"state")).then(|| words[1])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_teams_with_a_file_each_share_an_api() {
    let server = Server::start(Engine::Sqlite).await;
    let script = Script::of(&server);
    script.run("sh docs/examples/teams/operator.sh");
    server.catch_up().await;
    let script = script.without_database().set("TOKEND_SERVER", &server.management);
    let printed = script.run("sh docs/examples/teams/share.sh");
    let plans: Vec<_> = printed.lines().filter(|line| line.contains(" unchanged")).collect();
    let made = "1 to create, 0 to change, 0 to delete, 0 unchanged";
    let same = "0 to create, 0 to change, 0 to delete, 1 unchanged";
    assert_eq!(plans, [made, made, made, same], "the file has what was approved: {printed}");
    assert!(printed.contains("\"state\": \"pending\""), "{printed}");
    assert_eq!(states(&printed), ["approved"], "{printed}");

    server.catch_up().await;
    let secret = script.read("secrets/invoices").trim().to_owned();
    server.keep_secret(&secret);
    let token = server.ask(&TestClient { id: "invoices".to_owned(), secret }).await.token();
    let claims = server.claims(&token).await;
    assert_eq!(
        (&claims["aud"], &claims["scope"], &claims["tenant"]),
        (&json!(API), &json!("orders:read"), &json!("acme"))
    );

    // The team of the client can neither widen the grant by its file, nor apply a grant of the
    // other team.
    script.copy_example("teams");
    let widened = script.read("billing-with-grant.json").replace("orders:read", "orders:write");
    script.write("billing-with-grant.json", &widened);
    let run = script.try_run("sh share.sh");
    assert_eq!(run.code, 6, "{run:?}");
    assert!(run.stderr.contains("grant-request"), "{run:?}");
}
