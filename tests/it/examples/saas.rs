//! The beginning of `docs/admin-api.md`: a service with a client for each of its customers.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::jose::jwt::read_unchecked;

use crate::repository::readme::blocks;
use crate::support::script::Script;
use crate::support::{Engine, Server, TestClient};

const PAGE: &str = "docs/admin-api.md";

/// The command of the page, with five customers instead of two thousand.
const RUN: &str = "python3 customers.py five.txt secrets";

/// Returns the claims in the answer of a token endpoint.
fn claims(answer: &str) -> Value {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    read_unchecked(answer["access_token"].as_str().expect("a token")).expect("a JWT").1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saas_creates_a_thousand_clients_with_their_tenants() {
    let server = Server::start(Engine::Sqlite).await;
    let script = Script::of(&server);
    let [operator, customers, token, curl] = &blocks(PAGE, "sh")[..] else {
        panic!("other commands")
    };
    script.run(operator);
    server.catch_up().await;
    let [printed] = &blocks(PAGE, "text")[..] else { panic!("other samples") };
    assert_eq!(&script.run(customers), printed);
    server.catch_up().await;
    let of_token = claims(&script.run(token));
    assert_eq!(
        (&of_token["tenant"], &of_token["sub"], &of_token["scope"]),
        (&json!("customer-0042"), &json!("customer-0042"), &json!("reports:read"))
    );
    let answers = script.run(curl);
    let (_, rest) = answers.split_once("\"client_secret\":\"").expect("a secret");
    server.keep_secret(rest.split('"').next().expect("a secret"));
    let (_, shown) = answers.rsplit_once("}{").expect("two answers");
    assert!(shown.contains("\"labels\":{\"plan\":\"gold\"}"), "{shown}");
    for name in ["saas.secret", "secrets/customer-0042", "secrets/customer-1000"] {
        server.keep_secret(script.read(name).trim());
    }
    assert!(!script.folder.join("secrets/customer-1000%key").exists());
}

/// Creates the administrator and five customers.
async fn five_customers(server: &Server) -> Script {
    let script = Script::of(server)
        .set("ISSUER", &server.base)
        .set("ADMIN_API", &server.management)
        .set("ADMIN_ID", "saas")
        .set("ADMIN_SECRET_FILE", "saas.secret");
    script.run(&blocks(PAGE, "sh")[0]);
    script.copy_example("saas");
    script.write("five.txt", "acme\nglobex\ninitech\nhooli\numbrella/1\n");
    server.catch_up().await;
    assert_eq!(script.run(RUN), "5 created, 0 changed, 0 unchanged, 5 new secrets\n");
    server.catch_up().await;
    script
}

async fn tenant(server: &Server, script: &Script, id: &str, file: &str) -> Value {
    let secret = script.read(&format!("secrets/{file}"));
    let answer = server.ask(&TestClient { id: id.to_owned(), secret }).await;
    server.claims(&answer.token()).await["tenant"].clone()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_script_can_be_stopped_and_repeated(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let script = five_customers(&server).await;
    let file = "umbrella%2F1";
    assert_eq!(tenant(&server, &script, "umbrella/1", file).await, "umbrella/1");

    // A changed template reaches all clients, and no secret.
    let before = script.read("secrets/acme");
    let text = script.read("customers.py");
    script.write("customers.py", &text.replace("\"customer\"", "\"tenant\""));
    assert_eq!(script.run(RUN), "0 created, 5 changed, 0 unchanged, 0 new secrets\n");
    assert_eq!(script.read("secrets/acme"), before);

    // The script was stopped after the request for a secret, and lost the answer.
    script.run("rm secrets/hooli");
    script.write("secrets/hooli%key", "key-of-the-run-before");
    assert_eq!(script.run(RUN), "0 created, 0 changed, 5 unchanged, 1 new secrets\n");
    let first = script.read("secrets/hooli");
    script.run("rm secrets/hooli");
    script.write("secrets/hooli%key", "key-of-the-run-before");
    script.run(RUN);
    assert_eq!(script.read("secrets/hooli"), first, "the answer is repeated");
    server.catch_up().await;
    assert_eq!(tenant(&server, &script, "hooli", "hooli").await, "hooli");
}

/// A lost file does not justify ending a secret that a customer uses.
#[tokio::test(flavor = "multi_thread")]
async fn the_script_reports_a_lost_secret_file_and_changes_nothing() {
    let server = Server::start(Engine::Sqlite).await;
    let script = five_customers(&server).await;
    script.run("mv secrets/acme acme");
    let run = script.try_run(RUN);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("acme: it has a secret that is not in secrets/acme"), "{run:?}");
    assert!(run.stdout.contains("4 unchanged, 0 new secrets"), "{run:?}");
    script.run("mv acme secrets/acme");
    assert_eq!(tenant(&server, &script, "acme", "acme").await, "acme");

    let run = script.try_run(&format!("ADMIN_API=http://tokend.internal {RUN}"));
    assert!(run.code != 0 && run.stderr.contains("is not https"), "{run:?}");
    let run = script.try_run(&format!("ADMIN_SECRET_FILE=/dev/null {RUN}"));
    assert!(run.stderr.starts_with("no token for saas: Client authentication failed"), "{run:?}");
}
