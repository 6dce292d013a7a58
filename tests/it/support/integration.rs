//! A section of `docs/integrations.md`: the commands run on a server of the test, and the files
//! contain its address.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokend::jose::jwt::read_unchecked;
use tokend::model::resource::TokenTyp;
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;

use super::foreign::{Foreign, libraries, python_program};
use super::process::{Cli, program};
use super::reserved_port::ReservedPort;
use super::{Answer, Engine, Place, Server, TestClient, grant};
use crate::repository::docs::{bad_tokens, blocks_below};

const PAGE: &str = "integrations.md";

/// The thumbprint of a key that no client has.
const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// A section with its server and its program.
pub struct Integration {
    pub server: Server,
    /// The files of the section.
    pub folder: TempDir,
    /// The port of the program.
    pub port: u16,
    _reserved: ReservedPort,
    heading: &'static str,
    replacements: Vec<(String, String)>,
    program: Option<Foreign>,
}

impl Integration {
    /// Starts a server on the real clock and reserves a port, before any command.
    pub async fn of(heading: &'static str) -> Self {
        let place = Arc::new(Place::new(Engine::Sqlite).await);
        let server = Server::at(place, Clock::System, &[]).await;
        let folder = tempfile::tempdir().expect("a folder");
        // Modules find their libraries here, and other users must be able to read some files.
        let modules = libraries().join("node/node_modules");
        symlink(modules, folder.path().join("node_modules")).expect("a link");
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))
            .expect("permissions");
        let host = server.base.trim_start_matches("http://").to_owned();
        let replacements = [
            ("https://id.example.com", server.base.clone()),
            ("@id.example.com", format!("@{host}")),
            ("https://dovecot:", "http://dovecot:".to_owned()),
        ];
        let replacements = replacements.map(|(from, to)| (from.to_owned(), to)).into();
        let reserved = ReservedPort::new();
        let port = reserved.number();
        Self { server, folder, port, _reserved: reserved, heading, replacements, program: None }
    }

    /// Replaces a text of the page in commands and files.
    pub fn replace(&mut self, from: &str, to: &str) {
        self.replacements.push((from.to_owned(), to.to_owned()));
    }

    /// Returns a block of the section with the addresses of this test.
    pub fn block(&self, fence: &str, index: usize) -> String {
        let block = blocks_below(PAGE, self.heading, fence).swap_remove(index);
        self.adapt(&block)
    }

    /// Returns a text of a page with the addresses of this test.
    pub fn adapt(&self, text: &str) -> String {
        self.replacements.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// Runs a block of commands of the section.
    pub async fn commands(&self, index: usize) {
        let cli = Cli::at(self.server.place.clone());
        let template = cli.command(&[]);
        let folder = program().parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let environment = template.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let output = Command::new("sh")
            .args(["-ec", &self.block("sh", index)])
            .env_clear()
            .envs(environment)
            .env("PATH", format!("{folder}:{path}"))
            .current_dir(self.folder.path())
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.server.catch_up().await;
    }

    /// Writes a block of the section to a file.
    pub fn write(&self, name: &str, fence: &str, index: usize) {
        self.write_text(name, &self.block(fence, index));
    }

    pub fn write_text(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// Returns the content of a file that a command of the section has written.
    pub fn secret(&self, name: &str) -> String {
        let path = self.folder.path().join(format!("{name}.secret"));
        let secret = std::fs::read_to_string(path).expect("a secret").trim().to_owned();
        self.server.keep_secret(&secret);
        secret
    }

    /// Replaces `CLIENT_SECRET` by the secret of a client of the section.
    pub fn fill_in_secret(&mut self, name: &str) {
        let secret = self.secret(name);
        self.replace("CLIENT_SECRET", &secret);
    }

    /// Runs a file of the section with Node or Python, for tokens of this resource.
    pub async fn run(&mut self, file: &str, audience: &str) {
        let is_python = std::path::Path::new(file).extension().is_some_and(|suffix| suffix == "py");
        let mut command =
            if is_python { Command::new(python_program("python")) } else { Command::new("node") };
        command
            .arg(file)
            .env("ISSUER", &self.server.base)
            .env("AUDIENCE", audience)
            .env("PORT", self.port.to_string());
        self.start(&mut command).await;
    }

    /// Starts the program, and waits until it accepts connections.
    pub async fn start(&mut self, command: &mut Command) {
        let port = self.port;
        let started = self.program.insert(Foreign::start(command, self.folder.path()));
        started.until_listening(port).await;
    }

    /// Starts a program that does not listen, or is ready later.
    pub fn spawn(&mut self, command: &mut Command) -> &mut Foreign {
        self.program.insert(Foreign::start(command, self.folder.path()))
    }

    /// Returns the program that was started.
    pub fn program(&mut self) -> &mut Foreign {
        self.program.as_mut().expect("a program")
    }

    /// Returns its output.
    pub fn log(&self) -> String {
        self.program.as_ref().map(Foreign::log).unwrap_or_default()
    }

    /// Creates a client with a grant of these scopes.
    pub async fn client(&self, resource: &str, scopes: Option<&str>) -> TestClient {
        self.server.new_client(|new| new.grants = vec![grant(resource, scopes)]).await
    }

    /// Returns a valid token for the resource, tokens with one fault each, and the client.
    pub async fn tokens(&self, resource: &str, algorithm: Algorithm, scope: &str) -> Tokens {
        let client = self.client(resource, Some(scope)).await;
        let token = self.server.ask(&client).await.token();
        let good = read_unchecked(&token).expect("a JWT").1;
        let mut list = vec![("good", token.clone())];
        list.extend(bad_tokens(&self.server, algorithm, &good, &token));
        let keyring = self.server.app.directory.keyring();
        let key = keyring.signing_early(algorithm, self.server.clock.now()).expect("a key");
        for (label, member, value) in [
            ("DPoP", "cnf", json!({ "jkt": THUMBPRINT })),
            ("certificate", "cnf", json!({ "x5t#S256": THUMBPRINT })),
            ("another scope", "scope", json!("orders:write")),
        ] {
            let mut claims = good.clone();
            claims[member] = value;
            list.push((
                label,
                key.sign_typed(TokenTyp::AtJwt, claims.to_string().as_bytes()).expect("a token"),
            ));
        }
        Tokens { client, list }
    }

    /// Sends a request to the program with a token; returns the answer.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        let url = format!("http://localhost:{}{path}", self.port);
        Answer::of(self.server.http.request(Method::GET, url).bearer_auth(token)).await
    }

    /// Like [`Self::get`], with a JSON body.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let url = format!("http://localhost:{}{path}", self.port);
        let request = self.server.http.post(url).bearer_auth(token).json(body);
        Answer::of(request.header("accept", "application/json, text/event-stream")).await
    }
}

/// Tokens of a client, with the fault of each.
pub struct Tokens {
    pub client: TestClient,
    pub list: Vec<(&'static str, String)>,
}

impl Tokens {
    /// Returns the labels of the tokens for which the program answers 200. It answers 401 or 403 to
    /// all others.
    pub async fn accepted(&self, send: impl AsyncFn(&str) -> Answer) -> Vec<&'static str> {
        let mut labels = Vec::new();
        for (label, token) in &self.list {
            let answer = send(token).await;
            match answer.status {
                200 => labels.push(*label),
                401 | 403 => {}
                _ => panic!("{label}: {answer:?}"),
            }
        }
        labels
    }
}
