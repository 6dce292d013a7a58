//! The number of sealed keys, responses and files under each master key.

use std::path::Path;

use serde::Serialize;

use crate::admin::backup::{self, BackupError, schedule};
use crate::app::snapshot;
use crate::config::Config;
use crate::directory::snapshot::{SnapshotError, SnapshotFile};
use crate::keys::seal::MasterKeys;
use crate::model::signing_key::Sealed;
use crate::model::time::Clock;
use crate::services::sealed_keys::{SealedKeyName, SealedKeys};
use crate::store::instances::heartbeat::LiveInstance;
use crate::store::{Store, StoreError};

/// The number of stored responses that are read at a time. Each has up to some hundred KiB.
pub(super) const ANSWERS_PER_PAGE: u32 = 50;

/// The master keys, and the running instances.
#[derive(Debug)]
pub struct MasterKeyStatus {
    /// The keys of the settings in their order, then keys that only files name. The entry for seals
    /// that no key opens is last.
    pub keys: Vec<KeyUse>,
    /// The instances that are running, or were killed a short time ago.
    pub instances: Vec<LiveInstance>,
}

/// The use of a master key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyUse {
    /// The fingerprint of the key; absent for seals that no configured key opens.
    pub fingerprint: Option<String>,
    /// The role of the key in the settings.
    pub state: MasterKeyRole,
    /// The number of objects that are sealed under it.
    pub sealed: SealedCounts,
}

/// The role of a master key in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MasterKeyRole {
    /// The first key of the list, which seals and opens.
    Seals,
    /// Another key of the list, which only opens.
    Opens,
    /// A key that is not in the settings.
    NotSet,
}

impl MasterKeyRole {
    /// Returns the name of the role in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seals => "seals",
            Self::Opens => "opens",
            Self::NotSet => "not set",
        }
    }
}

/// The number of objects that are sealed under a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SealedCounts {
    /// The number of private halves of signing keys.
    pub signing_keys: u64,
    /// The tag key of generated secrets: 0 or 1.
    pub tag_key: u64,
    /// The audit key, which signs checkpoints: 0 or 1.
    pub audit_key: u64,
    /// The number of responses that are stored for an `Idempotency-Key`.
    pub stored_answers: u64,
    /// The number of backups in `backup.dir`.
    pub backups: u64,
    /// The snapshot of this machine: 0 or 1.
    pub snapshots: u64,
}

/// The kind of a sealed object.
#[derive(Debug, Clone, Copy)]
enum SealedKind {
    SigningKey,
    TagKey,
    AuditKey,
    StoredAnswer,
    Backup,
    Snapshot,
}

impl SealedKind {
    fn of(name: SealedKeyName<'_>) -> Self {
        match name {
            SealedKeyName::Tag => Self::TagKey,
            SealedKeyName::Audit => Self::AuditKey,
            SealedKeyName::Signing(_) => Self::SigningKey,
        }
    }
}

impl SealedCounts {
    fn count(&mut self, kind: SealedKind) {
        let number = match kind {
            SealedKind::SigningKey => &mut self.signing_keys,
            SealedKind::TagKey => &mut self.tag_key,
            SealedKind::AuditKey => &mut self.audit_key,
            SealedKind::StoredAnswer => &mut self.stored_answers,
            SealedKind::Backup => &mut self.backups,
            SealedKind::Snapshot => &mut self.snapshots,
        };
        *number = number.saturating_add(1);
    }
}

/// The counts under construction.
struct Counting<'a> {
    master: Option<&'a MasterKeys>,
    keys: Vec<KeyUse>,
}

impl<'a> Counting<'a> {
    fn of(master: Option<&'a MasterKeys>) -> Self {
        let fingerprints = master.into_iter().flat_map(MasterKeys::fingerprints);
        let key = |(position, fingerprint): (usize, &str)| KeyUse {
            fingerprint: Some(fingerprint.to_owned()),
            state: if position == 0 { MasterKeyRole::Seals } else { MasterKeyRole::Opens },
            sealed: SealedCounts::default(),
        };
        Self { master, keys: fingerprints.enumerate().map(key).collect() }
    }

    /// Counts an object that is sealed under the key with this fingerprint.
    fn add(&mut self, kind: SealedKind, fingerprint: Option<&str>) {
        let known = self.keys.iter_mut().find(|key| key.fingerprint.as_deref() == fingerprint);
        if let Some(key) = known {
            key.sealed.count(kind);
            return;
        }
        let mut sealed = SealedCounts::default();
        sealed.count(kind);
        let fingerprint = fingerprint.map(str::to_owned);
        self.keys.push(KeyUse { fingerprint, state: MasterKeyRole::NotSet, sealed });
    }

