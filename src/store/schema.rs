//! Database schema: migrates it, or reports why this binary and the database do not match.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::config::Migrate;
use crate::store::transaction::{EngineTransaction, Transaction, on_transaction};
use crate::store::{Engine, Pool, Store, StoreError, is_busy, with_timeout};

/// The SQL of a migration.
#[derive(Debug, Clone, Copy)]
enum Script {
    /// One script for both engines.
    Of(&'static str),
    /// One script per engine, because triggers have no common syntax.
    OfEach { postgres: &'static str, sqlite: &'static str },
}

impl Script {
    fn text(self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Self::Of(text), _) => text,
            (Self::OfEach { postgres, .. }, Engine::Postgres) => postgres,
            (Self::OfEach { sqlite, .. }, Engine::Sqlite) => sqlite,
        }
    }
}

/// The forward-only migrations. The number is the version of the schema. Versions 12 and 15 were
/// never released.
const MIGRATIONS: [(i64, &str, Script); 29] = [
    (1, "first schema", Script::Of(include_str!("../../migrations/0001_first_schema.sql"))),
    (2, "use and rate", Script::Of(include_str!("../../migrations/0002_use_and_rate.sql"))),
    (
        3,
        "ways to prove and ends of tokens",
        Script::Of(include_str!("../../migrations/0003_ways_to_prove_and_ends_of_tokens.sql")),
    ),
    (
        4,
        "revocation epochs",
        Script::Of(include_str!("../../migrations/0004_revocation_epochs.sql")),
    ),
    (
        5,
        "public halves and issuer",
        Script::Of(include_str!("../../migrations/0005_public_halves_and_issuer.sql")),
    ),
    (6, "lists", Script::Of(include_str!("../../migrations/0006_lists.sql"))),
    (
        7,
        "wanted algorithms",
        Script::Of(include_str!("../../migrations/0007_wanted_algorithms.sql")),
    ),
    (
        8,
        "assertion audiences and token typ",
        Script::Of(include_str!("../../migrations/0008_assertion_audiences_and_token_typ.sql")),
    ),
    (9, "spiffe trusts", Script::Of(include_str!("../../migrations/0009_spiffe_trusts.sql"))),
    (
        10,
        "owners and administrators",
        Script::Of(include_str!("../../migrations/0010_owners_and_administrators.sql")),
    ),
    (11, "static claims", Script::Of(include_str!("../../migrations/0011_static_claims.sql"))),
    (13, "grant requests", Script::Of(include_str!("../../migrations/0013_grant_requests.sql"))),
    (14, "secret life", Script::Of(include_str!("../../migrations/0014_secret_life.sql"))),
    (16, "client labels", Script::Of(include_str!("../../migrations/0016_client_labels.sql"))),
    (
        17,
        "creators of credentials",
        Script::Of(include_str!("../../migrations/0017_creators_of_credentials.sql")),
    ),
    (
        18,
        "idempotency keys",
        Script::Of(include_str!("../../migrations/0018_idempotency_keys.sql")),
    ),
    (19, "sources", Script::Of(include_str!("../../migrations/0019_sources.sql"))),
    (20, "notifications", Script::Of(include_str!("../../migrations/0020_notifications.sql"))),
    (21, "owner policies", Script::Of(include_str!("../../migrations/0021_owner_policies.sql"))),
    (22, "approved grants", Script::Of(include_str!("../../migrations/0022_approved_grants.sql"))),
    (
        23,
        "signing key operations",
        Script::Of(include_str!("../../migrations/0023_signing_key_operations.sql")),
    ),
    (24, "event indexes", Script::Of(include_str!("../../migrations/0024_event_indexes.sql"))),
    (25, "instances", Script::Of(include_str!("../../migrations/0025_instances.sql"))),
    (
        26,
        "audit checkpoints",
        Script::Of(include_str!("../../migrations/0026_audit_checkpoints.sql")),
    ),
    (
        27,
        "console sessions",
        Script::Of(include_str!("../../migrations/0027_console_sessions.sql")),
    ),
    (28, "console persons", Script::Of(include_str!("../../migrations/0028_console_persons.sql"))),
    (29, "client activity", Script::Of(include_str!("../../migrations/0029_client_activity.sql"))),
    (
        30,
        "client search",
        Script::OfEach {
            postgres: include_str!("../../migrations/0030_client_search_postgres.sql"),
            sqlite: include_str!("../../migrations/0030_client_search_sqlite.sql"),
        },
    ),
    (
        31,
        "bounded client search",
        Script::OfEach {
            postgres: include_str!("../../migrations/0031_bounded_client_search_postgres.sql"),
            sqlite: "-- The triggers of SQLite read only the clients of a row.",
        },
    ),
];

