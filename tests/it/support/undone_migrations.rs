//! Statements that undo migrations, so that a test can run a migration on existing data.

use super::Engine;

/// The version of a migration and the statements that undo it, newest first.
const UNDO: &[(i64, &[&str])] = &[
    (
        29,
        &[
            "DROP INDEX client_walk",
            "DROP INDEX client_grant_scopes",
            "DROP INDEX client_secret_expires_at",
            "CREATE INDEX client_secret_expires_at ON client_secret (expires_at, secret_id) \
             WHERE expires_at IS NOT NULL",
            "ALTER TABLE client DROP COLUMN active_at",
            "DELETE FROM _sqlx_migrations WHERE version = 29",
        ],
    ),
    (
        28,
        &[
            "ALTER TABLE console_session DROP COLUMN authenticated_at",
            "ALTER TABLE console_session DROP COLUMN person_groups",
            "ALTER TABLE console_session DROP COLUMN subject",
            "ALTER TABLE console_session DROP COLUMN issuer",
            "DELETE FROM _sqlx_migrations WHERE version = 28",
        ],
    ),
    (
        27,
        &[
            "DROP TABLE console_link",
            "DROP TABLE console_session",
            "DELETE FROM _sqlx_migrations WHERE version = 27",
        ],
    ),
    (
        26,
        &[
            "DROP TABLE audit_key",
            "DROP TABLE audit_checkpoint",
            "DROP TABLE lease",
            "DELETE FROM _sqlx_migrations WHERE version = 26",
        ],
    ),
    (
        25,
        &[
            "ALTER TABLE usage_heartbeat DROP COLUMN stopped_at",
            "ALTER TABLE usage_heartbeat DROP COLUMN place",
            "ALTER TABLE usage_heartbeat DROP COLUMN master_keys",
            "DELETE FROM _sqlx_migrations WHERE version = 25",
        ],
    ),
    (
        24,
        &[
            "DROP INDEX event_action",
            "DROP INDEX event_actor",
            "DELETE FROM _sqlx_migrations WHERE version = 24",
        ],
    ),
    (
        23,
        &[
            "DROP TABLE key_set_reader",
            "ALTER TABLE signing_key DROP COLUMN revoked_at",
            "ALTER TABLE signing_key DROP COLUMN postponed_at",
            "DELETE FROM _sqlx_migrations WHERE version = 23",
        ],
    ),
    (
        22,
        &[
            "ALTER TABLE client_grant DROP COLUMN is_approved",
            "DELETE FROM _sqlx_migrations WHERE version = 22",
        ],
    ),
    (21, &["DROP TABLE owner_policy", "DELETE FROM _sqlx_migrations WHERE version = 21"]),
    (20, &["DROP TABLE notification_cursor", "DELETE FROM _sqlx_migrations WHERE version = 20"]),
    (
        19,
        &[
            "DROP INDEX client_source",
            "DROP INDEX resource_source",
            "ALTER TABLE client DROP COLUMN source",
            "ALTER TABLE resource DROP COLUMN source",
            "DELETE FROM _sqlx_migrations WHERE version = 19",
        ],
    ),
    (18, &["DROP TABLE idempotency_key", "DELETE FROM _sqlx_migrations WHERE version = 18"]),
    (
        17,
        &[
            "ALTER TABLE client_secret DROP COLUMN creator",
            "ALTER TABLE client_trust DROP COLUMN creator",
            "ALTER TABLE client_spiffe_trust DROP COLUMN creator",
            "ALTER TABLE client DROP COLUMN keys_creator",
            "ALTER TABLE client DROP COLUMN tls_subject_creator",
            "DELETE FROM _sqlx_migrations WHERE version = 17",
        ],
    ),
    (16, &["DROP TABLE client_label", "DELETE FROM _sqlx_migrations WHERE version = 16"]),
    (
        14,
        &[
            "DROP TABLE usage_heartbeat",
            "DROP INDEX client_secret_hint",
            "DROP INDEX client_secret_digest",
            "DROP INDEX client_secret_unused",
            "DROP INDEX client_secret_unwarned",
            "ALTER TABLE client DROP COLUMN leak_policy",
            "ALTER TABLE client_secret DROP COLUMN digest",
            "ALTER TABLE client_secret DROP COLUMN replaced_by",
            "ALTER TABLE client_secret DROP COLUMN unused_window",
            "ALTER TABLE client_secret DROP COLUMN warned_at",
            "ALTER TABLE client_secret DROP COLUMN leaked_at",
            "DELETE FROM _sqlx_migrations WHERE version = 14",
        ],
    ),
    (13, &["DROP TABLE grant_request", "DELETE FROM _sqlx_migrations WHERE version = 13"]),
    (
        11,
        &[
            "ALTER TABLE client DROP COLUMN claims",
            "ALTER TABLE client_grant DROP COLUMN claims",
            "DELETE FROM _sqlx_migrations WHERE version = 11",
        ],
    ),
    (
        10,
        &[
            "DROP INDEX client_owner",
            "DROP INDEX event_owner",
            "DROP INDEX event_other_owner",
            "ALTER TABLE client DROP COLUMN owner",
            "ALTER TABLE client DROP COLUMN description",
            "ALTER TABLE client DROP COLUMN contact",
            "ALTER TABLE client DROP COLUMN labels",
            "ALTER TABLE client DROP COLUMN admin_of",
            "ALTER TABLE resource DROP COLUMN owner",
            "ALTER TABLE resource DROP COLUMN description",
            "ALTER TABLE resource DROP COLUMN contact",
            "ALTER TABLE resource DROP COLUMN labels",
            "ALTER TABLE event DROP COLUMN owner",
            "ALTER TABLE event DROP COLUMN other_owner",
            "DELETE FROM _sqlx_migrations WHERE version = 10",
        ],
    ),
];

/// The statements for a migration that differs for each engine.
const UNDO_SEARCH: &str = "DELETE FROM _sqlx_migrations WHERE version >= 30";
const UNDO_SEARCH_ON_POSTGRES: [&str; 3] =
    ["DROP FUNCTION client_search_add CASCADE", "DROP TABLE client_search", UNDO_SEARCH];
const UNDO_SEARCH_ON_SQLITE: [&str; 4] = [
    "DROP TRIGGER client_search_created",
    "DROP TRIGGER client_search_renamed",
    "DROP TABLE client_search",
    UNDO_SEARCH,
];

/// Returns the statements that restore the schema of a version in a database of this program.
pub fn back_to(engine: Engine, version: i64) -> impl Iterator<Item = &'static str> {
    let search: &[&str] = match engine {
        Engine::Postgres => &UNDO_SEARCH_ON_POSTGRES,
        Engine::Sqlite => &UNDO_SEARCH_ON_SQLITE,
    };
    let search = search.iter().copied().filter(move |_| version < 30);
    let newer = UNDO.iter().filter(move |(number, _)| *number > version);
    search.chain(newer.flat_map(|(_, statements)| *statements).copied())
}
