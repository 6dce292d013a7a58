//! `docs/examples/gitops`, the repository at the beginning of `docs/declarative.md`.

use rstest::rstest;

use crate::readme::blocks;
use crate::support::generated::read;
use crate::support::script::Script;
use crate::support::{Engine, Place};

const PAGE: &str = "docs/declarative.md";

const UNCHANGED: &str = "0 to create, 0 to change, 0 to delete, 2 unchanged\n";

/// The repository on a machine of the CI system, with an empty database.
async fn repository(engine: Engine) -> (Place, Script) {
    let place = Place::new(engine).await;
    let script = Script::at(&place);
    script.run("tokend migrate");
    script.copy_example("gitops");
    (place, script)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_the_page_do_what_it_says(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (_place, script) = repository(engine).await;
    let [commands] = &blocks(PAGE, "sh")[..] else { panic!("other commands") };
    let [plan] = &blocks(PAGE, "text")[..] else { panic!("other samples") };
    let printed = script.run(commands);
    assert_eq!(printed, format!("{plan}{plan}{UNCHANGED}"), "the review, the apply, no drift");
    let secret = script.read("secrets/billing");
    assert!(secret.starts_with("tkd_"), "{secret}");
    assert!(script.run("sh ci.sh main").ends_with(UNCHANGED));
    assert_eq!(script.read("secrets/billing"), secret);
}

/// A merge request with changes is green, one with a mistake is red, and so is a server that
/// differs from the files.
#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_fail_when_they_should() {
    let (_place, script) = repository(Engine::Sqlite).await;
    script.run("sh ci.sh main");
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
