//! The commands of a page and the scripts of `docs/examples`, run by a shell.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::{Cli, Run, program};
use super::{Place, Server, repository};

/// A shell with the program on its PATH.
pub struct Script {
    pub folder: PathBuf,
    environment: Vec<(String, String)>,
    path: String,
    urls: Vec<(&'static str, String)>,
    /// Deletes the folder, if it belongs to this shell.
    _own: Option<TempDir>,
}

impl Script {
    fn new(folder: PathBuf, environment: Vec<(String, String)>) -> Self {
        let bin = program().parent().expect("a folder").display().to_string();
        let path = format!("{bin}:{}", std::env::var("PATH").expect("a path"));
        Self { folder, environment, path, urls: Vec::new(), _own: None }
    }

    /// Returns a shell in the folder and with the settings of a command line.
    pub fn of_cli(cli: &Cli) -> Self {
        Self::new(cli.place.folder.path().to_owned(), cli.environment().to_vec())
    }

    /// Returns a shell for a server, in its own folder.
    pub fn of(server: &Server) -> Self {
        let own = tempfile::tempdir().expect("a folder");
        // Pages refer to the examples by their paths in the repository.
        let docs = repository().join("docs");
        std::os::unix::fs::symlink(docs, own.path().join("docs")).expect("a link");
        let script = Self::new(own.path().to_owned(), server.place.environment());
        Self { _own: Some(own), ..script }.with_urls(&server.base, &server.management)
    }

    /// Replaces the addresses on a page by these addresses of a server.
    pub fn with_urls(mut self, base: &str, management: &str) -> Self {
        self.urls = vec![
            ("http://localhost:8080", base.to_owned()),
            ("http://localhost:8081", management.to_owned()),
        ];
        self
    }

    /// Removes the settings of the database.
    #[must_use]
    pub fn without_database(mut self) -> Self {
        self.environment.retain(|(name, _)| !Place::OF_DATABASE.contains(&name.as_str()));
        self
    }

    /// Sets a variable.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Searches programs in this folder first.
    pub fn with_programs(mut self, folder: &Path) -> Self {
        self.path = format!("{}:{}", folder.display(), self.path);
        self
    }

    /// Copies an example into the folder.
    pub fn copy_example(&self, name: &str) {
        let example = repository().join("docs/examples").join(name);
        for entry in std::fs::read_dir(example).expect("an example") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            std::fs::copy(&path, self.folder.join(name)).expect("copied");
        }
    }

    /// Returns the text of a file in the folder.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).expect("a file")
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("written");
    }

    /// Runs a script, which may fail.
    pub fn try_run(&self, text: &str) -> Run {
        let mut text = text.to_owned();
        for (on_the_page, url) in &self.urls {
            text = text.replace(on_the_page, url);
        }
        let output = Command::new("sh")
            .args(["-euc", &text])
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("PATH", &self.path)
            .output()
            .expect("a shell");
        Run::of(output)
    }

    /// Runs a script that must succeed.
    pub fn done(&self, text: &str) -> Run {
        let run = self.try_run(text);
        assert_eq!(run.code, 0, "{text}\n{}{}", run.stdout, run.stderr);
        run
    }

    /// Like [`Self::done`]; returns the standard output.
    pub fn run(&self, text: &str) -> String {
        self.done(text).stdout
    }
}
