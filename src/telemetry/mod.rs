//! Telemetry of a running server: logs, metrics and traces.

mod escaping;
mod json;
mod line_buffer;
mod log;
pub mod metrics;
pub mod stage_times;
pub mod trace_context;
pub mod traces;

pub use log::{LogLevel, check_level, dropped_lines, flush, panic_message, start, with_causes};
