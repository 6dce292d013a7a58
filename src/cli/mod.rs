//! The command line, with one file per noun. A command parses its arguments, calls an operation,
//! and prints the result.
//!
//! Most commands call the admin API through `api`: in this process over the local database, or at
//! the server that `--server` names. The other commands use the database directly.

mod api;
mod arguments;
mod audit;
mod client;
mod command_scope;
mod console;
mod database;
mod declarations;
mod deployment;
mod dev;
mod error;
mod failpoint;
mod grant_request;
mod help;
mod key;
mod master_key;
mod output;
mod owner_policy;
mod principal;
mod rejections;
mod remedies;
mod remote;
mod resource;
mod secret;
mod secret_file;
mod serve;
mod token;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::api::NamedServer;
use crate::cli::error::CliError;
use crate::cli::output::Format;
use crate::cli::serve::FromSystem;
use crate::cli::serve::reload::{Hangup, Loaded};
use crate::config::command_variables::SERVER_VARIABLE;
use crate::config::sources::Flags;
use crate::config::{Config, Requirement, environment};
use crate::model::time::Clock;
use crate::server::InheritedSockets;
use crate::services::Services;
use crate::store::Store;
use crate::telemetry;
use crate::text::escaping;

/// An OAuth 2.0 authorization server for machines.
#[derive(Debug, Parser)]
#[command(name = "tokend", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Read settings from this file as well; may be repeated, a later one overrides
    #[arg(long = "config", value_name = "FILE", global = true)]
    config: Vec<PathBuf>,
    /// Set one setting, as in --set token.lifetime=30m; may be repeated
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    set: Vec<String>,
    /// The name under which changes are recorded in the audit log, or `TOKEND_ACTOR`; the name of
    /// the user if omitted
    #[arg(long, value_name = "NAME", global = true)]
    actor: Option<String>,
    /// The server to send the command to.
    #[arg(
        long,
        value_name = "URL",
        global = true,
        help = "The management URL of the server to send the command to, such as \
                https://tokend-admin.example.com, or TOKEND_SERVER; the local database if omitted"
    )]
    server: Option<String>,
    /// Output format: a table for people, JSON or one JSON object per line for programs, or one id
    /// per line
    #[arg(short, long, value_enum, default_value_t = Format::Table, global = true)]
    output: Format,
    /// Change a client or a resource that is applied from a source; the next apply undoes it. With
    /// commands for signing keys: proceed even if tokens or verifiers break
    #[arg(long, global = true)]
    force: bool,
    /// The databases that this command has opened; they are closed when it ends.
    #[arg(skip)]
    opened: Mutex<Vec<Store>>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve,
    /// Run a server for a first try, with a demo client and a curl command that works
    Dev(dev::DevArgs),
    /// Bring the database schema up to date
    Migrate(database::migrate::MigrateArgs),
    /// Check the settings and report every problem
    CheckConfig(deployment::check_config::CheckConfigArgs),
    /// Show the settings
    #[command(subcommand)]
    Config(deployment::check_config::ConfigCommand),
    /// Check a deployment: settings, files, database, keys and backups; or a server from outside
    Doctor(deployment::doctor::DoctorArgs),
    /// Check the health of the server at the setting `listen`: exit code 0 if it is ready, 1 if not
    Health(deployment::health::HealthArgs),
    /// Clients: the machines that request tokens
    #[command(subcommand)]
    Client(Box<client::ClientCommand>),
    /// Secrets: generate one offline, check one, report a leaked one
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Grant requests: a team requests a grant of another team's resource
    #[command(subcommand)]
    GrantRequest(grant_request::GrantRequestCommand),
    /// Resources: the APIs that tokens are for
    #[command(subcommand)]
    Resource(resource::ResourceCommand),
    /// Policies: rules for the clients of an owner
    #[command(subcommand)]
    OwnerPolicy(owner_policy::OwnerPolicyCommand),
    /// Signing keys of the server
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// The master key, which seals the keys in the database
    #[command(subcommand)]
    MasterKey(master_key::MasterKeyCommand),
    /// The console: pages for people on the management listener
    #[command(subcommand)]
    Console(console::ConsoleCommand),
    /// Backups: the whole database in one sealed file
    #[command(subcommand)]
    Backup(database::backup::BackupCommand),
    /// Restore a backup into an empty database of either engine
    Restore(database::restore::RestoreArgs),
    /// Issue, inspect, verify and revoke tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Explain why a request was rejected, and how to fix it
    Explain(rejections::explain::ExplainArgs),
    /// Rejections: the requests that were rejected in the last days
    #[command(subcommand)]
    Rejections(rejections::RejectionsCommand),
    /// Compare clients and resources with files, and change nothing
    Diff(Box<declarations::apply::DiffArgs>),
    /// Create, change or delete clients and resources as files declare them
    Apply(Box<declarations::apply::ApplyArgs>),
    /// Print clients and resources in the format that `apply` reads, without secrets
    Export(declarations::apply::ExportArgs),
    /// Audit log: every change, in a hash chain
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Print the version
    Version,
    /// Print a completion script for a shell
    Completion(help::completion::CompletionArgs),
    /// Write the manual pages of all commands
    Man(help::man::ManArgs),
}

impl Global {
    /// Returns the sources of settings that the command line names.
    fn flags(&self) -> Flags {
        Flags { files: self.config.clone(), set: self.set.clone(), fixed: Vec::new() }
    }

    /// Returns a function that loads the settings of a server; a reload calls it again.
    fn server_settings(&self) -> impl Fn() -> Result<Loaded, CliError> + Clone + Send + use<> {
        let flags = self.flags();
        move || Loaded::read(&flags, &environment())
    }

    fn config(&self, need: Requirement) -> Result<Config, CliError> {
        Ok(Config::load(&self.flags(), &environment(), need)?)
    }

