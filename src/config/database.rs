//! Settings of the database.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::config::Origin;

/// Location of the database and limits on its use.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The location of the database.
    pub location: Location,
    /// The setting that determines the location.
    pub origin: Origin,
    /// The maximum number of open connections.
    pub max_connections: u32,
    /// The statement timeout.
    pub timeout: Duration,
    /// The handling of the schema at the start.
    pub migrate: Migrate,
}

/// The location of a database.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file of the embedded engine.
    Sqlite(PathBuf),
    /// Postgres: a URL for each server, at least one. The text may hold a password.
    Postgres(Vec<SecretString>),
}

impl Location {
    /// Returns the display name of the engine.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "Postgres",
        }
    }
}

impl std::fmt::Display for Location {
    /// Writes the file, or the URL without user, password and parameters.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "{}", path.display()),
            Self::Postgres(urls) => {
                let urls = urls.iter().filter_map(|url| url::Url::parse(url.expose_secret()).ok());
                let urls: Vec<_> = urls.collect();
                let host = |url: &url::Url| {
                    let host = url.host_str().unwrap_or("localhost");
                    format!("{host}:{}", url.port().unwrap_or(5432))
                };
                let hosts = urls.iter().map(host).collect::<Vec<_>>().join(",");
                write!(formatter, "postgres://{hosts}{}", urls.first().map_or("", url::Url::path))
            }
        }
    }
}

/// Handling of the schema at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// Apply pending migrations.
    Auto,
    /// Refuse to start if migrations are pending.
    Check,
    /// Skip the check.
    Off,
}
