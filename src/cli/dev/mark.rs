//! Marks the data directories that `dev` created. `dev` uses only databases that it created, and
//! `--fresh` deletes nothing else.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::dev::demo::DEMO_CLIENT;
use crate::cli::error::CliError;
use crate::cli::remedies::command::DevRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::config::{Config, Location};
use crate::store::engine::open::OpenMode;
use crate::store::{Store, StoreError, schema};

/// The marker file of a directory that `dev` created.
const MARK: &str = "made-by-dev";

/// The file by which `serve` replaces the marker: `dev` rejects the directory from then on.
const SERVED: &str = "used-by-serve";

/// Content of a database before `dev` uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    /// The database does not exist.
    Absent,
    /// The database has no events.
    Empty,
    /// The first event or the first client was created by `dev`.
    Dev,
    Other,
}

/// Rejects a database that `dev` did not create, before anything is written. Marks the data
/// directory if `dev` creates the database now or created it earlier. Runs no migrations.
pub(in crate::cli) async fn claim(config: &Config) -> Result<(), CliError> {
    let folder = &config.data_dir;
    if !is_in_folder(config) {
        return match history(config).await? {
            History::Absent | History::Empty | History::Dev => Ok(()),
            History::Other => Err(rejected(config)),
        };
    }
    if folder.join(MARK).exists() {
        return Ok(());
    }
    let is_served = folder.join(SERVED).exists();
    match history(config).await? {
        // A master key without a database is not from `dev`, and `--fresh` would delete it.
        History::Absent if folder.join("master.key").exists() => Err(rejected(config)),
        History::Absent | History::Dev if !is_served => mark(folder).map_err(|error| {
            CliError::failed(format!("cannot write to {}: {error}", folder.display()))
                .with_remedy(DevRemedy::WritableDataDir)
        }),
        History::Empty if !is_served => Ok(()),
        _ => Err(rejected(config)),
    }
}

/// Fails if the data directory is not marked.
pub(super) fn check_marked(config: &Config) -> Result<(), CliError> {
    let folder = &config.data_dir;
    if folder.join(MARK).exists() { Ok(()) } else { Err(rejected(config)) }
}

/// Removes the mark, because `serve` uses the directory. A directory of an earlier `dev` without a
/// mark is treated as marked.
pub(in crate::cli) async fn release(config: &Config, store: &Store) -> Result<(), CliError> {
    let folder = &config.data_dir;
    let served = folder.join(SERVED);
    if !is_in_folder(config) || served.exists() {
        return Ok(());
    }
    let mark = folder.join(MARK);
    let failed = |error: io::Error| {
        CliError::failed(format!("cannot write to {}: {error}", folder.display()))
    };
    match std::fs::rename(&mark, &served) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if history_of(store).await? == History::Dev {
                File::create(&served).map_err(failed)?;
            }
            return Ok(());
        }
        Err(error) => return Err(failed(error)),
    }
    tracing::info!(
        directory = %folder.display(),
        "the data directory of dev is used by serve from now on"
    );
    Ok(())
}

fn mark(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = File::create(folder.join(MARK))?;
    writeln!(file, "This directory was made by dev. {} deletes its data.", CommandLine::DevFresh)
}

/// True if the database is the SQLite file in the data directory.
fn is_in_folder(config: &Config) -> bool {
    let own: PathBuf = config.data_dir.join("tokend.db");
    matches!(&config.database.location, Location::Sqlite(path) if *path == own)
}

async fn history(config: &Config) -> Result<History, CliError> {
    if let Location::Sqlite(path) = &config.database.location
        && !path.exists()
    {
        return Ok(History::Absent);
    }
    let store = match Store::open(&config.database, OpenMode::Read).await {
        Ok(store) => store,
        Err(StoreError::Absent) => return Ok(History::Absent),
        Err(error) => return Err(error.into()),
    };
    let found = history_of(&store).await;
    store.close().await;
    found
}

async fn history_of(store: &Store) -> Result<History, CliError> {
    if schema::version(store).await? == 0 {
        return Ok(History::Empty);
    }
    let Some(first_actor) = store.first_actor().await? else { return Ok(History::Empty) };
    let first_client = store.first_client().await?;
    let is_demo = first_client.is_some_and(|subject| subject == format!("client/{DEMO_CLIENT}"));
    Ok(if first_actor == "dev:demo" || is_demo { History::Dev } else { History::Other })
}

fn rejected(config: &Config) -> CliError {
    let place = match &config.database.location {
        Location::Sqlite(path) => path.display().to_string(),
        Location::Postgres(_) => "in Postgres".to_owned(),
    };
    let error = CliError::configuration(format!(
        "the database {place} was not made by dev, or serve has used it; dev adds a demo client and \
         works only with a database that it made"
    ));
    error.with_remedy(match &config.database.location {
        Location::Sqlite(_) => DevRemedy::OtherDataDir,
        Location::Postgres(_) => DevRemedy::EmptyPostgres,
    })
}
