//! Rows that servers write for themselves: console sessions, idempotent answers, the issuer, and
//! the progress of notifications.

mod console_sessions;
pub mod idempotency;
mod issuer;
mod lifetime;
pub mod notifications;
