//! A secret reaches its destination before anything changes: processes killed at every step, files
//! that must not be lost, failing outputs.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use rstest::rstest;

use crate::support::process::{Cli, Run};
use crate::support::{CLIENT_CREDENTIALS, Engine, ORDERS, Place, Server};
use tokend::model::time::Clock;

/// The steps of a command that writes a secret file, in order.
const STEPS: [&str; 5] = [
    "secret-file-created",
    "secret-file-written",
    "committed",
    "secret-file-linked",
    "secret-file-renamed",
];

/// A command line and a server on one database.
struct Stage {
    cli: Cli,
    server: Server,
}

impl Stage {
    async fn new(engine: Engine) -> Self {
        let place = Arc::new(Place::new(engine).await);
        let server = Server::at(place.clone(), Clock::System, &[]).await;
        server.resource(ORDERS, &["orders:read"]).await;
        Self { cli: Cli::at(place), server }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.cli.place.folder.path().join(name)
    }

    /// Runs a command and kills it with SIGKILL when it reaches a failpoint; returns its output.
    fn kill_at(&self, point: &str, arguments: &[&str]) -> String {
        let mut child = self
            .cli
            .command(arguments)
            .env("FAILPOINT", point)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let errors = BufReader::new(child.stderr.take().expect("its errors"));
        let reached = errors.lines().map_while(Result::ok).any(|line| line.contains("failpoint"));
        assert!(reached, "{arguments:?} does not reach {point}");
        child.kill().expect("SIGKILL");
        child.wait().expect("its end");
        let mut output = String::new();
        child.stdout.take().expect("its output").read_to_string(&mut output).expect("text");
        output
    }

    /// True if a client gets a token with the secret in a file.
    async fn is_valid(&self, client: &str, file: &Path) -> bool {
        let Ok(secret) = std::fs::read_to_string(file) else { return false };
        self.server.catch_up().await;
        self.server.basic(client, secret.trim(), &CLIENT_CREDENTIALS).await.status == 200
    }

    fn live_secrets(&self, client: &str) -> usize {
        let shown = self.cli.json(&["client", "show", client]);
        let secrets = shown["secrets"].as_array().expect("secrets").clone();
        secrets.iter().filter(|secret| secret["expires_at"].is_null()).count()
    }

    fn ids(&self) -> String {
        self.cli.run(&["client", "list", "-o", "id"]).stdout
    }

    fn create(&self, id: &str, file: &str) -> Run {
        self.cli.run(&["client", "create", id, "--grant", ORDERS, "--secret-file", file])
    }
}

fn draft(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}.new", file.display()))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_killed_at_any_step_leaves_a_valid_secret_that_the_next_command_finds(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    for (step, is_made) in STEPS.map(|step| (step, !step.starts_with("secret-file-"))) {
        if step == "secret-file-linked" {
            continue;
        }
        let is_made = is_made || step == "secret-file-renamed";
        let (id, file) = (format!("r-{step}"), stage.file(step));
        assert_eq!(stage.create(&id, text(&file)).code, 0);
        let before = std::fs::read_to_string(&file).expect("the file");
        stage.kill_at(step, &["client", "rotate-secret", &id, "--secret-file", text(&file)]);
        assert_eq!(stage.live_secrets(&id), 1, "{step}");
        let holder = if is_made && draft(&file).exists() { draft(&file) } else { file.clone() };
        assert!(stage.is_valid(&id, &holder).await, "{step}: the valid secret is lost");

        // This command rejects the file, so it only finishes the leftover.
        let had_leftover = draft(&file).exists();
        let run = stage.cli.run(&["client", "add-secret", &id, "--secret-file", text(&file)]);
        assert_eq!(run.code, 1, "{step}: {run:?}");
        assert_eq!(run.stderr.contains("note: "), had_leftover, "{step}: {run:?}");
        assert!(!draft(&file).exists(), "{step}: {run:?}");
        assert!(stage.is_valid(&id, &file).await, "{step}: {run:?}");
        let after = std::fs::read_to_string(&file).expect("the file");
        assert_eq!(after != before, is_made, "{step}");

        // Another rotation works.
        let run = stage.cli.run(&["client", "rotate-secret", &id, "--secret-file", text(&file)]);
        assert_eq!(run.code, 0, "{step}: {run:?}");
        assert!(stage.is_valid(&id, &file).await, "{step}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_killed_at_any_step_is_repeated_or_finished(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(true, false)] has_own_id: bool,
) {
    let stage = Stage::new(engine).await;
    for (position, step) in STEPS.into_iter().enumerate() {
        let (id, file) = (format!("c-{step}"), stage.file(step));
        let mut command = vec!["client", "create", "--grant", ORDERS, "--secret-file", text(&file)];
        command.push(if has_own_id { &id } else { "--generate-id" });
        let known = stage.ids();
        stage.kill_at(step, &command);
        let is_made = position >= 2;
        assert_eq!(stage.ids() != known, is_made, "{step}");
        let run = stage.cli.run(&command);
        // A client that was created is not created again: its secret is written to the file.
        assert_eq!(run.code, i32::from(is_made), "{step}: {run:?}");
        let ids = stage.ids();
        let new: Vec<_> = ids.lines().filter(|id| !known.contains(id)).collect();
        assert_eq!(new.len(), 1, "{step}: {ids}");
        assert!(!draft(&file).exists(), "{step}: {run:?}");
        assert!(stage.is_valid(new[0], &file).await, "{step}: {run:?}");
        if step != "secret-file-renamed" {
            assert!(run.stderr.contains("note: "), "{step}: {run:?}");
        }
    }
}

