//! The OAuth protocol: authentication, authorization and tokens. It uses neither an HTTP framework
//! nor SQL.
//!
//! Read [`token::respond`] first, which answers a token request.

pub mod caller;
pub mod check;
pub mod client_authentication;
pub mod error;
pub mod introspection;
pub mod metadata;
pub mod parameters;
pub mod protected_resource;
mod rate;
pub mod revocation;
pub mod revocation_list;
mod staleness;
pub mod token;
pub mod token_query;
mod token_validation;
pub mod trust_test;
