//! A commit that the database does not confirm: a secret was created, was not created, or the
//! outcome is unknown. Postgres only: SQLite has no connection that could be lost.

use std::path::PathBuf;

use rstest::rstest;

use crate::support::commit_proxy::{Afterwards, Commit, start};
use crate::support::process::{Cli, Run};
use crate::support::{Engine, ORDERS};

struct Stage {
    direct: Cli,
    file: PathBuf,
    path: String,
    old: String,
}

impl Stage {
    async fn new() -> Self {
        let direct = Cli::new(Engine::Postgres).await;
        direct.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
        let file = direct.place.folder.path().join("a.secret");
        let path = file.display().to_string();
        direct.json(&["client", "create", "a", "--secret-file", &path]);
        let old = std::fs::read_to_string(&file).expect("the file");
        Self { direct, file, path, old }
    }

    /// Runs a command without the confirmation of its COMMIT.
    async fn run(&self, commit: Commit, afterwards: Afterwards, arguments: &[&str]) -> Run {
        let url = start(&self.direct.place.database_url, commit, afterwards).await;
        let cli = Cli::at(self.direct.place.clone()).set("TOKEND_DATABASE_URL", &url);
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let run = tokio::task::spawn_blocking(move || {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            cli.run(&arguments)
        });
        run.await.expect("a run")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file).expect("the file")
    }

    fn draft(&self) -> Option<String> {
        std::fs::read_to_string(format!("{}.new", self.path)).ok()
    }

    /// Returns the suffixes of the secrets without an expiry.
    fn live(&self) -> Vec<String> {
        let shown = self.direct.json(&["client", "show", "a"]);
        let secrets = shown["secrets"].as_array().expect("secrets").clone();
        let live = secrets.iter().filter(|secret| secret["expires_at"].is_null());
        live.map(|secret| secret["suffix"].as_str().expect("a hint").to_owned()).collect()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn after_an_unknown_commit_the_database_is_queried_for_the_secret(
    #[values(Commit::Done, Commit::Lost)] commit: Commit,
) {
    let stage = Stage::new().await;
    let rotate = ["client", "rotate-secret", "a", "--secret-file", &stage.path];
    let run = stage.run(commit, Afterwards::Open, &rotate).await;
    assert!(run.stderr.contains("asking it for the outcome"), "{run:?}");
    assert_eq!(stage.draft(), None, "{run:?}");
    assert_eq!(stage.live().len(), 1);
    assert!(stage.text().trim().ends_with(&stage.live()[0]), "{run:?}");
    match commit {
        Commit::Done => {
            assert_eq!(run.code, 0, "{run:?}");
            assert_ne!(stage.text(), stage.old);
        }
        Commit::Lost => {
            assert_eq!(run.code, 7, "{run:?}");
            assert!(run.stderr.contains("Nothing was changed."), "{run:?}");
            assert_eq!(stage.text(), stage.old);
        }
    }
    let run = stage.run(commit, Afterwards::Open, &["client", "add-secret", "a"]).await;
    let printed = run.stdout.contains("tkd_");
    match commit {
        Commit::Done => {
            assert_eq!((run.code, printed, stage.live().len()), (0, true, 2), "{run:?}");
        }
        Commit::Lost => {
            assert_eq!((run.code, printed, stage.live().len()), (7, true, 1), "{run:?}");
            assert!(run.stderr.contains("that was printed is not valid"), "{run:?}");
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_stay_while_the_outcome_is_unknown(
    #[values(Commit::Done, Commit::Lost)] commit: Commit,
) {
    let stage = Stage::new().await;
    let rotate = ["client", "rotate-secret", "a", "--secret-file", &stage.path];
    let run = stage.run(commit, Afterwards::Closed, &rotate).await;
    assert_eq!(run.code, 7, "{run:?}");
    for words in ["E-OUTCOME-UNKNOWN", "still contains the older secret", "tokend client show a"] {
        assert!(run.stderr.contains(words), "no {words}: {run:?}");
    }
    assert_eq!(stage.text(), stage.old);
    let new = stage.draft().expect("the new secret");
    assert!(new.starts_with("tkd_") && new != stage.old);

    // The next command on the file asks for the outcome again; this one does nothing else.
    let add = ["client", "add-secret", "a", "--secret-file", &stage.path];
    let run = stage.direct.run(&add);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(stage.draft(), None, "{run:?}");
    let expected = if commit == Commit::Done { &new } else { &stage.old };
    assert_eq!(&stage.text(), expected, "{run:?}");
    assert_eq!(stage.live().len(), 1);
    assert!(expected.trim().ends_with(&stage.live()[0]));
}
