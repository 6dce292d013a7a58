//! The process and its listeners: start, stop, connections, reload and log lines.

mod access_log;
mod connections;
pub(crate) mod costs;
mod reload;
mod reload_settings;
mod robustness;
mod service_manager;
pub(crate) mod stopping;
mod tls;
