//! The client certificate: presented in the TLS handshake, or forwarded by a trusted proxy
//! (RFC 9440).

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;

use crate::oauth::caller::PresentedCertificate;
use crate::web::address;
use crate::x509::certificate::ClientCertificate;

/// The maximum number of certificates read from a chain.
const MAX_CHAIN: usize = 10;

/// Returns the client's certificate. For a trusted proxy it comes from the header, because the
/// certificate of the connection is the proxy's own. For any other peer the header is ignored
/// (C-106).
pub(super) fn of_client(
    peer: IpAddr,
    presented: Option<&Arc<ClientCertificate>>,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> PresentedCertificate {
    if !address::is_trusted(peer, trusted) {
        return presented
            .cloned()
            .map_or(PresentedCertificate::Nothing, PresentedCertificate::Certificate);
    }
    let mut certificates = headers.get_all("client-cert").iter();
    match (certificates.next(), certificates.next()) {
        (None, _) => PresentedCertificate::Nothing,
        (Some(certificate), None) => {
            let certificate = certificate.to_str().ok().and_then(byte_sequence);
            certificate.map_or(PresentedCertificate::Unreadable, |der| {
                PresentedCertificate::Certificate(Arc::new(ClientCertificate::new(
                    der,
                    chain(headers),
                )))
            })
        }
        (Some(_), Some(_)) => PresentedCertificate::Unreadable,
    }
}

fn chain(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let values = headers.get_all("client-cert-chain").iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(byte_sequence)
        .take(MAX_CHAIN)
        .collect()
}

/// Parses a byte sequence, which is enclosed in colons (RFC 9651, section 3.3.5).
fn byte_sequence(text: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(':')?.strip_suffix(':')?;
    BASE64_STANDARD.decode(inner).ok()
}
