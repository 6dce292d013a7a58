//! One listener: accepts connections, assigns slots to them, and lets them finish when the server
//! stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::app::App;
use crate::server::connection;
use crate::server::connection_slots::{ConnectionSlot, ConnectionSlots, NoSlot};
use crate::server::timeout_stream::Timeouts;
use crate::server::tls::{self, Tls};
use crate::server::write_batch::WriteBatch;
use crate::telemetry::metrics::http::ListenerName;
use crate::telemetry::traces::Traces;
use crate::web::{ErrorFormat, ListenerContext, Peer, RouteLabels};

/// The time limit of a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after a failed accept.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The grace period after the last connection was accepted. Then connections without a request are
/// closed.
const FIRST_REQUEST_GRACE: Duration = Duration::from_millis(200);

/// A listener with its routes.
pub(super) struct Listener {
    socket: TcpListener,
    acceptor: Acceptor,
}

/// State for serving the connections of a listener.
struct Acceptor {
    context: Arc<ListenerContext>,
    slots: Arc<ConnectionSlots>,
    batch: Arc<WriteBatch>,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Creates a listener for at most `connections` connections. Its requests have spans if
    /// `traces` is given.
    pub(super) fn new(
        app: &App,
        listener: TcpListener,
        routes: Router,
        name: ListenerName,
        connections: usize,
        traces: Option<&Arc<Traces>>,
    ) -> Self {
        let live = &app.services.live;
        let (error_format, labels) = match name {
            ListenerName::Public => (ErrorFormat::OAuth, RouteLabels::of_public(app)),
            ListenerName::Management => (ErrorFormat::Problem, RouteLabels::default()),
        };
        let context = ListenerContext {
            routes,
            error_format,
            live: live.clone(),
            rejections: app.rejections.clone(),
            clock: app.services.clock.clone(),
            metrics: app.metrics.clone(),
            listener: name,
            labels,
            logged: app.services.config.log.requests,
            traces: traces.cloned(),
        };
        let acceptor = Acceptor {
            context: Arc::new(context),
            slots: ConnectionSlots::new(connections, live.clone()),
            batch: Arc::new(WriteBatch::new()),
            tls: None,
        };
        Self { socket: listener, acceptor }
    }

    /// Enables TLS, if it is configured.
    pub(super) fn with_tls(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.acceptor.tls = tls;
        self
    }

    /// Accepts connections until `closed` changes, then lets the open ones finish.
    pub(super) async fn accept(self, mut closed: watch::Receiver<bool>) {
        let Self { socket, acceptor } = self;
        // Each connection holds a receiver until it ends.
        let stopping = watch::Sender::new(());
        loop {
            let accepting = acceptor.accept_one(&socket, &stopping);
            tokio::select! {
                () = accepting => {}
                _ = closed.changed() => break,
            }
        }
        for (stream, address) in close(socket) {
            acceptor.admit(stream, address, &stopping).await;
        }
        // The first request of such a connection may still be in transit.
        tokio::time::sleep(FIRST_REQUEST_GRACE).await;
        stopping.send_replace(());
        acceptor.slots.wake_all();
        stopping.closed().await;
    }
}

/// Closes a listener, and returns the connections that the kernel has accepted so far. It reads the
/// socket directly, because the runtime may not have been notified of the last connections.
fn close(socket: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut accepted = Vec::new();
    if let Ok(socket) = socket.into_std() {
        while let Ok(waiting) = socket.accept() {
            accepted.push(waiting);
        }
    }
    let connection = |(stream, address): (std::net::TcpStream, SocketAddr)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, address))
    };
    accepted.into_iter().filter_map(connection).collect()
}

impl Acceptor {
    /// Returns the time limits for the peer of a new connection.
    fn timeouts(&self) -> Timeouts {
        let live = self.context.live.load();
        Timeouts { head: live.limits.header_timeout, write: live.limits.body_timeout }
    }

    async fn accept_one(&self, socket: &TcpListener, stopping: &watch::Sender<()>) {
        match socket.accept().await {
            Ok((stream, address)) => self.admit(stream, address, stopping).await,
            Err(error) => {
                // Probably out of file descriptors: frees one, and waits for others.
                tracing::warn!(%error, "cannot accept a connection");
                self.slots.close_longest_waiting();
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }

    /// Serves a connection as soon as it has a slot. While no slot is free and no connection can be
    /// closed, later ones wait in the kernel.
    async fn admit(&self, stream: TcpStream, address: SocketAddr, stopping: &watch::Sender<()>) {
        // Small responses should be sent immediately. Without this option the socket is only
        // slower.
        let _ = stream.set_nodelay(true);
        let slot = match self.slots.admit(address.ip()) {
            Err(NoSlot::Total) => {
                self.slots.admit_when_free(address.ip()).await.ok_or(NoSlot::Network)
            }
            other => other,
        };
        let connection = Connection {
            stream,
            address,
            context: self.context.clone(),
            timeouts: self.timeouts(),
            batch: self.batch.clone(),
            tls: self.tls.clone(),
            stopping: stopping.subscribe(),
        };
        let slots = self.slots.clone();
        tokio::spawn(async move {
            let slot = match slot {
                Ok(slot) => Some(slot),
                Err(_) => slots.admit_in_turn(address.ip()).await,
            };
            if let Some(slot) = slot {
                connection.serve(slot).await;
            } else {
                let address = address.ip().to_canonical();
                tracing::debug!(
                    client.address = %address,
                    "connection closed: its address has too many"
                );
            }
        });
    }
}

/// An accepted connection.
struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    context: Arc<ListenerContext>,
    timeouts: Timeouts,
    batch: Arc<WriteBatch>,
    tls: Option<Arc<Tls>>,
    stopping: watch::Receiver<()>,
}

impl Connection {
    /// Serves the connection in its slot, over TLS if it is enabled.
    async fn serve(self, slot: ConnectionSlot) {
        let Self { stream, address, context, timeouts, batch, tls, stopping } = self;
        let activity = slot.activity.clone();
        let _open = context.metrics.http.connect(context.listener);
        let Some(tls) = tls else {
            let peer = Peer { address, certificate: None };
            return connection::serve(stream, peer, context, timeouts, activity, batch, stopping)
                .await;
        };
        // A peer that does not speak TLS, or is too slow, gets no answer.
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream));
        let outcome = tokio::select! {
            outcome = handshake => outcome,
            () = activity.closed() => return,
        };
        if let Ok(Ok(stream)) = outcome {
            let peer = Peer { address, certificate: tls::certificate(&stream) };
            connection::serve(stream, peer, context, timeouts, activity, batch, stopping).await;
        }
    }
}
