//! `tokend serve`: runs the server in the foreground.

pub(super) mod hardening;
pub(super) mod reload;

use std::future::Future;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::app::without_database::WithoutDatabase;
use crate::cli::error::CliError;
use crate::cli::error::codes::CliErrorCode;
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::serve::reload::{Hangup, Loaded, Running};
use crate::cli::{Global, declarations, dev};
use crate::config::{Config, Issuer, LogFormat, TraceExport, environment, sources};
use crate::model::time::Clock;
use crate::outbound::OtlpClient;
use crate::server::{InheritedSockets, Reloader, ServeError, Server, Sockets, service_manager};
use crate::services::database_match::DatabaseMatch;
use crate::services::{Services, inspection};
use crate::telemetry::traces::Traces;
use crate::telemetry::{self, LogLevel};

/// Resources of the process that are acquired before its settings are read.
pub(crate) struct FromSystem {
    /// The handler of SIGHUP.
    pub(crate) hangup: Option<Hangup>,
    /// The sockets that a service manager opened.
    pub(crate) sockets: InheritedSockets,
}

/// Runs `tokend serve`.
pub(crate) async fn run(global: &Global, given: FromSystem) -> Result<(), CliError> {
    let read = global.server_settings();
    let Loaded { settings, config } = read()?;
    let level = start_logging(&config);
    let is_json = config.log.format == LogFormat::Json;
    let reload = |server: Reloader| {
        if let Some(hangup) = given.hangup {
            tokio::spawn(hangup.reload_settings(Running::new(settings, level, server), read));
        }
    };
    let outcome = Box::pin(serve(config, given.sockets, reload)).await;
    outcome.map_err(|error| if is_json { error.logged() } else { error })
}

/// Serves until a shutdown signal. `reload` is called as soon as the server can apply new settings.
async fn serve(
    config: Config,
    inherited: InheritedSockets,
    reload: impl FnOnce(Reloader),
) -> Result<(), CliError> {
    warn_about(&config);
    hardening::raise_descriptor_limit(&config);
    let (app, sockets) = Box::pin(load(config, inherited, CliError::from)).await?;
    let server = Server::start(app.clone(), sockets).await?.with_traces(traces(&app)?);
    reload(server.reloader());
    if app.database.is_known() {
        dev::mark::release(&app.services.config, &app.services.store).await?;
    } else {
        tokio::spawn(bootstrap_later(app.clone()));
    }
    let config = &app.services.config;
    tracing::info!(
        issuer = app.issuer.as_str(),
        listen = %config.listen,
        management = %config.management_listen,
        database = app.services.store.engine(),
        version = env!("CARGO_PKG_VERSION"),
        "tokend serves tokens"
    );
    let stop = shutdown_signal()?;
    service_manager::notify_ready();
    Ok(server.run(stop).await?)
}

/// Applies the bootstrap file as soon as a database that was unavailable at the start is available.
async fn bootstrap_later(app: Arc<App>) {
    app.database.until(DatabaseMatch::Same).await;
    if let Err(error) = declarations::bootstrap::apply(&app.services).await {
        tracing::error!(problem = error.text(), "the bootstrap file cannot be applied");
    }
}

/// Returns the exporter of spans, if the environment names a collector.
pub(crate) fn traces(app: &App) -> Result<Option<Traces>, CliError> {
    match TraceExport::of(&environment()).map_err(CliError::configuration)? {
        TraceExport::Off => Ok(None),
        TraceExport::Otlp => {
            let client = OtlpClient::new(Handle::current(), &app.services.config.fetch);
            let client = client.map_err(|error| CliError::configuration(error.to_string()))?;
            let traces = Traces::to_collector(client);
            traces.map(Some).map_err(|error| CliError::configuration(error.to_string()))
        }
    }
}

