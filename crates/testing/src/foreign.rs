//! Third-party programs that a test runs with the configuration of a page.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::repository;

/// Returns the folder in which `.ci/install` puts the libraries of other languages.
///
/// # Panics
///
/// If they are not installed, or if this run allows only a Rust toolchain.
pub fn libraries() -> PathBuf {
    assert_allowed("libraries of other languages");
    let path = repository().join("target/interop");
    assert!(
        path.join("package.json").exists(),
        "{} is not complete; run: make test",
        path.display()
    );
    path
}

/// Fails in `make test-fast`, which must not depend on other installed programs.
pub fn assert_allowed(needed: &str) {
    let is_forbidden = std::env::var_os("TEST_FAST").is_some();
    assert!(!is_forbidden, "this test needs {needed}: add its name to tests/needs.txt");
}

/// Returns the path of a script or a program of the Python libraries, such as `python` or `envoy`.
pub fn python_program(name: &str) -> PathBuf {
    let path = libraries().join("python/bin").join(name);
    assert!(path.exists(), "{} is not installed; run: make test", path.display());
    path
}

/// A running program. When this value is dropped, the program gets SIGTERM and then SIGKILL.
pub struct Foreign {
    child: Child,
    log: PathBuf,
}

impl Foreign {
    /// Starts a program; its output goes to a file in `folder`.
    pub fn start(command: &mut Command, folder: &Path) -> Self {
        let log = folder.join("program.log");
        let file = std::fs::File::create(&log).expect("a log");
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}; run: make test"));
        Self { child, log }
    }

    /// Waits until `is_ready` returns true.
    ///
    /// # Panics
    ///
    /// If the program ends first, or is not ready after a minute.
    pub async fn until(&mut self, is_ready: impl AsyncFn() -> bool) {
        let started = Instant::now();
        while started.elapsed() < Duration::from_mins(1) {
            if is_ready().await {
                return;
            }
            let ended = self.child.try_wait().expect("a status");
            assert!(ended.is_none(), "it has ended: {ended:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not ready: {}", self.log());
    }

    /// Waits until the program accepts connections on this port.
    pub async fn until_listening(&mut self, port: u16) {
        self.until(async || TcpStream::connect(("localhost", port)).is_ok()).await;
    }

    /// Returns the output of the program.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Foreign {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the program said")]
    fn drop(&mut self) {
        // A program with child processes ends them only if it is asked to stop.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        }
        for _ in 0..50 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the log of the program:\n{}", self.log());
        }
    }
}
