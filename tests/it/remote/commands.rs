//! Every command that uses the admin API has the same output and exit code on the local database
//! and at a server.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::time::Clock;

use crate::remote::command_lines::{COMMANDS, ELSEWHERE, JWKS, LOCAL};
use crate::remote::declarations::administrator;
use crate::support::process::{Cli, Run};
use crate::support::{CLIENT_CREDENTIALS, Engine, Place, Server};

const API: &str = "https://api.example.com";

const SCOPES: &str = "clients:read,clients:write,secrets:write,grants:write,resources:read,\
    resources:write,tokens:issue,tokens:revoke,introspect,keys:read,keys:write,audit:read,admins:write";

/// A server with an administrator, and its command line with and without `--server`.
struct Stage {
    server: Server,
    local: Cli,
    remote: Cli,
}

impl Stage {
    async fn new(engine: Engine) -> Self {
        let place = Arc::new(Place::new(engine).await);
        // A checkpoint of the server itself would be in one of two lists.
        let settings = [("TOKEND_AUDIT_CHECKPOINT_INTERVAL", "off")];
        let server = Server::at(place.clone(), Clock::System, &settings).await;
        let local = Cli::at(place);
        let remote = administrator(&server, &local, "ops", SCOPES).await;
        Self { server, local, remote }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.local.place.folder.path().join(name)
    }

    /// Runs a command line. The text after ` < ` is its input.
    fn run(&self, cli: &Cli, line: &str) -> Run {
        let (line, input) = line.split_once(" < ").unwrap_or((line, ""));
        let file = self.file("secret").display().to_string();
        let jwks = self.file("keys.json").display().to_string();
        let words = line.split_whitespace().map(|word| match word {
            "FILE" => file.clone(),
            "JWKS" => jwks.clone(),
            word => word.replace("API", API),
        });
        let words: Vec<_> = words.collect();
        cli.run_with(&words.iter().map(String::as_str).collect::<Vec<_>>(), input)
    }
}

/// Returns an output without the parts that differ in each run: secrets, ids, hashes, times and
/// actors.
fn normalized(text: &str, file: &str) -> String {
    let text = without_distances(&text.replace(file, "FILE"));
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-:.…".contains(c);
    let mut parts = Vec::new();
    for line in text.lines() {
        let is_suffix = line.trim_start().starts_with("\"suffix\"");
        let words = line.split(|c| !is_part(c)).filter(|word| !word.is_empty());
        let words = words.map(|word| {
            // The issuer of the command line differs from that of the server.
            let is_host = word.starts_with("127.0.0.1:");
            let is_time = word.len() == 20 && word.starts_with("20") && word.ends_with('Z');
            let digits = word.trim_start_matches(':');
            let is_second = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let is_hash = word.len() >= 43 && !word.contains('.');
            match word {
                _ if is_host => "HOST",
                _ if is_time => "TIME",
                _ if is_second => "SECOND",
                _ if is_hash => "HASH",
                _ if word.len() == 22 => "JTI",
                _ if word.starts_with('…') || (is_suffix && word != "suffix") => "SUFFIX",
                _ if word.starts_with("tkd_") => "SECRET",
                _ if ["sec_", "tru_", "grq_"].iter().any(|kind| word.starts_with(kind)) => "ID",
                _ if word.starts_with("eyJ") => "TOKEN",
                "cli:unknown" | "client:ops" => "ACTOR",
                _ => word,
            }
        });
        parts.push(words.collect::<Vec<_>>().join(" "));
    }
    let lines = parts.join("\n");
    // In a line of jsonl the suffix is one of many members.
    let mut words: Vec<&str> = lines.split(' ').collect();
    for place in 2..words.len() {
        if words[place - 2] == "suffix" {
            words[place] = "SUFFIX";
        }
    }
    words.join(" ")
}

/// Removes relative times from a text, such as `(3 s ago)`.
fn without_distances(text: &str) -> String {
    let mut parts = text.split('(');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((inner, rest)) if inner.ends_with(" ago") || inner.starts_with("in ") => {
                result.push_str(rest);
            }
            _ => result.push_str(&format!("({part}")),
        }
    }
    result
}

