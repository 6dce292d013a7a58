//! Settings: read once at the start, checked as a whole, and passed on as types.
//!
//! [`sources`] layers the defaults, files, environment and flags, and remembers the origin of each
//! value. This module turns the values into types and reports every problem at once.

mod audit;
mod backup;
pub mod command_variables;
mod coverage;
mod database;
mod database_url;
mod issuer;
mod key_command;
pub mod live;
mod management_url;
mod metrics;
mod notifications;
mod oidc;
mod parse;
pub mod problem;
mod providers;
mod read;
mod read_process;
mod secret_holders;
mod service_links;
mod shown;
mod snapshot;
pub mod sources;
mod traces;

pub use audit::{AuditSettings, AuditSink};
pub use backup::BackupSettings;
pub use database::{DatabaseSettings, Location, Migrate};
pub use issuer::Issuer;
pub use key_command::KeyCommand;
pub use metrics::MetricsSettings;
pub use oidc::{OidcSettings, ProviderUrl};
pub use shown::{ShownSetting, shown};
pub use snapshot::SnapshotSettings;
pub use traces::TraceExport;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use crate::config::notifications::{NotificationSettings, Webhook};
use crate::config::problem::{ConfigError, ConfigProblem};
pub use crate::config::read_process::BootstrapSettings;
use crate::config::sources::{Flags, Settings};
use crate::model::master_key::MasterKeyList;
use crate::model::public_path::PublicPaths;
use crate::model::rate::{Rate, RateLimit};
use crate::model::signing_key::{Algorithm, RsaSize};
use crate::model::time::Lifetime;

/// The commented defaults. They are also the sample file and the source of the manual.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// All settings of one process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The issuer identifier (RFC 8414, section 2), if one is set.
    pub issuer: Option<Issuer>,
    /// The address of the public listener.
    pub listen: SocketAddr,
    /// The paths of the public listener, for the issuer and the aliases.
    pub public_paths: PublicPaths,
    /// The address of the management listener.
    pub management_listen: SocketAddr,
    /// The value of `management.url`, if set: see [`Config::management_url`].
    pub configured_management_url: Option<Issuer>,
    /// The folder of the SQLite database and of the generated master key.
    pub data_dir: PathBuf,
    /// The master keys, if the settings contain any.
    pub master_key: Option<MasterKey>,
    /// The command that prints the master keys, if set; excludes `master_key`.
    pub master_key_command: Option<KeyCommand>,
    /// The database.
    pub database: DatabaseSettings,
    /// The settings of the directory, the instance's memory of all clients.
    pub directory: DirectorySettings,
    /// The settings of the snapshot of the directory.
    pub snapshot: SnapshotSettings,
    /// The settings of tokens.
    pub token: TokenSettings,
    /// The limits on client assertions.
    pub assertions: AssertionSettings,
    /// The optional members of the metadata.
    pub metadata: MetadataSettings,
    /// The life cycle of signing keys.
    pub keys: KeySettings,
    /// The settings of client secrets.
    pub secrets: SecretSettings,
    /// The limits on requests.
    pub limits: LimitSettings,
    /// The networks whose headers may name the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// The TLS settings of the public listener, if tokend terminates it.
    pub tls: Option<TlsSettings>,
    /// The CA certificates for client certificates (PEM).
    pub client_ca: Option<PathBuf>,
    /// The base URL of the mTLS endpoints, if it differs from the issuer.
    pub mtls_url: Option<Issuer>,
    /// The settings for fetching remote documents.
    pub fetch: FetchSettings,
    /// The destinations of notifications.
    pub notifications: NotificationSettings,
    /// The settings of the log.
    pub log: LogSettings,
    /// The settings of metrics.
    pub metrics: MetricsSettings,
    /// The timing of a shutdown.
    pub shutdown: ShutdownSettings,
    /// The declarations that are applied at the start.
    pub bootstrap: BootstrapSettings,
    /// The settings of scheduled backups.
    pub backup: BackupSettings,
    /// The settings of the audit log.
    pub audit: AuditSettings,
    /// True if the management listener serves the console.
    pub console_enabled: bool,
    /// The identity provider of the console, if one is set.
    pub oidc: Option<Box<OidcSettings>>,
    /// Every setting in a form that is safe to print.
    pub shown: Vec<ShownSetting>,
}

/// The master keys from the settings, with their origin.
#[derive(Debug, Clone)]
pub struct MasterKey {
    /// The keys.
    pub keys: MasterKeyList,
    /// The source, such as `from TOKEND_MASTER_KEY`.
    pub source: String,
    /// The file with the keys, if the setting names one.
    pub file: Option<PathBuf>,
}

/// A setting and the source of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The setting, such as `data_dir`.
    pub setting: &'static str,
    /// The source, such as `from TOKEND_DATA_DIR`.
    pub source: String,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}, {}", self.setting, self.source)
    }
}

/// Settings of the directory, which follows changes in the database.
#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// The interval of polling for changes.
    pub poll_interval: Duration,
    /// How long the directory may be used without contact to the database.
    pub max_staleness: Lifetime,
}

