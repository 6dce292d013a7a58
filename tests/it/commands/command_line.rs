//! Common behaviour of all commands: help, pipes, and standard input.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rstest::rstest;

use crate::listeners::stopping::execute;
use crate::support::process::{Cli, Run, program};
use crate::support::reserved_port::ReservedPort;
use crate::support::{Engine, INVOICES, ORDERS};

async fn cli_with_client() -> Cli {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    cli.json(&["client", "create", "a", "--id", "a", "--grant", ORDERS]);
    cli
}

/// Runs a command with a standard output that its reader closes after `lines` lines.
fn run_into_closed_pipe(cli: &Cli, arguments: &[&str], lines: usize) -> Run {
    let mut child = cli
        .command(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut reader = BufReader::new(child.stdout.take().expect("its output"));
    let mut stdout = String::new();
    for _ in 0..lines {
        reader.read_line(&mut stdout).expect("a line");
    }
    drop(reader);
    let output = child.wait_with_output().expect("its end");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout,
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// O-41: `tokend … | head` prints no error and does not fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_is_silent() {
    let cli = cli_with_client().await;
    for arguments in [
        &["config", "show", "-o", "json"][..],
        &["config", "show"],
        &["config", "defaults"],
        &["completion", "bash"],
        &["client", "list"],
        &["client", "show", "a", "-o", "json"],
        &["audit", "list", "-o", "json"],
        &["version"],
        &["client", "create", "--help"],
    ] {
        let run = run_into_closed_pipe(&cli, arguments, 0);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    }
    let run = run_into_closed_pipe(&cli, &["config", "show", "-o", "json"], 1);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "[\n", ""));
    // A failed command still reports its error, even if its output is closed.
    let run = run_into_closed_pipe(&cli, &["client", "show", "nobody"], 0);
    assert!(run.code == 4 && run.stderr.contains("nobody"), "{run:?}");
}

/// O-30: the message names the address and the setting that it comes from.
#[tokio::test(flavor = "multi_thread")]
async fn health_names_the_setting_that_it_follows() {
    let cli = Cli::new(Engine::Sqlite).await;
    let nobody = ReservedPort::new();
    let address = nobody.address.to_string();
    let run = cli.run(&["health", "--set", &format!("listen={address}")]);
    assert_eq!(run.code, 1, "{run:?}");
    for words in [&address, "`listen`", "from --set on the command line", "--set listen="] {
        assert!(run.stderr.contains(words), "no {words:?} in {run:?}");
    }
}

/// O-29: a check that was not made is reported.
#[tokio::test(flavor = "multi_thread")]
async fn verify_reports_whether_it_checked_the_issuer() {
    let cli = cli_with_client().await;
    let token = cli.run(&["token", "issue", "--client", "a"]).stdout;
    let verified = cli.json_with(&["token", "verify"], &token);
    assert_eq!(verified["issuer_checked"], true);
    let run = cli.run_with(&["token", "verify"], &token);
    assert!(run.code == 0 && !run.stdout.contains("not checked"), "{run:?}");
}

/// O-29: `tokend dev` chooses its issuer, so commands use the issuer that a server has stored in
/// the database.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn commands_without_an_issuer_take_the_one_of_the_server(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await.unset("TOKEND_ISSUER");
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    cli.json(&["client", "create", "a", "--grant", ORDERS]);
    let run = cli.run(&["token", "issue", "--client", "a"]);
    assert!(run.code == 3 && run.stderr.contains("`issuer` is not set"), "{run:?}");
    let elsewhere = Cli::at(cli.place.clone()).set("TOKEND_ISSUER", "http://localhost:9999");
    let foreign = elsewhere.run(&["token", "issue", "--client", "a"]).stdout;
    let noted =
        "INSERT INTO server_issuer (one, issuer, since) VALUES (1, 'http://localhost:8080', 1)
        ON CONFLICT (one) DO UPDATE SET issuer = excluded.issuer";
    execute(engine, &cli.place.database_url, noted).await;
    let token = cli.run(&["token", "issue", "--client", "a"]).stdout;
    let verified = cli.json_with(&["token", "verify"], &token);
    assert_eq!(verified["claims"]["iss"], "http://localhost:8080");
    assert_eq!(verified["issuer_checked"], true);
    let run = cli.run_with(&["token", "verify"], &foreign);
    assert!(run.code == 8 && run.stderr.contains("its issuer is"), "{run:?}");
}

