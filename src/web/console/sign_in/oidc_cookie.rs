//! The cookie of a pending sign-in with the identity provider.

use axum::http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::identity_provider::PENDING_SECONDS;
use crate::web::console::security::cookie::{SessionCookie, value};

fn name(transport: SessionCookie) -> &'static str {
    match transport {
        SessionCookie::Secure => "__Host-tokend_sign_in",
        SessionCookie::Loopback => "tokend_sign_in",
    }
}

/// The cookie cannot be `Strict`, because the provider redirects from another site. `Lax` sends it
/// only with GET navigations. It grants no access: its content is only compared with the response.
fn attributes(transport: SessionCookie) -> &'static str {
    match transport {
        SessionCookie::Secure => "Path=/; HttpOnly; SameSite=Lax; Secure",
        SessionCookie::Loopback => "Path=/; HttpOnly; SameSite=Lax",
    }
}

pub(in crate::web::console) fn read(
    transport: SessionCookie,
    headers: &HeaderMap,
) -> Option<SecretString> {
    value(headers, name(transport)).map(SecretString::from)
}

pub(in crate::web::console) fn set(
    transport: SessionCookie,
    sealed: &SecretString,
) -> Option<HeaderValue> {
    let (name, sealed, attributes) =
        (name(transport), sealed.expose_secret(), attributes(transport));
    let text = format!("{name}={sealed}; Max-Age={PENDING_SECONDS}; {attributes}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the header that removes the cookie.
pub(in crate::web::console) fn remove(transport: SessionCookie) -> Option<HeaderValue> {
    let (name, attributes) = (name(transport), attributes(transport));
    HeaderValue::from_str(&format!("{name}=; Max-Age=0; {attributes}")).ok()
}
