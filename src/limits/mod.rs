//! Limits in bounded memory: rates, guesses of imported secrets, replays of DPoP proofs and client
//! assertions, and the nonces of DPoP proofs.

pub mod assertion_memory;
pub mod callers;
pub mod guess_limiter;
pub mod nonces;
pub mod rate_counter;
pub mod rate_table;
pub mod replay_cache;
