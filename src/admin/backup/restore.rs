//! Restore: loads a whole backup into an empty database of either engine, or nothing at all.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::admin::backup::archive::Part;
use crate::admin::backup::check::{self, Summary};
use crate::admin::backup::error::BackupError;
use crate::admin::backup::restored_rights::{EndedRights, RightsToEnd, end_rights};
use crate::admin::{AuditedChange, Principal};
use crate::config::Config;
use crate::keys::seal::MasterKeys;
use crate::model::backup::{Column, Manifest, Row};
use crate::model::time::Clock;
use crate::services::backup_keys;
use crate::store::backup::loading::{Loading, LoadingError};
use crate::store::backup::reading::PAGE_SIZE;
use crate::store::engine::open::OpenMode;
use crate::store::schema::NEWEST;
use crate::store::{Store, StoreError};

/// The maximum number of pages of rows that wait for the database.
const WAITING_PAGES: usize = 2;

/// A message from the thread that reads and opens the file.
enum Piece {
    Table(String, Vec<Column>),
    Rows(Vec<Row>),
}

/// The result of a restore.
#[derive(Debug)]
pub struct Restored {
    /// The content of the backup.
    pub backup: Summary,
    /// The rights that were ended after loading.
    pub ended_rights: EndedRights,
}

/// Loads a backup into an empty database, migrates its schema, and ends the given rights. All of
/// this is one transaction.
///
/// # Errors
/// A database that is not empty or is in use; a backup that is damaged or sealed under another
/// master key; and errors of the database. After an error the database is still empty.
pub async fn restore(
    config: &Config,
    clock: &Clock,
    principal: &Principal,
    path: &Path,
    to_end: RightsToEnd,
) -> Result<Restored, BackupError> {
    // Problems of the file are reported before a database is created.
    let Manifest { schema, .. } = check::manifest(path)?;
    let keys = backup_keys::of_settings(config).await?;
    check::require_key(path, keys.as_ref())?;
    let store = Store::open(&config.database, OpenMode::Create).await?;
    let restored = async {
        let mut loading = store.begin_loading(schema).await?;
        let backup = load(&mut loading, keys, path.to_owned()).await?;
        if schema < NEWEST {
            loading.migrate().await.map_err(LoadingError::Schema)?;
        }
        if to_end.is_nothing() {
            loading.commit().await?;
            return Ok(Restored { backup, ended_rights: EndedRights::default() });
        }
        let transaction = loading.into_change().await?;
        let mut change =
            AuditedChange::with_transaction(transaction, clock, principal.actor()).await?;
        let ended_rights = end_rights(config, &mut change, &to_end).await?;
        change.commit().await?;
        Ok(Restored { backup, ended_rights })
    };
    let restored = Box::pin(restored).await;
    store.close().await;
    restored
}

/// Loads every row. It succeeds only if the whole file was read and verified.
async fn load(
    loading: &mut Loading,
    keys: Option<MasterKeys>,
    path: PathBuf,
) -> Result<Summary, BackupError> {
    let (pieces, mut waiting) = mpsc::channel(WAITING_PAGES);
    let file = path.clone();
    let reading = tokio::task::spawn_blocking(move || read(&path, keys.as_ref(), &pieces));
    let loaded = async {
        while let Some(piece) = waiting.recv().await {
            match piece {
                Piece::Table(table, columns) => loading.open(&table, &columns).await?,
                Piece::Rows(rows) => loading.load(rows).await?,
            }
        }
        Ok(())
    };
    let loaded = loaded.await.map_err(|error: StoreError| match error {
        StoreError::Unreadable(problem) => BackupError::damaged(&file, problem.to_string()),
        error => error.into(),
    });
    // If the database rejects a row, reading ends early, and the error is that of the database.
    drop(waiting);
    let read = reading.await.map_err(|_| BackupError::Interrupted)?;
    loaded.and(read)
}

/// Reads and verifies the whole file, and sends its rows in pages.
fn read(
    path: &Path,
    keys: Option<&MasterKeys>,
    pieces: &mpsc::Sender<Piece>,
) -> Result<Summary, BackupError> {
    let send = |piece| pieces.blocking_send(piece).map_err(|_| BackupError::Interrupted);
    let mut page = Vec::new();
    check::read(path, keys, |part| {
        let is_full = page.len() == PAGE_SIZE;
        if !page.is_empty() && (is_full || !matches!(part, Part::Row(_))) {
            send(Piece::Rows(std::mem::take(&mut page)))?;
        }
        match part {
            Part::Row(row) => page.push(row),
            Part::Table { table, columns } => send(Piece::Table(table, columns))?,
            Part::End { .. } => {}
        }
        Ok(())
    })
}
