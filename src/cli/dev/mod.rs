//! `tokend dev`: starts a server with a demo client and prints a curl command that works.

mod banner;
mod demo;
mod demo_data;
pub(super) mod mark;

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::app::{App, snapshot};
use crate::cli::dev::banner::{DemoAccess, TemporaryDataDir};
use crate::cli::dev::demo::DEMO_CLIENT;
use crate::cli::dev::demo_data::FreshSecrets;
use crate::cli::error::CliError;
use crate::cli::remedies::command::DevRemedy;
use crate::cli::serve::reload::{Hangup, Loaded, Running};
use crate::cli::{Global, console, deployment, output, serve};
use crate::config::sources::{Flags, Settings};
use crate::config::{Config, Location, environment};
use crate::files::create_private_folder;
use crate::jose::jwt;
use crate::model::public_path::{KEY_SET_PATH, TOKEN_PATH};
use crate::server::{InheritedSockets, ServeError, Server};
use crate::text::shell::quote;

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Address to listen on. Other machines reach every address except loopback. Port 0: any free
    /// port
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Keep nothing: use a temporary data directory, removed at the end
    #[arg(long, conflicts_with = "fresh")]
    ephemeral: bool,
    /// Delete the data of earlier runs of dev first
    #[arg(long)]
    fresh: bool,
    /// Add forty clients of three teams and a week of traffic, to fill the console
    #[arg(long)]
    demo_data: bool,
}

/// Runs `tokend dev`.
pub(crate) async fn run(
    global: &Global,
    args: DevArgs,
    hangup: Option<Hangup>,
) -> Result<(), CliError> {
    let folder = args.ephemeral.then(TemporaryDataDir::create).transpose()?;
    let flags = flags(global, &args, folder.as_ref());
    let read = move || with_defaults(flags.clone());
    let Loaded { settings, config } = read()?;
    reject_production(&config)?;
    let level = serve::start_logging(&config);
    mark::claim(&config).await?;
    prepare_folder(&config, args.fresh)?;
    let is_open = !config.listen.ip().is_loopback();
    let environment = environment_of_commands(global, &args, &config)?;
    let fresh_secrets = if args.demo_data {
        Box::pin(demo_data::prepare(&config)).await?
    } else {
        FreshSecrets::new()
    };
    let (app, sockets) = Box::pin(serve::load(config, InheritedSockets::none(), in_dev)).await?;
    let server = Server::start(app.clone(), sockets).await.map_err(in_dev)?;
    let server = server.with_traces(serve::traces(&app)?);
    let level_now = level.clone();
    if let Some(hangup) = hangup {
        let running = Running::new(settings, level, server.reloader());
        tokio::spawn(hangup.reload_settings(running, read));
    }
    let demo = demo::prepare(&app.services).await?;
    app.catch_up().await.map_err(crate::services::StartError::from)?;
    let stop = serve::shutdown_signal()?;
    let serving = tokio::spawn(server.run(stop));
    // Requests of `dev` itself are not logged, because the banner must come first.
    level_now.set("warn").map_err(CliError::failed)?;
    let tested = self_test(&app, &demo.secret).await?;
    request_tokens(&app, fresh_secrets).await?;
    level_now.set(&app.services.config.log.level).map_err(CliError::failed)?;
    let (secret, state, link) =
        (&demo.secret, demo.state, console::link_of_dev(&app.services).await?);
    let shown = DemoAccess { secret, state, tested, is_open, environment, link };
    output::line(&banner::render(&app, &shown))?;
    drop(demo);
    Ok(serving.await.map_err(|error| CliError::failed(error.to_string()))??)
}

/// Returns the settings from the command line.
fn flags(global: &Global, args: &DevArgs, folder: Option<&TemporaryDataDir>) -> Flags {
    let mut flags = global.flags();
    if let Some(listen) = &args.listen {
        flags.fixed.push(("listen", listen.clone(), "from --listen"));
    }
    if let Some(folder) = folder {
        flags.fixed.push(("data_dir", folder.path().display().to_string(), "from --ephemeral"));
        flags.fixed.push(("database.url", String::new(), "from --ephemeral"));
    }
    flags
}

/// Loads the settings of a server, with defaults for a single host.
fn with_defaults(mut flags: Flags) -> Result<Loaded, CliError> {
    let environment = environment();
    let settings = Settings::gather(&flags, &environment)?;
    if settings.is_default("issuer") {
        let listen = settings.text("listen");
        let port = listen.rsplit(':').next().unwrap_or("8080");
        flags.fixed.push(("issuer", format!("http://localhost:{port}"), "chosen by dev"));
    }
    if settings.is_default("log.level") {
        flags.fixed.push(("log.level", "warn,tokend::web=info".to_owned(), "chosen by dev"));
    }
    if settings.is_default("log.format") {
        flags.fixed.push(("log.format", "text".to_owned(), "chosen by dev"));
    }
    if settings.is_default("shutdown.delay") {
        flags.fixed.push(("shutdown.delay", "0s".to_owned(), "chosen by dev"));
    }
    Loaded::read(&flags, &environment)
}

/// Rejects an https issuer, so that `dev` is not deployed by accident.
fn reject_production(config: &Config) -> Result<(), CliError> {
    if config.issuer.as_ref().is_some_and(crate::config::Issuer::is_https) {
        return Err(CliError::configuration(
            "dev makes a demo client and speaks plain HTTP; it does not run under an https issuer",
        )
        .with_remedy(DevRemedy::Serve));
    }
    Ok(())
}

