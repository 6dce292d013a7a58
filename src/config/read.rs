//! Parses the layered texts into typed settings and records every problem.

mod master_key;
mod notifications;
mod oidc;
mod secrets;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::database_url::location;
use crate::config::parse::{
    self, ValueProblem, address, aliases, assertion_lifetime, boolean, duration, lifetime,
    networks, origin, parse_integer, path, proxies, public_paths, rate, rate_limit, size,
};
use crate::config::problem::{ConfigProblem, SettingRemedy};
use crate::config::sources::Settings;
use crate::config::{
    AssertionSettings, Config, DatabaseSettings, DirectorySettings, DuringOutage, FetchSettings,
    Issuer, KeySettings, LimitSettings, MetadataSettings, Migrate, Origin, Requirement,
    TlsSettings, TokenSettings, shown,
};
use crate::model::public_path::PublicPaths;
use crate::model::signing_key::{Algorithm, RsaSize};

/// Parses every setting. Returns `None` if one of them has no usable value. Appends all problems to
/// `problems`, so that the caller can report them together.
pub(super) fn config(
    settings: &Settings,
    need: Requirement,
    problems: &mut Vec<ConfigProblem>,
) -> Option<Config> {
    let mut reader = SettingsReader { settings, problems };
    let issuer = reader.url("issuer", "E-CONF-ISSUER", parse::issuer);
    reader.require_issuer(need);
    let (listen, management_listen) = reader.listeners();
    let data_dir = reader.data_dir();
    let database = reader.database(&data_dir);
    let (directory, snapshot, token) = (reader.directory(), reader.snapshot(), reader.token());
    let public_paths = reader.public_paths(issuer.as_ref(), token.as_ref());
    let (assertions, metadata) = (reader.assertions(), reader.metadata());
    let (keys, secrets, limits) = (reader.keys(), reader.secrets(), reader.limits());
    let trusted_proxies = reader.parsed("proxy.trusted", proxies);
    let (tls, client_ca) = (reader.tls(), reader.file("tls.client_ca"));
    let mtls_url = reader.url("tls.mtls_url", "E-CONF-VALUE", parse::issuer);
    let management_url = reader.url("management.url", "E-CONF-VALUE", origin);
    let (fetch, backup) = (reader.fetch(), reader.backup(&data_dir));
    let (notifications, audit) = reader.notifications_and_audit(directory.as_ref());
    let (log, oidc) = (reader.log(), reader.oidc());
    let metrics = reader.metrics(management_listen, management_url.as_ref());
    let (shutdown, bootstrap, console) = (reader.shutdown(), reader.bootstrap(), reader.console());
    let (master_key, master_key_command) = (reader.master_key(), reader.master_key_command());
    Some(Config {
        issuer,
        listen: listen?,
        public_paths: public_paths?,
        management_listen: management_listen?,
        configured_management_url: management_url,
        data_dir,
        master_key,
        master_key_command: master_key_command?,
        database: database?,
        directory: directory?,
        snapshot: snapshot?,
        token: token?,
        assertions: assertions?,
        metadata: metadata?,
        keys: keys?,
        secrets: secrets?,
        limits: limits?,
        trusted_proxies: trusted_proxies?,
        tls,
        client_ca,
        mtls_url,
        fetch: fetch?,
        notifications: notifications?,
        log: log?,
        metrics: metrics?,
        shutdown: shutdown?,
        bootstrap: bootstrap?,
        backup: backup?,
        audit: audit?,
        console_enabled: console?,
        oidc: oidc?,
        shown: shown(settings),
    })
}

pub(super) struct SettingsReader<'a> {
    settings: &'a Settings,
    problems: &'a mut Vec<ConfigProblem>,
}

