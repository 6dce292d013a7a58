//! How to fix what a command met in its arguments, in files or at the terminal. The fixes of what a
//! server meets as well are in [`crate::remedies`].

pub(super) mod command;
pub(super) mod command_line;
pub(super) mod server;

#[cfg(test)]
mod tests;
