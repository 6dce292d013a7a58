//! Settings: read once at the start, checked as a whole, never looked up again.
//!
//! [`sources`] layers the defaults, files, environment and flags and remembers where each value
//! came from; this module turns the values into types and reports every problem at once.

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

/// The commented defaults, which are also the sample file and the manual.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// All settings of one process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The issuer identifier (RFC 8414, section 2), if one is set.
    pub issuer: Option<Issuer>,
    /// Where the public endpoints listen.
    pub listen: SocketAddr,
    /// The paths of the public listener, for the issuer and the aliases.
    pub public_paths: PublicPaths,
    /// Where the operator's endpoints listen.
    pub management_listen: SocketAddr,
    /// The URL of the management listener, if one is set: see [`Config::management_url`].
    pub configured_management_url: Option<Issuer>,
    /// The folder of the embedded database and of the generated master key.
    pub data_dir: PathBuf,
    /// The master keys, if the settings give any.
    pub master_key: Option<MasterKey>,
    /// The command that prints the master keys, if one is set. Then `master_key` is not.
    pub master_key_command: Option<KeyCommand>,
    /// The database.
    pub database: DatabaseSettings,
    /// How changes are followed.
    pub directory: DirectorySettings,
    /// How the memory is written to a file.
    pub snapshot: SnapshotSettings,
    /// What tokens are like.
    pub token: TokenSettings,
    /// What client assertions may be like.
    pub assertions: AssertionSettings,
    /// What the metadata names.
    pub metadata: MetadataSettings,
    /// How signing keys come and go.
    pub keys: KeySettings,
    /// How secrets are kept.
    pub secrets: SecretSettings,
    /// What a request may be like.
    pub limits: LimitSettings,
    /// Networks whose headers may name the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// TLS of the public listener, if tokend terminates it.
    pub tls: Option<TlsSettings>,
    /// The roots that client certificates may come from (PEM).
    pub client_ca: Option<PathBuf>,
    /// Where clients with certificates find the endpoints, if not where all do.
    pub mtls_url: Option<Issuer>,
    /// How remote documents are fetched.
    pub fetch: FetchSettings,
    /// Where notifications are sent.
    pub notifications: NotificationSettings,
    /// What is logged.
    pub log: LogSettings,
    /// How metrics are served.
    pub metrics: MetricsSettings,
    /// How the server stops.
    pub shutdown: ShutdownSettings,
    /// What is applied at the start.
    pub bootstrap: BootstrapSettings,
    /// Which backups a server makes.
    pub backup: BackupSettings,
    /// What is done with the audit log.
    pub audit: AuditSettings,
    /// Whether the management listener serves the console.
    pub console_enabled: bool,
    /// The identity provider of the console, if one is set.
    pub oidc: Option<Box<OidcSettings>>,
    /// Every setting as people may see it.
    pub shown: Vec<ShownSetting>,
}

/// The master keys of the settings, and where they come from.
#[derive(Debug, Clone)]
pub struct MasterKey {
    /// The keys.
    pub keys: MasterKeyList,
    /// The source, such as `from TOKEND_MASTER_KEY`.
    pub source: String,
    /// The file that holds them, if the setting names one.
    pub file: Option<PathBuf>,
}

/// The setting that decides something, and the source of its value.
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

/// How changes are followed.
#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// How often to look.
    pub poll_interval: Duration,
    /// How long memory may be trusted without the database.
    pub max_staleness: Lifetime,
}

/// What tokens are like.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// The default lifetime.
    pub lifetime: Lifetime,
    /// The longest lifetime.
    pub lifetime_max: Lifetime,
    /// The server's signature algorithm.
    pub algorithm: Algorithm,
    /// More paths of the token endpoint.
    pub aliases: Vec<String>,
    /// Whether DPoP proofs must have a nonce of this server.
    pub dpop_nonces: bool,
}

/// What client assertions may be like (RFC 7523).
#[derive(Debug, Clone)]
pub struct AssertionSettings {
    /// How far ahead `exp` may be.
    pub lifetime_max: Lifetime,
    /// What happens to assertions of clients while the database is unavailable.
    pub during_outage: DuringOutage,
}

/// What happens to assertions of clients while the database is unavailable, so that it cannot be
/// seen whether another instance has accepted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuringOutage {
    /// They are rejected.
    Reject,
    /// Each instance accepts each of them once.
    Local,
}

