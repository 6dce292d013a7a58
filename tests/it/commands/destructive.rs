//! Destructive commands list what will be lost, and ask for confirmation.

use std::io::Write;
use std::process::{Command, Stdio};

use rstest::rstest;

use crate::support::process::{Cli, program};
use crate::support::{Engine, ORDERS, Server, TestClient};
use tokend::model::time::Clock;

struct Stage {
    cli: Cli,
    server: Server,
    client: TestClient,
}

impl Stage {
    /// A client `used` with a used secret and one scope, and a client `all` with all scopes.
    async fn new(engine: Engine) -> Self {
        let cli = Cli::new(engine).await;
        let server = Server::at(cli.place.clone(), Clock::System, &[]).await;
        server.resource(ORDERS, &["orders:read", "orders:write"]).await;
        let grant = format!("{ORDERS}=orders:read");
        let made = cli.json(&["client", "create", "used", "--grant", &grant]);
        cli.json(&["client", "create", "all", "--grant", ORDERS]);
        server.catch_up().await;
        let secret = made["client_secret"].as_str().expect("a secret").to_owned();
        let client = TestClient { id: "used".to_owned(), secret };
        server.ask(&client).await.token();
        server.app.write_usage().await.expect("written");
        Self { cli, server, client }
    }

    fn events(&self) -> usize {
        self.cli.json(&["audit", "list"]).as_array().expect("a list").len()
    }

    /// Runs a command at a terminal and types an answer.
    fn at_terminal(&self, arguments: &str, answer: &str) -> (i32, String) {
        let command = self.cli.command(&[]);
        let mut script = Command::new("script");
        script
            .args(["-qec", &format!("{} {arguments}", program().display()), "/dev/null"])
            .env_clear()
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.cli.place.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = script.spawn().expect("script, of util-linux");
        let mut input = child.stdin.take().expect("its input");
        writeln!(input, "{answer}").expect("an answer");
        let output = child.wait_with_output().expect("its end");
        drop(input);
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// O-4, W-17: without a terminal nothing is deleted unless `--yes` is given, whatever standard
/// input contains.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_a_destructive_command_needs_yes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    let before = stage.events();
    let cases: [(&[&str], &[&str]); 3] = [
        (
            &["client", "delete", "used"],
            &["used", "grant https://orders", "valid secret sec_", "last used 2", "1 time"],
        ),
        (
            &["resource", "update", ORDERS, "--remove-scope", "orders:read"],
            &["2 clients hold orders:read", "used (orders:read), last used 2", "all (all scopes)"],
        ),
        (
            &["resource", "delete", ORDERS],
            &["2 clients hold a grant", "used (orders:read), last used 2", "never used"],
        ),
    ];
    for (command, losses) in cases {
        for input in ["", "y\n", "n\n"] {
            let run = stage.cli.run_with(command, input);
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{command:?}: {run:?}");
            assert!(run.stderr.contains("--yes"), "{command:?}: {run:?}");
            for words in losses {
                assert!(run.stderr.contains(words), "no {words}: {run:?}");
            }
        }
    }
    assert_eq!(stage.events(), before);
    // An absent object is not found, and a harmless change does not ask.
    assert_eq!(stage.cli.run(&["client", "delete", "nope"]).code, 4);
    assert_eq!(stage.cli.run(&["resource", "delete", "https://nope.example"]).code, 4);
    let unknown = ["resource", "update", ORDERS, "--remove-scope", "nope"];
    assert_eq!(stage.cli.run(&unknown).code, 4);
    stage.cli.json(&["client", "delete", "all", "--yes"]);
    stage.cli.json(&["resource", "update", ORDERS, "--remove-scope", "orders:write"]);
    for (command, losses) in cases {
        if command[0] == "resource" {
            let run = stage.cli.run(&[command, &["--yes"]].concat());
            assert_eq!(run.code, 0, "{command:?}: {run:?}");
            assert!(run.stderr.contains("1 client holds"), "{losses:?}: {run:?}");
        }
    }
    let run = stage.cli.run(&["client", "delete", "used", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("valid secret sec_"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_a_destructive_command_asks_for_confirmation() {
    let stage = Stage::new(Engine::Sqlite).await;
    let (code, screen) = stage.at_terminal("client delete used", "n");
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("Delete client used? [y/N]"), "{screen}");
    assert!(screen.contains("valid secret sec_"), "{screen}");
    assert_eq!(stage.cli.run(&["client", "show", "used"]).code, 0);
    let (code, screen) = stage.at_terminal("client delete used", "y");
    assert_eq!(code, 0, "{screen}");
    assert_eq!(stage.cli.run(&["client", "show", "used"]).code, 4);
}

/// O-74: a command that waits for standard input states what it reads.
#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_a_command_prints_what_it_reads_from_standard_input() {
    let stage = Stage::new(Engine::Sqlite).await;
    for (command, what) in [
        ("token verify -", "Reading a token, or the whole answer of the token endpoint,"),
        ("client import -", "Reading "),
    ] {
        // The second line is Ctrl-D, which the terminal turns into the end of input.
        let (_, screen) = stage.at_terminal(command, "x\n\u{4}");
        assert!(screen.contains(what), "{command}: {screen}");
        assert!(screen.contains(" from standard input. Ctrl-D ends it."), "{command}: {screen}");
        let piped = stage.cli.run_with(&command.split(' ').collect::<Vec<_>>(), "x");
        assert!(!piped.stderr.contains("Ctrl-D"), "{command}: {piped:?}");
    }
}

/// O-25: a removed scope that is added again is not granted again.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_scope_is_taken_out_of_grants(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    let (cli, server) = (&stage.cli, &stage.server);
    let update = |option: &str, rest: &[&str]| {
        let command = ["resource", "update", ORDERS, option, "orders:read"];
        cli.json(&[&command[..], rest].concat())
    };
    update("--remove-scope", &["--yes"]);
    let shown = cli.json(&["client", "show", "used"]);
    assert_eq!(shown["grants"][0]["scopes"], serde_json::json!([]));
    assert_eq!(
        cli.json(&["client", "show", "all"])["grants"][0]["scopes"],
        serde_json::Value::Null
    );
    let events = cli.json(&["audit", "list"]);
    let changed = events
        .as_array()
        .expect("a list")
        .iter()
        .find(|event| event["action"] == "grant.changed" && event["subject"] == "client/used");
    assert!(changed.is_some(), "{events}");
    server.catch_up().await;
    let wanted = [("scope", "orders:read")];
    assert_eq!(server.ask_for(&stage.client, &wanted).await.status, 400);
    update("--scope", &[]);
    server.catch_up().await;
    assert_eq!(server.ask_for(&stage.client, &wanted).await.status, 400);
}
