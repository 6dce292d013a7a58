//! Command lines and options that a text of a command names.

use std::fmt;

use crate::model::resource::ResourceId;

/// A command line, or options of one. [`fmt::Display`] gives it as an operator writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandLine<'a> {
    /// Brings the schema up to date.
    Migrate,
    /// Deletes the data of `dev`.
    DevFresh,
    /// Lists the clients that have a grant for a resource.
    ListClientsOf(&'a ResourceId),
    /// Shows a client.
    ShowClient(&'a str),
    /// Makes a secret of a client that replaces the others.
    RotateSecret { client: &'a str, file: &'a str },
    /// Registers a client with an id and a name.
    CreateClient { name: &'a str },
    /// Has the id of a new client generated.
    GenerateId,
    /// Names the scopes of a grant instead of all.
    NameScopes { client: &'a str, resource: &'a ResourceId },
    /// Adds a trust to a client.
    AddTrust,
    /// Verifies a token from standard input.
    VerifyToken,
    /// Where a new secret goes.
    SecretFile(&'a str),
    /// More rows of a list.
    Limit,
    /// The rows of a list after this one.
    After(&'a str),
    /// The rows of a list before this one.
    Before(&'a str),
    /// The rows of a list until a time.
    Until,
}

impl fmt::Display for CommandLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migrate => formatter.write_str("tokend migrate"),
            Self::DevFresh => formatter.write_str("tokend dev --fresh"),
            Self::ListClientsOf(resource) => {
                write!(formatter, "tokend client list --resource {resource}")
            }
            Self::ShowClient(client) => write!(formatter, "tokend client show {client}"),
            Self::RotateSecret { client, file } => {
                write!(formatter, "tokend client rotate-secret {client} --secret-file {file}")
            }
            Self::CreateClient { name } => {
                write!(formatter, "tokend client create ID --name {name}")
            }
            Self::GenerateId => formatter.write_str("--generate-id"),
            Self::NameScopes { client, resource } => write!(
                formatter,
                "tokend client grant {client} --resource {resource} --only-scope SCOPE"
            ),
            Self::AddTrust => formatter.write_str("tokend client trust add"),
            Self::VerifyToken => formatter.write_str("tokend token verify -"),
            Self::SecretFile(path) => write!(formatter, "--secret-file {path}"),
            Self::Limit => formatter.write_str("--limit COUNT"),
            Self::After(position) => write!(formatter, "--after {position}"),
            Self::Before(position) => write!(formatter, "--before {position}"),
            Self::Until => formatter.write_str("--until TIME"),
        }
    }
}
