//! Command lines and options that texts of commands quote.

use std::fmt;

use crate::model::resource::ResourceId;

/// A command line, or options of one. [`fmt::Display`] writes it as an operator types it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandLine<'a> {
    /// Updates the schema.
    Migrate,
    /// Deletes the data of `dev`.
    DevFresh,
    /// Lists the clients that have a grant for a resource.
    ListClientsOf(&'a ResourceId),
    /// Shows a client.
    ShowClient(&'a str),
    /// Replaces the secrets of a client by a new one.
    RotateSecret { client: &'a str, file: &'a str },
    /// Registers a client with an id and a name.
    CreateClient { name: &'a str },
    /// Generates the id of a new client.
    GenerateId,
    /// Replaces a grant of all scopes by named scopes.
    NameScopes { client: &'a str, resource: &'a ResourceId },
    /// Adds a trust to a client.
    AddTrust,
    /// Verifies a token from standard input.
    VerifyToken,
    /// Writes a new secret to a file.
    SecretFile(&'a str),
    /// Shows more rows of a list.
    Limit,
    /// Shows the rows of a list after a position.
    After(&'a str),
    /// Shows the rows of a list before a position.
    Before(&'a str),
    /// Shows the rows of a list until a time.
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
