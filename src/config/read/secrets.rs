//! Settings of client secrets.

use crate::config::SecretSettings;
use crate::config::parse::{lanes, lifetime, parse_integer, size};
use crate::config::read::SettingsReader;

impl SettingsReader<'_> {
    /// Parses the settings of client secrets and records every problem.
    pub(super) fn secrets(&mut self) -> Option<SecretSettings> {
        let max_per_client =
            self.parsed("secrets.max_per_client", |text| parse_integer(text, 1, 100));
        let memory = self.parsed("secrets.argon2_memory", |text| size(text, 8 << 10, 256 << 20));
        let iterations =
            self.parsed("secrets.argon2_iterations", |text| parse_integer(text, 1, 20));
        let lanes = self.parsed("secrets.hashing_lanes", lanes);
        let queue = self.parsed("secrets.hashing_queue", |text| parse_integer(text, 1, 10_000));
        let warn_before = self.parsed("secrets.warn_before", lifetime);
        Some(SecretSettings {
            max_per_client: max_per_client?,
            argon2_memory_kib: u32::try_from(memory? / 1024).ok()?,
            argon2_iterations: u32::try_from(iterations?).ok()?,
            hashing_lanes: lanes?,
            hashing_queue: queue?,
            warn_before: warn_before?,
        })
    }
}
