//! The cookie of a sign-in at the identity provider, from the request until the browser is back.

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

/// The provider sends the browser back from another site, so the cookie is not `Strict`. `Lax` sends
/// it with a navigation by GET alone. It opens nothing: what is in it is compared with the response.
fn attributes(transport: SessionCookie) -> &'static str {
    match transport {
        SessionCookie::Secure => "Path=/; HttpOnly; SameSite=Lax; Secure",
        SessionCookie::Loopback => "Path=/; HttpOnly; SameSite=Lax",
    }
}

/// The cookie that a request carries.
pub(in crate::web::console) fn read(
    transport: SessionCookie,
    headers: &HeaderMap,
) -> Option<SecretString> {
    value(headers, name(transport)).map(SecretString::from)
}

/// The header that sets the cookie.
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

/// The header that removes it.
pub(in crate::web::console) fn remove(transport: SessionCookie) -> Option<HeaderValue> {
    let (name, attributes) = (name(transport), attributes(transport));
    HeaderValue::from_str(&format!("{name}=; Max-Age=0; {attributes}")).ok()
}
