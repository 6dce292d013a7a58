//! The audit log: reading, verification, delivery and retention.

mod checkpoints;
mod delivery;
mod export;
mod notifications;
mod page;
mod retention;
mod stream;