/// A printed secret without a commit is not valid, and nothing else has changed.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_printed_before_the_commit(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    let printed = stage.kill_at("secret-printed", &["client", "create", "a"]);
    assert!(printed.contains("tkd_"), "{printed}");
    assert_eq!(stage.ids(), "");
    let printed = stage.kill_at("committed", &["client", "create", "a", "-o", "json"]);
    let made: serde_json::Value = serde_json::from_str(&printed).expect("all of the JSON");
    assert_eq!((stage.ids().as_str(), &made["shown_once"]), ("a\n", &true.into()));
}

/// O-1, O-8: outputs and files that cannot store the secret change nothing.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_fails_changes_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    let file = stage.file("good");
    assert_eq!(stage.create("good", text(&file)).code, 0);
    let events = |stage: &Stage| stage.cli.json(&["audit", "list"]).as_array().map(Vec::len);
    let before = events(&stage);
    let commands: [&[&str]; 3] = [
        &["client", "create", "x"],
        &["client", "add-secret", "good"],
        &["client", "rotate-secret", "good"],
    ];
    for command in commands {
        for format in ["table", "json"] {
            let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
            let run = stage.run_to(full.into(), &[command, &["-o", format]].concat());
            assert_eq!(run.code, 1, "{command:?}: {run:?}");
            assert!(run.stderr.contains("the secret was not printed"), "{run:?}");
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            let run = stage.run_to(writer.into(), &[command, &["-o", format]].concat());
            assert_eq!(run.code, 1, "{command:?}: {run:?}");
            assert!(run.stderr.contains("the secret was not printed"), "{run:?}");
        }
        let run = stage.cli.run(&[command, &["-o", "id"]].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{command:?}: {run:?}");
        assert!(run.stderr.contains("--secret-file"), "{run:?}");

        let folder = stage.file("a-folder");
        std::fs::create_dir_all(&folder).expect("a folder");
        let link = stage.file("a-link");
        let _ = std::os::unix::fs::symlink(&file, &link);
        for (place, code) in [
            (text(&stage.file("missing/secret")), 1),
            (text(&folder), 2),
            (text(&link), 2),
            ("/dev/stdout", 2),
            #[cfg(target_os = "linux")]
            ("/dev/full", 2),
            ("/", 2),
            #[cfg(target_os = "linux")]
            ("/proc/secret", 1),
        ] {
            let run = stage.cli.run(&[command, &["--secret-file", place]].concat());
            assert_eq!(run.code, code, "{command:?} {place}: {run:?}");
            assert_eq!(run.stdout, "", "{command:?} {place}: {run:?}");
        }
    }
    // The old secret would end, and no operator would have the new one.
    let null = std::fs::File::options().write(true).open("/dev/null").expect("a device");
    let run = stage.run_to(null.into(), &["client", "rotate-secret", "good"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("would be lost"), "{run:?}");
    assert_eq!(events(&stage), before);
    assert!(stage.is_valid("good", &file).await);
}

/// A file with other content than a secret of this client is never replaced.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_secret_of_the_same_client_is_replaced() {
    let stage = Stage::new(Engine::Sqlite).await;
    let (mine, other, notes, empty) =
        (stage.file("mine"), stage.file("other"), stage.file("notes"), stage.file("empty"));
    assert_eq!(stage.create("mine", text(&mine)).code, 0);
    assert_eq!(stage.create("other", text(&other)).code, 0);
    std::fs::write(&notes, "password of the coffee machine\n").expect("a file");
    std::fs::write(&empty, "").expect("a file");
    let rotate = |file: &Path| {
        stage.cli.run(&["client", "rotate-secret", "mine", "--secret-file", text(file)])
    };
    for (file, words) in
        [(&other, "a secret of client other"), (&notes, "does not contain a secret")]
    {
        let before = std::fs::read(file).expect("a file");
        let run = rotate(file);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains(words), "{run:?}");
        assert_eq!(std::fs::read(file).expect("a file"), before);
        assert!(!draft(file).exists());
    }
    assert!(stage.is_valid("mine", &mine).await);
    assert_eq!(rotate(&empty).code, 0);
    assert!(stage.is_valid("mine", &empty).await);
    // The secret in it has ended since, but it belongs to this client.
    assert!(!stage.is_valid("mine", &mine).await);
    assert_eq!(rotate(&mine).code, 0);
    assert!(stage.is_valid("mine", &mine).await);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&mine).expect("a file"));
    assert_eq!(mode & 0o777, 0o600);
}

