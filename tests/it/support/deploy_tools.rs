//! The tools that `.ci/install` installs to check the files of `deploy/`.

use std::process::{Command, Output};

use super::foreign::assert_allowed;
use super::repository;

/// Returns `helm`, or a program of the Python tools.
///
/// # Panics
///
/// If it is not installed, or if this run allows a Rust toolchain alone.
pub fn deploy_tool(name: &str) -> Command {
    assert_allowed("tools for the files of deploy/");
    let folder = repository().join("target/deploy-tools");
    let path = match name {
        "helm" => folder.join("helm"),
        name => folder.join("python/bin").join(name),
    };
    assert!(path.exists(), "{} is not installed; run: make test", path.display());
    let mut command = Command::new(path);
    // helm stores its files only here.
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(name, folder.join("helm-home"));
    }
    command.current_dir(repository());
    command
}

/// Returns the standard output of a command that must succeed.
pub fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program");
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{command:?}: {stdout}{}", String::from_utf8_lossy(&stderr));
    stdout
}