/// Settings of tokens.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// The default lifetime.
    pub lifetime: Lifetime,
    /// The maximum lifetime.
    pub lifetime_max: Lifetime,
    /// The default signature algorithm of the server.
    pub algorithm: Algorithm,
    /// The additional paths of the token endpoint.
    pub aliases: Vec<String>,
    /// True if DPoP proofs must contain a nonce of this server.
    pub dpop_nonces: bool,
}

/// Limits on client assertions (RFC 7523).
#[derive(Debug, Clone)]
pub struct AssertionSettings {
    /// The maximum time from now to `exp`.
    pub lifetime_max: Lifetime,
    /// The handling of client assertions while the database is unavailable.
    pub during_outage: DuringOutage,
}

/// Handling of client assertions while the database is unavailable. The server then cannot check
/// whether another instance has already accepted an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuringOutage {
    /// Reject all assertions.
    Reject,
    /// Each instance accepts each assertion once.
    Local,
}

/// Optional members of the metadata.
#[derive(Debug, Clone)]
pub struct MetadataSettings {
    /// True if the metadata names an authorization endpoint, which rejects every request.
    pub authorization_endpoint: bool,
}

/// Life cycle of signing keys.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// How long a key signs.
    pub rotation_interval: Lifetime,
    /// How long a key is published before it signs.
    pub publish_before: Lifetime,
    /// How long a key stays published after its last token has expired.
    pub keep_after: Lifetime,
    /// The size of new RSA keys.
    pub rsa_size: RsaSize,
    /// True if a key starts to sign only after the readers of the key set have fetched it.
    pub wait_for_readers: bool,
}

/// Settings of client secrets.
#[derive(Debug, Clone)]
pub struct SecretSettings {
    /// The maximum number of valid secrets of a client.
    pub max_per_client: usize,
    /// The memory of one argon2id hash, in KiB.
    pub argon2_memory_kib: u32,
    /// The number of passes of one argon2id hash.
    pub argon2_iterations: u32,
    /// The maximum number of concurrent hashes per queue.
    pub hashing_lanes: usize,
    /// The maximum number of waiting attempts per queue.
    pub hashing_queue: usize,
    /// How long before its expiry a secret is reported as expiring soon.
    pub warn_before: Lifetime,
}

/// Limits on requests.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// The maximum size of a body, in bytes.
    pub body_size: usize,
    /// The maximum size of a request head, in bytes.
    pub header_size: usize,
    /// The time limit for receiving a head.
    pub header_timeout: Duration,
    /// The time limit for receiving a body.
    pub body_timeout: Duration,
    /// The maximum number of open connections.
    pub connections: usize,
    /// The default token rate of a client.
    pub tokens_per_client: RateLimit,
    /// The maximum rate at which a client may revoke its own tokens one by one.
    pub revocations_per_client: Rate,
    /// The maximum rate of assertions of a client at introspection and revocation.
    pub assertions_per_client: RateLimit,
    /// The maximum rate of wrong secrets for a client.
    pub guesses_per_client: Rate,
    /// The maximum rate of wrong secrets from an address.
    pub guesses_per_address: Rate,
}

/// TLS that tokend terminates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate chain (PEM).
    pub certificate: PathBuf,
    /// The private key of the certificate (PEM).
    pub key: PathBuf,
}

/// Settings for fetching remote documents.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// The non-public networks from which documents may be fetched.
    pub allowed_networks: Vec<IpNet>,
    /// The CA certificates that are trusted in addition to those of the system (PEM).
    pub ca_file: Option<PathBuf>,
}

/// Settings of the log.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// The directive, such as `info` or `info,tokend::web=debug`.
    pub level: String,
    /// The format of log lines.
    pub format: LogFormat,
    /// The requests that are logged.
    pub requests: LoggedRequests,
}

/// The requests that are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedRequests {
    /// All requests.
    All,
    /// Requests that were rejected or failed.
    Rejected,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Human-readable text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Timing of a shutdown.
#[derive(Debug, Clone)]
pub struct ShutdownSettings {
    /// How long the server continues to accept connections.
    pub delay: Duration,
    /// The time limit for requests in flight.
    pub drain: Duration,
}

/// Settings that a command requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// None: commands that work on the database.
    Nothing,
    /// The issuer: commands that serve tokens.
    Issuer,
}

impl Config {
    /// Returns how long a replaced signing key stays published, in seconds: until its longest-lived
    /// token has expired, plus a reserve.
    pub fn keep_seconds(&self) -> i64 {
        self.token.lifetime_max.seconds() + self.keys.keep_after.seconds()
    }

    /// Layers all sources and checks them.
    ///
    /// The error contains every problem, not only the first.
    pub fn load(
        flags: &Flags,
        environment: &[(String, String)],
        need: Requirement,
    ) -> Result<Self, ConfigError> {
        Self::from_settings(&Settings::gather(flags, environment)?, need)
    }

    /// Checks settings that are already layered.
    pub fn from_settings(settings: &Settings, need: Requirement) -> Result<Self, ConfigError> {
        let mut problems: Vec<ConfigProblem> = settings.problems().to_vec();
        let read = read::config(settings, need, &mut problems);
        match read {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError::new(problems)),
        }
    }
}

/// The environment variable that names the actor of changes. It is not a setting of the server.
pub const ACTOR_VARIABLE: &str = "TOKEND_ACTOR";

/// Returns the environment of this process.
#[expect(clippy::disallowed_methods, reason = "the only function that reads the environment")]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests;