/// O-38: accepts the answer with its headers, as `curl -si` prints it, and a rejection.
#[tokio::test(flavor = "multi_thread")]
async fn verify_reads_an_answer_with_its_headers() {
    let cli = cli_with_client().await;
    let token = cli.run(&["token", "issue", "--client", "a"]).stdout;
    let answer =
        |body: &str| format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{body}");
    let good = format!("{{\"access_token\":\"{}\"}}", token.trim());
    let run = cli.run_with(&["token", "verify", "-"], &answer(&good));
    assert_eq!(run.code, 0, "{run:?}");
    let bad = r#"{"error":"invalid_client","error_description":"Failed. Request id: req_a1."}"#;
    let run = cli.run_with(&["token", "verify", "-"], &answer(bad));
    assert_eq!(run.code, 8, "{run:?}");
    assert!(run.stderr.contains("is an error response"), "{run:?}");
    assert!(run.stderr.contains("tokend explain req_a1"), "{run:?}");
}

/// O-48: the built-in resource is not shown as created in 1970.
#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_resource_has_no_time_of_creation() {
    let cli = cli_with_client().await;
    let built_in = cli.json(&["resource", "show", "urn:tokend"]);
    assert!(built_in["created_at"].is_null() && built_in["updated_at"].is_null(), "{built_in}");
    assert!(cli.json(&["resource", "show", ORDERS])["created_at"].is_string());
}

/// O-43: the global options are last, and each group has examples.
#[tokio::test(flavor = "multi_thread")]
async fn help_has_examples_and_puts_the_global_options_last() {
    let cli = Cli::new(Engine::Sqlite).await;
    let help = cli.run(&["client", "create", "--help"]).stdout;
    let position = |words: &str| help.find(words).unwrap_or_else(|| panic!("no {words:?}: {help}"));
    assert!(position("--grant") < position("Global options:"));
    assert!(position("Global options:") < position("--config"));
    assert!(position("--config") < position("Examples:"));
    assert!(position("possible values: client_secret_basic") > 0);
    assert!(!help.contains('`') && !help.contains('\u{1b}'), "{help}");
}

/// O-65: a completely rewritten chain is intact, but does not match the expected hash.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_log_does_not_match_the_noted_hash(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let noted = cli.json(&["audit", "verify"])["expect"].as_str().expect("a hash").to_owned();
    cli.json(&["resource", "create", INVOICES]);
    let run = cli.run(&["audit", "verify", "--expect", &noted]);
    assert_eq!(run.code, 0, "{run:?}");
    let other = Cli::new(engine).await;
    other.json(&["resource", "create", INVOICES]);
    let run = other.run(&["audit", "verify", "--expect", &noted]);
    assert!(run.code == 8 && run.stderr.contains("has the hash"), "{run:?}");
    let missing = format!("99{}", &noted[noted.find(':').expect("a colon")..]);
    let run = cli.run(&["audit", "verify", "--expect", &missing]);
    assert!(run.code == 8 && run.stderr.contains("event 99"), "{run:?}");
    let run = cli.run(&["audit", "verify", "--expect", "12"]);
    assert!(run.code == 2 && run.stderr.contains("SEQUENCE:HASH"), "{run:?}");
}

/// O-73, O-76: a client is shown with the conditions of its trusts, with what its methods lack, and
/// with relative times.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_shown_with_conditions_gaps_and_distances() {
    let cli = cli_with_client().await;
    cli.json(&["client", "create", "bare", "--no-secret"]);
    let run = cli.run(&["client", "show", "bare"]);
    assert!(run.stdout.contains("private_key_jwt (no public key and no trust yet)"), "{run:?}");
    let issuer = ["client", "trust", "add", "bare", "--issuer", "https://127.0.0.1:1"];
    let subject = ["--subject", "repo:acme/api:ref:refs/heads/main", "--audience", "aud"];
    let run = cli.run(&[&issuer[..], &subject].concat());
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("cannot be fetched from here"), "{run:?}");
    let run = cli.run(&["client", "show", "bare"]);
    assert!(run.stdout.contains("sub=repo:acme/api:ref:refs/heads/main aud=aud"), "{run:?}");
    assert!(!run.stdout.contains("yet"), "{run:?}");
    cli.json(&["client", "rotate-secret", "a", "--secret-ttl", "90d"]);
    let run = cli.run(&["client", "show", "a"]);
    assert!(run.stdout.contains("(in 90 d)") || run.stdout.contains("(in 89 d)"), "{run:?}");
}