/// What the metadata names.
#[derive(Debug, Clone)]
pub struct MetadataSettings {
    /// Whether there is an authorization endpoint, which rejects every request.
    pub authorization_endpoint: bool,
}

/// How signing keys come and go.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// How long a key signs.
    pub rotation_interval: Lifetime,
    /// How long it is published before.
    pub publish_before: Lifetime,
    /// How long it stays after its last token.
    pub keep_after: Lifetime,
    /// The size of new RSA keys.
    pub rsa_size: RsaSize,
    /// True if a key that readers of the key set do not know yet signs later.
    pub wait_for_readers: bool,
}

/// How secrets are kept.
#[derive(Debug, Clone)]
pub struct SecretSettings {
    /// The maximum number of valid secrets of a client.
    pub max_per_client: usize,
    /// Memory of one argon2id hash, in KiB.
    pub argon2_memory_kib: u32,
    /// Passes of one argon2id hash.
    pub argon2_iterations: u32,
    /// Hashes that may run at once in each lane.
    pub hashing_lanes: usize,
    /// Attempts that may wait for a lane.
    pub hashing_queue: usize,
    /// How long before its end a secret expires soon.
    pub warn_before: Lifetime,
}

/// What a request may be like.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// The largest body in bytes.
    pub body_size: usize,
    /// The largest head in bytes.
    pub header_size: usize,
    /// How long a head may take.
    pub header_timeout: Duration,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How many connections may be open.
    pub connections: usize,
    /// How many tokens a client may have that says nothing else.
    pub tokens_per_client: RateLimit,
    /// How many of its tokens a client may revoke one by one.
    pub revocations_per_client: Rate,
    /// How many assertions a client may use for introspection and revocation.
    pub assertions_per_client: RateLimit,
    /// How many wrong secrets may be tried on a client.
    pub guesses_per_client: Rate,
    /// How many wrong secrets may come from an address.
    pub guesses_per_address: Rate,
}

/// TLS that tokend terminates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate and what leads to its root (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

/// How remote documents are fetched.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// Networks that may be fetched from although they are not public.
    pub allowed_networks: Vec<IpNet>,
    /// Certificates that are trusted besides those of the system (PEM).
    pub ca_file: Option<PathBuf>,
}

/// What is logged.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// The directive, such as `info` or `info,tokend::web=debug`.
    pub level: String,
    /// Text, JSON, or by terminal.
    pub format: LogFormat,
    /// Which requests have a line.
    pub requests: LoggedRequests,
}

/// The requests that have a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedRequests {
    /// All.
    All,
    /// Those that were rejected or failed.
    Rejected,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How the server stops.
#[derive(Debug, Clone)]
pub struct ShutdownSettings {
    /// How long it continues to accept.
    pub delay: Duration,
    /// How long requests in flight may take.
    pub drain: Duration,
}

/// What a command needs besides values that are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing more: commands that work on the database.
    Nothing,
    /// An issuer: everything that serves tokens.
    Issuer,
}

impl Config {
    /// How long a replaced signing key stays published, in seconds: until the longest token that
    /// it signed has expired, and a reserve.
    pub fn keep_seconds(&self) -> i64 {
        self.token.lifetime_max.seconds() + self.keys.keep_after.seconds()
    }

    /// Layers all sources and checks them.
    ///
    /// Every problem is in the error, not only the first.
    pub fn load(
        flags: &Flags,
        environment: &[(String, String)],
        need: Requirement,
    ) -> Result<Self, ConfigError> {
        Self::from_settings(&Settings::gather(flags, environment)?, need)
    }

    /// Checks settings that have been layered already.
    pub fn from_settings(settings: &Settings, need: Requirement) -> Result<Self, ConfigError> {
        let mut problems: Vec<ConfigProblem> = settings.problems().to_vec();
        let read = read::config(settings, need, &mut problems);
        match read {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError::new(problems)),
        }
    }
}

/// The variable that names the actor of changes. It is not a setting: it names the operator of a
/// command, and stands in the environment next to the settings.
pub const ACTOR_VARIABLE: &str = "TOKEND_ACTOR";

/// The environment of this process.
#[expect(clippy::disallowed_methods, reason = "this is the one home of the environment")]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests;
