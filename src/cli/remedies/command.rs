//! Remedies for problems with arguments, files or the terminal, as data with a text for the
//! operator.

use std::fmt;
use std::net::SocketAddr;

pub(crate) use crate::cli::remedies::server::ServerRemedy;
use crate::model::client::ClientId;
use crate::model::remedy::Remedy;
use crate::remedies::of_rejection;

/// The remedy for a failed command. [`fmt::Display`] writes the text for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandRemedy {
    /// A problem of `tokend dev`.
    Dev(DevRemedy),
    /// A problem with an argument.
    Argument(ArgumentRemedy),
    /// A problem with the destination of a new secret.
    Secret(SecretRemedy),
    /// A problem with the server that a command is sent to.
    Server(ServerRemedy),
    /// A text from `crate::remedies`.
    Text(String),
    /// The port of a setting is in use; `free` is another address.
    SetAddress { setting: &'static str, variable: String, free: SocketAddr },
    /// The server does not answer at the address of a setting.
    SameSettingsAsServer { setting: &'static str, listener: SocketAddr, origin: String },
    /// The input is an error response with the id of a request.
    ExplainRequest { id: String },
    /// The key that signed a token does not belong to this server.
    CompareSigningKeys,
    /// The issuer of a token is not this server.
    CompareIssuer,
    /// The client is disabled.
    EnableClient { client: ClientId },
    /// The remedy of a rejection with the same cause.
    OfRejection { remedy: Remedy, client: ClientId },
    /// The audit log was altered.
    CompareBackup,
    /// The audit log is not the log of the earlier run.
    CompareOlderBackup,
    /// The log begins after the event to compare with.
    LaterCheckpoint,
    /// The command needs a confirmation, and standard input is not a terminal.
    Confirm,
}

/// Remedies for problems of `tokend dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DevRemedy {
    /// `dev` does not run under this issuer.
    Serve,
    /// The port is in use; `free` is another address.
    ListenElsewhere { free: SocketAddr },
    /// The data directory cannot be written to.
    WritableDataDir,
    /// The database to delete is not in the data directory.
    RemoveDatabaseByHand,
    /// The database was not created by `dev`.
    OtherDataDir,
    /// The database was not created by `dev`, and is in Postgres.
    EmptyPostgres,
}

/// Remedies for problems with an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentRemedy {
    /// The argument is not the id of a request.
    FindRequestId,
    /// A label does not have the form `KEY=VALUE`.
    GiveLabel,
    /// A network is empty.
    GiveNetwork,
    /// An assertion audience is empty.
    GiveAssertionAudience,
    /// Several clients have the name.
    GiveClientId,
    /// A new client has no id.
    GiveOrGenerateClientId,
    /// A new client has two names.
    GiveOneName,
    /// The argument is not the id of a client.
    FollowIdSyntax,
    /// The argument is a secret.
    ImportSecret,
    /// The argument is a secret, but the command reads secrets from standard input.
    SecretFromInput,
    /// Two arguments exclude each other.
    LeaveOneOut,
    /// The argument is not a time.
    GiveTime,
    /// The output format needs an end of the list.
    UseJsonLines,
}

/// Remedies for problems with the destination of a new secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretRemedy {
    /// The output format does not show the secret.
    UseFile,
    /// Standard output is discarded.
    CaptureOutput,
    /// The secret could not be printed.
    NoNewSecret,
    /// A file cannot be read.
    NothingChanged,
    /// Another command is writing the file.
    RepeatLater,
    /// An earlier command left a file behind.
    MoveLeftover,
    /// The file exists and is not replaced.
    NameNewFile,
    /// Another command wrote the file.
    InspectFile,
    /// The folder does not exist or cannot be written to.
    WritableFolder,
    /// Every user may write to the folder.
    PrivateFolder,
    /// The file does not contain a secret of this client.
    NameOtherFile,
    /// The path is not a regular file.
    NameRegularFile,
    /// The file still has its temporary name.
    RenameByHand,
    /// An apply generates secrets, and a directory for them is not given.
    GiveSecretsDir,
}

impl From<DevRemedy> for CommandRemedy {
    fn from(remedy: DevRemedy) -> Self {
        Self::Dev(remedy)
    }
}

impl From<ArgumentRemedy> for CommandRemedy {
    fn from(remedy: ArgumentRemedy) -> Self {
        Self::Argument(remedy)
    }
}

impl From<ServerRemedy> for CommandRemedy {
    fn from(remedy: ServerRemedy) -> Self {
        Self::Server(remedy)
    }
}

