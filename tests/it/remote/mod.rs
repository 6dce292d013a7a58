//! Remote commands.

mod command_lines;
mod commands;
pub(crate) mod declarations;
mod follow;
mod import;
mod interrupted_apply;
mod secrets;
