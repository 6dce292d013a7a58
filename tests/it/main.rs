//! The integration tests: one binary, one file for each feature. Each test starts a real instance
//! on its own database and uses it like its users do.

#![expect(
    unreachable_pub,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "nobody imports a test binary, and a test that panics has failed"
)]

mod support;

mod access;
mod admin_api;
mod audit;
mod authentication;
mod browser;
mod commands;
mod console;
mod database;
mod declarative;
mod doctor;
mod examples;
mod fleet;
mod keys;
mod listeners;
mod monitoring;
mod programs;
mod remote;
mod repository;
mod secrets;
mod tokens;