/// D16: each command has the same effect at a server as on its database.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_the_same_locally_and_at_a_server(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (one, other) = (Stage::new(engine).await, Stage::new(engine).await);
    let [local_file, remote_file] =
        [&one, &other].map(|stage| stage.file("secret").display().to_string());
    for stage in [&one, &other] {
        std::fs::write(stage.file("keys.json"), JWKS).expect("a file");
    }
    for (line, code) in COMMANDS {
        if line.starts_with("token issue") {
            other.server.catch_up().await;
        }
        let local = one.run(&one.local, line);
        let remote = other.run(&other.remote, line);
        assert_eq!(local.code, *code, "{line}: {local:?}");
        assert_eq!(remote.code, *code, "{line}: {remote:?}");
        let outputs =
            (normalized(&local.stdout, &local_file), normalized(&remote.stdout, &remote_file));
        let logs = || [&one, &other].map(|stage| stage.run(&stage.local, "audit list").stdout);
        assert_eq!(outputs.0, outputs.1, "{line}: {:#?}", logs());
    }
    let mode = std::fs::metadata(other.file("secret")).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for name in ["secret.new", "secret.new.secret"] {
        assert!(!other.file(name).exists(), "{name}");
    }
}

/// Returns the commands without subcommands at and below a path, from the help texts.
fn commands_below(cli: &Cli, path: &[&str]) -> Vec<String> {
    let help = cli.run(&[path, &["--help"]].concat());
    assert_eq!(help.code, 0, "{path:?}: {help:?}");
    let Some((_, list)) = help.stdout.split_once("Commands:\n") else {
        return vec![path.join(" ")];
    };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split(' ').next().filter(|name| !matches!(*name, "" | "help")));
    names.flat_map(|name| commands_below(cli, &[path, &[name]].concat())).collect()
}

