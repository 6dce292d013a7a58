//! Tokens: requests, claims, introspection and revocation.

mod access_token;
mod authorization_endpoint;
mod introspection;
mod metadata;
pub(crate) mod revocation;
pub(crate) mod revocation_epochs;
mod token_path;
mod token_request;
mod token_typ;
