//! Limits in bounded memory: rates, guesses of imported secrets, and replays of DPoP proofs and of
//! client assertions.

pub mod assertion_memory;
pub mod guess_limiter;
pub mod rate_counter;
pub mod rate_table;
pub mod replay_cache;