/// The newest version that this binary knows.
pub const NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// Returns the number of migrations that a database of version `found` lacks.
pub fn pending(found: i64) -> usize {
    MIGRATIONS.iter().filter(|(version, ..)| *version > found).count()
}

/// The time limit for all migrations together, including the wait for another process that
/// migrates.
const MAX_MIGRATION_TIME: Duration = Duration::from_mins(5);

/// Why this binary cannot use the database.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer binary has migrated the database.
    #[error(
        "the database has schema {found}, this tokend {version} knows schema {NEWEST}: a newer \
         tokend has migrated the database",
        version = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The version in the database.
        found: i64,
    },
    /// The schema is older than this binary, and this command must not migrate it.
    #[error("the database has schema {found} of {NEWEST}")]
    Behind {
        /// The version in the database.
        found: i64,
    },
    /// The database has no schema.
    #[error("the database is empty")]
    Empty,
    /// A migration was edited after it had been applied.
    #[error("migration {0} in the database is not the one in this binary; restore a backup")]
    Altered(i64),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Prepares the schema for a server, according to the setting `database.migrate`.
///
/// # Errors
///
/// The errors of [`require_newest`] and [`bring_up_to_date`].
pub async fn prepare(store: &Store, migrate: Migrate) -> Result<(), SchemaError> {
    match migrate {
        Migrate::Auto => bring_up_to_date(store).await,
        Migrate::Check => require_newest(store).await,
        Migrate::Off => Ok(()),
    }
}

/// Checks that the database has the schema of this binary, without changing anything.
///
/// # Errors
///
/// [`SchemaError::Empty`], [`SchemaError::Behind`] or [`SchemaError::Newer`].
pub async fn require_newest(store: &Store) -> Result<(), SchemaError> {
    match version(store).await? {
        NEWEST => Ok(()),
        0 => Err(SchemaError::Empty),
        found if found > NEWEST => Err(SchemaError::Newer { found }),
        found => Err(SchemaError::Behind { found }),
    }
}

/// Applies all pending migrations. Several processes may do so at the same time. On Postgres, an
/// advisory lock serializes them. On SQLite, the slower process retries and finds the work done.
pub async fn bring_up_to_date(store: &Store) -> Result<(), SchemaError> {
    let mut attempts = 0_u32;
    loop {
        let found = version(store).await?;
        match found {
            NEWEST => return Ok(()),
            found if found > NEWEST => return Err(SchemaError::Newer { found }),
            _ => {}
        }
        let run = async {
            match &store.pool {
                Pool::Postgres(pool) => migrator(Engine::Postgres).run(pool).await,
                Pool::Sqlite(pool) => migrator(Engine::Sqlite).run(pool).await,
            }
        };
        let Ok(outcome) = tokio::time::timeout(MAX_MIGRATION_TIME, run).await else {
            return Err(StoreError::TimedOut(MAX_MIGRATION_TIME).into());
        };
        match outcome {
            Ok(()) => return Ok(()),
            Err(MigrateError::VersionMismatch(version)) => {
                return Err(SchemaError::Altered(version));
            }
            Err(MigrateError::VersionMissing(found)) => return Err(SchemaError::Newer { found }),
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
                if attempts < 10 && was_a_race(store, &error, found).await? =>
            {
                attempts += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                return Err(StoreError::Failed(error).into());
            }
            Err(other) => return Err(StoreError::Failed(sqlx::Error::from(other)).into()),
        }
    }
}

