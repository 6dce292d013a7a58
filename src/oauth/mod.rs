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
pub mod revocation;
pub mod revocation_list;
pub mod token;
mod token_validation;
pub mod trust_test;
