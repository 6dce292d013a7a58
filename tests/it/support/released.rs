//! Databases that the programs of released schemas filled: `tests/schemas/dump.py` created them.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tokend::model::signing_key::Algorithm;
use tokend::model::time::{Clock, Timestamp};

use super::keys::KeyPair;
use super::process::Cli;
use super::{Engine, Place, Server, TestClient};

/// Keeps expired rows: a server deletes them after a minute by the clock of the database, which a
/// test cannot control on Postgres. A slow run would lose them.
const KEEP: &str = "
    UPDATE revoked_token SET expires_at = expires_at + 3000000000;
    UPDATE revoked_client SET expires_at = expires_at + 3000000000;
    UPDATE used_assertion SET expires_at = expires_at + 3000000000;";

/// A new database with the rows of an old one, and the output of its program.
pub struct Released {
    pub place: Arc<Place>,
    facts: Value,
}

impl Released {
    pub async fn load(schema: u32, engine: Engine) -> Self {
        let name = match engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        };
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
        let read = |kind: &str| {
            let path = folder.join(format!("schema-{schema}.{name}.{kind}"));
            std::fs::read_to_string(path).expect("a file of tests/schemas")
        };
        let place = Arc::new(Place::new(engine).await);
        replay(engine, &place.database_url, read("sql")).await;
        if schema >= 3 {
            replay(engine, &place.database_url, KEEP.to_owned()).await;
        }
        let facts: Value = serde_json::from_str(&read("json")).expect("JSON");
        let (_, key) = place.environment().remove(3);
        assert_eq!(key, facts["master_key"], "the master key of all tests");
        Self { place, facts }
    }

    /// Returns the time at which the old program stopped.
    pub fn at(&self) -> Timestamp {
        Timestamp(self.facts["at"].as_i64().expect("seconds"))
    }

    /// Starts an instance that continues where the old one stopped.
    pub async fn serve(&self, clock: Clock) -> Server {
        let issuer = self.facts["issuer"].as_str().expect("an issuer");
        Server::at(self.place.clone(), clock, &[("TOKEND_ISSUER", issuer)]).await
    }

    /// Returns the command line, after the migration.
    pub fn migrated(&self) -> Cli {
        let cli = Cli::at(self.place.clone());
        let run = cli.run(&["migrate"]);
        assert_eq!(run.code, 0, "{run:?}");
        cli
    }

    /// Returns a client with the secret of this name, which begins with the id of the client.
    pub fn client(&self, secret: &str) -> TestClient {
        let id = secret.split(' ').next().expect("an id").to_owned();
        let secret = self.facts["secrets"][secret].as_str().expect("a secret").to_owned();
        TestClient { id, secret }
    }

    /// Returns a token that the old program issued.
    pub fn token(&self, name: &str) -> &str {
        self.facts["tokens"][name].as_str().expect("a token")
    }

    /// Returns a key pair of a client or of an external issuer.
    pub fn key(&self, name: &str) -> KeyPair {
        let key = self.facts["keys"][name].as_str().expect("a key");
        let pkcs8 = BASE64_STANDARD.decode(key).expect("base64");
        KeyPair::of(Algorithm::EdDsa, &pkcs8)
    }

    /// Returns each `tokend explain` with the output of the old program.
    pub fn explanations(&self) -> Vec<(&String, &Value)> {
        let printed = self.facts["printed"].as_object().expect("an object");
        printed.iter().filter(|(command, _)| command.starts_with("explain ")).collect()
    }

    /// Returns the list that the old program printed for a command.
    pub fn printed(&self, command: &str) -> &Vec<Value> {
        self.facts["printed"][command].as_array().expect("a list")
    }
}

async fn replay(engine: Engine, url: &str, sql: String) {
    // A dump of SQLite lists the tables in any order, and disables foreign keys itself.
    match engine {
        Engine::Sqlite => {
            let url = format!("{url}?mode=rwc");
            let mut database = SqliteConnection::connect(&url).await.expect("a database");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.expect("a dump");
            database.close().await.expect("a clean end");
        }
        Engine::Postgres => {
            let mut database = PgConnection::connect(url).await.expect("a database");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.expect("a dump");
            database.close().await.expect("a clean end");
        }
    }
}
