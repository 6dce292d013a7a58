//! Stores values that many clients share once. Clients refer to them by index.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock};

use crate::directory::effective_grant::GrantEntry;
use crate::directory::entry::{AllowedMethods, ClientEntry};
use crate::directory::snapshot::SnapshotError;
use crate::directory::snapshot::frame::{self, Kind};
use crate::directory::snapshot::grant_record::{AllowedRecord, GrantRecord};
use crate::directory::{Directory, Resources};

/// The maximum number of grants that are stored once. Other grants are stored with each client.
const MAX_SHARED_GRANTS: usize = 1 << 16;

/// Indexes of the shared values that have been written. It keeps the values alive, so that no
/// address is reused.
#[derive(Default)]
pub(super) struct SharedIndex {
    grants: HashMap<usize, (u32, Arc<GrantEntry>)>,
    allowed: HashMap<usize, (u32, Arc<AllowedMethods>)>,
}

/// Shared values that have been read, in the order of their indexes.
pub(super) struct RestoredShares<'a> {
    directory: &'a Directory,
    resources: Arc<Resources>,
    grants: RwLock<Vec<Arc<GrantEntry>>>,
    allowed: RwLock<Vec<Arc<AllowedMethods>>>,
}

fn next_place(length: usize) -> Result<u32, SnapshotError> {
    u32::try_from(length).map_err(|_| SnapshotError::damaged("too much is shared"))
}

impl SharedIndex {
    /// Writes the shared values of a client that have not been written yet.
    pub(super) fn write_new(
        &mut self,
        client: &ClientEntry,
        output: &mut impl Write,
    ) -> Result<(), SnapshotError> {
        let address = Arc::as_ptr(&client.allowed).addr();
        if !self.allowed.contains_key(&address) {
            let record = AllowedRecord::of(&client.allowed);
            frame::write_all(Kind::AllowedMethods, [record], output)?;
            let place = next_place(self.allowed.len())?;
            self.allowed.insert(address, (place, client.allowed.clone()));
        }
        for grant in &client.grants {
            let address = Arc::as_ptr(grant).addr();
            // A grant with claims of the client belongs to this client only.
            let is_shared = grant.key.client.is_none() && self.grants.len() < MAX_SHARED_GRANTS;
            if is_shared && !self.grants.contains_key(&address) {
                frame::write_all(Kind::Grants, [GrantRecord::of(&grant.key)], output)?;
                let place = next_place(self.grants.len())?;
                self.grants.insert(address, (place, grant.clone()));
            }
        }
        Ok(())
    }

    /// True if all shared values of a client have been written.
    pub(super) fn has_all(&self, client: &ClientEntry) -> bool {
        let is_known = |grant: &Arc<GrantEntry>| {
            grant.key.client.is_some()
                || self.grants.len() >= MAX_SHARED_GRANTS
                || self.grants.contains_key(&Arc::as_ptr(grant).addr())
        };
        self.allowed.contains_key(&Arc::as_ptr(&client.allowed).addr())
            && client.grants.iter().all(is_known)
    }

    /// Returns the index of a shared grant.
    pub(super) fn grant(&self, grant: &Arc<GrantEntry>) -> Option<u32> {
        self.grants.get(&Arc::as_ptr(grant).addr()).map(|(place, _)| *place)
    }

    pub(super) fn allowed(&self, allowed: &Arc<AllowedMethods>) -> Result<u32, SnapshotError> {
        let found = self.allowed.get(&Arc::as_ptr(allowed).addr());
        found.map(|(place, _)| *place).ok_or_else(not_there)
    }
}

impl<'a> RestoredShares<'a> {
    pub(super) fn of(directory: &'a Directory) -> Self {
        let resources = directory.resources();
        Self { directory, resources, grants: RwLock::default(), allowed: RwLock::default() }
    }

    /// Appends grants in the order of their indexes.
    pub(super) fn add_grants(&self, records: Vec<GrantRecord<'_>>) -> Result<(), SnapshotError> {
        let restored = records.into_iter().map(|record| self.restore_grant(record));
        let restored: Vec<_> = restored.collect::<Result<_, _>>()?;
        // The list is consistent, even if a thread panicked with the lock.
        self.grants.write().unwrap_or_else(PoisonError::into_inner).extend(restored);
        Ok(())
    }

    /// Appends methods in the order of their indexes.
    pub(super) fn add_allowed(&self, records: Vec<AllowedRecord<'_>>) -> Result<(), SnapshotError> {
        let restored =
            records.into_iter().map(|record| Ok(self.directory.intern_methods(record.restore()?)));
        let restored: Vec<_> = restored.collect::<Result<_, SnapshotError>>()?;
        self.allowed.write().unwrap_or_else(PoisonError::into_inner).extend(restored);
        Ok(())
    }

    pub(super) fn grant(&self, place: u32) -> Result<Arc<GrantEntry>, SnapshotError> {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        at(&grants, place)
    }

    pub(super) fn allowed(&self, place: u32) -> Result<Arc<AllowedMethods>, SnapshotError> {
        let allowed = self.allowed.read().unwrap_or_else(PoisonError::into_inner);
        at(&allowed, place)
    }

    pub(super) fn restore_grant(
        &self,
        record: GrantRecord<'_>,
    ) -> Result<Arc<GrantEntry>, SnapshotError> {
        Ok(self.directory.grants.restored(record.restore()?, &self.resources)?)
    }
}

fn at<T>(list: &[Arc<T>], place: u32) -> Result<Arc<T>, SnapshotError> {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    list.get(place).cloned().ok_or_else(not_there)
}

fn not_there() -> SnapshotError {
    SnapshotError::damaged("a client refers to a missing value")
}
