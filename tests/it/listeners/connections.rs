//! Connection limits: no address can exclude others, on either listener (S-3).

use rstest::rstest;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::eventually::HANGS_AFTER;
use crate::support::{Engine, Server};

const HEALTH: &[u8] = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";

#[derive(Debug, Clone, Copy)]
enum Listener {
    Public,
    Management,
}

impl Listener {
    fn address(self, server: &Server) -> SocketAddr {
        let base = match self {
            Self::Public => &server.base,
            Self::Management => &server.management,
        };
        base.trim_start_matches("http://").parse().expect("an address")
    }
}

async fn with_connections(count: &str) -> Server {
    Server::with(Engine::Sqlite, &[("TOKEND_LIMITS_CONNECTIONS", count)]).await
}

/// Opens a connection from 127.0.0.`last`.
async fn connect(to: SocketAddr, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).expect("a loopback address");
    socket.connect(to).await.expect("a connection")
}

/// Sends a request on a connection; returns the status, or `None` if it was closed.
async fn ask(stream: &mut TcpStream) -> Option<u16> {
    stream.write_all(HEALTH).await.ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        if stream.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
    }
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

/// Sends a request on a new connection, for which no client should wait long.
async fn is_answered(to: SocketAddr, last: u8) -> bool {
    let mut stream = connect(to, last).await;
    let asking = tokio::time::timeout(HANGS_AFTER, ask(&mut stream));
    asking.await.ok().flatten() == Some(200)
}

/// Returns the number of connections that the server has left open.
async fn open(streams: &mut [TcpStream]) -> usize {
    let mut count = 0;
    for stream in streams {
        count += usize::from(ask(stream).await == Some(200));
    }
    count
}

/// 70 idle connections of one address used to exclude all other clients for 75 seconds (S-3).
#[rstest]
#[case(Listener::Public, 60, 7)]
#[case(Listener::Management, 140, 16)]
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_of_one_address_do_not_exclude_other_clients(
    #[case] listener: Listener,
    #[case] count: usize,
    #[case] limit: usize,
) {
    let server = with_connections("60").await;
    let to = listener.address(&server);
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = connect(to, 1).await;
        assert_eq!(ask(&mut stream).await, Some(200), "each is answered");
        held.push(stream);
        // The server records the end of an answer after the peer has it: the order must be the
        // same.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(is_answered(to, 1).await, "also one more of the same address");
    assert!(is_answered(to, 2).await);
    // The new connection took the slot of the oldest one of the address, which is closed by now.
    let last = held.split_off(count - limit + 1);
    assert_eq!(open(&mut held).await, 0, "the oldest are closed");
    held = last;
    assert_eq!(open(&mut held).await, limit - 1, "and no others");
}

/// When all slots are taken, the longest idle connection of any client is closed.
#[rstest]
#[case(Listener::Public, 16)]
#[case(Listener::Management, 128)]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_listener_closes_the_connection_that_is_idle_longest(
    #[case] listener: Listener,
    #[case] places: usize,
) {
    let server = with_connections("16").await;
    let to = listener.address(&server);
    let of_address = places / 8;
    let mut held = Vec::new();
    for number in 0..places {
        let last = u8::try_from(10 + number / of_address).expect("a number");
        let mut stream = connect(to, last).await;
        // Every second connection never sends a request.
        if number % 2 == 0 {
            assert_eq!(ask(&mut stream).await, Some(200));
        }
        held.push(stream);
        // The server records the end of an answer after the peer has it: the order must be the
        // same.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The first two are used again, which makes them the newest.
    assert_eq!(open(&mut held[..2]).await, 2);
    let mut new = Vec::new();
    for last in 100..104 {
        let mut stream = connect(to, last).await;
        assert_eq!(ask(&mut stream).await, Some(200), "127.0.0.{last}");
        new.push(stream);
    }
    assert_eq!(open(&mut held[2..6]).await, 0, "the oldest are closed");
    assert_eq!(open(&mut new).await, 4);
    assert_eq!(open(&mut held[..2]).await, 2);
    assert_eq!(open(&mut held[places - 4..]).await, 4, "the youngest stay");
}

/// A request that has begun is finished, and a connection with a request in progress is not closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_a_request_in_progress_is_not_closed() {
    let server = with_connections("8").await;
    let client = server.client().await;
    let to = Listener::Public.address(&server);
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        client.id, client.secret
    );
    let head = format!(
        "POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: \
         application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut slow = Vec::new();
    for last in 1..8 {
        let mut stream = connect(to, last).await;
        stream.write_all(head.as_bytes()).await.expect("written");
        slow.push(stream);
    }
    // Each one takes the only free slot from the one before.
    for last in 20..40 {
        assert!(is_answered(to, last).await);
    }
    for mut stream in slow {
        stream.write_all(body.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// Incomplete requests do not take slots from other clients either, once no connection is idle.
#[tokio::test(flavor = "multi_thread")]
async fn health_answers_while_incomplete_requests_hold_every_slot() {
    let settings = [("TOKEND_LIMITS_CONNECTIONS", "16"), ("TOKEND_LIMITS_HEADER_TIMEOUT", "1m")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let to = Listener::Public.address(&server);
    let mut slow = Vec::new();
    for number in 0..16 {
        let mut stream = connect(to, 10 + number / 2).await;
        stream.write_all(&HEALTH[..20]).await.expect("written");
        slow.push(stream);
    }
    for last in [10, 100, 101] {
        assert!(is_answered(to, last).await, "127.0.0.{last}");
    }
}

/// A proxy serves many clients, so only the total limits its connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_may_have_all_places() {
    let settings = [("TOKEND_LIMITS_CONNECTIONS", "16"), ("TOKEND_PROXY_TRUSTED", "127.0.0.1/32")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let to = Listener::Public.address(&server);
    let mut held = Vec::new();
    for _ in 0..16 {
        let mut stream = connect(to, 1).await;
        assert_eq!(ask(&mut stream).await, Some(200));
        held.push(stream);
    }
    assert_eq!(open(&mut held).await, 16);
    assert!(is_answered(to, 2).await, "one of the proxy's idle ones makes way");
}

/// With the default of 8192, one address may have a thousand: enough for a load test.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_capacity_for_a_load_test() {
    let server = Server::start(Engine::Sqlite).await;
    let to = Listener::Public.address(&server);
    let mut held = Vec::new();
    for _ in 0..300 {
        let mut stream = connect(to, 1).await;
        assert_eq!(ask(&mut stream).await, Some(200));
        held.push(stream);
    }
    assert_eq!(open(&mut held).await, 300);
}