    /// Returns the server that the command is sent to; `None` for the local database.
    fn server(&self) -> Option<NamedServer> {
        if let Some(url) = &self.server {
            return Some(NamedServer { origin: "--server", url: url.clone() });
        }
        let variable = environment().into_iter().find(|(name, _)| name == SERVER_VARIABLE);
        let named = variable.filter(|(_, url)| !url.is_empty());
        named.map(|(_, url)| NamedServer { origin: SERVER_VARIABLE, url })
    }

    /// Opens the services for a command that changes the database.
    async fn services(&self) -> Result<Services, CliError> {
        let config = self.config(Requirement::Nothing)?;
        self.services_with(config).await
    }

    /// Like [`Global::services`], with settings that are already loaded.
    async fn services_with(&self, config: Config) -> Result<Services, CliError> {
        let services = Box::pin(Services::open_to_change(config, Clock::System)).await?;
        self.close_at_end(&services.store);
        Ok(services)
    }

    /// Registers a database to be closed when the command ends, even after an error.
    fn close_at_end(&self, store: &Store) {
        if let Ok(mut opened) = self.opened.lock() {
            opened.push(store.clone());
        }
    }

    /// Closes the databases. SQLite removes its auxiliary files only when a database is closed.
    async fn close(&self) {
        let opened = self.opened.lock().map(|mut opened| std::mem::take(&mut *opened));
        for store in opened.unwrap_or_default() {
            store.close().await;
        }
    }
}

/// Runs the command line of this process and returns its exit code.
pub fn run() -> ExitCode {
    serve::hardening::forbid_core_dumps();
    help::completion::answer_shell();
    let sockets = InheritedSockets::take();
    // On a single core, a multi-threaded runtime only adds overhead.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = match cores {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&CliError::failed(error.to_string()), Format::Table),
    };
    let cli = parsed();
    let hangup = {
        let _runtime = runtime.enter();
        hangup_of_server(&cli.command)
    };
    let format = cli.global.output;
    let outcome = runtime.block_on(execute(cli, FromSystem { hangup, sockets }));
    // Password hashes that still run have no waiting request, so they are not awaited.
    runtime.shutdown_background();
    telemetry::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error, format),
    }
}

/// Parses the command line. A parse error prints the usage and exits.
fn parsed() -> Cli {
    let mut parser = parser();
    let matches = parser.get_matches_mut();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut parser).exit())
}

/// Installs the SIGHUP handler of a server. The command runs later, because the signal ends the
/// process until then.
fn hangup_of_server(command: &Command) -> Option<Hangup> {
    matches!(command, Command::Serve | Command::Dev(_)).then(Hangup::install)?.ok()
}

async fn execute(cli: Cli, given: FromSystem) -> Result<(), CliError> {
    let Cli { global, command } = cli;
    // A name that is not valid fails the command, whether it uses the name or not.
    global.principal()?;
    let outcome = Box::pin(dispatch(&global, command, given)).await;
    global.close().await;
    outcome
}

async fn dispatch(global: &Global, command: Command, given: FromSystem) -> Result<(), CliError> {
    command_scope::check(global, &command)?;
    match command {
        Command::Serve => serve::run(global, given).await,
        Command::Dev(args) => Box::pin(dev::run(global, args, given.hangup)).await,
        Command::Migrate(args) => database::migrate::run(global, &args).await,
        Command::CheckConfig(args) => deployment::check_config::run(global, &args).await,
        Command::Config(command) => deployment::check_config::config(global, &command),
        Command::Doctor(args) => Box::pin(deployment::doctor::run(global, &args)).await,
        Command::Health(args) => deployment::health::run(global, &args).await,
        Command::Client(command) => Box::pin(client::run(global, *command)).await,
        Command::Secret(command) => Box::pin(secret::run(global, command)).await,
        Command::GrantRequest(command) => Box::pin(grant_request::run(global, command)).await,
        Command::Resource(command) => Box::pin(resource::run(global, command)).await,
        Command::OwnerPolicy(command) => Box::pin(owner_policy::run(global, &command)).await,
        Command::Key(command) => key::run(global, &command).await,
        Command::MasterKey(command) => Box::pin(master_key::run(global, &command)).await,
        Command::Console(command) => Box::pin(console::run(global, &command)).await,
        Command::Backup(command) => Box::pin(database::backup::run(global, &command)).await,
        Command::Restore(args) => Box::pin(database::restore::run(global, &args)).await,
        Command::Token(command) => token::run(global, command).await,
        Command::Explain(args) => rejections::explain::run(global, &args).await,
        Command::Rejections(command) => rejections::run(global, &command).await,
        Command::Diff(args) => Box::pin(declarations::apply::diff(global, &args)).await,
        Command::Apply(args) => Box::pin(declarations::apply::apply(global, &args)).await,
        Command::Export(args) => Box::pin(declarations::apply::export(global, &args)).await,
        Command::Audit(command) => audit::run(global, &command).await,
        Command::Version => output::version(global.output),
        Command::Completion(args) => help::completion::run(&args),
        Command::Man(args) => help::man::run(&args),
    }
}

fn report(error: &CliError, format: Format) -> ExitCode {
    if error.is_silent() || error.is_logged() {
        return ExitCode::from(error.exit_code());
    }
    let text = match format {
        Format::Json | Format::Jsonl => escaping::escape_json(&error.as_problem()).into_owned(),
        Format::Table | Format::Id => escaping::escape_lines(&error.as_text()).into_owned(),
    };
    // If standard error is closed, the error cannot be reported.
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::from(error.exit_code())
}

/// Returns the parser of the command line, with help and completion complete.
fn parser() -> clap::Command {
    help::complete(Cli::command())
}
