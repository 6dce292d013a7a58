//! The page on signing keys: its commands are run as they stand.

use std::process::Command;

use crate::readme::blocks;
use crate::support::Engine;
use crate::support::process::{Cli, program};

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_page_on_signing_keys_works() {
    let cli = Cli::new(Engine::Sqlite).await;
    let server = cli.serve().await;
    // A running server follows within a second what a block before has changed.
    let script = blocks("docs/keys.md", "sh").join("sleep 2\n");
    let script = script
        .replace("http://localhost:8080", &server.base)
        .replace("http://localhost:8081", &server.management);
    let folder = program().parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").expect("a path");
    let output = Command::new("sh")
        .args(["-euc", &script])
        .envs(cli.place.environment())
        .env("PATH", format!("{folder}:{path}"))
        .current_dir(cli.place.folder.path())
        .output()
        .expect("a shell");
    let (text, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}\n{errors}");
    for words in ["NEXT STEP", "successor published", "next key", "key.revoked", "\"keys\""] {
        assert!(text.contains(words), "no {words:?} in {text}\n{errors}");
    }
    for words in ["become invalid", "becomes invalid", "the step breaks", "--force"] {
        assert!(errors.contains(words), "no {words:?} in {errors}\n{text}");
    }
}
