//! Narrow functions for fuzz targets: each reads one header of a request and nothing else. The
//! server itself does not call them.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::oauth::caller::{HeaderCredentials, PresentedCertificate};
use crate::oauth::error::OAuthError;
use crate::web::{address, basic, certificate};

/// The headers of a request: a lower-case name and a value for each line.
pub type Lines<'a> = [(&'static str, &'a [u8])];

/// Reads client credentials from `authorization` lines (RFC 6749, section 2.3.1). `is_known` says
/// whether a client has an id. `None` if HTTP does not allow a value.
///
/// # Errors
/// `invalid_request` if there is more than one line.
pub fn basic_credentials(
    lines: &Lines<'_>,
    is_known: impl Fn(&str) -> bool,
) -> Option<Result<HeaderCredentials, OAuthError>> {
    Some(basic::credentials(&headers(lines)?, is_known))
}

/// Reads the address of a client from `x-forwarded-for` lines. `None` if HTTP does not allow a
/// value.
pub fn client_address(peer: SocketAddr, lines: &Lines<'_>, trusted: &[IpNet]) -> Option<IpAddr> {
    Some(address::of_client(peer, &headers(lines)?, trusted))
}

/// Reads the certificate of a client from `client-cert` and `client-cert-chain` lines (RFC 9440).
/// `None` if HTTP does not allow a value.
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
