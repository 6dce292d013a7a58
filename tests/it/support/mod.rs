//! What the tests share: the crate `tokend-testing`, and what sets up the programs of a page.

pub mod api;
pub mod chromium;
pub mod console;
pub mod console_tour;
pub mod deploy_tools;
pub mod fleet;
pub mod forgetful_proxy;
pub mod front;
pub mod gateway;
pub mod generated;
pub mod imap;
pub mod integration;
pub mod kafka;
pub mod oidc;
pub mod protected_api;
pub mod released;
pub mod script;
pub mod team;
pub mod undone_migrations;
pub mod webdriver;

pub use tokend_testing::*;
