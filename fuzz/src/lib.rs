//! The fuzz targets of tokend. Each is a function of bytes that panics if a parser breaks an
//! invariant.
//!
//! The fuzzer calls a target with generated inputs. The tests of tokend include this file and call
//! each target with its corpus.

pub mod basic_header;
pub mod certificate_header;
pub mod claim_pattern;
pub mod distinguished_name;
pub mod dpop_proof;
pub mod form_body;
pub mod forwarded_header;
pub mod http_response;
pub mod import_lines;
pub mod issuer_metadata;
pub mod json_body;
pub mod jws;
pub mod key_set;
pub mod settings;
pub mod static_claims;

mod input;
mod subject;

/// A target: its name, which is also that of its corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 15] = [
    ("basic_header", basic_header::fuzz),
    ("certificate_header", certificate_header::fuzz),
    ("claim_pattern", claim_pattern::fuzz),
    ("distinguished_name", distinguished_name::fuzz),
    ("dpop_proof", dpop_proof::fuzz),
    ("form_body", form_body::fuzz),
    ("forwarded_header", forwarded_header::fuzz),
    ("http_response", http_response::fuzz),
    ("import_lines", import_lines::fuzz),
    ("issuer_metadata", issuer_metadata::fuzz),
    ("json_body", json_body::fuzz),
    ("jws", jws::fuzz),
    ("key_set", key_set::fuzz),
    ("settings", settings::fuzz),
    ("static_claims", static_claims::fuzz),
];
