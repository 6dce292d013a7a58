//! The README: every sample that can run here is run, from the text of the page.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;

use crate::support::foreign::libraries;
use crate::support::generated::read;
use crate::support::keys::{self, KeyPair};
use crate::support::postgres;
use crate::support::process::program;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const MAX_LINES: usize = 200;
/// The number of attempts, for changes that a running server follows within seconds.
const MAX_ATTEMPTS: usize = 100;

/// Returns the code blocks of a language on a page, in order.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = read(page);
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("```") else { continue };
        let body: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        if name == language {
            found.push(body.join("\n") + "\n");
        }
    }
    found
}

/// Runs the text of a page with its own `tokend dev`.
pub struct Stage {
    pub dev: crate::commands::first_minute::Dev,
    pub folder: PathBuf,
    database: String,
    environment: Vec<(&'static str, String)>,
}

impl Stage {
    pub async fn set() -> (Self, crate::support::process::Cli) {
        let cli = crate::commands::first_minute::new_dev().await;
        let dev = crate::commands::first_minute::Dev::start(&cli, &[]);
        let folder = cli.place.folder.path().to_owned();
        let secret = dev.secret();
        let bin = program().parent().expect("a folder").display().to_string();
        let environment = vec![
            ("PATH", format!("{bin}:{}", std::env::var("PATH").expect("a path"))),
            ("CLIENT_ID", "cl_demo".to_owned()),
            ("CLIENT_SECRET", secret),
        ];
        let database = postgres::database().await;
        (Self { dev, folder, database, environment }, cli)
    }

    /// Sets a variable for later commands.
    pub fn set_variable(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// Links the libraries of `tests/interop` where Node finds them.
    pub fn link_node_modules(&self) -> PathBuf {
        let libraries = libraries();
        std::os::unix::fs::symlink(
            libraries.join("node/node_modules"),
            self.folder.join("node_modules"),
        )
        .expect("the libraries; run: make test");
        libraries
    }

    /// Replaces the port, the database and the directory of settings of the page by those of this
    /// stage.
    fn adapted(&self, text: &str) -> String {
        text.replace("http://localhost:8080", &self.dev.issuer)
            .replace("postgres://tokend:PASSWORD@db.example.com/tokend", &self.database)
            .replace("/etc/tokend/", &format!("{}/", self.folder.display()))
    }

    /// Runs a block; returns its output.
    pub fn run(&self, program: &Path, arguments: &[&str], text: &str) -> String {
        let file = self.folder.join("snippet.mjs");
        std::fs::write(&file, self.adapted(text)).expect("a file");
        let Output { status, stdout, stderr } = Command::new(program)
            .args(arguments)
            .arg(&file)
            .current_dir(&self.folder)
            .env_remove("TOKEND_ISSUER")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("the interpreter");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{text}\n{stdout}{stderr}");
        stdout.into_owned()
    }

    /// Runs a block of shell commands.
    pub fn shell(&self, text: &str) -> String {
        self.run(Path::new("sh"), &["-eu"], text)
    }
}

/// Returns the id of the rejected request in an answer.
fn request_id(answer: &str) -> &str {
    let start = answer.find("req_").expect("a request id");
    let is_of_id = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    answer[start..].split(|letter| !is_of_id(letter)).next().expect("a request id")
}

/// W-46: requests, answers, and an error with its explanation.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_snippet_that_can_run_here_does_what_it_says() {
    let (stage, _cli) = Stage::set().await;
    let [token, wrong_secret, _, production] = &blocks("README.md", "sh")[..] else {
        panic!("other blocks than expected")
    };
    assert!(stage.shell(token).contains("\"access_token\""));
    assert!(stage.shell(production).contains("configuration is valid"));

    let libraries = stage.link_node_modules();
    let [get] = &blocks("README.md", "js")[..] else { panic!("other snippets than expected") };
    assert!(stage.run(Path::new("node"), &[], get).starts_with("eyJ"));
    let [get] = &blocks("README.md", "python")[..] else { panic!("other snippets than expected") };
    assert!(stage.run(&libraries.join("python/bin/python"), &[], get).starts_with("eyJ"));