/// Queries whether the table of migrations exists.
const EXISTS_POSTGRES: &str = "
    SELECT COUNT(*)
    FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_name = '_sqlx_migrations'";
const EXISTS_SQLITE: &str = "
    SELECT COUNT(*)
    FROM sqlite_master
    WHERE type = 'table' AND name = '_sqlx_migrations'";

/// Queries the newest applied migration.
const VERSION: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";

/// True if this version of the schema was released, so that this binary can create it.
pub fn is_known(version: i64) -> bool {
    MIGRATIONS.iter().any(|(known, ..)| *known == version)
}

impl Transaction {
    /// Returns the version of the schema; 0 for a database without migrations.
    pub(super) async fn schema(&mut self) -> Result<i64, StoreError> {
        let exists = match self.engine {
            EngineTransaction::Postgres(_) => EXISTS_POSTGRES,
            EngineTransaction::Sqlite(_) => EXISTS_SQLITE,
        };
        on_transaction!(self, |connection| {
            let exists: i64 = sqlx::query_scalar(exists).fetch_one(&mut *connection).await?;
            if exists == 0 {
                return Ok(0);
            }
            Ok(sqlx::query_scalar(VERSION).fetch_one(connection).await?)
        })
    }

    /// Applies all pending migrations up to a version, inside this transaction.
    ///
    /// # Errors
    /// [`SchemaError::Altered`] and errors of the database.
    pub(super) async fn migrate_to(&mut self, version: i64) -> Result<(), SchemaError> {
        let target = Some(version);
        let run = async {
            match &mut self.engine {
                EngineTransaction::Postgres(transaction) => {
                    migrator(Engine::Postgres).run_direct(target, &mut **transaction, false).await
                }
                EngineTransaction::Sqlite(transaction) => {
                    migrator(Engine::Sqlite).run_direct(target, &mut **transaction, false).await
                }
            }
        };
        let Ok(outcome) = tokio::time::timeout(MAX_MIGRATION_TIME, run).await else {
            return Err(StoreError::TimedOut(MAX_MIGRATION_TIME).into());
        };
        outcome.map_err(|error| match error {
            MigrateError::VersionMismatch(version) => SchemaError::Altered(version),
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                StoreError::Failed(error).into()
            }
            other => StoreError::Failed(sqlx::Error::from(other)).into(),
        })
    }
}

/// Returns the version of the schema in the database; 0 for a database without migrations.
pub async fn version(store: &Store) -> Result<i64, StoreError> {
    let count = async {
        Ok(match &store.pool {
            Pool::Postgres(pool) => sqlx::query_scalar(EXISTS_POSTGRES).fetch_one(pool).await?,
            Pool::Sqlite(pool) => sqlx::query_scalar(EXISTS_SQLITE).fetch_one(pool).await?,
        })
    };
    let exists: i64 = with_timeout(store.timeout, count).await?;
    if exists == 0 {
        return Ok(0);
    }
    super::on_pool!(store, |pool| { Ok(sqlx::query_scalar(VERSION).fetch_one(pool).await?) })
}

/// True if another process migrated this SQLite file at the same time, which SQLite does not
/// prevent. Either it holds the lock, or the schema is newer than `found`, the version before the
/// attempt. The kind of collision (a table, a column or a row) does not matter.
async fn was_a_race(store: &Store, error: &sqlx::Error, found: i64) -> Result<bool, StoreError> {
    if matches!(store.pool, Pool::Postgres(_)) {
        return Ok(false);
    }
    Ok(is_busy(error) || version(store).await? > found)
}

/// Returns the scripts of all migrations for an engine, in order.
#[cfg(test)]
pub(super) fn scripts(engine: Engine) -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(move |(.., script)| script.text(engine))
}

fn migrator(engine: Engine) -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|(version, description, script)| {
            Migration::new(
                *version,
                Cow::Borrowed(*description),
                MigrationType::Simple,
                SqlStr::from_static(script.text(engine)),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}
