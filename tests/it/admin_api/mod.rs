//! The admin API: its routes, bodies, conditions and rights.

mod bodies;
mod bound_tokens;
mod concurrent_writes;
mod dry_run;
pub(crate) mod escalation;
mod etags;
mod idempotency;
mod import;
mod lists;
mod malformed_requests;
mod management_access;
mod mistakes;
mod nouns;
mod odd_texts;
mod openapi;
mod routes;
mod scopes;
mod trust_tests;
mod writes;
