//! Limits in bounded memory: guesses of imported secrets and replays of DPoP proofs. Nothing here
//! holds a key.

pub mod guess_limiter;
pub mod replay_cache;