    // The rejection and its explanation equal those on the page, except id and time.
    let [_, shown] = &blocks("README.md", "json")[..] else { panic!("other samples") };
    let answer = stage.shell(wrong_secret);
    let id = request_id(&answer);
    assert_eq!(answer.trim(), shown.trim().replace(request_id(shown), id));
    let console = blocks("README.md", "console");
    let explained = console.iter().find(|block| block.contains("explain")).expect("an explain");
    let (command, expected) = explained.split_once('\n').expect("a command and its output");
    let command = command.trim_start_matches("$ ").replace(request_id(command), id);
    let told = explanation(&stage, &command);
    let without_time = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("at ") && !line.contains("req_"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_time(&told), without_time(expected));
}

/// Runs `explain` until the server has written the rejection.
fn explanation(stage: &Stage, command: &str) -> String {
    for _ in 0..MAX_ATTEMPTS {
        let told = stage.shell(&format!("{command} || true"));
        if told.contains("reason") {
            return told;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{command} does not find the rejection")
}

/// Runs the two commands of the operator and the lines of the job, with a token like that of
/// GitHub.
#[tokio::test(flavor = "multi_thread")]
async fn the_workload_without_a_secret_gets_a_token() {
    let (mut stage, _cli) = Stage::set().await;
    let issuer = stage.dev.issuer.clone();
    let key = KeyPair::new(Algorithm::Rs256);
    std::fs::write(stage.folder.join("github.json"), keys::set(&[&key.jwk])).expect("a file");
    let adapted = |text: &str| text.replace("https://id.example.com", &issuer);
    let trust = adapted(&blocks("README.md", "sh")[2]);
    stage.shell(&trust.replace(GITHUB, &format!("{GITHUB} --jwks github.json")));

    let now = Clock::System.now().0;
    let token = key.sign(&json!({
        "iss": GITHUB, "sub": "repo:acme/api:environment:production", "aud": issuer,
        "exp": now + 300, "iat": now,
    }));
    let url = serve_token(&token);
    stage.set_variable("ACTIONS_ID_TOKEN_REQUEST_URL", &url);
    stage.set_variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of the job");
    let job = blocks("README.md", "yaml").concat();
    assert_eq!(job.lines().count(), 5, "five lines are promised");
    let script = adapted(job.split_once("- run: |\n").expect("a script").1);
    for _ in 0..MAX_ATTEMPTS {
        let output = stage.shell(&script);
        if output.contains("\"access_token\"") {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the workload never gets a token: {}", stage.shell(&script));
}

/// Serves a token like the runner of GitHub Actions; returns the URL.
fn serve_token(token: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let body = json!({ "value": token }).to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4096];
            let length = stream.read(&mut head).expect("a request");
            let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
            assert!(head.contains("&audience=") && head.contains("bearer of the job"), "{head}");
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
                .expect("an answer");
        }
    });
    format!("http://{address}/token?api-version=2.0")
}

/// The screen in the README equals the screen of `tokend dev`, except for values that differ in
/// each run.
#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_the_real_one() {
    let (stage, _cli) = Stage::set().await;
    let normal = |screen: &str| {
        let screen = screen.replace(&stage.dev.issuer, "http://localhost:8080");
        let words = |line: &str| {
            line.split(' ')
                .map(|word| match word {
                    word if word.starts_with("'cl_demo:tkd_") => "'cl_demo:tkd_…'",
                    word if word.contains("/console/#") => "http://127.0.0.1:8081/console/#…",
                    word if word.ends_with('…') => "…",
                    // The schema's version increases with each migration.
                    word if word.parse::<u32>().is_ok() => "1",
                    word if word.starts_with('(') && word[1..].parse::<u32>().is_ok() => "(1",
                    word => word,
                })
                .collect::<Vec<_>>()
                .join(" ")
        };
        screen.trim_matches('\n').lines().map(words).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(normal(&blocks("README.md", "text")[0]), normal(&stage.dev.screen));
}

/// A new user reads one page, and needs two commands and the right toolchain (O-19).
#[test]
fn the_page_is_short_and_names_the_toolchain() {
    let text = read("README.md");
    assert!(text.lines().count() <= MAX_LINES, "{} lines", text.lines().count());
    assert_eq!(blocks("README.md", "console")[0], "$ cargo run -- dev\n$ make test\n");
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(text.contains(&format!("Rust {version} or newer")), "{version}");
    for method in ["`make install PREFIX=$HOME/.local`", "[Install](docs/operations/install.md)"] {
        assert!(text.contains(method), "{method}");
    }
    assert!(read("Dockerfile").contains(&format!("FROM rust:{version}-")), "{version}");
}
