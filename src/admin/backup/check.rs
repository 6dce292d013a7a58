//! Verification of a backup: reads all lines and checks the seals, the numbers of rows, the chain
//! of events, and the sealed keys in it.

use std::path::Path;

use serde_json::Value;

use crate::admin::audit::chain_error;
use crate::admin::backup::archive::{Archive, Part};
use crate::admin::backup::error::BackupError;
use crate::keys::seal::MasterKeys;
use crate::model::backup::{Column, Manifest, Row, RowCounts};
use crate::model::event::{Event, EventOwners, Head};
use crate::model::owner::Owner;
use crate::model::signing_key::Sealed;
use crate::model::time::Timestamp;
use crate::store::backup::EVENTS;
use crate::store::schema;

/// The content of a backup.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The manifest of the backup.
    pub manifest: Manifest,
    /// The number of rows of each table.
    pub rows: RowCounts,
    /// The sealed keys that no configured master key opens.
    pub unopened_keys: Vec<String>,
}

/// Reads the manifest of a file without verifying it. [`verify`] and a restore verify it.
///
/// # Errors
/// If the file is not a backup, or was made by a newer program.
pub fn manifest(path: &Path) -> Result<Manifest, BackupError> {
    let Archive { manifest, .. } = Archive::open(path)?;
    if schema::is_known(manifest.schema) {
        return Ok(manifest);
    }
    let Manifest { schema: found, version, .. } = manifest;
    Err(BackupError::UnknownSchema { path: path.to_owned(), found, version })
}

/// Returns the fingerprint of the master key that a backup is sealed under.
///
/// # Errors
/// If the file is not a backup, or has a newer format.
pub fn master_key(path: &Path) -> Result<String, BackupError> {
    Ok(Archive::open(path)?.manifest.master_key)
}

/// Rejects a backup that no configured master key opens.
pub(super) fn require_key(path: &Path, keys: Option<&MasterKeys>) -> Result<(), BackupError> {
    let archive = Archive::open(path)?;
    match keys {
        Some(keys) => archive.read(keys).map(|_| ()),
        None => Err(archive.without_key()),
    }
}

/// Verifies a backup without changing anything. It reads the whole file on the calling thread.
///
/// # Errors
/// The first problem of the backup.
pub fn verify(path: &Path, keys: Option<&MasterKeys>) -> Result<Summary, BackupError> {
    manifest(path)?;
    read(path, keys, |_| Ok(()))
}

/// Reads a backup and passes each line to `sink` after checking it. The lines are a complete backup
/// only if this function succeeds.
pub(super) fn read(
    path: &Path,
    keys: Option<&MasterKeys>,
    mut sink: impl FnMut(Part) -> Result<(), BackupError>,
) -> Result<Summary, BackupError> {
    let archive = Archive::open(path)?;
    let manifest = archive.manifest.clone();
    let Some(keys) = keys else { return Err(archive.without_key()) };
    let mut lines = archive.read(keys)?;
    let mut checker = Checker::new(keys);
    let mut is_complete = false;
    while let Some(part) = lines.next()? {
        let order = if is_complete { Err("a line after the last one".to_owned()) } else { Ok(()) };
        let outcome = order.and_then(|()| match &part {
            Part::Table { table, columns } => checker.begin(table, columns),
            Part::Row(row) => checker.row(row),
            Part::End { rows } => checker.end(rows, &manifest),
        });
        outcome.map_err(|problem| BackupError::damaged(path, problem))?;
        is_complete = matches!(part, Part::End { .. });
        sink(part)?;
    }
    if !is_complete {
        return Err(BackupError::damaged(path, "its last line is missing"));
    }
    let Checker { rows, unopened_keys, .. } = checker;
    Ok(Summary { manifest, rows, unopened_keys })
}

/// The state of a verification.
struct Checker<'a> {
    keys: &'a MasterKeys,
    table: String,
    columns: Vec<Column>,
    rows: RowCounts,
    /// The last event that was read; initially the beginning of the chain.
    chain: Head,
    /// The last event that retention removed. Remaining rows up to it are not part of the chain.
    given_up: i64,
    /// The end of the chain as stored in the database.
    stored_head: Option<Head>,
    unopened_keys: Vec<String>,
}

