//! Shared parts of the tests: the crate `tokend-testing`, and the setup of third-party programs.

pub mod api;
pub mod browser;
pub mod deploy_tools;
pub mod fleet;
pub mod gateways;
pub mod generated;
pub mod integration;
pub mod released;
pub mod script;
pub mod team;
pub mod undone_migrations;

pub use tokend_testing::*;
