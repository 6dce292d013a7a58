//! The running server: listeners, connections, background tasks, and a shutdown that finishes
//! requests in flight.

mod activity;
mod background;
mod connection;
mod connection_slots;
mod listener;
mod reload;
mod request_counter;
pub mod service_manager;
mod sockets;
mod timeout_stream;
mod tls;
mod write_batch;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::signing_key;
use crate::admin::signing_key::rotation::{RotationError, RotationPolicy};
use crate::app::App;
use crate::server::listener::Listener;
pub use crate::server::reload::{PreparedReload, Reloader};
pub use crate::server::sockets::{InheritedSockets, Sockets};
use crate::server::tls::Tls;
use crate::services::database_match::DatabaseMatch;
use crate::services::notifications;
use crate::store::StoreError;
use crate::telemetry::metrics::http::ListenerName;
use crate::telemetry::traces::Traces;
use crate::web;

/// The maximum number of connections of the management listener.
const MANAGEMENT_CONNECTIONS: usize = 128;

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be bound.
    #[error("cannot listen on {address}, the value of `{setting}`: {problem}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting of the address.
        setting: &'static str,
        /// The cause.
        problem: std::io::Error,
    },
    /// The sockets of the service manager cannot be used.
    #[error("cannot use the sockets of the service manager (LISTEN_FDS): {0}")]
    Inherited(String),
    /// TLS cannot be set up.
    #[error("{0}")]
    Tls(String),
    /// The signing keys cannot be rotated.
    #[error(transparent)]
    Keys(#[from] RotationError),
    /// The usage statistics cannot be written.
    #[error("cannot write usage statistics")]
    Usage(#[source] Box<StoreError>),
    /// The server started without its database, which then turned out to be another one.
    #[error(
        "the database that is back is not the one of the snapshot: start the server again to serve \
         that database, or correct database.url"
    )]
    OtherDatabase,
}

/// A server that has bound its listeners and does not answer yet.
pub struct Server {
    app: Arc<App>,
    public: TcpListener,
    management: TcpListener,
    tls: Option<Arc<Tls>>,
    traces: Option<Arc<Traces>>,
}

impl Server {
    /// Listens on both addresses, and ensures that there is a signing key.
    pub async fn start(app: Arc<App>, sockets: Sockets) -> Result<Self, ServeError> {
        let (public, management) = sockets.listen()?;
        Self::from_listeners(app, public, management).await
    }

    /// Like [`Server::start`], on listeners that are already bound.
    pub async fn from_listeners(
        app: Arc<App>,
        public: TcpListener,
        management: TcpListener,
    ) -> Result<Self, ServeError> {
        let tls = app.services.config.tls.as_ref().map(Tls::new);
        let tls = tls.transpose().map_err(ServeError::Tls)?.map(Arc::new);
        if app.database.is_known() {
            prepare_database(&app).await?;
        }
        Ok(Self { app, public, management, tls, traces: None })
    }

    /// Enables spans for requests, if `traces` is given.
    #[must_use]
    pub fn with_traces(self, traces: Option<Traces>) -> Self {
        Self { traces: traces.map(Arc::new), ..self }
    }

    /// Returns a handle that replaces settings while the server runs.
    pub fn reloader(&self) -> Reloader {
        Reloader { services: self.app.services.clone(), tls: self.tls.clone() }
    }

    /// Serves requests until `stop` completes. Then readiness fails immediately, requests are still
    /// accepted for `shutdown.delay`, and requests in flight have `shutdown.drain` to finish.
    ///
    /// # Errors
    /// [`ServeError::OtherDatabase`], after the same shutdown.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { app, public, management, tls, traces } = self;
        let config = &app.services.config;
        let mut background = background::start(&app, tls.as_ref());
        let (closing, closed) = watch::channel(false);
        let listeners = [
            Listener::new(
                &app,
                public,
                web::public_routes(app.clone()),
                ListenerName::Public,
                config.limits.connections,
                traces.as_ref(),
            )
            .with_tls(tls),
            Listener::new(
                &app,
                management,
                web::management_routes(app.clone()),
                ListenerName::Management,
                MANAGEMENT_CONNECTIONS,
                traces.as_ref(),
            ),
        ];
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(listener.accept(closed.clone()));
        }
        let outcome = tokio::select! {
            () = stop => Ok(()),
            () = app.database.until(DatabaseMatch::Other) => Err(ServeError::OtherDatabase),
        };
        service_manager::notify_stopping();
        tracing::info!("stopping: readiness fails from now on");
        app.stopping.store(true, Ordering::Relaxed);
        app.event_streams.stop();
        tokio::time::sleep(config.shutdown.delay).await;
        // Every accept loop holds a receiver while it runs.
        let _ = closing.send(true);
        if tokio::time::timeout(config.shutdown.drain, accepting.join_all()).await.is_err() {
            tracing::warn!("some connections did not finish within shutdown.drain and are cut");
        }
        background.shutdown().await;
        if outcome.is_ok() {
            background::flush(&app).await;
        }
        app.services.store.close().await;
        if let Some(traces) = traces {
            // The runtime delivers the last spans while a blocking thread waits for them.
            let _ = tokio::task::spawn_blocking(move || traces.shutdown()).await;
        }
        tracing::info!("stopped");
        outcome
    }
}

/// Prepares the database before the server serves, or as soon as the database is available again.
async fn prepare_database(app: &App) -> Result<(), ServeError> {
    signing_key::rotation::rotate_due_keys(app, RotationPolicy::CreateAndRetire).await?;
    // From the first request on, other instances must know that a secret may be used here.
    app.write_usage().await.map_err(|error| ServeError::Usage(Box::new(error)))?;
    // If this fails, the task that sends notifications repeats it.
    let _ = notifications::add_receivers(&app.services).await;
    Ok(())
}
