//! Limits in bounded memory: guesses of imported secrets, reports of leaked ones, and replays of DPoP
//! proofs and of client assertions. Nothing here holds a key.

pub mod assertion_memory;
pub mod guess_limiter;
pub mod rate_table;
pub mod replay_cache;
