//! Remedies for problems of a command with its arguments, files or the terminal. Remedies that a
//! server also needs are in [`crate::remedies`].

pub(super) mod command;
pub(super) mod command_line;
pub(super) mod server;

#[cfg(test)]
mod tests;
