//! The command that prints the master keys.

use std::time::Duration;

/// A program that prints the master keys. It does not run in a shell: it gets its arguments as they
/// are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCommand {
    /// The program: a path, or a name that is looked up in PATH.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The source of the setting, such as `from TOKEND_MASTER_KEY_COMMAND`.
    pub source: String,
    /// How long it may run.
    pub timeout: Duration,
}
