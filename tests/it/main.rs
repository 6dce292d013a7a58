//! The integration tests: one binary, a file a feature. Each test starts a real instance on a
//! database of its own and talks to it as its users do.

#![expect(
    unreachable_pub,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "nobody imports a test binary, and a test that panics has failed"
)]

mod support;

mod access_token;
mod admin_api;
mod admin_escalation;
mod admin_import;
mod admin_lists;
mod admin_nouns;
mod admin_odd_texts;
mod admin_scopes;
mod admin_writes;
mod algorithms;
mod answers_to_clients;
mod architecture;
mod assertion_audiences;
mod assertion_keys;
mod assertion_rates;
mod authorization_endpoint;
mod bound_admin_tokens;
mod check;
mod cli_clients;
mod cli_config;
mod cli_tokens;
mod client_authentication;
mod client_ids;
mod client_import;
mod clock_jumps;
mod command_line;
mod concurrent_writes;
mod connections;
mod costs;
mod declarative;
mod declarative_api;
mod declarative_changes;
mod declarative_digests;
mod declarative_owners;
mod declarative_sources;
mod destructive;
mod dev_folders;
#[cfg(target_os = "linux")]
mod disk_full;
mod docs;
mod documents;
mod dpop;
mod dry_run;
mod example_api;
mod explain;
mod first_minute;
mod following;
mod full_replay_cache;
mod fuzz_corpus;
mod gateways;
mod github_subjects;
mod glossary;
mod grant_requests;
mod grants;
mod idempotency;
mod integrations;
mod interop;
mod introspection;
mod key_sets;
mod leaks;
mod limits;
mod lists;
mod log_format;
mod lost_master_key;
mod management_access;
mod matrix;
mod mcp;
mod metadata;
mod mtls;
mod networks;
mod offline_secrets;
mod opening;
mod outage;
mod owners;
mod packaging;
mod pages;
mod pem_keys;
mod private_key_jwt;
mod readme;
mod readme_rust;
mod released_schemas;
mod reload;
mod remote_command_lines;
mod remote_commands;
mod resources_and_scopes;
mod restored_revocations;
mod revocation;
mod revocation_epochs;
mod robustness;
mod secrecy;
mod secret_files;
mod secret_life;
mod secrets_page;
mod seeds;
mod settings_page;
mod speed_page;
mod spiffe;
mod spiffe_attacks;
mod spiffe_operator;
mod stale_key_sets;
mod static_claims;
mod stopping;
mod stored_rows;
mod subvectors;
mod team_matrix;
mod teams;
mod token_path;
mod token_request;
mod token_typ;
mod tried_with;
mod trusts;
mod two_versions;
mod unknown_outcome;
mod usage;
mod weaker_credentials;
