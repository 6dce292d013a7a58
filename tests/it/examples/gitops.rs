//! `docs/examples/gitops`, the repository at the beginning of `docs/declarative.md`.

use std::sync::Arc;

use rstest::rstest;
use tokend::model::time::Clock;

use crate::repository::readme::blocks;
use crate::support::generated::read;
use crate::support::script::Script;
use crate::support::{Engine, Place, Server};

const PAGE: &str = "docs/declarative.md";

const UNCHANGED: &str = "0 to create, 0 to change, 0 to delete, 2 unchanged\n";

/// Creates the repository on a machine of the CI system, with the administrator of the page and
/// without a database.
async fn repository(engine: Engine) -> (Server, Script) {
    let server = Server::at(Arc::new(Place::new(engine).await), Clock::System, &[]).await;
    let script = Script::of(&server);
    script.copy_example("gitops");
    script.run(&blocks(PAGE, "sh")[0]);
    server.keep_secret(script.read("gitops.secret").trim());
    server.catch_up().await;
    (server, script.without_database())
}

/// Creates it as in a job: the server and the administrator are in its environment.
async fn job() -> (Server, Script) {
    let (server, script) = repository(Engine::Sqlite).await;
    let script = script
        .set("TOKEND_SERVER", &server.management)
        .set("TOKEND_ADMIN_CLIENT_ID", "gitops")
        .set("TOKEND_ADMIN_CLIENT_SECRET_FILE", "gitops.secret");
    (server, script)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_the_page_do_what_it_says(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (server, script) = repository(engine).await;
    let [_, commands] = &blocks(PAGE, "sh")[..] else { panic!("other commands") };
    let [plan] = &blocks(PAGE, "text")[..] else { panic!("other samples") };
    let printed = script.run(commands);
    assert_eq!(printed, format!("{plan}{plan}{UNCHANGED}"), "the review, the apply, no drift");
    let secret = script.read("secrets/billing");
    server.keep_secret(secret.trim());
    assert!(secret.starts_with("tkd_"), "{secret}");
    assert!(script.run(&commands.replace("review", "main")).ends_with(UNCHANGED));
    assert_eq!(script.read("secrets/billing"), secret);
}

/// A merge request with changes succeeds. One with a mistake fails, and so does a server that
/// differs from the files.
#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_fail_when_they_should() {
    let (server, script) = job().await;
    script.run("sh ci.sh main");
    server.keep_secret(script.read("secrets/billing").trim());
    script.run("tokend client update billing --contact '#payments' --force");
    assert_eq!(script.try_run("sh ci.sh drift").code, 9);
    let review = script.try_run("sh ci.sh review");
    assert_eq!(review.code, 0, "{review:?}");
    assert!(review.stdout.contains("1 to change"), "{review:?}");
    script.run("sh ci.sh main && sh ci.sh drift");

    let text = script.read("clients.yaml");
    script.write("clients.yaml", &text.replace("owner:", "team:"));
    let review = script.try_run("sh ci.sh review");
    assert_ne!(review.code, 0, "{review:?}");
    assert!(review.stderr.contains("clients.yaml:7"), "{review:?}");

    let (without_client, _) = text.split_once("clients:").expect("clients");
    script.write("clients.yaml", without_client);
    let review = script.run("sh ci.sh review");
    assert!(review.contains("1 to delete, 1 unchanged"), "{review}");
    script.run("sh ci.sh main");
    assert_ne!(script.try_run("tokend client show billing").code, 0);
}

#[test]
fn the_page_shows_the_files() {
    let shown = blocks(PAGE, "yaml");
    for (block, file) in [(0, "clients.yaml"), (1, "workflow.yaml")] {
        assert_eq!(shown[block], read(&format!("docs/examples/gitops/{file}")), "{file}");
    }
}
