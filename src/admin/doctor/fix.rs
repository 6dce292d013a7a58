//! Fixes for the problems that checks find, as data. `remedies` turns them into text.

use std::borrow::Cow;

use crate::config::problem::SettingRemedy;
use crate::model::time::Lifetime;

/// A fix for the problem that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// A text. It does not name a command or an option of tokend.
    Text(Cow<'static, str>),
    /// Fix one setting.
    Setting {
        /// The action.
        remedy: SettingRemedy,
        /// The source of the value.
        origin: String,
    },
    /// Check the settings to see each problem.
    CheckSettings,
    /// Set `backup.schedule`, or make backups by hand.
    ScheduleBackups,
    /// Start a server with these settings, or make a backup now.
    MakeBackup,
    /// Read the whole backup, and use an older one.
    VerifyBackup {
        /// The file of the backup.
        file: String,
    },
    /// Keep the master key of a backup, or make a new backup.
    KeepBackupKey,
    /// Point the doctor at the database of the server.
    FindDatabase,
    /// Check the path of a file that is not a database.
    CheckDatabaseFile,
    /// Check that the database runs.
    CheckDatabase,
    /// Make a backup, then migrate.
    Migrate,
    /// Make a backup, then migrate or start a server, which migrates.
    MigrateOrStart,
    /// Seal the keys under the new master key.
    RotateMasterKey,
    /// Set the master key that sealed the keys.
    SetSealingKey,
    /// Restore the master key.
    RestoreMasterKey,
    /// List the signing keys, and start a server.
    CreateSigningKey,
    /// Set the master key of a signing key, or retire the signing key.
    RetireSigningKey,
    /// Find out why a server does not publish a key.
    FindPublishedKeys,
    /// Replace the secrets that expire within this time.
    ReplaceSecrets {
        /// The setting `secrets.warn_before`.
        warn_before: Lifetime,
    },
    /// Check the server from outside.
    LookFromOutside,
    /// Send the whole chain, or give the doctor the certificate of the authority.
    CompleteChain,
    /// Check the URL, the network and the server.
    CheckServer,
    /// Set the issuer of the server, or give the doctor the right one.
    CompareIssuer,
}

impl From<&'static str> for Fix {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Fix {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}