impl SettingsReader<'_> {
    fn data_dir(&mut self) -> PathBuf {
        self.parsed("data_dir", |text| path(text).map(PathBuf::from)).unwrap_or_default()
    }

    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, ValueProblem>,
    ) -> Option<T> {
        let text = self.settings.text(key);
        match parse(&text) {
            Ok(value) => Some(value),
            Err(complaint) => {
                self.complain(
                    key,
                    &complaint,
                    "E-CONF-VALUE",
                    "change the value there, or leave it out for the default",
                );
                None
            }
        }
    }

    fn complain(
        &mut self,
        key: &str,
        complaint: &str,
        code: &'static str,
        remedy: impl Into<SettingRemedy>,
    ) {
        let shown = if shown::HIDDEN_IN_PROBLEMS.contains(&key) {
            "(not shown)".to_owned()
        } else {
            format!("\"{}\"", self.settings.text(key))
        };
        self.problems.push(ConfigProblem {
            code,
            setting: key.to_owned(),
            what: format!("`{key}` {complaint}"),
            origin: format!("{} = {shown}", self.settings.origin(key)),
            remedy: remedy.into(),
        });
    }

    fn origin(&self, setting: &'static str) -> Origin {
        Origin { setting, source: self.settings.origin(setting) }
    }

    fn listeners(&mut self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let listen = self.parsed("listen", address);
        let management = self.parsed("management.listen", address);
        self.reject_equal_listeners(listen, management);
        (listen, management)
    }

    /// Two listeners cannot share one port of one address.
    fn reject_equal_listeners(
        &mut self,
        listen: Option<SocketAddr>,
        management: Option<SocketAddr>,
    ) {
        let (Some(listen), Some(management)) = (listen, management) else { return };
        let (one, other) = (listen.ip(), management.ip());
        let overlap = one == other || one.is_unspecified() || other.is_unspecified();
        if overlap && listen.port() == management.port() && listen.port() != 0 {
            self.complain(
                "management.listen",
                &format!("is the address of `listen` ({listen})"),
                "E-CONF-VALUE",
                "give the two listeners different ports",
            );
        }
    }

    fn require_issuer(&mut self, need: Requirement) {
        // A file that could not be read may contain the issuer.
        let unreadable = ["E-CONF-SYNTAX", "E-CONF-FILE"];
        let is_certain = self.problems.iter().all(|problem| !unreadable.contains(&problem.code));
        if need == Requirement::Issuer && is_certain && self.settings.text("issuer").is_empty() {
            self.problems.push(ConfigProblem {
                code: "E-CONF-ISSUER",
                setting: "issuer".to_owned(),
                what: "`issuer` is not set".to_owned(),
                origin: "it has no default: every token contains it".to_owned(),
                remedy: SettingRemedy::SetIssuer,
            });
        }
    }

    fn database(&mut self, data_dir: &std::path::Path) -> Option<DatabaseSettings> {
        let location = self.parsed("database.url", |text| location(text, data_dir));
        let is_file_of_data_dir = self.settings.text("database.url").is_empty();
        let max_connections =
            self.parsed("database.max_connections", |text| parse_integer(text, 4, 1000));
        let timeout = self.parsed("database.timeout", duration);
        let migrate = self.parsed("database.migrate", |text| match text {
            "auto" => Ok(Migrate::Auto),
            "check" => Ok(Migrate::Check),
            "off" => Ok(Migrate::Off),
            _ => Err("must be auto, check or off".to_owned()),
        });
        Some(DatabaseSettings {
            location: location?,
            origin: self.origin(if is_file_of_data_dir { "data_dir" } else { "database.url" }),
            max_connections: u32::try_from(max_connections?).ok()?,
            timeout: timeout?,
            migrate: migrate?,
        })
    }

    fn directory(&mut self) -> Option<DirectorySettings> {
        let poll_interval = self.parsed("directory.poll_interval", duration);
        let max_staleness = self.parsed("directory.max_staleness", lifetime);
        if let (Some(interval), Some(staleness)) = (poll_interval, max_staleness)
            && i64::try_from(interval.as_secs()).unwrap_or(i64::MAX) >= staleness.seconds()
        {
            self.complain(
                "directory.poll_interval",
                "is not shorter than `directory.max_staleness`",
                "E-CONF-VALUE",
                "set it below `directory.max_staleness`",
            );
        }
        Some(DirectorySettings { poll_interval: poll_interval?, max_staleness: max_staleness? })
    }

    fn assertions(&mut self) -> Option<AssertionSettings> {
        let lifetime_max = self.parsed("assertions.lifetime_max", assertion_lifetime);
        let during_outage = self.parsed("assertions.during_outage", |text| match text {
            "refuse" => Ok(DuringOutage::Reject),
            "local" => Ok(DuringOutage::Local),
            _ => Err("must be refuse or local".to_owned()),
        });
        Some(AssertionSettings { lifetime_max: lifetime_max?, during_outage: during_outage? })
    }

    fn token(&mut self) -> Option<TokenSettings> {
        let default = self.parsed("token.lifetime", lifetime);
        let longest = self.parsed("token.lifetime_max", lifetime);
        if let (Some(default), Some(longest)) = (default, longest)
            && default > longest
        {
            self.complain(
                "token.lifetime",
                "is longer than `token.lifetime_max`",
                "E-CONF-VALUE",
                "shorten the one or lengthen the other",
            );
        }
        let algorithm = self.parsed("token.algorithm", |text| {
            Algorithm::parse(text).map_err(|_| "must be ES256, RS256, PS256 or EdDSA".to_owned())
        });
        let aliases = self.parsed("token.aliases", aliases);
        let dpop_nonces = self.parsed("token.dpop_nonces", boolean);
        Some(TokenSettings {
            lifetime: default?,
            lifetime_max: longest?,
            algorithm: algorithm?,
            aliases: aliases?,
            dpop_nonces: dpop_nonces?,
        })
    }

    fn public_paths(
        &mut self,
        issuer: Option<&Issuer>,
        token: Option<&TokenSettings>,
    ) -> Option<PublicPaths> {
        let aliases = token.map_or(&[][..], |token| &token.aliases);
        public_paths(issuer.map_or("", Issuer::path), aliases)
            .map_err(|(setting, complaint)| {
                self.complain(setting, &complaint, "E-CONF-VALUE", "choose another path");
            })
            .ok()
    }

    fn metadata(&mut self) -> Option<MetadataSettings> {
        let authorization_endpoint = self.parsed("metadata.authorization_endpoint", boolean);
        Some(MetadataSettings { authorization_endpoint: authorization_endpoint? })
    }

    fn keys(&mut self) -> Option<KeySettings> {
        let rotation_interval = self.parsed("keys.rotation_interval", lifetime);
        let publish_before = self.parsed("keys.publish_before", lifetime);
        let keep_after = self.parsed("keys.keep_after", lifetime);
        let rsa_size = self.parsed("keys.rsa_size", |text| {
            RsaSize::parse(text).map_err(|malformed| malformed.to_string())
        });
        let wait_for_readers = self.parsed("keys.wait_for_readers", boolean);
        if let (Some(interval), Some(before)) = (rotation_interval, publish_before)
            && before >= interval
        {
            self.complain(
                "keys.publish_before",
                "is not shorter than `keys.rotation_interval`",
                "E-CONF-VALUE",
                "a key must be published for a shorter time than it signs",
            );
        }
        Some(KeySettings {
            rotation_interval: rotation_interval?,
            publish_before: publish_before?,
            keep_after: keep_after?,
            rsa_size: rsa_size?,
            wait_for_readers: wait_for_readers?,
        })
    }

    fn limits(&mut self) -> Option<LimitSettings> {
        let body_size = self.parsed("limits.body_size", |text| size(text, 1 << 10, 16 << 20));
        let header_size = self.parsed("limits.header_size", |text| size(text, 8 << 10, 1 << 20));
        let header_timeout = self.parsed("limits.header_timeout", duration);
        let body_timeout = self.parsed("limits.body_timeout", duration);
        let connections =
            self.parsed("limits.connections", |text| parse_integer(text, 1, 1_000_000));
        let tokens_per_client = self.parsed("limits.tokens_per_client", rate_limit);
        let revocations_per_client = self.parsed("limits.revocations_per_client", rate);
        let assertions_per_client = self.parsed("limits.assertions_per_client", rate_limit);
        let guesses_per_client = self.parsed("limits.guesses_per_client", rate);
        let guesses_per_address = self.parsed("limits.guesses_per_address", rate);
        Some(LimitSettings {
            body_size: body_size?,
            header_size: header_size?,
            header_timeout: header_timeout?,
            body_timeout: body_timeout?,
            connections: connections?,
            tokens_per_client: tokens_per_client?,
            revocations_per_client: revocations_per_client?,
            assertions_per_client: assertions_per_client?,
            guesses_per_client: guesses_per_client?,
            guesses_per_address: guesses_per_address?,
        })
    }

    /// Parses the path of an optional file, which must exist; records a problem.
    pub(super) fn file(&mut self, key: &str) -> Option<PathBuf> {
        let checked = self.parsed(key, |text| match text {
            "" => Ok(None),
            text => std::fs::metadata(path(text)?)
                .map(|_| Some(PathBuf::from(text)))
                .map_err(|error| format!("cannot be read: {error}")),
        });
        checked.flatten()
    }

    /// Reads the paths of the certificate and of its key, if both are set; records a problem.
    fn tls(&mut self) -> Option<TlsSettings> {
        let is_set = |key: &str| !self.settings.text(key).is_empty();
        let (one, other) = ("tls.certificate", "tls.key");
        for (unset, set) in [(one, other), (other, one)] {
            if is_set(set) && !is_set(unset) {
                let problem = format!("is not set, but `{set}` is");
                self.complain(unset, &problem, "E-CONF-VALUE", "set both, or neither");
                return None;
            }
        }
        Some(TlsSettings { certificate: self.file(one)?, key: self.file(other)? })
    }

    /// Parses an optional URL; records a problem.
    fn url(
        &mut self,
        key: &str,
        code: &'static str,
        parse: impl Fn(&str) -> Result<Issuer, (ValueProblem, String)>,
    ) -> Option<Issuer> {
        let text = self.settings.text(key);
        if text.is_empty() {
            return None;
        }
        parse(&text).map_err(|(problem, remedy)| self.complain(key, &problem, code, remedy)).ok()
    }

    fn fetch(&mut self) -> Option<FetchSettings> {
        let allowed_networks = self.parsed("fetch.allowed_networks", networks);
        let ca_file = self.file("fetch.ca_file");
        Some(FetchSettings { allowed_networks: allowed_networks?, ca_file })
    }
}
