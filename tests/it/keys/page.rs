//! The page on signing keys: its commands are run, with the id of a key in place of `KID`.

use serde_json::Value;

use crate::repository::readme::blocks;
use crate::support::Engine;
use crate::support::process::Cli;
use crate::support::script::Script;

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_page_on_signing_keys_works() {
    let cli = Cli::new(Engine::Sqlite).await;
    let server = cli.serve().await;
    let script = Script::of_cli(&cli).with_urls(&server.base, &server.management);
    let blocks = blocks("docs/keys.md", "sh");
    let [list, show, rotate, rotate_now, revoke, check] = &blocks[..] else {
        panic!("other blocks: {blocks:?}")
    };
    // A running server follows the changes of the previous block within a second.
    let run = script.done(&[list, show, rotate, rotate_now].map(String::as_str).join("sleep 2\n"));
    assert_contains(&run.stdout, &["NEXT STEP", "successor published"]);
    assert_contains(&run.stderr, &["the step breaks", "--force"]);

    let listed = cli.json(&["key", "list"]);
    let (signing, published) = (kid(&listed[0]), kid(&listed[1]));
    let without_force = revoke.replace(" --force", " --yes");
    script.done(&without_force.replace("KID", published));
    let rejected = script.try_run(&without_force.replace("KID", signing));
    assert_eq!(rejected.code, 5, "{rejected:?}");
    assert_contains(&rejected.stderr, &["become invalid", "the step breaks", "--force"]);
    let run = script.done(&format!("{} --yes\n", revoke.replace("KID", signing).trim_end()));
    assert_contains(&run.stdout, &["next key"]);
    assert_contains(&run.stderr, &["becomes invalid"]);
    let run = script.done(&format!("sleep 2\n{check}"));
    assert_contains(&run.stdout, &["key.revoked", "\"keys\""]);
}

fn kid(key: &Value) -> &str {
    key["kid"].as_str().expect("a kid")
}

fn assert_contains(output: &str, expected: &[&str]) {
    for words in expected {
        assert!(output.contains(words), "no {words:?} in {output}");
    }
}
