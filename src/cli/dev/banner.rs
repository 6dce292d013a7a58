//! Banner of `tokend dev`: shows the running parts and the next commands.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::cli::dev::demo::{self, DEMO_API, DEMO_CLIENT, DemoState};
use crate::cli::error::CliError;
use crate::config::Location;
use crate::crypto::random;
use crate::model::public_path::TOKEN_PATH;
use crate::store::schema;

/// A temporary directory that is removed on drop.
pub(crate) struct TemporaryDataDir(PathBuf);

impl TemporaryDataDir {
    /// Creates an empty directory in the directory for temporary files.
    pub(crate) fn create() -> Result<Self, CliError> {
        let name =
            random::identifier("tokend-").map_err(|error| CliError::failed(error.to_string()))?;
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDataDir {
    fn drop(&mut self) {
        // The system cleans up temporary files that cannot be removed here.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Values of the banner that do not come from the server.
pub(crate) struct DemoAccess<'a> {
    pub(crate) secret: &'a SecretString,
    pub(crate) state: DemoState,
    /// The duration of the self-test.
    pub(crate) tested: Duration,
    /// True if other hosts can reach the server.
    pub(crate) is_open: bool,
    /// The environment variables that other commands need, followed by a space; may be empty.
    pub(crate) environment: String,
    /// A sign-in link to the console; `None` if the console is disabled.
    pub(crate) link: Option<String>,
}

/// Renders the banner. Each of its steps has just been verified.
pub(crate) fn render(app: &App, shown: &DemoAccess<'_>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, app, shown);
    text
}

fn write(text: &mut String, app: &App, shown: &DemoAccess<'_>) -> std::fmt::Result {
    let issuer = app.issuer.as_str();
    let reach = if shown.is_open { "ALL INTERFACES" } else { "loopback only" };
    let version = env!("CARGO_PKG_VERSION");
    writeln!(
        text,
        "\n  tokend {version}   DEV MODE — plain HTTP, {reach}, demo data. Not for production.\n"
    )?;
    writeln!(text, "  ok  database      {:<34} schema {}", place(app), schema::NEWEST)?;
    writeln!(text, "  ok  signing key   {}", key(app))?;
    writeln!(text, "  ok  demo API      {DEMO_API:<34} scopes demo:read demo:write")?;
    writeln!(text, "  ok  demo client   {DEMO_CLIENT:<34} {}", shown.state.as_str())?;
    writeln!(
        text,
        "  ok  self-test     got a token over HTTP and verified it through the published key set ({} ms)",
        shown.tested.as_millis()
    )?;
    writeln!(text, "\n  1  Get a token:\n")?;
    let secret = shown.secret.expose_secret();
    writeln!(text, "     curl -s {issuer}{TOKEN_PATH} \\\n       -u '{DEMO_CLIENT}:{secret}' \\")?;
    writeln!(text, "       -d grant_type=client_credentials -d scope=demo:read\n")?;
    let run = format!("{}{}", shown.environment, command());
    writeln!(text, "  2  Look at it:        {run} token verify -      (paste the answer, Ctrl-D)")?;
    writeln!(text, "  3  Make your own:     {run} client create billing --grant {DEMO_API}")?;
    if let Some(link) = &shown.link {
        writeln!(text, "  4  Open the console:  {link}   (works once, 30 minutes)")?;
    }
    writeln!(text)?;
    writeln!(text, "     Metadata {issuer}/.well-known/oauth-authorization-server")?;
    writeln!(text, "     Keys     {issuer}/.well-known/jwks.json\n")?;
    let file = demo::path(&app.services.config.data_dir);
    writeln!(text, "  The secret is kept in {}, for the next start.", file.display())?;
    write!(text, "  Ctrl-C stops. For a real server: tokend serve")
}

fn place(app: &App) -> String {
    match &app.services.config.database.location {
        Location::Sqlite(path) => format!("SQLite {}", path.display()),
        Location::Postgres(_) => "Postgres".to_owned(),
    }
}

fn key(app: &App) -> String {
    let now = app.services.clock.now();
    let algorithm = app.services.config.token.algorithm;
    let keyring = app.directory.keyring();
    let record = keyring
        .records()
        .iter()
        .rfind(|record| record.algorithm == algorithm && record.signs_from <= now);
    record.map_or_else(String::new, |record| {
        let kid: String = record.kid.as_str().chars().take(6).collect();
        format!("{}  kid {kid}…", algorithm.as_str())
    })
}

/// Guesses the command that started this program.
fn command() -> &'static str {
    let is_build = std::env::current_exe()
        .is_ok_and(|path| path.components().any(|part| part.as_os_str() == "target"));
    if is_build { "cargo run -q --" } else { "tokend" }
}