/// A file of another user in a folder for all users is not replaced: the new file would belong to
/// that user. Only root can prepare such a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_user_in_an_open_folder_is_rejected() {
    use std::os::unix::fs::{PermissionsExt, chown};
    let stage = Stage::new(Engine::Sqlite).await;
    assert_eq!(stage.create("mine", text(&stage.file("mine"))).code, 0);
    let folder = stage.file("open");
    std::fs::create_dir(&folder).expect("a folder");
    let trap = folder.join("trap");
    std::fs::write(&trap, "").expect("a file");
    if chown(&trap, Some(65_534), None).is_err() {
        return;
    }
    let set_mode = |mode| {
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).expect("a mode");
    };
    let rotate =
        || stage.cli.run(&["client", "rotate-secret", "mine", "--secret-file", text(&trap)]);
    set_mode(0o1777);
    let run = rotate();
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("belongs to another user"), "{run:?}");
    assert!(stage.is_valid("mine", &stage.file("mine")).await, "nothing was changed");
    set_mode(0o755);
    assert_eq!(rotate().code, 0);
    assert!(stage.is_valid("mine", &trap).await);
}

/// A leftover that may be valid for another client or database is never removed.
#[tokio::test(flavor = "multi_thread")]
async fn a_leftover_of_another_client_or_database_stays() {
    let stage = Stage::new(Engine::Sqlite).await;
    let elsewhere = Stage::new(Engine::Sqlite).await;
    let (file, foreign) = (stage.file("f"), elsewhere.file("f"));
    assert_eq!(stage.create("a", text(&file)).code, 0);
    assert_eq!(stage.create("b", text(&stage.file("b"))).code, 0);
    assert_eq!(elsewhere.create("a", text(&foreign)).code, 0);
    let notes = stage.file("notes");
    std::fs::write(&notes, "not a secret at all, but perhaps of use").expect("a file");
    for (leftover, words) in [
        (&foreign, "this database does not know"),
        (&stage.file("b"), "a valid secret of client b"),
        (&notes, "this database does not know"),
    ] {
        std::fs::copy(leftover, draft(&file)).expect("a leftover");
        let run = stage.cli.run(&["client", "rotate-secret", "a", "--secret-file", text(&file)]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains(words), "{run:?}");
        assert_eq!(
            std::fs::read(draft(&file)).expect("the leftover"),
            std::fs::read(leftover).expect("a file")
        );
        assert!(stage.is_valid("a", &file).await);
    }
    // An ended secret is valid nowhere.
    std::fs::copy(&file, stage.file("old")).expect("a copy");
    std::fs::remove_file(draft(&file)).expect("the leftover");
    let rotate = || stage.cli.run(&["client", "rotate-secret", "a", "--secret-file", text(&file)]);
    assert_eq!(rotate().code, 0);
    std::fs::copy(stage.file("old"), draft(&file)).expect("a leftover");
    let run = rotate();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("has ended"), "{run:?}");
    assert!(stage.is_valid("a", &file).await);
}

/// While one command writes a file, another one on it fails without side effects.
#[tokio::test(flavor = "multi_thread")]
async fn two_commands_on_one_file_do_not_harm_each_other() {
    let stage = Stage::new(Engine::Sqlite).await;
    let elsewhere = Stage::new(Engine::Sqlite).await;
    let file = stage.file("f");
    let mut first = stage
        .cli
        .command(&["client", "create", "a", "--secret-file", text(&file)])
        .env("FAILPOINT", "secret-file-written")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program");
    let mut errors = BufReader::new(first.stderr.take().expect("its errors"));
    let mut line = String::new();
    errors.read_line(&mut line).expect("a line");
    assert!(line.contains("failpoint"), "{line}");
    let run = elsewhere.create("b", text(&file));
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("another command is writing"), "{run:?}");
    assert!(draft(&file).exists());
    first.kill().expect("SIGKILL");
    first.wait().expect("its end");
    std::fs::remove_file(draft(&file)).expect("the leftover");
    // Many commands at once: one creates the file, and the file contains a valid secret.
    let rotations: Vec<_> = (0..6)
        .map(|number| {
            let id = format!("n{number}");
            let arguments = ["client", "create", &id, "--grant", ORDERS];
            stage
                .cli
                .command(&[&arguments[..], &["--secret-file", text(&file)]].concat())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the program")
        })
        .collect();
    let codes: Vec<_> = rotations
        .into_iter()
        .map(|mut child| child.wait().expect("its end").code().unwrap_or(-1))
        .collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    let ids = stage.ids();
    assert_eq!(ids.lines().count(), 1, "{ids}");
    assert!(stage.is_valid(ids.trim(), &file).await);
    assert!(!draft(&file).exists());
}

impl Stage {
    /// Runs a command with another standard output.
    fn run_to(&self, output: Stdio, arguments: &[&str]) -> Run {
        let child = self
            .cli
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        Run::of(child.wait_with_output().expect("its end"))
    }
}
