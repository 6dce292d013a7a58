//! The page on secrets: its commands are run unchanged.

use crate::repository::readme::blocks;
use crate::support::Engine;
use crate::support::process::Cli;
use crate::support::script::Script;

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_page_on_secrets_works() {
    let cli = Cli::new(Engine::Sqlite).await;
    let server = cli.serve().await;
    // A running server follows the changes of the previous block within a second.
    let text = blocks("docs/secrets.md", "sh").join("sleep 2\n");
    let run = Script::of_cli(&cli).with_urls(&server.base, &server.management).done(&text);
    for words in [
        "when unused for 6h, at the latest",
        "no: never used; no newer secret is used",
        "generated offline (tkg_), and complete",
        "end_in_24h",
        "secret.leaked",
        "\"client_id\":\"worker\"",
    ] {
        assert!(run.stdout.contains(words), "no {words:?} in {run:?}");
    }
}