    /// Counts an object in the database under the key that opens it.
    fn add_seal(&mut self, kind: SealedKind, name: &str, sealed: &Sealed) {
        let opener = self.master.and_then(|master| master.opener(name, sealed));
        self.add(kind, opener);
    }

    async fn add_database(&mut self, store: &Store, clock: &Clock) -> Result<(), StoreError> {
        for (name, seal) in SealedKeys::read(store.read()).await?.iter() {
            self.add_seal(SealedKind::of(name), name.as_str(), seal);
        }
        let now = store.time(clock).await?;
        let mut after = String::new();
        loop {
            let page = store.sealed_answers(&after, now, ANSWERS_PER_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.key_hash);
            for answer in &page {
                self.add_seal(SealedKind::StoredAnswer, &answer.name(), &answer.answer);
            }
        }
    }

    /// Counts the sealed files without opening them: their first line names the key. New kinds of
    /// sealed files must be added here.
    fn add_files(&mut self, config: &Config) -> Result<(), BackupError> {
        for fingerprint in backups_in(&config.backup.dir)? {
            self.add(SealedKind::Backup, Some(&fingerprint));
        }
        if let Some(fingerprint) = self.snapshot_in(config) {
            self.add(SealedKind::Snapshot, Some(&fingerprint));
        }
        Ok(())
    }

    /// Returns the fingerprint that the snapshot of this machine names, if there is a snapshot. An
    /// unreadable one is not counted: a start ignores it, and the next snapshot replaces it.
    fn snapshot_in(&self, config: &Config) -> Option<String> {
        match SnapshotFile::open(&snapshot::path(config), self.master?) {
            Ok(file) => file.map(|file| file.manifest.master_key().to_owned()),
            Err(SnapshotError::OtherMasterKey { found }) => Some(found),
            Err(_) => None,
        }
    }
}

/// Returns the fingerprints that the backups in a folder name. Files that do not name one are
/// skipped.
fn backups_in(dir: &Path) -> Result<Vec<String>, BackupError> {
    let mut found = Vec::new();
    for path in schedule::backups(dir)? {
        match backup::master_key(&path) {
            Ok(fingerprint) => found.push(fingerprint),
            Err(error @ BackupError::File { .. }) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(found)
}

/// Counts the objects that are sealed under each master key, in the database and in files. `master`
/// are the configured keys, if there are any.
///
/// # Errors
///
/// Errors of the database, and errors of the operating system for the folder of backups.
pub async fn status(
    config: &Config,
    store: &Store,
    clock: &Clock,
    master: Option<&MasterKeys>,
) -> Result<MasterKeyStatus, BackupError> {
    let mut counting = Counting::of(master);
    counting.add_database(store, clock).await.map_err(of_store)?;
    counting.add_files(config)?;
    // Seals that no key opens are last.
    counting.keys.sort_by_key(|key| key.fingerprint.is_none());
    let now = store.time(clock).await.map_err(of_store)?;
    let instances = store.read().live_instances(now).await.map_err(of_store)?;
    Ok(MasterKeyStatus { keys: counting.keys, instances })
}

fn of_store(error: StoreError) -> BackupError {
    BackupError::Start(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::master_key::MasterKeyList;

    #[test]
    fn each_seal_is_counted_under_the_key_that_opens_it() {
        let keys = |text: &str| {
            MasterKeys::derive(&MasterKeyList::parse(text).expect("a list")).expect("keys")
        };
        let (new, old, lost) = ("11".repeat(32), "22".repeat(32), "33".repeat(32));
        let both = keys(&format!("{new},{old}"));
        let mut counting = Counting::of(Some(&both));
        for (kind, key) in [
            (SealedKind::TagKey, &old),
            (SealedKind::SigningKey, &old),
            (SealedKind::SigningKey, &new),
            (SealedKind::StoredAnswer, &lost),
        ] {
            let seal = keys(key).seal("a", b"content").expect("a seal");
            counting.add_seal(kind, "a", &seal);
        }
        counting.add(SealedKind::Backup, Some("a fingerprint"));
        let shown: Vec<_> = counting
            .keys
            .iter()
            .map(|key| {
                let SealedCounts { signing_keys, tag_key, stored_answers, backups, .. } =
                    key.sealed;
                (key.state, signing_keys, tag_key, stored_answers, backups)
            })
            .collect();
        assert_eq!(
            shown,
            [
                (MasterKeyRole::Seals, 1, 0, 0, 0),
                (MasterKeyRole::Opens, 1, 1, 0, 0),
                (MasterKeyRole::NotSet, 0, 0, 1, 0),
                (MasterKeyRole::NotSet, 0, 0, 0, 1),
            ]
        );
        assert_eq!(counting.keys[0].fingerprint.as_deref(), Some(both.fingerprint()));
        assert_eq!(counting.keys[2].fingerprint, None);
    }
}