/// A new command needs a row in one of the tables.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_program_is_in_a_table() {
    let cli = Cli::without_database(Engine::Sqlite).await;
    let lines = COMMANDS.iter().map(|(line, _)| *line).chain(LOCAL).chain(ELSEWHERE);
    let lines: Vec<&str> = lines.collect();
    let commands = commands_below(&cli, &[]);
    assert!(commands.len() > 50, "the help is read wrongly: {commands:?}");
    let is_named = |command: &String| {
        lines.iter().any(|line| {
            line.strip_prefix(command.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
    };
    let missing: Vec<_> = commands.iter().filter(|command| !is_named(command)).collect();
    assert!(missing.is_empty(), "commands without a row in remote/command_lines.rs: {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_command_rejects_the_server_option() {
    let stage = Stage::new(Engine::Sqlite).await;
    for line in LOCAL {
        let run = stage.run(&stage.local, &format!("{line} --server http://127.0.0.1:1"));
        assert_eq!(run.code, 2, "{line}: {run:?}");
        assert!(run.stderr.contains("only") && run.stderr.contains("--server"), "{line}: {run:?}");
        assert_eq!(run.stdout, "", "{line}");
    }
    // A command without a database works in a shell that names a server.
    for line in ["version", "config defaults", "completion bash"] {
        assert_eq!(stage.run(&stage.remote, line).code, 0, "{line}");
    }
    assert_eq!(stage.run(&stage.remote, "migrate").code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_right_gets_exit_code_6() {
    let stage = Stage::new(Engine::Sqlite).await;
    let made = stage.local.json(&["client", "create", "w", "--grant", "urn:tokend=clients:write"]);
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    stage.server.keep_secret(&secret);
    stage.server.catch_up().await;
    let remote = |secret: &str| {
        Cli::at(stage.local.place.clone())
            .set("TOKEND_SERVER", &stage.server.management)
            .set("TOKEND_ISSUER_URL", &stage.server.base)
            .set("TOKEND_ADMIN_CLIENT_ID", "w")
            .set("TOKEND_ADMIN_CLIENT_SECRET", secret)
    };
    let weak = remote(&secret);
    for line in ["client list", "client show ops", "client add-secret ops", "audit verify"] {
        let run = stage.run(&weak, line);
        assert_eq!((run.code, run.stdout.as_str()), (6, ""), "{line}: {run:?}");
        assert!(run.stderr.contains("E-NOT-ALLOWED"), "{line}: {run:?}");
    }
    // A client with more rights cannot be changed, although the caller may write clients.
    let run = stage.run(&weak, "client disable ops -o json");
    let problem: Value = serde_json::from_str(&run.stderr).expect("a problem document");
    assert_eq!((run.code, &problem["admin_code"]), (6, &json!("client_more_powerful")), "{run:?}");
    // A permitted change needs no right to read.
    assert_eq!(stage.run(&weak, "client disable w").code, 0);
    let run = stage.run(&remote("tkd_wrong"), "client list");
    assert_eq!(run.code, 6, "{run:?}");
    assert!(!run.stderr.contains("tkd_wrong"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_used_is_reported() {
    let stage = Stage::new(Engine::Sqlite).await;
    let list = |cli: Cli| {
        let run = cli.run(&["client", "list"]);
        assert_eq!(run.stdout, "", "{run:?}");
        (run.code, run.stderr)
    };
    let remote = || {
        let mut cli = Cli::at(stage.local.place.clone());
        for (name, value) in [
            ("TOKEND_SERVER", stage.server.management.as_str()),
            ("TOKEND_ISSUER_URL", &stage.server.base),
            ("TOKEND_ADMIN_CLIENT_ID", "ops"),
            ("TOKEND_ADMIN_CLIENT_SECRET", "x"),
        ] {
            cli = cli.set(name, value);
        }
        cli
    };
    for (cli, code, text) in [
        (remote().set("TOKEND_SERVER", "http://192.0.2.1:8081"), 2, "another machine"),
        (remote().set("TOKEND_SERVER", "id.example.com"), 2, "not a"),
        (remote().set("TOKEND_ISSUER_URL", "http://127.0.0.1:1"), 7, "cannot connect"),
        (remote().set("TOKEND_ISSUER_URL", &stage.server.management), 7, "401"),
        (remote().unset("TOKEND_ADMIN_CLIENT_ID"), 3, "TOKEND_ADMIN_CLIENT_ID"),
        (remote().unset("TOKEND_ADMIN_CLIENT_SECRET"), 3, "TOKEND_ADMIN_KEY_FILE"),
        (remote().set("TOKEND_ADMIN_KEY_FILE", "/absent"), 3, "both set"),
        (
            remote().unset("TOKEND_ADMIN_CLIENT_SECRET").set("TOKEND_ADMIN_KEY_FILE", "/absent"),
            3,
            "cannot be read",
        ),
    ] {
        let (found, error) = list(cli);
        assert!(found == code && error.contains(text), "{text}: {found}: {error}");
    }
}

/// RFC 7523: an administrator without a secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_authenticates_a_command() {
    let stage = Stage::new(Engine::Sqlite).await;
    let pair = rcgen::KeyPair::generate().expect("a key");
    std::fs::write(stage.file("ops.key"), pair.serialize_pem()).expect("a file");
    std::fs::write(stage.file("ops.pub"), pair.public_key_pem()).expect("a file");
    let (key, public) = (stage.file("ops.key"), stage.file("ops.pub"));
    let public = public.to_str().expect("a path");
    stage.local.json(&["client", "keys", "add", "ops", "--jwks", public]);
    stage.server.catch_up().await;
    let remote = Cli::at(stage.local.place.clone())
        .set("TOKEND_SERVER", &stage.server.management)
        .set("TOKEND_ISSUER_URL", &stage.server.base)
        .set("TOKEND_ADMIN_CLIENT_ID", "ops")
        .set("TOKEND_ADMIN_KEY_FILE", key.to_str().expect("a path"));
    assert_eq!(remote.run(&["client", "list", "-o", "id"]).stdout, "ops\n");
}

/// A command that is killed before or after its request leaves `FILE.new`, and the next command on
/// the file finishes it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_command_is_finished_by_the_next_one(
    #[values("secret-file-written", "answered")] point: &str,
) {
    let stage = Stage::new(Engine::Sqlite).await;
    assert_eq!(stage.run(&stage.local, "client create a").code, 0);
    let add = "client add-secret a --secret-file FILE";
    let file = stage.file("secret").display().to_string();
    let words: Vec<_> =
        add.split(' ').map(|word| if word == "FILE" { file.as_str() } else { word }).collect();
    let mut child = stage
        .remote
        .command(&words)
        .env("FAILPOINT", point)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let errors = child.stderr.take().expect("its errors");
    let lines = std::io::BufRead::lines(std::io::BufReader::new(errors));
    assert!(lines.map_while(Result::ok).any(|line| line.contains("failpoint")));
    child.kill().expect("SIGKILL");
    child.wait().expect("its end");
    let draft = std::fs::read_to_string(stage.file("secret.new")).expect("FILE.new");
    assert!(draft.contains("idempotency_key") && !draft.contains("tkd_"), "{draft}");
    let mode = std::fs::metadata(stage.file("secret.new")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!stage.file("secret").exists());

    // This command rejects an existing file, so it only finishes the other one.
    let run = stage.run(&stage.remote, add);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("was interrupted"), "{run:?}");
    let secret = std::fs::read_to_string(&file).expect("the file");
    stage.server.keep_secret(secret.trim());
    stage.server.catch_up().await;
    let answer = stage.server.basic("a", secret.trim(), &CLIENT_CREDENTIALS).await;
    assert_ne!(answer.status, 401, "{}", answer.text);
    assert!(!stage.file("secret.new").exists() && !stage.file("secret.new.secret").exists());
}