impl From<String> for CommandRemedy {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<SecretRemedy> for CommandRemedy {
    fn from(remedy: SecretRemedy) -> Self {
        Self::Secret(remedy)
    }
}

impl fmt::Display for CommandRemedy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dev(remedy) => return remedy.fmt(formatter),
            Self::Server(remedy) => return remedy.fmt(formatter),
            Self::Text(text) => text,
            Self::Argument(remedy) => remedy.as_str(),
            Self::Secret(remedy) => remedy.as_str(),
            Self::SetAddress { setting, variable, free } => {
                return write!(
                    formatter,
                    "Use another one: {variable}={free}, or --set {setting}={free}"
                );
            }
            Self::SameSettingsAsServer { setting, listener, origin } => {
                return write!(
                    formatter,
                    "health asks the address that `{setting}` names: here {listener} ({origin}). \
                     If the server has other settings, give health the same, or --set \
                     {setting}=ADDRESS."
                );
            }
            Self::ExplainRequest { id } => {
                return write!(formatter, "The reason: tokend explain {id}");
            }
            Self::EnableClient { client } => {
                return write!(formatter, "To enable it again: tokend client enable {client}");
            }
            Self::OfRejection { remedy, client } => {
                return formatter.write_str(&of_rejection(remedy, Some(client.as_str())));
            }
            Self::CompareSigningKeys => {
                "It comes from another server, or its key has been retired (tokend key list)."
            }
            Self::CompareIssuer => "Compare with TOKEND_ISSUER.",
            Self::CompareBackup => "The table was changed by hand. Compare it with a backup.",
            Self::CompareOlderBackup => {
                "The log was rewritten, or an older backup was restored. Compare it with a backup."
            }
            Self::LaterCheckpoint => {
                "Compare with a later checkpoint: tokend audit checkpoints lists them."
            }
            Self::Confirm => "Nothing was changed. Add --yes to confirm.",
        })
    }
}

impl fmt::Display for DevRemedy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ListenElsewhere { free } => {
                return write!(formatter, "Use another one:  tokend dev --listen {free}");
            }
            Self::Serve => {
                "For a real server: tokend serve. For a first look: unset TOKEND_ISSUER."
            }
            Self::WritableDataDir => {
                "Give tokend a data directory that it may write to: TOKEND_DATA_DIR=… tokend dev"
            }
            Self::RemoveDatabaseByHand => {
                "Unset TOKEND_DATABASE_URL, or remove that database by hand."
            }
            Self::OtherDataDir => {
                "Nothing was changed. Use another data directory: TOKEND_DATA_DIR=./dev-data \
                 tokend dev, or tokend dev --ephemeral."
            }
            Self::EmptyPostgres => {
                "Nothing was changed. Unset TOKEND_DATABASE_URL, or give an empty database."
            }
        })
    }
}

impl ArgumentRemedy {
    fn as_str(self) -> &'static str {
        match self {
            Self::FindRequestId => {
                "It is in the answer: in the X-Request-Id header, and in the description."
            }
            Self::GiveLabel => {
                "Give a label such as env=prod. The label of a secret is --secret-label."
            }
            Self::GiveNetwork => "Give one such as 10.0.0.0/8, or `any` for no limit.",
            Self::GiveAssertionAudience => {
                "Give a URL of the token endpoint, or `none` to remove all."
            }
            Self::GiveClientId => "Give the id of the one that you mean.",
            Self::GiveOrGenerateClientId => {
                "Give one (tokend client create billing), or have one generated: --generate-id."
            }
            Self::GiveOneName => "Give the name as the argument or with --name, not both.",
            Self::FollowIdSyntax => {
                "An id is 1 to 256 printable ASCII characters without spaces. The name for people \
                 is --name."
            }
            Self::ImportSecret => {
                "Leave it out to have one generated, or import one: tokend client import -"
            }
            Self::SecretFromInput => {
                "Give - and the secret on standard input, such as `< FILE`. If it is a real secret, \
                 it is now in the history of the shell: replace it."
            }
            Self::LeaveOneOut => "Leave one of the two out.",
            Self::GiveTime => {
                "Give how long ago, such as 90m, 24h or 7d, or a time in UTC: 2026-11-24 or \
                 2026-11-24T13:36:43Z."
            }
            Self::UseJsonLines => "Use -o jsonl: one object per line.",
        }
    }
}

impl SecretRemedy {
    fn as_str(self) -> &'static str {
        match self {
            Self::UseFile => {
                "Nothing was changed. Add --secret-file FILE, or use another output format."
            }
            Self::CaptureOutput => {
                "Nothing was changed. Use --secret-file FILE, or capture the output."
            }
            Self::NoNewSecret => "Nothing was changed, and no new secret is valid.",
            Self::NothingChanged => "Nothing was changed.",
            Self::RepeatLater => {
                "Nothing was changed. Repeat the command when the other has ended."
            }
            Self::MoveLeftover => {
                "Nothing was changed. Move that file elsewhere, or remove it if it is not needed."
            }
            Self::NameNewFile => {
                "Nothing was changed. Give the name of a file that does not exist."
            }
            Self::InspectFile => "Nothing was changed. Look at that file, and repeat the command.",
            Self::WritableFolder => {
                "Nothing was changed. Give a file in a writable directory that exists."
            }
            Self::PrivateFolder => {
                "Nothing was changed. Give a file in a directory that only its owner may write to."
            }
            Self::NameOtherFile => {
                "Nothing was changed. Give another file, or remove this one if it is not needed."
            }
            Self::NameRegularFile => {
                "Nothing was changed. Give the name of a file, or leave --secret-file out to have \
                 the secret printed."
            }
            Self::RenameByHand => "Rename it by hand.",
            Self::GiveSecretsDir => {
                "Nothing was changed. Give a directory for them with --secrets-dir, or declare \
                 `secret: null`."
            }
        }
    }
}
