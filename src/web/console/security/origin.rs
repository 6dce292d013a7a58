//! The transport of console requests, and the origin check of forms.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use crate::config::{Config, Issuer};
use crate::web::console::security::cookie::SessionCookie;

/// Why a request is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::console) enum OriginError {
    /// Plain HTTP from another machine.
    PlainHttp,
    /// A form from another site or from an unknown one.
    OtherSite,
}

/// The transport of a request.
#[derive(Debug, Clone, Copy)]
pub(in crate::web::console) struct Transport {
    pub(in crate::web::console) cookie: SessionCookie,
}

impl Transport {
    /// Determines the transport: https as configured, or plain HTTP on a loopback host. The session
    /// cookie is never sent over a network unencrypted.
    pub(in crate::web::console) fn of(
        config: &Config,
        headers: &HeaderMap,
    ) -> Result<Self, OriginError> {
        if is_https(config) {
            return Ok(Self { cookie: SessionCookie::Secure });
        }
        match host(headers) {
            Some(host) if is_loopback(host) => Ok(Self { cookie: SessionCookie::Loopback }),
            _ => Err(OriginError::PlainHttp),
        }
    }

    pub(in crate::web::console) fn is_https(self) -> bool {
        self.cookie == SessionCookie::Secure
    }
}

fn is_https(config: &Config) -> bool {
    config.configured_management_url.as_ref().is_some_and(Issuer::is_https)
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

/// True for `localhost`, 127.0.0.0/8 and `[::1]`, with or without a port.
fn is_loopback(host: &str) -> bool {
    let name = match host.rfind(':').filter(|colon| !host[*colon..].contains(']')) {
        Some(colon) => &host[..colon],
        None => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Rejects a form that was not sent by a page of this console. Browsers report the source in
/// `Sec-Fetch-Site` and `Origin` (RFC 6454), which pages cannot set. At least one must be present.
pub(in crate::web::console) fn check_form(
    config: &Config,
    headers: &HeaderMap,
) -> Result<(), OriginError> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let (site, origin) = (text("sec-fetch-site"), text(ORIGIN.as_str()));
    if site.is_none() && origin.is_none() {
        return Err(OriginError::OtherSite);
    }
    let is_same_site = site.is_none_or(|site| site == "same-origin");
    let is_same_origin = origin.is_none_or(|origin| is_own(config, headers, origin));
    if is_same_site && is_same_origin { Ok(()) } else { Err(OriginError::OtherSite) }
}

fn is_own(config: &Config, headers: &HeaderMap, origin: &str) -> bool {
    if let Some(url) = config.configured_management_url.as_ref().filter(|_| is_https(config)) {
        return url.as_str().eq_ignore_ascii_case(origin);
    }
    let host = origin.strip_prefix("http://");
    host.is_some_and(|sent| host_is(headers, sent))
}

fn host_is(headers: &HeaderMap, sent: &str) -> bool {
    host(headers).is_some_and(|host| host.eq_ignore_ascii_case(sent))
}

/// Returns a redirect target, if it is a path of the console. Anything else is rejected, so that
/// the sign-in is not an open redirect.
pub(in crate::web::console) fn safe_redirect_path(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%?=&+:,@".contains(&byte);
    let path = text.split('?').next().unwrap_or_default();
    let is_local = text.starts_with("/console/")
        && text.len() <= 1_000
        && text.bytes().all(is_plain)
        && !path.contains("//")
        && !path.contains("..")
        && !path.to_ascii_lowercase().contains("%2e")
        && !path.starts_with("/console/sign-");
    is_local.then_some(text)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_console_paths_are_safe_redirects() {
        for text in ["/console/", "/console/clients?q=a%20b", "/console/resources/https%3A%2F%2Fa"]
        {
            assert_eq!(safe_redirect_path(text), Some(text));
        }
        for text in [
            "",
            "https://evil.example/",
            "//evil.example/console/",
            "/console//evil.example",
            "/console/../v1/clients",
            "/console/\\evil.example",
            "/console/\r\nset-cookie: a=b",
            "/console/sign-out",
            "/consolex/",
            "javascript:alert(1)",
            " /console/",
        ] {
            assert_eq!(safe_redirect_path(text), None, "{text:?}");
        }
    }

    #[test]
    fn loopback_hosts_are_recognized() {
        for host in ["localhost", "LOCALHOST:8081", "127.0.0.1:8081", "127.0.0.2", "[::1]:8081"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.evil.example", "10.0.0.1:8081", "evil.example", "", "[::2]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn only_forms_of_the_own_origin_are_accepted() {
        use crate::config::Requirement;
        use crate::config::sources::Flags;
        let config = Config::load(&Flags::default(), &[], Requirement::Nothing).expect("settings");
        let own = "http://localhost:1";
        for (site, origin, is_ours) in [
            (Some("same-origin"), Some(own), true),
            (None, Some(own), true),
            (Some("same-origin"), None, true),
            (None, None, false),
            (Some("cross-site"), Some(own), false),
            (Some("same-site"), None, false),
            (Some("none"), None, false),
            (Some("same-origin"), Some("null"), false),
            (Some("same-origin"), Some("https://localhost:1"), false),
            (None, Some("http://localhost:2"), false),
            (None, Some("http://evil.example"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:1"));
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(check_form(&config, &headers).is_ok(), is_ours, "{site:?} {origin:?}");
        }
    }
}
