//! The certificate of a client: the one of the connection, or the one that a trusted proxy has
//! seen and passes on (RFC 9440).

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;

use crate::crypto::certificate::ClientCertificate;

/// The most certificates of a chain that are read.
const MOST: usize = 10;

/// The client's certificate. From a trusted proxy it is the one in its header and never the one of
/// the connection, which is the proxy's own; from anybody else the header counts for nothing
/// (C-106).
pub(super) fn of_client(
    peer: IpAddr,
    shown: Option<&Arc<ClientCertificate>>,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Option<Arc<ClientCertificate>> {
    let peer = peer.to_canonical();
    if !trusted.iter().any(|network| network.contains(&peer)) {
        return shown.cloned();
    }
    let mut certificates = headers.get_all("client-cert").iter();
    let (Some(certificate), None) = (certificates.next(), certificates.next()) else { return None };
    let certificate = byte_sequence(certificate.to_str().ok()?)?;
    let chain = headers.get_all("client-cert-chain").iter();
    let chain: Vec<_> = chain
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(byte_sequence)
        .take(MOST)
        .collect();
    Some(Arc::new(ClientCertificate::new(certificate, chain)))
}

/// A byte sequence between colons (RFC 9651, section 3.3.5).
fn byte_sequence(text: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(':')?.strip_suffix(':')?;
    BASE64_STANDARD.decode(inner).ok()
}
