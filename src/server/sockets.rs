//! The two addresses of a server. They are bound before the clients are loaded, so that the ports
//! are known. Connections are rejected until the server can answer. If a service manager has opened
//! the sockets, connections wait instead.

use std::io;
use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket};

use crate::config::Config;
use crate::server::ServeError;

/// The maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Sockets that a service manager has opened for this process, by the protocol of systemd
/// (`LISTEN_FDS`): first the public listener, then the management listener.
pub struct InheritedSockets(ListenFd);

impl InheritedSockets {
    /// Takes the inherited sockets. It removes environment variables, so no other thread may be
    /// running yet.
    pub fn take() -> Self {
        Self(ListenFd::from_env())
    }

    /// Returns no sockets, so that the addresses of the settings are bound.
    pub fn none() -> Self {
        Self(ListenFd::empty())
    }

    fn check_count(&self) -> Result<(), ServeError> {
        match self.0.len() {
            0..=2 => Ok(()),
            count => Err(ServeError::Inherited(format!(
                "there are {count}. At most two are expected: the public listener, then the one for management"
            ))),
        }
    }

    fn socket(
        &mut self,
        index: usize,
        setting: &'static str,
    ) -> Result<Option<Socket>, ServeError> {
        let mut take = || {
            let Some(listener) = self.0.take_tcp_listener(index)? else { return Ok(None) };
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Some(Socket { bound: Bound::Inherited(listener), address, setting }))
        };
        take().map_err(|problem: io::Error| {
            let number = index + 1;
            ServeError::Inherited(format!(
                "number {number}, for `{setting}`, is not a TCP listener: {problem}"
            ))
        })
    }
}

/// Two bound addresses that do not accept connections yet.
#[derive(Debug)]
pub struct Sockets {
    public: Socket,
    management: Socket,
}

#[derive(Debug)]
struct Socket {
    bound: Bound,
    address: SocketAddr,
    setting: &'static str,
}

#[derive(Debug)]
enum Bound {
    Own(TcpSocket),
    Inherited(std::net::TcpListener),
}

impl Sockets {
    /// Binds the addresses of `listen` and `management.listen`, unless sockets are inherited. For
    /// port 0 the system chooses a free port. The real addresses are written to `config`, and an
    /// issuer with port 0 gets the port of `listen`.
    ///
    /// # Errors
    /// [`ServeError::Listen`] if an address is in use or does not belong to this machine.
    /// [`ServeError::Inherited`] if the service manager passed unexpected sockets.
    pub fn bind(config: &mut Config, mut inherited: InheritedSockets) -> Result<Self, ServeError> {
        inherited.check_count()?;
        let mut open = |index, setting, address| match inherited.socket(index, setting)? {
            Some(socket) => Ok(socket),
            None => Socket::bind(setting, address),
        };
        let public = open(0, "listen", config.listen)?;
        let management = open(1, "management.listen", config.management_listen)?;
        config.listen = public.address;
        config.management_listen = management.address;
        let port = public.address.port();
        config.issuer = config.issuer.take().map(|issuer| issuer.with_real_port(port));
        Ok(Self { public, management })
    }

    /// Starts listening. Returns the public and the management listener.
    ///
    /// # Errors
    /// [`ServeError::Listen`] if another process has taken an address since it was bound.
    pub(super) fn listen(self) -> Result<(TcpListener, TcpListener), ServeError> {
        Ok((self.public.listen()?, self.management.listen()?))
    }
}

impl Socket {
    fn bind(setting: &'static str, address: SocketAddr) -> Result<Self, ServeError> {
        let bind = || {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            // A restart must not wait for connections of the previous process. For port 0, this
            // option could let the system choose a port that another process has bound.
            socket.set_reuseaddr(address.port() != 0)?;
            socket.bind(address)?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        match bind() {
            Ok((bound, address)) => Ok(Self { bound: Bound::Own(bound), address, setting }),
            Err(problem) => Err(ServeError::Listen { address, setting, problem }),
        }
    }

    fn listen(self) -> Result<TcpListener, ServeError> {
        let Self { bound, address, setting } = self;
        let listener = match bound {
            Bound::Own(socket) => socket.listen(BACKLOG),
            Bound::Inherited(listener) => TcpListener::from_std(listener),
        };
        listener.map_err(|problem| ServeError::Listen { address, setting, problem })
    }
}
