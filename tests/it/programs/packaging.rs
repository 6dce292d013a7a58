//! The image without a container engine: the release program under the conditions of the
//! Dockerfile, with another uid, only the environment of the image, and a tree in which only the
//! data directory is writable.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::eventually::eventually;
use crate::support::process::program;
use crate::support::reserved_port::ReservedPort;
use crate::support::{CLIENT_CREDENTIALS, ORDERS, client};

const UID: u32 = 65532;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the words after an instruction of the Dockerfile, with continued lines joined.
fn instructions(name: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("Dockerfile")).expect("the Dockerfile");
    text.replace("\\\n", " ")
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .map(|rest| rest.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn the_image_runs_without_rights_and_has_a_health_check() {
    assert_eq!(instructions("USER"), [format!("{UID}:{UID}")]);
    assert_eq!(instructions("ENTRYPOINT"), ["[\"/tokend\"]"]);
    assert_eq!(instructions("VOLUME"), ["[\"/data\"]"]);
    assert!(instructions("HEALTHCHECK")[0].ends_with("CMD [\"/tokend\", \"health\"]"));
    assert_eq!(instructions("FROM").len(), 2, "more or less than two stages");
    let env = instructions("ENV").join(" ");
    assert!(
        env.contains("TOKEND_DATA_DIR=/data") && env.contains("TOKEND_LISTEN=0.0.0.0:"),
        "{env}"
    );
}

/// A tree like in the image: the program, which no user may change, and `data`.
struct Image {
    folder: tempfile::TempDir,
    port: ReservedPort,
    management: ReservedPort,
}

impl Image {
    fn create() -> Self {
        let program = std::env::var_os("TEST_RELEASE_PROGRAM");
        let program = program.expect("the path of a release program; run: make test-package");
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder");
        fs::copy(&program, folder.path().join("tokend")).expect("the program");
        chown(&data, Some(UID), Some(UID)).expect("root, who alone can give a folder away");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("permissions");
        for path in [folder.path().join("tokend"), folder.path().to_owned()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o555)).expect("permissions");
        }
        Self { folder, port: ReservedPort::new(), management: ReservedPort::new() }
    }

    /// Returns the program with only the environment of the image.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65532", "--regid=65532", "--clear-groups", "--no-new-privs"])
            .arg(self.folder.path().join("tokend"))
            .args(arguments)
            .env_clear()
            .current_dir(self.folder.path());
        for pair in instructions("ENV").join(" ").split(' ') {
            let (name, value) = pair.split_once('=').expect("a pair");
            // Unchanged, except for the place and the ports, which other tests use too.
            let value = match name {
                "TOKEND_DATA_DIR" => self.folder.path().join("data").display().to_string(),
                "TOKEND_LISTEN" => value.replace("8080", &self.port.number().to_string()),
                "TOKEND_MANAGEMENT_LISTEN" => {
                    value.replace("8081", &self.management.number().to_string())
                }
                _ => value.to_owned(),
            };
            command.env(name, value);
        }
        command.env("TOKEND_ISSUER", format!("http://localhost:{}", self.port.number()));
        command
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.command(arguments).args(["-o", "json"]).output().expect("the program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn everything_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(everything_below(&path));
        }
        found.push(path);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root and a release build: make test-package"]
async fn the_release_program_serves_as_another_user_in_a_read_only_tree() {
    let image = Image::create();
    let serve = image.command(&["serve"]).stderr(Stdio::null()).spawn().expect("the program");
    let _serve = Running(serve);
    eventually("a health check that succeeds", async || {
        let output = image.command(&["health"]).output().expect("the program");
        output.status.success().then_some(())
    })
    .await;
    image.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = image.json(&["client", "create", "worker", "--grant", ORDERS]);
    let text = |name: &str| made[name].as_str().expect("a text");
    eventually("a token", async || {
        let answer = client()
            .post(format!("http://{}/v1/oauth/token", image.port.address))
            .basic_auth(text("client_id"), Some(text("client_secret")))
            .form(&CLIENT_CREDENTIALS)
            .send()
            .await
            .expect("an answer");
        (answer.status() == 200).then_some(())
    })
    .await;
    let data = image.folder.path().join("data");
    for path in everything_below(image.folder.path()) {
        let owner = fs::metadata(&path).expect("a file").uid();
        assert_eq!(owner == UID, path.starts_with(&data), "{}", path.display());
    }
    assert!(data.join("tokend.db").exists() && data.join("master.key").exists());
}

