//! A local port for a program that cannot report the port it got.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port that the system assigns to no other socket, at any address, while this value exists.
/// Connections to it are refused until a program listens on it. The program can listen because both
/// sockets have `SO_REUSEADDR`, which every server of these tests sets.
pub struct ReservedPort {
    _socket: TcpSocket,
    pub address: SocketAddr,
}

impl ReservedPort {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option");
        socket.bind(([0, 0, 0, 0], 0).into()).expect("a port");
        let port = socket.local_addr().expect("an address").port();
        Self { _socket: socket, address: ([127, 0, 0, 1], port).into() }
    }

    pub fn number(&self) -> u16 {
        self.address.port()
    }
}
