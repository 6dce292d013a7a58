//! Commands that check a deployment: its settings, its parts, and a running server.

pub(super) mod check_config;
pub(super) mod doctor;
pub(super) mod health;
pub(super) mod http;
