//! Third-party programs in front of tokend or behind it.

pub mod forgetful_proxy;
pub mod front;
pub mod gateway;
pub mod imap;
pub mod kafka;
pub mod protected_api;
