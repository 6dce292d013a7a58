//! Client authentication by each method, and the answers to clients.

mod answers_to_clients;
mod assertion_audiences;
mod assertion_keys;
mod assertion_rates;
mod client_authentication;
mod dpop;
pub(crate) mod full_replay_cache;
mod github_subjects;
mod key_sets;
mod limits;
mod matrix;
mod mtls;
mod pem_keys;
pub(crate) mod private_key_jwt;
mod spiffe;
mod spiffe_attacks;
mod spiffe_operator;
mod stale_key_sets;
mod subvectors;
mod trusts;
