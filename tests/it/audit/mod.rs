//! The audit log: reading, proving, sending and shortening it.

mod checkpoints;
mod delivery;
mod export;
mod notifications;
mod page;
mod retention;
mod stream;
