//! The page on signing keys: its commands are run unchanged.

use crate::repository::readme::blocks;
use crate::support::Engine;
use crate::support::process::Cli;
use crate::support::script::Script;

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_page_on_signing_keys_works() {
    let cli = Cli::new(Engine::Sqlite).await;
    let server = cli.serve().await;
    // A running server follows the changes of the previous block within a second.
    let text = blocks("docs/keys.md", "sh").join("sleep 2\n");
    let run = Script::of_cli(&cli).with_urls(&server.base, &server.management).done(&text);
    for words in ["NEXT STEP", "successor published", "next key", "key.revoked", "\"keys\""] {
        assert!(run.stdout.contains(words), "no {words:?} in {run:?}");
    }
    for words in ["become invalid", "becomes invalid", "the step breaks", "--force"] {
        assert!(run.stderr.contains(words), "no {words:?} in {run:?}");
    }
}
