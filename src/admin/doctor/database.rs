//! Checks of the database: its availability, schema and clock. Stored data is checked only if the
//! schema is the one of this program.

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::Finding;
use crate::admin::doctor::fix::Fix;
use crate::admin::doctor::{clock_finding, keys};
use crate::config::{Config, Issuer, Location, Migrate};
use crate::model::time::Clock;
use crate::store::engine::open::OpenMode;
use crate::store::schema::{self, NEWEST};
use crate::store::{Store, StoreError};
use crate::telemetry;
use crate::text::escaping;

/// The checks that need an open database.
const NEEDS: [CheckCode; 8] = [
    CheckCode::Schema,
    CheckCode::DatabaseClock,
    CheckCode::StoredIssuer,
    CheckCode::StoredResources,
    CheckCode::MasterKey,
    CheckCode::SigningKey,
    CheckCode::NextSigningKey,
    CheckCode::ExpiringSecrets,
];

/// Checks the database and the data in it. It opens the database read-only.
pub(super) async fn examine(config: &Config, clock: &Clock) -> Vec<Finding> {
    let code = CheckCode::Database;
    let location = &config.database.location;
    let store = match Store::open(&config.database, OpenMode::Check).await {
        Ok(store) => store,
        Err(error) => {
            let mut findings = vec![Finding::error(code, text_of(&error, config), fix_of(&error))];
            findings.extend(skipped(&NEEDS, "the database cannot be read"));
            return findings;
        }
    };
    let engine = location.engine();
    let mut findings = vec![Finding::ok(code, format!("{engine} at {location} answers"))];
    findings.extend(examine_store(config, clock, &store).await);
    store.close().await;
    findings
}

async fn examine_store(config: &Config, clock: &Clock, store: &Store) -> Vec<Finding> {
    let mut findings = vec![database_clock(config, clock, store).await];
    let (finding, is_newest) = schema(config, store).await;
    findings.push(finding);
    if !is_newest {
        let reason = "the schema is not that of this program";
        findings.extend(skipped(&NEEDS[2..], reason));
        return findings;
    }
    findings.push(stored_issuer(config, store).await);
    findings.push(stored_resources(store).await);
    findings.extend(keys::examine(config, clock, store).await);
    findings
}

fn skipped(codes: &[CheckCode], reason: &str) -> Vec<Finding> {
    codes.iter().map(|code| Finding::skipped(*code, reason)).collect()
}

/// Returns the finding for a failed statement.
pub(super) fn failed(code: CheckCode, error: &StoreError) -> Finding {
    Finding::error(code, plain(error), fix_of(error))
}

fn plain(error: &StoreError) -> String {
    match error.message_of_database() {
        Some(message) => format!("{error}: {message}"),
        None => telemetry::with_causes(error),
    }
}

fn text_of(error: &StoreError, config: &Config) -> String {
    let database = &config.database;
    match error {
        StoreError::Absent => {
            format!("a database does not exist at {} ({})", database.location, database.origin)
        }
        error => plain(error),
    }
}

fn fix_of(error: &StoreError) -> Fix {
    match error {
        StoreError::Absent => Fix::FindDatabase,
        StoreError::Unopenable { .. } => {
            "Run the doctor as the user that runs tokend, and let that user read the file.".into()
        }
        StoreError::Damaged { .. } => Fix::CheckDatabaseFile,
        _ => Fix::CheckDatabase,
    }
}

async fn schema(config: &Config, store: &Store) -> (Finding, bool) {
    let code = CheckCode::Schema;
    let found = match schema::version(store).await {
        Ok(found) => found,
        Err(error) => return (failed(code, &error), false),
    };
    let text = format!("schema {found} of {NEWEST}");
    let finding = match found {
        NEWEST => return (Finding::ok(code, text), true),
        found if found > NEWEST => Finding::error(
            code,
            format!("{text}: a newer tokend has migrated the database"),
            "Run that version of tokend, or a newer one.",
        ),
        _ if config.database.migrate == Migrate::Auto => Finding::warning(
            code,
            format!("{text}: {} migrations are missing", schema::pending(found)),
            Fix::MigrateOrStart,
        ),
        _ => Finding::error(
            code,
            format!("{text}: {} migrations are missing", schema::pending(found)),
            Fix::Migrate,
        ),
    };
    (finding, false)
}

async fn database_clock(config: &Config, clock: &Clock, store: &Store) -> Finding {
    let code = CheckCode::DatabaseClock;
    if let Location::Sqlite(_) = config.database.location {
        return Finding::skipped(code, "SQLite has the clock of this machine");
    }
    match store.time(clock).await {
        Ok(time) => clock_finding(code, "the database", time.seconds_since(clock.now())),
        Err(error) => failed(code, &error),
    }
}

async fn stored_issuer(config: &Config, store: &Store) -> Finding {
    let code = CheckCode::StoredIssuer;
    let Some(set) = config.issuer.as_ref().map(Issuer::as_str) else {
        return Finding::skipped(code, "`issuer` is not set");
    };
    match store.server_issuer().await {
        Ok(None) => Finding::skipped(code, "no server has started on this database"),
        Ok(Some(known)) if known == set => Finding::ok(code, known),
        Ok(Some(known)) => Finding::warning(
            code,
            format!(
                "the last server on this database had the issuer {known}, the settings have {set}"
            ),
            "Give the doctor the settings of the server. If the issuer changes: \
             docs/operations/change-of-issuer.md.",
        ),
        Err(error) => failed(code, &error),
    }
}

async fn stored_resources(store: &Store) -> Finding {
    let code = CheckCode::StoredResources;
    let found = match store.stored_resources().await {
        Ok(found) => found,
        Err(error) => return failed(code, &error),
    };
    let problems = found.unreadable.iter().map(|it| format!("{}: {}", it.resource, it.problem));
    let problems: Vec<String> = problems.collect();
    if problems.is_empty() {
        return Finding::ok(code, format!("{} can be read", found.readable.len()));
    }
    Finding::error(
        code,
        format!("no token is issued for {}", escaping::escape(&problems.join("; "))),
        "Correct the row in the database, or delete it and register the resource again.",
    )
}
