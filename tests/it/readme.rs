//! The README keeps its word: what can run here is run, taken from the text itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tokend::config::DEFAULTS;

use crate::support::postgres;
use crate::support::process::program;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("the README")
}

/// The code blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
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

/// Runs README text against a `tokend dev` of its own.
struct Stage {
    dev: crate::first_minute::Dev,
    folder: PathBuf,
    port: u16,
    database: String,
    environment: Vec<(&'static str, String)>,
}

impl Stage {
    async fn set() -> (Self, crate::support::process::Cli) {
        let cli = crate::first_minute::new_dev().await;
        let port = crate::support::process::free_port();
        let dev = crate::first_minute::Dev::start(&cli, port, &[]);
        let folder = cli.place.folder.path().to_owned();
        let secret = dev.secret();
        let bin = program().parent().expect("a folder").display().to_string();
        let environment = vec![
            ("PATH", format!("{bin}:{}", std::env::var("PATH").expect("a path"))),
            ("CLIENT_ID", "cl_demo".to_owned()),
            ("CLIENT_SECRET", secret),
        ];
        let database = postgres::database().await;
        (Self { dev, folder, port, database, environment }, cli)
    }

    /// The text with this stage's port and database in place of the README's.
    fn adapted(&self, text: &str) -> String {
        text.replace("localhost:8080", &format!("localhost:{}", self.port))
            .replace("postgres://tokend:PASSWORD@db.example.com/tokend", &self.database)
    }

    fn run(&self, program: &Path, arguments: &[&str], text: &str) -> String {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_snippet_that_can_run_here_does_what_it_says() {
    let (mut stage, _cli) = Stage::set().await;
    let shell = Path::new("sh");
    let outputs: Vec<_> =
        blocks("sh").iter().map(|text| stage.run(shell, &["-eu"], text)).collect();
    let said = outputs.join("\n");
    assert_eq!(said.matches("\"access_token\"").count(), 2, "{said}");
    for words in [
        "valid   ",
        "time checks pass",
        "Billing worker",
        "intact",
        "IMPORTED",
        "schema",
        "configuration is valid",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    // The rejection that the README shows is the one that the server gives.
    let shown = blocks("json").pop().expect("a rejection");
    assert!(said.contains(shown.trim()), "{shown} is not in {said}");

    let token = said
        .split("\"access_token\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    stage.environment.push(("TOKEN", token.to_owned()));
    let libraries = root().join("target/interop");
    std::os::unix::fs::symlink(
        libraries.join("node/node_modules"),
        stage.folder.join("node_modules"),
    )
    .expect("the libraries; run: make test");
    let [get, verify] = &blocks("js")[..] else { panic!("other snippets than expected") };
    assert!(stage.run(Path::new("node"), &[], get).starts_with("eyJ"));
    assert_eq!(stage.run(Path::new("node"), &[], verify), "cl_demo demo:read\n");
    let python = libraries.join("python/bin/python");
    let [get, verify] = &blocks("python")[..] else { panic!("other snippets than expected") };
    assert!(stage.run(&python, &[], get).starts_with("eyJ"));
    assert_eq!(stage.run(&python, &[], verify), "cl_demo demo:read\n");
    let issuer = format!("http://localhost:{}", stage.port);
    let secret = stage.dev.secret();
    let token = crate::readme_rust::access_token(&issuer, "cl_demo", &secret);
    assert!(token.await.expect("a token").starts_with("eyJ"));
}

/// The Rust snippet is the one that the test above has called.
#[test]
fn the_rust_snippet_is_the_one_that_compiles() {
    let source = std::fs::read_to_string(root().join("tests/it/readme_rust.rs")).expect("the file");
    let snippet = &blocks("rust")[0];
    assert!(source.contains(snippet.trim_start_matches("async fn")), "{snippet}");
}

/// The screen in the README is the screen of `tokend dev`, but for what differs each time.
#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_the_real_one() {
    let (stage, _cli) = Stage::set().await;
    let normal = |screen: &str| {
        let screen = screen.replace(&stage.port.to_string(), "8080");
        let words = |line: &str| {
            line.split(' ')
                .map(|word| match word {
                    word if word.starts_with("'cl_demo:tkd_") => "'cl_demo:tkd_…'",
                    word if word.ends_with('…') => "…",
                    // The schema's version grows with each migration.
                    word if word.parse::<u32>().is_ok() => "1",
                    word if word.starts_with('(') && word[1..].parse::<u32>().is_ok() => "(1",
                    word => word,
                })
                .collect::<Vec<_>>()
                .join(" ")
        };
        screen.trim_matches('\n').lines().map(words).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(normal(&blocks("text")[0]), normal(&stage.dev.screen));
}

/// C-03, C-22, C-31, G-06: sizes and defaults are documented, truly, in samples that parse.
#[tokio::test(flavor = "multi_thread")]
async fn the_sizes_and_samples_in_the_readme_are_true() {
    let cli = crate::support::process::Cli::new(crate::support::Engine::Sqlite).await;
    let made = cli.json(&["client", "create", "--generate-id"]);
    let length = |name: &str| made[name].as_str().map_or(0, str::len);
    let text = readme();
    let sizes = format!(
        "Minted ids have {} characters and secrets {}",
        length("client_id"),
        length("client_secret")
    );
    assert!(text.contains(&sizes), "{sizes}");
    assert!(text.contains("Without `scope` you get every scope that is granted."));
    for sample in blocks("json") {
        serde_json::from_str::<serde_json::Value>(&sample)
            .expect("JSON without typographic quotes");
    }
}

/// The table of settings is the one that the defaults make.
#[test]
fn the_table_of_settings_is_complete() {
    let mut table = String::from("| Setting | Environment | Default |\n|---|---|---|\n");
    let mut section = String::new();
    for line in DEFAULTS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((name, value)) = line.split_once(" = ") {
            let key = format!("{section}{name}");
            let variable = tokend::config::sources::variable_of(&key);
            let value = value.replace(['"', '[', ']'], "");
            let value = if value.is_empty() { String::new() } else { format!("`{value}`") };
            table.push_str(&format!("| `{key}` | `{variable}` | {value} |\n"));
        }
    }
    assert!(readme().contains(&table), "put this into the README:\n{table}");
}
