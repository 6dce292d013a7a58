//! An `apply` at a server that is killed or loses its answer: the next one writes the missing
//! secrets, or names the lost ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rstest::rstest;
use serde_json::Value;

use crate::remote::secrets::{Fault, Stage};

const TWO: &str = "clients: [{ client_id: a }, { client_id: b }]\n";

/// The failpoint after the request was executed.
const DONE: &str = "answered";

impl Stage {
    fn declare(&self, text: &str) -> [String; 2] {
        let file = self.file("clients.yaml");
        fs::write(&file, text).expect("a file");
        [file.display().to_string(), self.file("secrets").display().to_string()]
    }

    fn secret_files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.file("secrets")).expect("a folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(name).map(|name| name.into_string().expect("a text")).collect();
        names.sort();
        names
    }

    async fn assert_complete(&self, ids: &[&str]) {
        for id in ids {
            self.assert_valid(id, &format!("secrets/{id}")).await;
        }
        assert_eq!(self.secret_files(), ids);
    }
}

fn apply([file, dir]: &[String; 2]) -> [&str; 5] {
    ["apply", "-f", file, "--secrets-dir", dir]
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_next_apply_reads_the_answer_again(
    #[values("apply-noted", "answered", "applied-secret-published")] point: &str,
) {
    let stage = Stage::new().await;
    let paths = stage.declare(TWO);
    stage.kill_at(point, &apply(&paths));
    let noted = stage.file("secrets/.apply.new");
    let mode = fs::metadata(&noted).expect("the request").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = |file: &str| -> Value {
        let text = fs::read_to_string(stage.file(file)).expect("a file");
        serde_json::from_str::<Value>(&text).expect("JSON")["idempotency_key"].clone()
    };
    assert_eq!(key("secrets/b.new"), key("secrets/.apply.new"));
    let run = stage.remote.run(&apply(&paths));
    assert_eq!(run.code, 0, "{run:?}");
    stage.assert_complete(&["a", "b"]).await;
    let again = stage.remote.run(&apply(&paths));
    assert!(again.code == 0 && !again.stderr.contains("interrupted"), "{again:?}");
    for id in ["a", "b"] {
        let shown = stage.local.json(&["client", "show", id]);
        assert_eq!(shown["secrets"].as_array().map(Vec::len), Some(1), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_read_again_and_shown() {
    let stage = Stage::new().await;
    let paths = stage.declare(TWO);
    // The first POST creates the plan.
    stage.next([Fault::None, Fault::Lost]);
    let run = stage.remote.run(&apply(&paths));
    assert!(run.code == 7 && run.stderr.contains("reads the answer"), "{run:?}");
    let shown = stage.remote.json(&apply(&paths));
    assert_eq!(shown["changes"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(shown["secret_files"].as_object().map(serde_json::Map::len), Some(2), "{shown}");
    stage.assert_complete(&["a", "b"]).await;
}

#[rstest]
#[case(503, "temporarily_unavailable")]
#[case(409, "apply_in_progress")]
#[case(409, "idempotency_key_in_use")]
#[tokio::test(flavor = "multi_thread")]
async fn the_request_is_kept_until_it_is_answered(#[case] status: u16, #[case] code: &'static str) {
    let stage = Stage::new().await;
    let paths = stage.declare(TWO);
    stage.kill_at(DONE, &apply(&paths));
    stage.next([Fault::None, Fault::Answer(status, code)]);
    let mut run = stage.remote.run(&apply(&paths));
    if status == 503 {
        assert!(run.code == 7 && run.stderr.contains("Run the command again"), "{run:?}");
        run = stage.remote.run(&apply(&paths));
    }
    assert_eq!(run.code, 0, "{run:?}");
    stage.assert_complete(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_secret_is_reported_until_it_is_replaced() {
    let stage = Stage::new().await;
    let paths = stage.declare(TWO);
    stage.kill_at(DONE, &apply(&paths));
    // The answer is no longer stored.
    let services = stage.server.services();
    let later = services.clock.now().plus_seconds(3_600);
    services.store.purge_keys(later).await.expect("purged");
    for lost in [&["a", "b"][..], &["b"]] {
        for _ in 0..2 {
            let run = stage.remote.run(&apply(&paths));
            assert!(run.code == 1 && run.stderr.contains("lost"), "{run:?}");
            for id in ["a", "b"] {
                let place = stage.file("secrets").join(id).display().to_string();
                let fix = format!("tokend client rotate-secret {id} --secret-file {place}");
                assert_eq!(run.stderr.contains(&fix), lost.contains(&id), "{run:?}");
            }
        }
        let place = stage.file("secrets").join(lost[0]).display().to_string();
        let rotate = ["client", "rotate-secret", lost[0], "--secret-file", &place];
        let run = stage.remote.run(&rotate);
        assert_eq!(run.code, 0, "{run:?}");
    }
    let run = stage.remote.run(&apply(&paths));
    assert_eq!(run.code, 0, "{run:?}");
    stage.assert_complete(&["a", "b"]).await;
}

/// Declarations that were corrected after the interruption are not applied in their earlier form.
/// Objects that were created keep their secrets.
#[rstest]
#[case("apply-noted", &["a"])]
#[case(DONE, &["a", "b"])]
#[tokio::test(flavor = "multi_thread")]
async fn other_declarations_do_not_repeat_the_first_ones(
    #[case] point: &str,
    #[case] complete: &[&str],
) {
    let stage = Stage::new().await;
    let paths = stage.declare(TWO);
    stage.kill_at(point, &apply(&paths));
    let paths = stage.declare("clients: [{ client_id: a }]\n");
    let run = stage.remote.run(&apply(&paths));
    assert_eq!(run.code, 0, "{run:?}");
    stage.assert_complete(complete).await;
    let found = stage.local.run(&["client", "show", "b"]).code == 0;
    assert_eq!(found, complete.contains(&"b"));
}

/// A secret that was replaced in the meantime is newer than that of the answer.
#[rstest]
#[case("rotate-secret", 0)]
#[case("add-secret", 1)]
#[tokio::test(flavor = "multi_thread")]
async fn another_command_on_a_file_reads_the_answer_first(#[case] verb: &str, #[case] code: i32) {
    let stage = Stage::new().await;
    let paths = stage.declare(TWO);
    stage.kill_at(DONE, &apply(&paths));
    let file = stage.file("secrets/a").display().to_string();
    // `add-secret` rejects an existing file, so it only finishes the other command.
    let run = stage.remote.run(&["client", verb, "a", "--secret-file", &file]);
    assert_eq!(run.code, code, "{run:?}");
    let secret = fs::read_to_string(&file).expect("a secret");
    stage.assert_valid("a", "secrets/a").await;
    let run = stage.remote.run(&apply(&paths));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fs::read_to_string(&file).expect("a secret"), secret);
    stage.assert_complete(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_format_of_the_files_stays_the_same() {
    let stage = Stage::new().await;
    let paths = stage.declare(TWO);
    let mut words = apply(&paths).to_vec();
    words.extend(["--secrets-format", "env"]);
    stage.kill_at(DONE, &words);
    let run = stage.remote.run(&apply(&paths));
    assert!(run.code == 1 && run.stderr.contains("--secrets-format env"), "{run:?}");
    let run = stage.remote.run(&words);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(stage.secret_files(), ["a.env", "b.env"]);
}
