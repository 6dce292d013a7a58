//! Rows that servers write for themselves: sessions, kept answers, the issuer, and what
//! was sent.

mod console_sessions;
pub mod idempotency;
mod issuer;
pub mod notifications;
