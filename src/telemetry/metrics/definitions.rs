//! Definitions of all metrics. A test compares them with the table in `docs/monitoring.md`.

/// Type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that only increases while the process runs.
    Counter,
    /// A number that can increase and decrease.
    Gauge,
    /// A distribution of durations, in seconds.
    Histogram,
}

impl Kind {
    /// Returns the name of the type in the text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name of the metric in the text format.
    pub name: &'static str,
    /// The type of the metric.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// The description in one sentence.
    pub help: &'static str,
}

/// Declares metrics, and [`ALL`] with each of them.
macro_rules! definitions {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Definition = Definition {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every metric, in the order in which they are written.
        pub const ALL: &[&Definition] = &[$(&$constant),*];
    };
}

definitions! {
    BUILD_INFO = Gauge "tokend_build_info" ["version", "revision"]
        "Build information: always 1.";
    HEALTH = Gauge "tokend_health" ["state"]
        "1 for the current state of /readyz: ready, degraded, unavailable or stopping.";
    BACKGROUND_FAILURES = Counter "tokend_background_task_failures_total" ["task"]
        "Failures of background tasks. A failed task is restarted.";

    LOG_DROPPED = Counter "tokend_log_lines_dropped_total" []
        "Lines of the log that were dropped, because standard error was not read in time.";

    HTTP_REQUESTS = Counter "tokend_http_requests_total" ["method", "route", "code"]
        "Answered requests.";
    HTTP_DURATION = Histogram "tokend_http_request_duration_seconds" ["method", "route", "code"]
        "Time from the head of a request until its response is computed.";
    HTTP_IN_FLIGHT = Gauge "tokend_http_requests_in_flight" ["listener"]
        "Requests that are being answered.";
    HTTP_ABORTED = Counter "tokend_http_requests_aborted_total" ["listener"]
        "Requests whose caller disconnected before the response.";
    HTTP_CONNECTIONS = Gauge "tokend_http_connections" ["listener"]
        "Open connections.";

    TOKENS_ISSUED = Counter "tokend_tokens_issued_total" ["grant_type", "resource", "alg"]
        "Issued tokens.";
    TOKENS_REJECTED = Counter "tokend_token_requests_rejected_total" ["error", "reason"]
        "Token requests that were rejected, by the code of the response and the true reason.";
    OTHERS_REJECTED = Counter "tokend_other_requests_rejected_total" ["error", "reason"]
        "Rejected requests at paths other than the token endpoint.";
    TOKEN_STAGES = Histogram "tokend_token_issue_duration_seconds" ["stage"]
        "Time of the stages of a token request.";
    SIGN_DURATION = Histogram "tokend_sign_duration_seconds" ["alg"]
        "Time to create one signature.";
    AUTHENTICATIONS = Counter "tokend_client_authentications_total" ["method", "result"]
        "Client authentication attempts.";
    RATE_LIMITED = Counter "tokend_rate_limited_total" ["limiter"]
        "Requests that exceeded a limit.";
    INTROSPECTIONS = Counter "tokend_introspections_total" ["active"]
        "Answered introspections.";
    TOKENS_REVOKED = Counter "tokend_tokens_revoked_total" ["by"]
        "Revocations of tokens that this instance has seen: of one token, or of all of a client.";
    CLIENT_TOKENS = Counter "tokend_client_tokens_issued_total" ["client"]
        "Issued tokens of the busiest clients; only with `metrics.per_client`.";
    CLIENT_REJECTIONS = Counter "tokend_client_requests_rejected_total" ["client"]
        "Rejected requests of the busiest clients; only with `metrics.per_client`.";

    HASH_WAITING = Gauge "tokend_hash_queue_waiting" ["queue"]
        "Secrets that wait to be hashed.";
    HASH_RUNNING = Gauge "tokend_hash_queue_running" ["queue"]
        "Secrets that are being hashed.";
    HASH_CAPACITY = Gauge "tokend_hash_queue_capacity" ["queue"]
        "Secrets that may wait or be hashed at once.";
    HASHES = Counter "tokend_secret_hashes_total" ["queue"]
        "Secrets that were hashed: to be checked, or because they are new.";
    HASH_REJECTED = Counter "tokend_hash_queue_rejected_total" ["queue"]
        "Secrets that were not hashed, because the queue was full or slow.";
    SIGNATURE_CHECKS = Counter "tokend_signature_checks_total" []
        "Signatures of client assertions that were checked.";
    GUESSES = Counter "tokend_guess_limiter_exceeded_total" ["limit"]
        "Attempts on imported secrets that exceeded a guess limit.";
    REPLAY_ENTRIES = Gauge "tokend_replay_cache_entries" ["cache"]
        "DPoP proofs that are remembered for the current period.";
    REPLAY_LIMIT = Gauge "tokend_replay_cache_limit" ["cache"]
        "DPoP proofs that can be remembered for one period.";
    ASSERTIONS_PENDING = Gauge "tokend_outage_assertions" []
        "Client assertions that this instance has accepted and the database does not have yet.";

    STALENESS = Gauge "tokend_directory_staleness_seconds" []
        "Time since the memory of this instance was known to be up to date.";
    STALENESS_LIMIT = Gauge "tokend_directory_staleness_limit_seconds" []
        "Staleness at which no more tokens are issued: `directory.max_staleness`.";
    EVENTS_BEHIND = Gauge "tokend_directory_events_behind" []
        "Events that were in the database but not in memory at the last poll.";
    SEQUENCE = Gauge "tokend_directory_sequence" []
        "The sequence of the last event in memory.";
    RELOADS = Counter "tokend_directory_reloads_total" []
        "Full reloads of the memory, because the hash chain did not continue.";
    CLIENTS = Gauge "tokend_clients" ["state"]
        "Clients in memory.";
    RESOURCES = Gauge "tokend_resources" []
        "Resources in memory.";
    RESOURCES_UNREADABLE = Gauge "tokend_resources_unreadable" []
        "Stored resources that cannot be read, so that no token is issued for them.";
    CLIENT_SECRETS = Gauge "tokend_client_secrets" ["state"]
        "Secrets of active clients, counted once a minute.";
    REVOCATION_ENTRIES = Gauge "tokend_revocation_list_entries" ["kind"]
        "Entries of the revocation list.";
    USAGE_FLUSHES = Counter "tokend_usage_flushes_total" ["result"]
        "Attempts to write the usage statistics.";
    USAGE_FLUSHED = Gauge "tokend_usage_last_flush_timestamp_seconds" []
        "When the usage statistics were last written.";

    BACKUP_SUCCESS = Gauge "tokend_backup_last_success_timestamp_seconds" []
        "When the newest backup was made; 0 for never. Only with backup.schedule.";

    SNAPSHOT_SUCCESS = Gauge "tokend_snapshot_last_success_timestamp_seconds" []
        "When the newest snapshot was written; 0 for never. Only with snapshot.enabled.";
    SNAPSHOT_SIZE = Gauge "tokend_snapshot_size_bytes" []
        "Size of the newest snapshot. Only with snapshot.enabled.";
    SNAPSHOT_FAILURES = Counter "tokend_snapshot_failures_total" []
        "Snapshots that could not be written. Only with snapshot.enabled.";
    AUDIT_CHECKPOINT = Gauge "tokend_audit_last_checkpoint_timestamp_seconds" []
        "When a checkpoint of the audit log was last signed; 0 for never. Only with checkpoints of the audit log.";
    AUDIT_LAG = Gauge "tokend_audit_delivery_lag_seconds" []
        "Waiting time of the first event that is not delivered. Only with audit.sink.";

    SIGNING_KEYS = Gauge "tokend_signing_keys" ["state", "alg"]
        "Signing keys.";
    KEY_CREATED = Gauge "tokend_signing_key_created_timestamp_seconds" ["kid", "state", "alg"]
        "When each published signing key was created.";
    NEXT_ROTATION = Gauge "tokend_signing_key_next_rotation_timestamp_seconds" ["alg"]
        "When the next key begins to sign, or must begin.";
    OUTDATED_SEALS = Gauge "tokend_master_key_outdated_seals" []
        "Keys of the database that are sealed under another master key than the first one.";
    JWKS_KEYS = Gauge "tokend_jwks_keys" []
        "Keys in the key set.";
    JWKS_SIZE = Gauge "tokend_jwks_size_bytes" []
        "Size of the key set.";
    REMOTE_SETS = Gauge "tokend_remote_key_sets" ["state"]
        "Key sets of clients and issuers that are fetched.";
    REMOTE_AGE = Gauge "tokend_remote_key_set_oldest_age_seconds" []
        "Age of the oldest fetched key set.";
    REMOTE_FETCHES = Counter "tokend_remote_key_set_fetches_total" ["result"]
        "Attempts to fetch key sets.";

    ADMIN_CHANGES = Counter "tokend_admin_changes_total" ["action", "outcome"]
        "Changes that this instance has made or could not make.";
    AUDIT_EVENTS = Counter "tokend_audit_events_total" ["action"]
        "Events that this instance has followed, including events of other instances.";
    AUDIT_ERRORS = Counter "tokend_audit_write_errors_total" []
        "Changes that could not be written with their event.";
    DB_DURATION = Histogram "tokend_db_query_duration_seconds" ["query"]
        "Duration of operations in the database.";
    DB_ERRORS = Counter "tokend_db_errors_total" ["kind"]
        "Failures of the database.";
    DB_POOL = Gauge "tokend_db_pool_connections" ["state"]
        "Connections to the database; limit is `database.max_connections`.";
    DB_SIZE = Gauge "tokend_db_size_bytes" []
        "Size of the database, measured once a minute.";
    DB_SCHEMA = Gauge "tokend_db_schema_version" []
        "The schema that this program writes.";

    PROCESS_CPU = Counter "process_cpu_seconds_total" []
        "CPU time of the process.";
    PROCESS_MEMORY = Gauge "process_resident_memory_bytes" []
        "Memory of the process.";
    PROCESS_VIRTUAL = Gauge "process_virtual_memory_bytes" []
        "Address space of the process.";
    PROCESS_FDS = Gauge "process_open_fds" []
        "Open file descriptors.";
    PROCESS_MAX_FDS = Gauge "process_max_fds" []
        "File descriptors that the process may open.";
    PROCESS_THREADS = Gauge "process_threads" []
        "Threads of the process.";
    PROCESS_START = Gauge "process_start_time_seconds" []
        "When the process started.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len(), "a name is there twice");
        for metric in ALL {
            let name = metric.name;
            let is_total = name.ends_with("_total");
            assert_eq!(is_total, metric.kind == Kind::Counter, "{name}");
            assert!(metric.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            assert!(name.starts_with("tokend_") || name.starts_with("process_"), "{name}");
            assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "{name}");
        }
    }
}
