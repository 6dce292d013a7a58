//! The checks of the doctor with their stable codes, in display order.

use serde::{Serialize, Serializer};

/// The subject of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckGroup {
    /// The settings.
    Settings,
    /// Files and their permissions.
    Files,
    /// The database.
    Database,
    /// Keys and secrets.
    Keys,
    /// Backups.
    Backups,
    /// TLS of the public endpoints.
    Tls,
    /// The documents that clients and verifiers fetch.
    Documents,
}

impl CheckGroup {
    /// All groups, in display order.
    pub const ALL: [Self; 7] = [
        Self::Settings,
        Self::Files,
        Self::Database,
        Self::Keys,
        Self::Backups,
        Self::Tls,
        Self::Documents,
    ];

    /// Returns the heading of the group.
    pub fn title(self) -> &'static str {
        match self {
            Self::Settings => "Settings",
            Self::Files => "Files",
            Self::Database => "Database",
            Self::Keys => "Keys and secrets",
            Self::Backups => "Backups",
            Self::Tls => "TLS",
            Self::Documents => "Documents",
        }
    }
}

/// Declares the checks, each with its meaning as a doc comment, its group and its code, so that no
/// list can lack a check.
macro_rules! checks {
    ($($(#[doc = $meaning:literal])+ $check:ident: $group:ident => $code:literal,)+) => {
        /// The stable code of a check. `docs/operations/doctor.md` lists all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum CheckCode {
            $($(#[doc = $meaning])+ $check,)+
        }

        impl CheckCode {
            /// All checks, in display order.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$check),+];

            /// Returns the stable code for programs.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$check => $code,)+
                }
            }

            /// Returns the group of the check.
            pub fn group(self) -> CheckGroup {
                match self {
                    $(Self::$check => CheckGroup::$group,)+
                }
            }

            /// Returns the expected state, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$check => concat!($($meaning),+).trim_start(),)+
                }
            }
        }
    };
}

checks! {
    /// The settings are valid.
    Settings: Settings => "settings",
    /// A proxy that terminates TLS is named in `proxy.trusted`.
    ProxyTrust: Settings => "proxy_trust",
    /// The networks in `proxy.trusted` are not wider than proxies need.
    TrustedNetworks: Settings => "trusted_networks",
    /// The management listener is only for operators, and has a URL if others reach it.
    ManagementListener: Settings => "management_listener",
    /// Metrics are open to this machine only.
    MetricsAccess: Settings => "metrics_access",
    /// The log shows warnings, and no debug lines.
    LogLevel: Settings => "log_level",
    /// Only its owner may write to the directory of the database and the master key.
    DataDir: Files => "data_dir",
    /// Only its owner may read the database.
    DatabaseFiles: Files => "database_files",
    /// Only its owner may read the master key.
    MasterKeyFile: Files => "master_key_file",
    /// Only their owner may read the files with other secrets.
    SecretFiles: Files => "secret_files",
    /// The disks of the database and of the data directory have space.
    DiskSpace: Files => "disk_space",
    /// The database answers.
    Database: Database => "database",
    /// The database has the schema of this program.
    Schema: Database => "schema",
    /// The clock of the database and the clock of this machine agree.
    DatabaseClock: Database => "database_clock",
    /// The issuer of the settings is that of the last server on this database.
    StoredIssuer: Database => "stored_issuer",
    /// Every stored resource can be read.
    StoredResources: Database => "stored_resources",
    /// The master key opens every sealed key.
    MasterKey: Keys => "master_key",
    /// A key signs.
    SigningKey: Keys => "signing_key",
    /// The next signing key exists, or is made in time.
    NextSigningKey: Keys => "next_signing_key",
    /// No secret of a client expires within `secrets.warn_before`.
    ExpiringSecrets: Keys => "expiring_secrets",
    /// The newest backup of the server is not older than twice `backup.schedule`.
    BackupAge: Backups => "backup_age",
    /// The newest backup can be read and is sealed under a master key of the settings.
    BackupKey: Backups => "backup_key",
    /// The certificate is valid now and for some time, and its key fits.
    TlsCertificate: Tls => "tls_certificate",
    /// The certificate is for the host of the issuer.
    TlsName: Tls => "tls_name",
    /// The chain of the certificate ends at a certificate authority that this machine trusts.
    TlsChain: Tls => "tls_chain",
    /// The metadata (RFC 8414) can be fetched.
    Metadata: Documents => "metadata",
    /// The issuer in the metadata is the URL.
    MetadataIssuer: Documents => "metadata_issuer",
    /// The endpoints in the metadata are below the issuer.
    Endpoints: Documents => "endpoints",
    /// The OpenID configuration, if it is served, names the same issuer and key set.
    OpenidConfiguration: Documents => "openid_configuration",
    /// The key set can be fetched, and verifiers can use every key in it.
    KeySet: Documents => "key_set",
    /// Verifiers may cache the key set, for a limited time.
    KeySetCache: Documents => "key_set_cache",
    /// The clock of the server and the clock of this machine agree.
    ServerClock: Documents => "server_clock",
    /// Forwarding headers from outside do not change what is answered.
    ForwardedHeaders: Documents => "forwarded_headers",
}

impl CheckCode {
    /// The checks from outside.
    const OUTSIDE: [Self; 11] = [
        Self::TlsCertificate,
        Self::TlsName,
        Self::TlsChain,
        Self::Metadata,
        Self::MetadataIssuer,
        Self::Endpoints,
        Self::OpenidConfiguration,
        Self::KeySet,
        Self::KeySetCache,
        Self::ServerClock,
        Self::ForwardedHeaders,
    ];

    /// Returns the checks on the machine of the server.
    pub(super) fn of_host() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|check| check.group() != CheckGroup::Documents)
    }

    /// Returns the checks from outside.
    pub(super) fn of_outside() -> impl Iterator<Item = Self> {
        Self::OUTSIDE.into_iter()
    }
}

impl Serialize for CheckCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_lists_every_check() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations/doctor.md");
        let page = std::fs::read_to_string(page).expect("the page");
        let host: Vec<_> = CheckCode::of_host().collect();
        let outside: Vec<_> = CheckCode::of_outside().collect();
        let rows: String = CheckCode::ALL
            .iter()
            .map(|check| {
                let place = match (host.contains(check), outside.contains(check)) {
                    (true, true) => "both",
                    (true, false) => "host",
                    _ => "`--url`",
                };
                format!("| `{}` | {place} | {} |\n", check.as_str(), check.meaning())
            })
            .collect();
        assert!(page.contains(&rows), "put this table into docs/operations/doctor.md:\n{rows}");
    }

    #[test]
    fn groups_are_in_the_order_of_the_checks() {
        assert!(CheckCode::ALL.is_sorted_by_key(|check| check.group()));
        assert!(CheckGroup::ALL.is_sorted());
    }
}
