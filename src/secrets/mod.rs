//! Client secrets: their format, argon2id hashes, the bounded hash queues, and the cache of
//! verified secrets. This module does not use the database or HTTP.

pub mod argon2id;
pub mod batch_turn;
pub mod hash_queue;
pub mod offline;
pub mod secret;
pub mod throttled;
pub mod verification_cache;
