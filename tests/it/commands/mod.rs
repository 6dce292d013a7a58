//! Commands over the local database, as operators and their scripts use them.

mod client_filters;
mod client_ids;
pub(crate) mod client_import;
mod clients;
mod command_line;
mod config;
mod destructive;
mod dev_demo_data;
mod dev_folders;
mod explain;
pub(crate) mod first_minute;
mod lists;
pub(crate) mod opening;
mod tokens;
