//! The program, run in the same way as by operators.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::eventually::eventually;
use crate::{Engine, Place, log};

/// The message of the log line with the addresses of a server.
pub const SERVES: &str = "tokend serves tokens";

/// The number of servers of this process, for the names of their logs.
static SERVERS: AtomicUsize = AtomicUsize::new(0);

/// Returns the path of the program under test. Cargo passes it to integration tests and benchmarks.
/// The benchmarks of the Makefile set it to the release program, because Cargo builds theirs with
/// another profile.
pub fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = std::env::var_os("TEST_RELEASE_PROGRAM");
        let path = path.or_else(|| std::env::var_os("CARGO_BIN_EXE_tokend"));
        path.expect("cargo sets CARGO_BIN_EXE_tokend; without cargo, set it to the program").into()
    });
    &PROGRAM
}

/// The command line for a place, without the environment of this process.
pub struct Cli {
    pub place: Arc<Place>,
    settings: Vec<(String, String)>,
    /// The program, if it is not the one under test.
    program: Option<PathBuf>,
    /// The program that starts tokend, with its arguments; empty if there is none.
    starter: Vec<String>,
}

impl Cli {
    /// Creates an empty database with the newest schema.
    pub async fn new(engine: Engine) -> Self {
        let cli = Self::without_database(engine).await;
        assert_eq!(cli.run(&["migrate"]).code, 0);
        cli
    }

    /// Uses a place in which nothing has been created yet.
    pub async fn without_database(engine: Engine) -> Self {
        Self::at(Arc::new(Place::new(engine).await))
    }

    pub fn at(place: Arc<Place>) -> Self {
        let settings = place.environment();
        Self { place, settings, program: None, starter: Vec::new() }
    }

    /// Returns a copy with another version of the program.
    pub fn of_version(&self, program: PathBuf) -> Self {
        let (place, settings) = (self.place.clone(), self.settings.clone());
        Self { place, settings, program: Some(program), starter: Vec::new() }
    }

    /// Returns a copy with the program under test.
    pub fn of_this_version(&self) -> Self {
        self.of_version(program().to_owned())
    }

    /// Adds a setting.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Removes a setting.
    pub fn unset(mut self, name: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self
    }

    /// Removes the settings of the database.
    pub fn unset_database(mut self) -> Self {
        self.settings.retain(|(name, _)| !Place::OF_DATABASE.contains(&name.as_str()));
        self
    }

    /// Removes the settings of the database, and adds those of this administrator of the server at
    /// these addresses.
    pub fn remote(self, base: &str, management: &str, administrator: &str) -> Self {
        self.unset_database()
            .set("TOKEND_SERVER", management)
            .set("TOKEND_ISSUER_URL", base)
            .set("TOKEND_ADMIN_CLIENT_ID", administrator)
    }

    /// Returns the settings as environment variables.
    pub fn environment(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Lets another program start tokend.
    pub fn started_by(mut self, starter: &[&str]) -> Self {
        self.starter = starter.iter().map(ToString::to_string).collect();
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let program = self.program.as_deref().unwrap_or_else(|| program());
        let mut command = match self.starter.split_first() {
            Some((starter, its_arguments)) => {
                let mut command = Command::new(starter);
                command.args(its_arguments).arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .args(arguments)
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.place.folder.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }

    /// Runs a command that reads standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut stdin = child.stdin.take().expect("its input");
        // A command that does not read its input may have ended already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        Run::of(child.wait_with_output().expect("its output"))
    }

    /// Runs a command that must succeed, with JSON as its output.
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.json_with(arguments, "")
    }

    /// Like [`Self::json`], with text on standard input.
    pub fn json_with(&self, arguments: &[&str], input: &str) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.extend(["-o", "json"]);
        let run = self.run_with(&arguments, input);
        assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
        serde_json::from_str(&run.stdout).expect("JSON")
    }

    /// Returns the log level: everything, unless a test sets another one or a file.
    fn log_level(&self) -> Option<&str> {
        let set = |wanted: &str| {
            let found = self.settings.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        match set("TOKEND_LOG_LEVEL_FILE") {
            Some(_) => None,
            None => Some(set("TOKEND_LOG_LEVEL").unwrap_or("trace")),
        }
    }

    /// Runs `tokend serve` until it is ready, on free ports, with its address as the issuer.
    pub async fn serve(&self) -> Process {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        self.serve_with(&[("TOKEND_ISSUER", "http://127.0.0.1:0")], any).await
    }

    /// Like [`Self::serve`], at this address and with the issuer of the settings.
    pub async fn serve_at(&self, address: SocketAddr) -> Process {
        self.serve_with(&[], address).await
    }

    async fn serve_with(&self, settings: &[(&str, &str)], address: SocketAddr) -> Process {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let log = self.place.folder.path().join(format!("serve-{number}.log"));
        let file = std::fs::File::create(&log).expect("a log");
        let child = self
            .command(&["serve"])
            .envs(settings.iter().copied())
            .env("TOKEND_LISTEN", address.to_string())
            .env("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:0")
            .envs(self.log_level().map(|level| ("TOKEND_LOG_LEVEL", level)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the program");
        let mut process = Process { base: String::new(), management: String::new(), child, log };
        process.until_ready().await;
        process
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// A running `tokend serve`.
pub struct Process {
    pub base: String,
    /// The address of the management listener.
    pub management: String,
    pub child: Child,
    log: PathBuf,
}

impl Process {
    /// Waits for the log line with its addresses, and until it is ready.
    async fn until_ready(&mut self) {
        let Self { child, log, .. } = self;
        let line = eventually("a line with the addresses", async || {
            let text = std::fs::read_to_string(&*log).expect("the log");
            let status = child.try_wait().expect("a status");
            assert!(status.is_none(), "it ended with {status:?}: {text}");
            text.lines().find(|line| line.contains(SERVES)).map(str::to_owned)
        })
        .await;
        self.base = format!("http://{}", address_in(&line, "listen"));
        self.management = format!("http://{}", address_in(&line, "management"));
        // The public listener may speak TLS.
        let (http, url) = (crate::client(), format!("{}/readyz", self.management));
        eventually("readiness", async || {
            let answer = http.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status() == 200).then_some(())
        })
        .await;
    }

    /// Returns the log, once it contains a text: a thread of its own writes the log.
    pub async fn log_with(&self, text: &str) -> String {
        eventually(text, async || Some(self.log()).filter(|log| log.contains(text))).await
    }

    /// Returns its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log")
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(status.success());
    }

    /// Waits until it ends and returns the exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let child = &mut self.child;
        let ended =
            eventually("the end of the server", async || child.try_wait().expect("a status"));
        ended.await.code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            log::assert_text_is_silent(&self.log(), &[]);
        }
    }
}

/// Returns the address in a field of a log line, in JSON or in text.
pub fn address_in(line: &str, name: &str) -> SocketAddr {
    let names = [format!("\"{name}\":\""), format!(" {name}=")];
    let rest = names.iter().find_map(|name| line.split_once(name.as_str())).expect("an address").1;
    let end = rest.find(['"', ' ']).unwrap_or(rest.len());
    rest[..end].parse().expect("an address")
}
