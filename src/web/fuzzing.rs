//! Entry points for fuzz targets. Each parses one header of a request; the server does not call
//! them.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::oauth::caller::{HeaderCredentials, PresentedCertificate};
use crate::oauth::error::OAuthError;
use crate::web::{address, basic, certificate};

/// Header lines of a request, each a lower-case name and a value.
pub type Lines<'a> = [(&'static str, &'a [u8])];

/// Parses client credentials from `authorization` lines (RFC 6749, section 2.3.1). `is_known` tells
/// if a client with the id exists. Returns `None` if HTTP does not allow a value.
///
/// # Errors
/// `invalid_request` if there is more than one line.
pub fn basic_credentials(
    lines: &Lines<'_>,
    is_known: impl Fn(&str) -> bool,
) -> Option<Result<HeaderCredentials, OAuthError>> {
    Some(basic::credentials(&headers(lines)?, is_known))
}

/// Returns the address of a client from `x-forwarded-for` lines, or `None` if HTTP does not allow a
/// value.
pub fn client_address(peer: SocketAddr, lines: &Lines<'_>, trusted: &[IpNet]) -> Option<IpAddr> {
    Some(address::of_client(peer, &headers(lines)?, trusted))
}

/// Parses the certificate of a client from `client-cert` and `client-cert-chain` lines (RFC 9440).
/// Returns `None` if HTTP does not allow a value.
pub fn client_certificate(
    peer: IpAddr,
    lines: &Lines<'_>,
    trusted: &[IpNet],
) -> Option<PresentedCertificate> {
    Some(certificate::of_client(peer, None, &headers(lines)?, trusted))
}

fn headers(lines: &Lines<'_>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value).ok()?;
        headers.append(HeaderName::from_static(name), value);
    }
    Some(headers)
}
