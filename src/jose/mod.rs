//! JOSE: JWS, JWT and JWK, client assertions, DPoP proofs, and signing with the keys of this
//! server.
//!
//! The algorithms come from aws-lc-rs and jsonwebtoken. This module does not use the database or
//! HTTP.

pub mod assertion;
pub mod checkpoint;
pub mod client_assertion;
mod decoy_key;
pub mod dpop;
pub mod external_jwks;
#[cfg(test)]
pub(crate) mod hostile_documents;
pub mod id_token;
mod jws;
pub mod jwt;
pub mod numeric_date;
mod public_key;
pub mod public_key_pem;
pub mod signer;
mod spiffe_bundle;
pub mod token_header;
#[cfg(test)]
mod wycheproof;
