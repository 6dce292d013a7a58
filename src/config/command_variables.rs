//! Names used on the command line: the option for settings, and the environment variables that are
//! not settings of a server.

use crate::config::ACTOR_VARIABLE;

/// The command-line option that sets one setting.
pub const SET_OPTION: &str = "--set";

/// The environment variable with the URL of the server that commands call.
pub const SERVER_VARIABLE: &str = "TOKEND_SERVER";

/// The environment variable with the issuer of that server, for a server whose metadata does not
/// name it.
pub const ISSUER_URL_VARIABLE: &str = "TOKEND_ISSUER_URL";

/// The environment variable with the path of a PEM file of additional trusted certificates.
pub const SERVER_CA_FILE_VARIABLE: &str = "TOKEND_SERVER_CA_FILE";

/// The environment variable with the client id of commands. With the suffix `_FILE`, it holds the
/// path of a file with the id.
pub const ADMIN_CLIENT_ID: &str = "TOKEND_ADMIN_CLIENT_ID";

/// The environment variable with the client secret of commands. With the suffix `_FILE`, it holds
/// the path of a file with the secret.
pub const ADMIN_CLIENT_SECRET: &str = "TOKEND_ADMIN_CLIENT_SECRET";

/// The environment variable with the path of the private key of commands.
pub const ADMIN_KEY_FILE: &str = "TOKEND_ADMIN_KEY_FILE";

pub(super) const NAMES: [&str; 7] = [
    ACTOR_VARIABLE,
    SERVER_VARIABLE,
    ISSUER_URL_VARIABLE,
    SERVER_CA_FILE_VARIABLE,
    ADMIN_KEY_FILE,
    ADMIN_CLIENT_ID,
    ADMIN_CLIENT_SECRET,
];

/// True for a variable that commands read and that is not a setting.
pub(super) fn is_command_variable(name: &str) -> bool {
    let plain = name.strip_suffix("_FILE").unwrap_or(name);
    NAMES.contains(&name) || [ADMIN_CLIENT_ID, ADMIN_CLIENT_SECRET].contains(&plain)
}