/// Opens the database, binds the addresses that are not inherited, and loads the app of a server.
/// If the database is unavailable, the app is loaded from a usable snapshot. `reject` converts the
/// error of an address that cannot be bound.
pub(crate) async fn load(
    config: Config,
    inherited: InheritedSockets,
    reject: impl Fn(ServeError) -> CliError,
) -> Result<(Arc<App>, Sockets), CliError> {
    match Services::open(config.clone(), Clock::System).await {
        Ok(mut services) => {
            Box::pin(declarations::bootstrap::apply(&services)).await?;
            let sockets = Sockets::bind(&mut services.config, inherited).map_err(reject)?;
            let issuer = issuer_of(&services.config)?;
            Ok((Arc::new(Box::pin(App::load(services, issuer)).await?), sockets))
        }
        Err(error) if error.is_database_unavailable() => {
            let start = Box::pin(WithoutDatabase::start(config, Clock::System)).await?;
            let mut start = start.ok_or(error)?;
            let sockets = Sockets::bind(&mut start.services.config, inherited).map_err(reject)?;
            let issuer = issuer_of(&start.services.config)?;
            Ok((Arc::new(App::without_database(start, issuer)), sockets))
        }
        Err(error) => Err(error.into()),
    }
}

fn issuer_of(config: &Config) -> Result<Issuer, CliError> {
    config.issuer.clone().ok_or_else(|| CliError::configuration("`issuer` is not set"))
}

/// Configures logging from the settings, and returns the handle of its level.
pub(crate) fn start_logging(config: &Config) -> LogLevel {
    let as_json = match config.log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    telemetry::start(&config.log.level, as_json)
}

/// Waits for the first SIGTERM or SIGINT. A second one exits immediately.
pub(crate) fn shutdown_signal() -> Result<impl Future<Output = ()>, CliError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (told, wait) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        next(&mut terminate, &mut interrupt).await;
        // If the receiver is gone, the server has already stopped.
        let _ = told.send(());
        next(&mut terminate, &mut interrupt).await;
        telemetry::flush();
        std::process::exit(1);
    });
    Ok(async move {
        let _ = wait.await;
    })
}

async fn next(
    terminate: &mut tokio::signal::unix::Signal,
    interrupt: &mut tokio::signal::unix::Signal,
) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Warns of settings that are valid but may be a mistake.
fn warn_about(config: &Config) {
    if let Some(file) = inspection::open_master_key(config) {
        tracing::warn!(
            file = %file.path.display(),
            "the master key can be read by {}: close it with chmod 600",
            file.readers
        );
    }
    for file in inspection::open_data_files(config) {
        tracing::warn!(
            file = %file.path.display(),
            "a file of the database can be read by {}: close it with chmod 600",
            file.readers
        );
    }
    let is_open = !config.listen.ip().is_loopback();
    if is_open && config.trusted_proxies.is_empty() && config.tls.is_none() {
        tracing::warn!(
            listen = %config.listen,
            "secrets travel in plain HTTP on this address: put a TLS proxy before it and name its network in proxy.trusted, or set tls.certificate and tls.key"
        );
    }
    if !config.management_listen.ip().is_loopback() {
        tracing::warn!(
            management = %config.management_listen,
            "the management listener is open to other machines: let only operators reach it"
        );
        if config.configured_management_url.is_none() {
            tracing::warn!(
                management = %config.management_listen,
                "management.url is not set: callers on other machines do not find the issuer by the metadata of the admin API, and their DPoP proofs are rejected"
            );
        }
    }
}

/// Returns the next address above a taken one that is free now.
pub(super) fn free_neighbour(taken: SocketAddr) -> SocketAddr {
    let is_free = |address: &SocketAddr| std::net::TcpListener::bind(address).is_ok();
    (1..=50)
        .filter_map(|step| taken.port().checked_add(step))
        .map(|port| SocketAddr::new(taken.ip(), port))
        .find(is_free)
        .unwrap_or_else(|| SocketAddr::new(taken.ip(), taken.port().wrapping_add(1).max(1024)))
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        let ServeError::Listen { address, setting, problem } = &error else {
            return Self::failed(telemetry::with_causes(&error));
        };
        let port = address.port();
        match problem.kind() {
            std::io::ErrorKind::AddrInUse => {
                let text = format!("port {port} is taken by another process");
                let other = free_neighbour(*address);
                let variable = sources::variable_of(setting);
                Self::new(CliErrorCode::PortInUse, text).with_remedy(CommandRemedy::SetAddress {
                    setting,
                    variable,
                    free: other,
                })
            }
            _ => Self::new(CliErrorCode::Listen, error.to_string()),
        }
    }
}
