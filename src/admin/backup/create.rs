//! Creation of a backup of a database while other processes change it.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::admin::backup::archive::ArchiveWriter;
use crate::admin::backup::check::Summary;
use crate::admin::backup::error::BackupError;
use crate::config::Config;
use crate::crypto::random;
use crate::keys::seal::MasterKeys;
use crate::model::backup::{Column, FORMAT_VERSION, Manifest, Row};
use crate::model::time::Clock;
use crate::services::atomic_file::AtomicFile;
use crate::services::{StartError, backup_keys};
use crate::store::Store;
use crate::store::backup::SAVED;
use crate::store::backup::reading::BackupReader;

/// The maximum number of pages of rows that wait for the writing thread.
const WAITING_PAGES: usize = 2;

/// A message to the thread that seals and writes.
enum Piece {
    Table(&'static str, Vec<Column>),
    Rows(Vec<Row>),
    /// All rows were read.
    End,
}

/// Writes one state of the database to a new file, sealed under the first master key.
///
/// # Errors
/// A file that exists or cannot be written, a master key that is not the one of the database, and
/// errors of the database. After an error the file does not exist.
pub async fn create(
    config: &Config,
    store: &Store,
    clock: &Clock,
    path: &Path,
) -> Result<Summary, BackupError> {
    if path.exists() {
        return Err(BackupError::Exists { path: path.to_owned() });
    }
    let keys = backup_keys::of_database(config, store).await?;
    let mut reader = store.begin_reading().await?;
    let made = create_of(&mut reader, keys, store.engine(), clock, path).await;
    reader.close().await;
    made
}

async fn create_of(
    reader: &mut BackupReader,
    keys: MasterKeys,
    engine: &str,
    clock: &Clock,
    path: &Path,
) -> Result<Summary, BackupError> {
    let schema = reader.schema().await?;
    let head = reader.head().await?;
    let manifest = Manifest {
        tokend_backup: FORMAT_VERSION,
        id: random::identifier("bak_").map_err(StartError::Crypto)?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: engine.to_owned(),
        schema,
        created_at: clock.now(),
        sequence: head.sequence,
        hash: head.hash,
        master_key: keys.fingerprint().to_owned(),
    };
    let (pieces, waiting) = mpsc::channel(WAITING_PAGES);
    let target = path.to_owned();
    let writer = tokio::task::spawn_blocking(move || write(&keys, manifest, &target, waiting));
    let read = send(reader, &pieces).await;
    drop(pieces);
    // If the file cannot be written, reading ends early, and the error is that of the writer.
    let written = writer.await.map_err(|_| BackupError::Interrupted)?;
    read?;
    written
}

async fn send(reader: &mut BackupReader, pieces: &mpsc::Sender<Piece>) -> Result<(), BackupError> {
    for name in SAVED {
        let Some(mut table) = reader.open(name).await? else { continue };
        let mut piece = Piece::Table(name, table.columns.clone());
        loop {
            if pieces.send(piece).await.is_err() {
                return Ok(());
            }
            let rows = reader.page(&mut table).await?;
            if rows.is_empty() {
                break;
            }
            piece = Piece::Rows(rows);
        }
    }
    // If the writer has ended, its result has the cause.
    let _ = pieces.send(Piece::End).await;
    Ok(())
}

/// Writes all pieces to a new file, which gets its name after the last one.
fn write(
    keys: &MasterKeys,
    manifest: Manifest,
    path: &Path,
    mut pieces: mpsc::Receiver<Piece>,
) -> Result<Summary, BackupError> {
    let failed = BackupError::writing(path);
    let (draft, file) = AtomicFile::create(path).map_err(&failed)?;
    let mut archive =
        ArchiveWriter::begin(keys, &manifest, BufWriter::new(file)).map_err(&failed)?;
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Table(name, columns)) => archive.table(name, columns),
            Some(Piece::Rows(rows)) => archive.rows(rows),
            Some(Piece::End) => break,
            None => return Err(BackupError::Interrupted),
        }
        .map_err(&failed)?;
    }
    let (mut output, rows) = archive.finish().map_err(&failed)?;
    output.flush().map_err(&failed)?;
    draft.finish(output.get_ref()).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => BackupError::Exists { path: PathBuf::from(path) },
        _ => failed(error),
    })?;
    Ok(Summary { manifest, rows, unopened_keys: Vec::new() })
}
