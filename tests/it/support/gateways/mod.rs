//! Programs of other projects that stand before or behind tokend.

pub mod forgetful_proxy;
pub mod front;
pub mod gateway;
pub mod imap;
pub mod kafka;
pub mod protected_api;