/// O-71, O-72: a trust is tested once, unless that is disabled, and a dangerous one prints a
/// warning.
#[tokio::test(flavor = "multi_thread")]
async fn a_trust_in_pull_requests_is_warned_of() {
    let cli = cli_with_client().await;
    let add = ["client", "trust", "add", "a", "--issuer", "https://127.0.0.1:1", "--no-check"];
    let run =
        cli.run(&[&add[..], &["--audience", "x", "--subject", "repo:a/b:pull_request"]].concat());
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("every pull request"), "{run:?}");
    assert!(!run.stderr.contains("fetched"), "{run:?}");
}

/// Returns the completions of bash for the last word, with the script of `tokend completion`.
fn offered(cli: &Cli, words: &[&str]) -> Vec<String> {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let script = format!(
        "source <(tokend completion bash)
         function=$(complete -p tokend | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
         COMP_WORDS=({words}); COMP_CWORD={index}; COMP_TYPE=9
         $function tokend '{last}' '{before}'
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words = quoted.join(" "),
        index = words.len() - 1,
    );
    let folder = program().parent().expect("a folder").display().to_string();
    // The command of the test, in a shell that finds the program.
    let command = cli.command(&[]);
    let environment: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .env_clear()
        .envs(environment)
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .current_dir(cli.place.folder.path())
        .output()
        .expect("a shell");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).expect("text");
    stdout.lines().map(str::to_owned).collect()
}

/// O-42: bash completes enumerations, and the ids of clients and resources that exist.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn completion_offers_enumerations_and_existing_ids(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    for id in ["billing", "bookings", "shop"] {
        cli.json(&["client", "create", id]);
    }
    assert_eq!(offered(&cli, &["tokend", "client", "show", "b"]), ["billing", "bookings"]);
    assert_eq!(offered(&cli, &["tokend", "client", "trust", "add", "sh"]), ["shop"]);
    assert_eq!(offered(&cli, &["tokend", "token", "issue", "--client", "bi"]), ["billing"]);
    let resources = offered(&cli, &["tokend", "client", "grant", "shop", "--resource", ""]);
    assert!(resources.contains(&ORDERS.to_owned()), "{resources:?}");
    let methods = offered(&cli, &["tokend", "client", "update", "shop", "--auth-method", "p"]);
    assert_eq!(methods, ["private_key_jwt"]);
    assert_eq!(offered(&cli, &["tokend", "client", "list", "--state", "d"]), ["disabled"]);
    assert_eq!(
        offered(&cli, &["tokend", "serve", "--set", "token.life"]),
        ["token.lifetime=", "token.lifetime_max="]
    );
    // No id is suggested where a new one is created.
    assert_eq!(offered(&cli, &["tokend", "client", "create", "b"]), [""]);
}

/// O-42: completion leaves no files, and prints nothing without a database.
#[tokio::test(flavor = "multi_thread")]
async fn completion_leaves_no_file() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["client", "create", "billing"]);
    let names = || {
        let folder = std::fs::read_dir(cli.place.folder.path()).expect("a folder");
        let mut names: Vec<_> = folder.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    assert_eq!(offered(&cli, &["tokend", "client", "show", "b"]), ["billing"]);
    assert_eq!(names(), before);
    let missing = cli.place.folder.path().join("missing.db");
    let nowhere = Cli::at(cli.place.clone())
        .set("TOKEND_DATABASE_URL", &format!("sqlite://{}", missing.display()));
    assert_eq!(offered(&nowhere, &["tokend", "client", "show", "b"]), [""]);
    assert_eq!(names(), before);
}
