//! The mark of a data directory that `dev` made. `dev` works with no other database, and `--fresh`
//! deletes no other.

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

/// The file that marks a folder that `dev` made.
const MARK: &str = "made-by-dev";

/// The file that `serve` leaves in place of the mark: the folder is for real from then on.
const SERVED: &str = "used-by-serve";

/// What a database holds before `dev` works with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    /// The database does not exist.
    Absent,
    /// A database without events.
    Empty,
    /// Its first event or its first client is of `dev`.
    Dev,
    /// Anything else.
    Other,
}

/// Rejects a database that `dev` did not make, before anything is written, and marks the data
/// folder of one that `dev` makes now or made earlier. Migrates nothing.
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
        // A master key without its database is not of `dev`, and `--fresh` would delete it.
        History::Absent if folder.join("master.key").exists() => Err(rejected(config)),
        History::Absent | History::Dev if !is_served => mark(folder).map_err(|error| {
            CliError::failed(format!("cannot write to {}: {error}", folder.display()))
                .with_remedy(DevRemedy::WritableDataDir)
        }),
        History::Empty if !is_served => Ok(()),
        _ => Err(rejected(config)),
    }
}

/// Fails for a folder that is not marked.
pub(super) fn check_marked(config: &Config) -> Result<(), CliError> {
    let folder = &config.data_dir;
    if folder.join(MARK).exists() { Ok(()) } else { Err(rejected(config)) }
}

/// Removes the mark, because `serve` uses the folder; an earlier `dev` that left no mark counts.
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
    writeln!(file, "This folder was made by dev. {} deletes its data.", CommandLine::DevFresh)
}

/// True if the database is the file that belongs to the data directory.
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
