//! The running server: listeners, connections, upkeep, and a stop that finishes what was begun.

mod connection;
mod fetching;
mod supervisor;
mod tls;
mod upkeep;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::admin::AdminError;
use crate::app::App;
use crate::server::connection::Timeouts;
use crate::server::tls::Tls;
use crate::web::{Exchange, Peer, Routes, Shape};

/// How many connections the management listener holds at the most.
const MANAGEMENT_CONNECTIONS: usize = 128;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}, the value of `{setting}`: {problem}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting it comes from.
        setting: &'static str,
        /// What stood in the way.
        problem: std::io::Error,
    },
    /// TLS cannot be spoken.
    #[error("{0}")]
    Tls(String),
    /// A signing key could not be made.
    #[error("cannot make a signing key")]
    Keys(#[from] AdminError),
    /// What has just been written could not be read.
    #[error("cannot load the signing keys")]
    Load(#[from] crate::directory::DirectoryError),
}

/// A server that listens and does not answer yet.
pub struct Server {
    app: Arc<App>,
    public: TcpListener,
    management: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Server {
    /// Binds both addresses and makes sure that there is a signing key.
    pub async fn start(app: Arc<App>) -> Result<Self, ServeError> {
        let config = &app.foundation.config;
        let public = listen("listen", config.listen).await?;
        let management = listen("management.listen", config.management_listen).await?;
        Self::on(app, public, management).await
    }

    /// The same on listeners that are bound already.
    pub async fn on(
        app: Arc<App>,
        public: TcpListener,
        management: TcpListener,
    ) -> Result<Self, ServeError> {
        let tls = app.foundation.config.tls.as_ref().map(Tls::new);
        let tls = tls.transpose().map_err(ServeError::Tls)?.map(Arc::new);
        upkeep::keep_keys(&app).await?;
        Ok(Self { app, public, management, tls })
    }

    /// Answers until `stop` comes: then readiness fails at once, requests go on being accepted
    /// for `shutdown.delay`, and those in flight have `shutdown.drain` to finish.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { app, public, management, tls } = self;
        let config = &app.foundation.config;
        let mut background = start_background_tasks(&app, tls.as_ref());
        let (closing, closed) = watch::channel(false);
        let listeners = [
            Listening::new(
                &app,
                public,
                Routes::public(app.clone()),
                Shape::OAuth,
                config.limits.connections,
            )
            .with_tls(tls),
            Listening::new(
                &app,
                management,
                Routes::management(app.clone()),
                Shape::Problem,
                MANAGEMENT_CONNECTIONS,
            ),
        ];
        let mut accepting = JoinSet::new();
        for listening in listeners {
            accepting.spawn(listening.accept(closed.clone()));
        }
        stop.await;
        tracing::info!("stopping: readiness fails from now on");
        app.stopping.store(true, Ordering::Relaxed);
        tokio::time::sleep(config.shutdown.delay).await;
        // Every accept loop has a receiver as long as it runs.
        let _ = closing.send(true);
        if tokio::time::timeout(config.shutdown.drain, accepting.join_all()).await.is_err() {
            tracing::warn!("some connections did not finish within shutdown.drain and are cut");
        }
        background.shutdown().await;
        upkeep::write_ledger(&app).await;
        upkeep::write_refusals(&app).await;
        app.foundation.store.close().await;
        tracing::info!("stopped");
    }
}

/// Starts the background tasks, each under supervision.
fn start_background_tasks(app: &Arc<App>, tls: Option<&Arc<Tls>>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    supervised(&mut tasks, app, "follow_changes", upkeep::follow);
    supervised(&mut tasks, app, "rotate_signing_keys", upkeep::keep_keys_coming);
    supervised(&mut tasks, app, "write_usage", upkeep::keep_ledger);
    supervised(&mut tasks, app, "purge_expired", upkeep::forget);
    supervised(&mut tasks, app, "write_rejections", upkeep::keep_refusals);
    supervised(&mut tasks, app, "fetch_key_sets", fetching::fetch_key_sets);
    if let Some(tls) = tls.cloned() {
        let renew = move |_| upkeep::renew_certificate(tls.clone());
        supervised(&mut tasks, app, "renew_certificate", renew);
    }
    tasks
}

fn supervised<F: Future<Output = ()> + Send>(
    tasks: &mut JoinSet<()>,
    app: &Arc<App>,
    name: &'static str,
    task: impl Fn(Arc<App>) -> F + Send + Sync + 'static,
) {
    let app = app.clone();
    tasks.spawn(async move {
        let start = || task(app.clone());
        supervisor::supervise(name, &app.background, &app.foundation.clock, start).await;
    });
}

/// Makes the signing keys that are due, as the running server does every half minute. A command
/// that signs without serving must not retire any (`false`): its settings may be others.
pub async fn make_keys(app: &App, retires_unwanted: bool) -> Result<(), ServeError> {
    if retires_unwanted { upkeep::keep_keys(app).await } else { upkeep::make_keys(app).await }
}

async fn listen(setting: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|problem| ServeError::Listen {
        address,
        setting,
        problem,
    })
}

/// One listener with its routes.
struct Listening {
    listener: TcpListener,
    exchange: Arc<Exchange>,
    timeouts: Timeouts,
    places: Arc<Semaphore>,
    tls: Option<Arc<Tls>>,
}

impl Listening {
    fn new(app: &App, listener: TcpListener, routes: Routes, shape: Shape, most: usize) -> Self {
        let config = &app.foundation.config;
        let exchange = Exchange {
            routes,
            shape,
            header_size: config.limits.header_size,
            trusted_proxies: config.trusted_proxies.clone(),
            refusals: app.refusals.clone(),
            clock: app.foundation.clock.clone(),
        };
        Self {
            listener,
            exchange: Arc::new(exchange),
            timeouts: Timeouts::new(config.limits.header_timeout, config.limits.body_timeout),
            places: Arc::new(Semaphore::new(most)),
            tls: None,
        }
    }

    fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    /// Accepts connections until the server closes, then lets those that are open finish.
    async fn accept(self, mut closed: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            let next = async {
                // The semaphore is never closed. Who comes beyond the limit waits in the kernel.
                let place = self.places.clone().acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                _ = closed.changed() => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    // Small answers should not wait for more; a socket that refuses is only slower.
                    let _ = stream.set_nodelay(true);
                    let serving = self.serve(stream, address, graceful.watcher());
                    tokio::spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file handles, most likely: some will come back.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(self.listener);
        graceful.shutdown().await;
    }

    /// Serves one connection, over TLS if that is spoken here.
    fn serve(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        watcher: Watcher,
    ) -> impl Future<Output = ()> + use<> {
        let (exchange, timeouts, tls) = (self.exchange.clone(), self.timeouts, self.tls.clone());
        async move {
            let Some(tls) = tls else {
                let peer = Peer { address, certificate: None };
                return connection::serve(stream, peer, exchange, timeouts, watcher).await;
            };
            // Whoever cannot speak TLS, or takes too long, is not answered.
            let shaking = tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(stream));
            if let Ok(Ok(stream)) = shaking.await {
                let peer = Peer { address, certificate: tls::certificate(&stream) };
                connection::serve(stream, peer, exchange, timeouts, watcher).await;
            }
        }
    }
}
