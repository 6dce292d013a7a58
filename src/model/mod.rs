//! The domain model: plain data types without I/O.
//!
//! All other layers use these types. Each type validates its text when it is created, so every
//! existing value is valid.

pub mod admin_preset;
pub mod admin_scope;
pub mod assertion_audiences;
pub mod backoff;
pub mod backup;
pub mod checkpoint;
pub mod claim_pattern;
pub mod client;
pub mod client_settings;
pub mod console_session;
pub mod creator;
pub mod distinguished_name;
pub mod error_code;
pub mod event;
pub mod facts;
pub mod github_subject;
pub mod grant;
pub mod grant_request;
pub mod group_mapping;
pub mod key_set_reader;
pub mod key_timeline;
pub mod labels;
pub mod leak_policy;
pub mod master_key;
pub mod network;
mod one_member;
pub mod overlap;
pub mod owner;
pub mod owner_policy;
pub mod person;
pub mod plural;
pub mod public_path;
pub mod rate;
pub mod reason_code;
pub mod registration;
pub mod rejection;
pub mod remedy;
pub mod reserved_claims;
pub mod resource;
pub mod scope;
pub mod secret;
pub mod secret_digest;
pub mod secret_status;
pub mod security;
pub mod signing_key;
pub mod source;
pub mod spiffe_id;
pub mod spiffe_trust;
pub mod static_claims;
pub mod time;
pub mod token;
pub mod trust;
pub mod usage;
pub mod webhook;

/// Why a text is not a valid value, as a message for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    /// Wraps a sentence without a full stop.
    pub fn because(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}
