//! The storage of an instance: a folder and a database of its own.

use tempfile::TempDir;
use tokend::store::Engine;

use crate::postgres;

/// A folder and a database. Several instances may share them.
pub struct Place {
    pub folder: TempDir,
    pub database_url: String,
}

impl Place {
    /// The settings that need a database.
    pub const OF_DATABASE: [&str; 3] =
        ["TOKEND_DATA_DIR", "TOKEND_DATABASE_URL", "TOKEND_MASTER_KEY"];

    pub async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database_url = match engine {
            Engine::Sqlite => format!("sqlite://{}", folder.path().join("tokend.db").display()),
            Engine::Postgres => postgres::database().await,
        };
        Self { folder, database_url }
    }

    /// Returns the environment of an instance that uses this place.
    pub fn environment(&self) -> Vec<(String, String)> {
        let folder = self.folder.path().display().to_string();
        [
            ("TOKEND_ISSUER", "http://127.0.0.1:1"),
            ("TOKEND_DATA_DIR", &folder),
            ("TOKEND_DATABASE_URL", &self.database_url),
            // 32 bytes for tests only.
            ("TOKEND_MASTER_KEY", "dGVzdHMgb25seSB0ZXN0cyBvbmx5IHRlc3RzIG9ubHk="),
            // argon2id at its lowest cost: most tests do not measure it.
            ("TOKEND_SECRETS_ARGON2_MEMORY", "64KiB"),
            ("TOKEND_SECRETS_ARGON2_ITERATIONS", "1"),
            ("TOKEND_SHUTDOWN_DELAY", "0s"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}
