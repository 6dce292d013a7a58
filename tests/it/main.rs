//! The integration tests: one binary, a file a feature. Each test starts a real instance on a
//! database of its own and talks to it as its users do.

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
