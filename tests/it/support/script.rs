//! The commands of a page and the scripts of `docs/examples`, run by a shell in a folder of their
//! own.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::process::{Run, program};
use super::{Place, Server, repository};

/// A shell next to a server, with the program on its PATH.
pub struct Script {
    pub folder: TempDir,
    environment: Vec<(String, String)>,
    path: String,
    urls: Vec<(&'static str, String)>,
}

impl Script {
    /// A shell whose commands use the database of this place.
    pub fn at(place: &Place) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Pages name the examples by their paths in the repository.
        let docs = repository().join("docs");
        std::os::unix::fs::symlink(docs, folder.path().join("docs")).expect("a link");
        let bin = program().parent().expect("a folder").display().to_string();
        let path = format!("{bin}:{}", std::env::var("PATH").expect("a path"));
        Self { folder, environment: place.environment(), path, urls: Vec::new() }
    }

    /// The same, with the addresses of this server in place of those of the page.
    pub fn of(server: &Server) -> Self {
        let urls = vec![
            ("http://localhost:8080", server.base.clone()),
            ("http://localhost:8081", server.management.clone()),
        ];
        Self { urls, ..Self::at(&server.place) }
    }

    /// The same on a machine that has no database.
    #[must_use]
    pub fn without_database(mut self) -> Self {
        let of_database = ["TOKEND_DATA_DIR", "TOKEND_DATABASE_URL", "TOKEND_MASTER_KEY"];
        self.environment.retain(|(name, _)| !of_database.contains(&name.as_str()));
        self
    }

    /// The same with a variable.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, which finds programs in this folder first.
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
            std::fs::copy(&path, self.folder.path().join(name)).expect("copied");
        }
    }

    /// The text of a file in the folder.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// Runs a text, whatever becomes of it.
    pub fn try_run(&self, text: &str) -> Run {
        let mut text = text.to_owned();
        for (on_the_page, url) in &self.urls {
            text = text.replace(on_the_page, url);
        }
        let output = Command::new("sh")
            .args(["-euc", &text])
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("PATH", &self.path)
            .output()
            .expect("a shell");
        Run::of(output)
    }

    /// Runs a text that must succeed; gives what it printed.
    pub fn run(&self, text: &str) -> String {
        let run = self.try_run(text);
        assert_eq!(run.code, 0, "{text}\n{}{}", run.stdout, run.stderr);
        run.stdout
    }
}
