//! Names that the command line gives to what it reads: the option for settings, and environment
//! variables that are not settings of a server.

use crate::config::ACTOR_VARIABLE;

/// The option of the command line that gives one setting.
pub const SET_OPTION: &str = "--set";

/// The environment variable that names the server to which commands are sent.
pub const SERVER_VARIABLE: &str = "TOKEND_SERVER";

/// The environment variable with the issuer of that server, if its metadata does not name it.
pub const ISSUER_URL_VARIABLE: &str = "TOKEND_ISSUER_URL";

/// The environment variable that names a file of certificates (PEM) that commands also trust.
pub const SERVER_CA_FILE_VARIABLE: &str = "TOKEND_SERVER_CA_FILE";

/// The environment variable with the client id of commands; with `_FILE` after it, the name of a
/// file that holds it.
pub const ADMIN_CLIENT_ID: &str = "TOKEND_ADMIN_CLIENT_ID";

/// The environment variable with the client secret of commands; with `_FILE` after it, the name of
/// a file that holds it.
pub const ADMIN_CLIENT_SECRET: &str = "TOKEND_ADMIN_CLIENT_SECRET";

/// The environment variable that names the file of the private key of commands.
pub const ADMIN_KEY_FILE: &str = "TOKEND_ADMIN_KEY_FILE";

/// The names of all of them.
pub(super) const NAMES: [&str; 7] = [
    ACTOR_VARIABLE,
    SERVER_VARIABLE,
    ISSUER_URL_VARIABLE,
    SERVER_CA_FILE_VARIABLE,
    ADMIN_KEY_FILE,
    ADMIN_CLIENT_ID,
    ADMIN_CLIENT_SECRET,
];

/// True for a variable that a command reads and that is not a setting.
pub(super) fn is_command_variable(name: &str) -> bool {
    let plain = name.strip_suffix("_FILE").unwrap_or(name);
    NAMES.contains(&name) || [ADMIN_CLIENT_ID, ADMIN_CLIENT_SECRET].contains(&plain)
}
