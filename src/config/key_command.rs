//! The command that prints the master keys.

use std::time::Duration;

/// A program that prints the master keys. It runs without a shell, so its arguments are passed
/// unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCommand {
    /// The program: a path, or a name that is looked up in PATH.
    pub program: String,
    /// The arguments of the program.
    pub arguments: Vec<String>,
    /// The source of the setting, such as `from TOKEND_MASTER_KEY_COMMAND`.
    pub source: String,
    /// The time limit of a run.
    pub timeout: Duration,
}
