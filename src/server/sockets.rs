//! The two addresses of a server. They are bound before the clients are loaded, so that the ports
//! are known, and they refuse connections until the server can answer.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::config::Config;
use crate::server::ServeError;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Two bound addresses that do not accept connections yet.
#[derive(Debug)]
pub struct Sockets {
    public: Socket,
    management: Socket,
}

#[derive(Debug)]
struct Socket {
    bound: TcpSocket,
    address: SocketAddr,
    setting: &'static str,
}

impl Sockets {
    /// Binds the addresses of `listen` and `management.listen`. For port 0 the system chooses a
    /// free port. `config` then holds the real addresses, and an issuer with port 0 takes the port
    /// of `listen`.
    ///
    /// # Errors
    /// [`ServeError::Listen`] if an address is taken or is not an address of this machine.
    pub fn bind(config: &mut Config) -> Result<Self, ServeError> {
        let public = Socket::bind("listen", config.listen)?;
        let management = Socket::bind("management.listen", config.management_listen)?;
        config.listen = public.address;
        config.management_listen = management.address;
        let port = public.address.port();
        config.issuer = config.issuer.take().map(|issuer| issuer.with_real_port(port));
        Ok(Self { public, management })
    }

    /// Accepts connections from now on; gives the public listener and the one for management.
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
            // A restart must not wait for connections of the previous process. For port 0 the
            // option would let the system choose a port that another process has bound.
            socket.set_reuseaddr(address.port() != 0)?;
            socket.bind(address)?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        match bind() {
            Ok((bound, address)) => Ok(Self { bound, address, setting }),
            Err(problem) => Err(ServeError::Listen { address, setting, problem }),
        }
    }

    fn listen(self) -> Result<TcpListener, ServeError> {
        let Self { bound, address, setting } = self;
        let listener = bound.listen(BACKLOG);
        listener.map_err(|problem| ServeError::Listen { address, setting, problem })
    }
}
