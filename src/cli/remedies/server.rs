//! Remedies for problems with the server that `--server` names.

use std::fmt;

use crate::config::command_variables::{
    ADMIN_CLIENT_ID, ADMIN_CLIENT_SECRET, ADMIN_KEY_FILE, ISSUER_URL_VARIABLE, SERVER_VARIABLE,
};

/// The remedy for a problem with the server that a command is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerRemedy {
    /// The URL cannot be used.
    GiveUrl,
    /// The credentials are missing.
    GiveCredentials,
    /// The issuer of the server cannot be found.
    GiveIssuer,
    /// The server or its issuer has no metadata.
    FindIssuer,
    /// The response is not one of the admin API.
    NameManagementListener,
    /// The server cannot be reached.
    Reach,
    /// The issuer rejects the credentials.
    CompareCredentials,
    /// The server rejects the token of the issuer.
    CompareIssuer,
    /// The server reported an internal error.
    ReadLog { request_id: String },
    /// The connection ended before the response.
    OutcomeUnknown,
    /// The command works only on the local database.
    LeaveServerOut,
}

impl fmt::Display for ServerRemedy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GiveUrl => formatter.write_str(
                "Give the URL of the management listener, such as \
                 https://tokend-admin.example.com. http is only for this machine: \
                 http://127.0.0.1:8081.",
            ),
            Self::GiveCredentials => write!(
                formatter,
                "Give the client of an administrator: {ADMIN_CLIENT_ID}, and \
                 {ADMIN_CLIENT_SECRET}, {ADMIN_CLIENT_SECRET}_FILE or {ADMIN_KEY_FILE}."
            ),
            Self::GiveIssuer => write!(
                formatter,
                "Give the issuer of the server as its metadata has it: {ISSUER_URL_VARIABLE}."
            ),
            Self::FindIssuer => write!(
                formatter,
                "Name the management listener of the server (management.listen). If it is that one, \
                 give the issuer: {ISSUER_URL_VARIABLE}."
            ),
            Self::NameManagementListener => formatter.write_str(
                "Name the management listener of the server (management.listen), not the public \
                 one.",
            ),
            Self::Reach => write!(
                formatter,
                "Check the URL (--server or {SERVER_VARIABLE}) and that the server runs."
            ),
            Self::CompareCredentials => write!(
                formatter,
                "Compare {ADMIN_CLIENT_ID} and its secret or key with the client of the server, \
                 and its grant of urn:tokend. tokend explain on the server says more."
            ),
            Self::CompareIssuer => write!(
                formatter,
                "The token is of another issuer than this server, or its client is disabled. \
                 Compare {ISSUER_URL_VARIABLE}."
            ),
            Self::ReadLog { request_id } => {
                write!(formatter, "The log of the server has the reason, under {request_id}.")
            }
            Self::OutcomeUnknown => formatter.write_str(
                "It is not known whether the change was made. `tokend audit list` shows it if it \
                 was.",
            ),
            Self::LeaveServerOut => write!(
                formatter,
                "Run it where the database can be reached, without --server and \
                 {SERVER_VARIABLE}."
            ),
        }
    }
}
