//! Parses the values of single settings: an address, a duration, a size, an issuer.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use url::{Host, Url};

use crate::config::Issuer;
use crate::config::coverage::covers_most_of;
use crate::model::public_path::PublicPaths;
use crate::model::rate::{Rate, RateLimit};
use crate::model::time::{Lifetime, missing_unit};

/// The problem of a value, as the end of a sentence that begins with "`key`".
pub(super) type ValueProblem = String;

/// Parses an issuer identifier (RFC 8414, section 2). An error is the problem and its remedy.
pub(super) fn issuer(text: &str) -> Result<Issuer, (ValueProblem, String)> {
    let complain = |what: &str, remedy: &str| Err((what.to_owned(), remedy.to_owned()));
    let Ok(url) = Url::parse(text) else {
        return complain("is not a URL", "write it as https://id.example.com");
    };
    if url.query().is_some() || url.fragment().is_some() || text.contains(['?', '#']) {
        return complain("has a query or a fragment", "RFC 8414 allows neither; leave it out");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return complain("contains credentials", "leave them out");
    }
    if text.ends_with('/') {
        let better = format!("verifiers compare `iss` exactly; use {}", text.trim_end_matches('/'));
        return complain("must not end with a slash", &better);
    }
    if !url.path().bytes().all(is_path_byte) {
        return complain(
            "has a path with other characters than letters, digits and -_.~/",
            "choose a plainer path",
        );
    }
    let written = url.as_str().trim_end_matches('/');
    if written != text {
        let better = format!("write it in its normal form: {written}");
        return complain("is not in its normal form", &better);
    }
    if url.host().is_none() {
        return complain("names no host", "write it as https://id.example.com");
    }
    match url.scheme() {
        "https" => Ok(Issuer(text.to_owned())),
        "http" if is_loopback(&url) => Ok(Issuer(text.to_owned())),
        _ => complain(
            "must be https",
            "secrets and tokens travel there; http is for loopback hosts only",
        ),
    }
}

/// True for a URL on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Parses the URL of a listener: like an issuer, but without a path.
pub(super) fn origin(text: &str) -> Result<Issuer, (ValueProblem, String)> {
    let url = issuer(text)?;
    if url.path().is_empty() {
        return Ok(url);
    }
    let origin = text.strip_suffix(url.path()).unwrap_or(text);
    Err(("has a path".to_owned(), format!("forward the whole host, and write {origin}")))
}

/// Checks a path. Unlike a shell, tokend does not expand `~`.
pub(super) fn path(text: &str) -> Result<&str, ValueProblem> {
    match text {
        "" => Err("is empty; name a path".to_owned()),
        text if text.starts_with('~') => {
            Err("begins with `~`, which is not expanded here; write the whole path".to_owned())
        }
        text => Ok(text),
    }
}

/// Parses the networks of proxies. With a list that covers most of the address space, every client
/// could forge its address and certificate.
pub(super) fn proxies(text: &str) -> Result<Vec<IpNet>, ValueProblem> {
    let networks = networks(text)?;
    match covers_most_of(&networks) {
        Some(family) => Err(format!(
            "covers most {family} addresses: every client could forge its address and its certificate"
        )),
        None => Ok(networks),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, ValueProblem> {
    text.parse().map_err(|_| {
        "must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()
    })
}

pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, ValueProblem> {
    list(text)
        .map(|item| {
            let network =
                item.parse::<IpNet>().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                format!("contains {item:?}, which is not a network such as 10.0.0.0/8")
            })
        })
        .collect()
}

pub(super) fn aliases(text: &str) -> Result<Vec<String>, ValueProblem> {
    list(text)
        .map(|path| {
            let is_plain = path.starts_with('/')
                && path.len() > 1
                && !path.ends_with('/')
                && !path.contains("//")
                && path.bytes().all(is_path_byte);
            match (is_plain, path.contains("/.well-known")) {
                (true, false) => Ok(path.to_owned()),
                (true, true) => {
                    Err(format!("contains {path:?}, but /.well-known is for documents"))
                }
                _ => Err(format!(
                    "contains {path:?}, which is not a path such as /oauth2/token: a slash, then letters, digits and -_.~/, without a slash at the end"
                )),
            }
        })
        .collect()
}

/// Returns the paths of the public listener. A collision gives the setting that causes it and the
/// problem.
pub(super) fn public_paths(
    issuer_path: &str,
    aliases: &[String],
) -> Result<PublicPaths, (&'static str, ValueProblem)> {
    let mut paths = PublicPaths::new(issuer_path)
        .map_err(|collision| ("issuer", format!("has a path that is taken: {collision}")))?;
    for alias in aliases {
        paths.add_token_alias(alias).map_err(|collision| {
            ("token.aliases", format!("contains a path that is taken: {collision}"))
        })?;
    }
    Ok(paths)
}

/// True for characters that have no special meaning in a router or a URL.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~')
}

pub(super) fn boolean(text: &str) -> Result<bool, ValueProblem> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

pub(super) fn lifetime(text: &str) -> Result<Lifetime, ValueProblem> {
    Lifetime::parse(text).map_err(|malformed| malformed.to_string())
}

/// Parses the maximum time from now to the `exp` of a client assertion.
pub(super) fn assertion_lifetime(text: &str) -> Result<Lifetime, ValueProblem> {
    let lifetime = lifetime(text)?;
    match lifetime.seconds() {
        60..=86_400 => Ok(lifetime),
        _ => Err("must be from 60s to 24h".to_owned()),
    }
}

/// Parses a time limit or an interval, which must not be zero.
pub(super) fn duration(text: &str) -> Result<Duration, ValueProblem> {
    match pause(text) {
        Ok(duration) if duration < Duration::from_millis(100) => {
            Err("is shorter than 100ms".to_owned())
        }
        other => other,
    }
}

/// Parses a duration that may be zero. `0` needs no unit.
pub(super) fn pause(text: &str) -> Result<Duration, ValueProblem> {
    if let Some(missing) = missing_unit(text).filter(|_| text.trim() != "0") {
        return Err(missing.to_string());
    }
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= Duration::from_hours(24) => Ok(duration),
        Ok(_) => Err("is longer than a day".to_owned()),
        Err(_) => Err("is not a duration; write 500ms, 30s or 15m".to_owned()),
    }
}

pub(super) fn parse_integer(text: &str, min: usize, max: usize) -> Result<usize, ValueProblem> {
    match text.parse::<usize>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {min} to {max}")),
    }
}

/// Parses `auto`, or a number of concurrent hashes.
pub(super) fn lanes(text: &str) -> Result<usize, ValueProblem> {
    if text == "auto" {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        return Ok(cores.saturating_sub(1).max(1));
    }
    parse_integer(text, 1, 256).map_err(|complaint| format!("{complaint}, or auto"))
}

pub(super) fn rate(text: &str) -> Result<Rate, ValueProblem> {
    Rate::parse(text).map_err(|malformed| malformed.to_string())
}

pub(super) fn rate_limit(text: &str) -> Result<RateLimit, ValueProblem> {
    RateLimit::parse(text).map_err(|malformed| malformed.to_string())
}

pub(super) fn size(text: &str, min: usize, max: usize) -> Result<usize, ValueProblem> {
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(end) => text.split_at(end),
        None => (text, ""),
    };
    let factor = match unit.trim() {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        _ => None,
    };
    let bytes = digits
        .parse::<usize>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor));
    match bytes {
        Some(bytes) if (min..=max).contains(&bytes) => Ok(bytes),
        _ => Err(format!("must be a size from {} to {} KiB, such as 64KiB", min >> 10, max >> 10)),
    }
}