/// Converts an error about a port in use, with the `dev` option for another port.
fn in_dev(error: ServeError) -> CliError {
    let other = match &error {
        ServeError::Listen { address, setting: "listen", problem }
            if problem.kind() == std::io::ErrorKind::AddrInUse =>
        {
            Some(serve::free_neighbour(*address))
        }
        _ => None,
    };
    let error = CliError::from(error);
    match other {
        Some(other) => error.with_remedy(DevRemedy::ListenElsewhere { free: other }),
        None => error,
    }
}

/// Creates the data directory unless it exists, with its own `.gitignore`.
fn prepare_folder(config: &Config, fresh: bool) -> Result<(), CliError> {
    let folder = &config.data_dir;
    let not_writable = |error: std::io::Error| {
        CliError::failed(format!("cannot write to {}: {error}", folder.display()))
            .with_remedy(DevRemedy::WritableDataDir)
    };
    if fresh {
        start_over(config, not_writable)?;
    }
    create_private_folder(folder).map_err(not_writable)?;
    match std::fs::File::create_new(folder.join(".gitignore")) {
        Ok(mut file) => std::io::Write::write_all(&mut file, b"*\n").map_err(not_writable),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(not_writable(error)),
    }
}

/// Deletes only the files that an earlier `dev` created: the database in the data directory and its
/// master key. Fails if a server is using the database.
fn start_over(
    config: &Config,
    not_writable: impl Fn(std::io::Error) -> CliError,
) -> Result<(), CliError> {
    let database = config.data_dir.join("tokend.db");
    let is_ours = matches!(&config.database.location, Location::Sqlite(path) if *path == database);
    if !is_ours {
        return Err(CliError::usage("--fresh removes the database in the data directory only")
            .with_remedy(DevRemedy::RemoveDatabaseByHand));
    }
    mark::check_marked(config)?;
    std::net::TcpListener::bind(config.listen).map_err(|problem| {
        in_dev(ServeError::Listen { address: config.listen, setting: "listen", problem })
    })?;
    let database = ["tokend.db", "tokend.db-wal", "tokend.db-shm", snapshot::FILE_NAME];
    for name in database.into_iter().chain(["master.key", demo::FILE_NAME]) {
        match std::fs::remove_file(config.data_dir.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(not_writable(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Runs the steps of the banner: requests a token over HTTP, and verifies it with the published key
/// set. Returns the duration.
async fn self_test(app: &App, secret: &SecretString) -> Result<Duration, CliError> {
    let failed = |what: String| CliError::failed(format!("the self-test failed: {what}"));
    let started = Instant::now();
    let address = deployment::http::reachable(app.services.config.listen);
    let basic = basic(DEMO_CLIENT, secret);
    let form = "grant_type=client_credentials&scope=demo:read";
    let answer =
        deployment::http::post_form(address, TOKEN_PATH, &basic, form).await.map_err(failed)?;
    let body: serde_json::Value =
        serde_json::from_str(&answer.body).map_err(|error| failed(error.to_string()))?;
    let token = body["access_token"].as_str();
    let token = token.ok_or_else(|| failed(format!("{} {}", answer.status, answer.body)))?;
    let answer = deployment::http::get(address, KEY_SET_PATH).await.map_err(failed)?;
    let keys = jwt::key_set(&answer.body).map_err(|error| failed(error.to_string()))?;
    let now = app.services.clock.now();
    jwt::verify(token, &keys, Some(app.issuer.as_str()), now)
        .map_err(|error| failed(error.to_string()))?;
    Ok(started.elapsed())
}

/// Requests tokens for clients of the demo data, so that this instance has usage statistics.
async fn request_tokens(app: &App, secrets: FreshSecrets) -> Result<(), CliError> {
    let address = deployment::http::reachable(app.services.config.listen);
    for (client, requests) in demo_data::BUSY_CLIENTS {
        let Some(secret) = secrets.get(client) else { continue };
        let basic = basic(client, secret);
        for _ in 0..requests {
            let form = "grant_type=client_credentials";
            let answer = deployment::http::post_form(address, TOKEN_PATH, &basic, form).await;
            answer.map_err(CliError::failed)?;
        }
    }
    Ok(())
}

/// Returns the credentials of a client for HTTP Basic.
fn basic(client: &str, secret: &SecretString) -> String {
    let pair = Zeroizing::new(format!("{client}:{}", secret.expose_secret()));
    format!("Basic {}", BASE64_STANDARD.encode(&*pair))
}

/// Returns the environment variables with which another command finds the same data, such as
/// `TOKEND_DATA_DIR=/tmp/x`. Empty if a command needs none.
fn environment_of_commands(
    global: &Global,
    args: &DevArgs,
    config: &Config,
) -> Result<String, CliError> {
    // A terminal in the same directory reads the same files, but its environment is unknown.
    let plain = Settings::gather(&Flags::default(), &[])?;
    let mut flags = global.flags();
    if args.ephemeral {
        flags.fixed.push(("database.url", String::new(), "from --ephemeral"));
    }
    let own = Settings::gather(&flags, &environment())?;
    let mut text = String::new();
    let folder = config.data_dir.display().to_string();
    if plain.text("data_dir") != folder {
        text.push_str(&format!("TOKEND_DATA_DIR={} ", quote(&folder)));
    }
    if plain.text("database.url") != own.text("database.url") {
        match &config.database.location {
            Location::Sqlite(_) => {
                text.push_str(&format!(
                    "TOKEND_DATABASE_URL={} ",
                    quote(&own.text("database.url"))
                ));
            }
            // The URL may contain a password.
            Location::Postgres(_) => text.push_str("TOKEND_DATABASE_URL=\"$TOKEND_DATABASE_URL\" "),
        }
    }
    Ok(text)
}
