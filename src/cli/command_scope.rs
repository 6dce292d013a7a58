//! Decides whether a command runs through the admin API, or only on the local database or machine.

use crate::cli::client::ClientCommand;
use crate::cli::database::backup::BackupCommand;
use crate::cli::error::CliError;
use crate::cli::remedies::command::ServerRemedy;
use crate::cli::secret::SecretCommand;
use crate::cli::token::TokenCommand;
use crate::cli::{Command, Global};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Through the admin API: over the local database, or at the server that `--server` names.
    Api,
    /// Only on the local database: the command concerns the database or the server itself.
    Database,
    /// Only on this machine, without a database: a server in the environment is ignored.
    Machine,
}

/// Rejects a command that does not use the API if a server is named.
///
/// # Errors
/// A usage error.
pub(super) fn check(global: &Global, command: &Command) -> Result<(), CliError> {
    let reach = classify(command);
    let Some(server) = global.server() else { return Ok(()) };
    let what = match reach {
        Reach::Api => return Ok(()),
        Reach::Machine if global.server.is_none() => return Ok(()),
        Reach::Database => "this command works on the local database only",
        Reach::Machine => "this command works on this machine only",
    };
    Err(CliError::usage(format!("{what}, and {} names a server", server.origin))
        .with_remedy(ServerRemedy::LeaveServerOut))
}

fn classify(command: &Command) -> Reach {
    match command {
        Command::Client(command) => of_client(command),
        Command::Secret(command) => of_secret(command),
        Command::Key(_)
        | Command::Resource(_)
        | Command::GrantRequest(_)
        | Command::OwnerPolicy(_)
        | Command::Explain(_)
        | Command::Rejections(_)
        | Command::Diff(_)
        | Command::Apply(_)
        | Command::Export(_)
        | Command::Audit(_) => Reach::Api,
        Command::Token(command) => of_token(command),
        Command::Serve
        | Command::Dev(_)
        | Command::Migrate(_)
        | Command::MasterKey(_)
        | Command::Console(_)
        | Command::Backup(BackupCommand::Create(_))
        | Command::Restore(_) => Reach::Database,
        Command::Doctor(args) if !args.is_outside() => Reach::Database,
        Command::Backup(BackupCommand::Verify(_))
        | Command::Doctor(_)
        | Command::CheckConfig(_)
        | Command::Config(_)
        | Command::Health(_)
        | Command::Version
        | Command::Completion(_)
        | Command::Man(_) => Reach::Machine,
    }
}

fn of_token(command: &TokenCommand) -> Reach {
    match command {
        TokenCommand::Issue(_)
        | TokenCommand::Preview(_)
        | TokenCommand::Verify(_)
        | TokenCommand::Revoke(_) => Reach::Api,
        TokenCommand::Inspect(_) => Reach::Machine,
    }
}

fn of_secret(command: &SecretCommand) -> Reach {
    match command {
        SecretCommand::Leaked(_) => Reach::Api,
        SecretCommand::Generate(_) | SecretCommand::Check(_) => Reach::Machine,
    }
}

fn of_client(command: &ClientCommand) -> Reach {
    match command {
        ClientCommand::Create(_)
        | ClientCommand::List(_)
        | ClientCommand::Show(_)
        | ClientCommand::Update(_)
        | ClientCommand::Enable(_)
        | ClientCommand::Disable(_)
        | ClientCommand::Delete(_)
        | ClientCommand::AddSecret(_)
        | ClientCommand::RotateSecret(_)
        | ClientCommand::ExpireSecret(_)
        | ClientCommand::Grant(_)
        | ClientCommand::RevokeGrant(_)
        | ClientCommand::RevokeTokens(_)
        | ClientCommand::Keys(_)
        | ClientCommand::Trust(_)
        | ClientCommand::Import(_) => Reach::Api,
    }
}