/// `make install` respects `DESTDIR` and `PREFIX`, and needs no other directory.
#[test]
fn the_program_installs_into_a_prefix() {
    let stage = tempfile::tempdir().expect("a folder");
    let installed = Command::new("make")
        .args(["-s", "install-files", "PREFIX=/opt/tokend"])
        .arg(format!("DESTDIR={}", stage.path().display()))
        .arg(format!("PROGRAM={}", program().display()))
        .current_dir(root())
        .output()
        .expect("make");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let prefix = stage.path().join("opt/tokend");
    let mut files: Vec<_> = everything_below(stage.path())
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| path.strip_prefix(&prefix).expect("below the prefix").display().to_string())
        .collect();
    files.sort();
    let (pages, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.starts_with("share/man/man1/tokend"));
    for page in ["share/man/man1/tokend.1", "share/man/man1/tokend-client-create.1"] {
        assert!(pages.iter().any(|file| file == page), "{page} is not in {pages:?}");
    }
    let expected = [
        "bin/tokend",
        "share/bash-completion/completions/tokend",
        "share/fish/vendor_completions.d/tokend.fish",
        "share/tokend/LICENSE",
        "share/tokend/systemd/tokend.service",
        "share/tokend/systemd/tokend.socket",
        "share/tokend/systemd/tokend.sysusers",
        "share/tokend/tokend.toml",
        "share/zsh/site-functions/_tokend",
    ];
    assert_eq!(files, expected);
    for (file, expected) in [("bin/tokend", 0o755), ("share/tokend/tokend.toml", 0o644)] {
        let mode = fs::metadata(prefix.join(file)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, expected, "{file}");
    }
    for shell in [expected[1], expected[2], expected[8]] {
        let script = fs::read_to_string(prefix.join(shell)).expect("a script");
        assert!(script.contains("check-config"), "{shell} completes no command");
    }
    let unit = prefix.join("share/tokend/systemd/tokend.service");
    let unit = fs::read_to_string(unit).expect("a unit");
    assert!(unit.contains("\nExecStart=/opt/tokend/bin/tokend serve\n"), "{unit}");
    let shown = Command::new(prefix.join("bin/tokend"))
        .args(["config", "show", "--config"])
        .arg(prefix.join("share/tokend/tokend.toml"))
        .env_clear()
        .current_dir(stage.path())
        .output()
        .expect("the program");
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
}

/// `make dist-archive` packs the same bytes at any time and for any user.
#[test]
fn the_archive_of_a_release_is_reproducible() {
    let copy = tempfile::tempdir().expect("a folder");
    // The script writes to target/ of its own folder.
    for path in [".ci", "config", "deploy"] {
        let copied = Command::new("cp").arg("-R").arg(root().join(path)).arg(copy.path()).status();
        assert!(copied.expect("cp").success());
    }
    for path in ["Cargo.toml", "Makefile", "LICENSE", "README.md", "CHANGELOG.md"] {
        fs::copy(root().join(path), copy.path().join(path)).expect("a copy");
    }
    let pack = |umask: &str| {
        let run = Command::new("sh")
            .arg("-c")
            .arg(format!("umask {umask}; exec make -s dist-archive PROGRAM=\"$1\""))
            .arg("sh")
            .arg(program())
            .env("SOURCE_DATE_EPOCH", "1790000000")
            .current_dir(copy.path())
            .output()
            .expect("make");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let dist = copy.path().join("target/dist");
        let sums = fs::read_to_string(dist.join("SHA256SUMS")).expect("checksums");
        (sums, dist)
    };
    let (first, _) = pack("022");
    let (second, dist) = pack("077");
    assert_eq!(first, second);
    let (_, name) = first.trim().split_once("  ").expect("a checksum and a name");
    let listed = Command::new("tar").arg("-tzvf").arg(dist.join(name)).output().expect("tar");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for file in [
        "/bin/tokend",
        "/share/man/man1/tokend.1",
        "/share/tokend/tokend.toml",
        "/share/tokend/systemd/tokend.service",
        "/deploy/proxy/nginx.conf",
        "/LICENSE",
    ] {
        assert!(listed.lines().any(|line| line.ends_with(file)), "{file} is not in {listed}");
    }
    for line in listed.lines() {
        let is_roots = line.contains(" 0/0 ") && line.contains(" 2026-09-2");
        assert!(is_roots, "{line}");
    }
}