impl<'a> Checker<'a> {
    fn new(keys: &'a MasterKeys) -> Self {
        Self {
            keys,
            table: String::new(),
            columns: Vec::new(),
            rows: RowCounts::new(),
            chain: Head { sequence: 0, hash: String::new() },
            given_up: 0,
            stored_head: None,
            unopened_keys: Vec::new(),
        }
    }

    fn begin(&mut self, table: &str, columns: &[Column]) -> Result<(), String> {
        if self.rows.insert(table.to_owned(), 0).is_some() {
            return Err(format!("the table {table} begins twice"));
        }
        table.clone_into(&mut self.table);
        self.columns = columns.to_vec();
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        let count = self.rows.get_mut(&self.table).ok_or("a row without a table")?;
        *count += 1;
        match self.table.as_str() {
            EVENTS => self.event(row),
            "audit_checkpoint" => self.checkpoint(row),
            "event_head" => {
                let sequence = self.number(row, "sequence")?;
                self.stored_head = Some(Head { sequence, hash: self.text(row, "hash")? });
                Ok(())
            }
            "sealed_key" => self.sealed(row, "name"),
            "signing_key" => self.sealed(row, "kid"),
            _ => Ok(()),
        }
    }

    /// Lets the chain begin at the last checkpoint of a removal of events.
    fn checkpoint(&mut self, row: &Row) -> Result<(), String> {
        let (sequence, hash) = (self.number(row, "sequence")?, self.text(row, "hash")?);
        let is_anchor = self.value(row, "anchored_at").is_some_and(Value::is_number);
        if is_anchor && sequence > self.given_up {
            self.given_up = sequence;
            self.chain = Head { sequence, hash };
        }
        Ok(())
    }

    fn event(&mut self, row: &Row) -> Result<(), String> {
        if self.number(row, "sequence")? <= self.given_up && self.given_up > 0 {
            return Ok(());
        }
        let owner = |name| self.optional(row, name).map(Owner::stored);
        let event = Event {
            sequence: self.number(row, "sequence")?,
            at: Timestamp(self.number(row, "at")?),
            actor: self.text(row, "actor")?,
            action: self.text(row, "action")?,
            subject: self.text(row, "subject")?,
            detail: self.text(row, "detail")?,
            owners: EventOwners { owner: owner("owner"), other_owner: owner("other_owner") },
            previous_hash: self.text(row, "previous_hash")?,
            hash: self.text(row, "hash")?,
        };
        if let Some(problem) = chain_error(&event, &self.chain) {
            return Err(format!("event {}: {problem}", event.sequence));
        }
        self.chain = Head { sequence: event.sequence, hash: event.hash };
        Ok(())
    }

    /// Notes a sealed key that the master keys do not open. The column is empty if the key was
    /// lost.
    fn sealed(&mut self, row: &Row, name: &str) -> Result<(), String> {
        let (name, sealed) = (self.text(row, name)?, self.text(row, "sealed")?);
        if !sealed.is_empty() && self.keys.open(&name, &Sealed(sealed)).is_err() {
            self.unopened_keys.push(name);
        }
        Ok(())
    }

    fn end(&self, rows: &RowCounts, manifest: &Manifest) -> Result<(), String> {
        if self.rows != *rows {
            return Err("the numbers of its rows differ from those that it names".to_owned());
        }
        if self.chain != manifest.head() || self.stored_head.as_ref() != Some(&self.chain) {
            return Err("its last event is not the end of the chain".to_owned());
        }
        Ok(())
    }

    fn value<'r>(&self, row: &'r Row, name: &str) -> Option<&'r Value> {
        row.get(self.columns.iter().position(|column| column.name == name)?)
    }

    fn optional<'r>(&self, row: &'r Row, name: &str) -> Option<&'r str> {
        self.value(row, name).and_then(Value::as_str)
    }

    fn text(&self, row: &Row, name: &str) -> Result<String, String> {
        let text = self.optional(row, name).map(str::to_owned);
        text.ok_or_else(|| format!("a row of {} without {name}", self.table))
    }

    fn number(&self, row: &Row, name: &str) -> Result<i64, String> {
        let number = self.value(row, name).and_then(Value::as_i64);
        number.ok_or_else(|| format!("a row of {} without {name}", self.table))
    }
}
