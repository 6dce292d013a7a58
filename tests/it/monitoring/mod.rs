//! Observability of a running server: logs, metrics, traces, usage statistics.

mod dashboards;
mod log_format;
mod metrics;
mod traces;
mod usage;
