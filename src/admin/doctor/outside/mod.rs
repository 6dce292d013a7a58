//! Checks of a server from outside: TLS, metadata, key set, clock, and the effect of forged
//! headers.

mod documents;
mod key_set;

use std::path::Path;
use std::time::UNIX_EPOCH;

use serde_json::{Map, Value};
use url::Url;

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::{Finding, Report};
use crate::admin::doctor::fix::Fix;
use crate::admin::doctor::{clock_finding, host_of, tls};
use crate::config::Issuer;
use crate::model::time::{Clock, Timestamp};
use crate::outbound::{FetchError, Probe, ProbeAnswer};
use crate::telemetry;
use crate::text::escaping::escape_start;

/// The well-known names of metadata (RFC 8414, section 3; OpenID Connect Discovery, section 4).
const METADATA: &str = "oauth-authorization-server";
const OPENID: &str = "openid-configuration";

/// The maximum length of a quotation from a body or a header.
const MAX_SHOWN: usize = 60;

/// The forged headers with a host and an address that are never in use (RFC 6761, RFC 5737).
const FORGED_HEADERS: [(&str, &str); 6] = [
    ("forwarded", "for=192.0.2.1;host=forged.invalid;proto=http"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-host", "forged.invalid"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-port", "1"),
    ("x-forwarded-prefix", "/forged"),
];

/// Checks the server at an issuer URL from outside, without a database. `ca_file` contains PEM
/// certificates to trust in addition to those of this machine.
///
/// It sends at most four GET requests, each limited to five seconds and 256 KiB.
///
/// # Errors
/// If the file cannot be used.
pub async fn examine_url(
    issuer: &Issuer,
    ca_file: Option<&Path>,
    clock: &Clock,
) -> Result<Report, FetchError> {
    let probe = ca_file.map(Probe::with_roots_of).transpose()?.unwrap_or_default();
    let (findings, reason) = findings(&probe, issuer, clock).await;
    Ok(Report::of(findings, CheckCode::of_outside(), reason))
}

/// Returns the findings, and why the other checks did not run.
async fn findings(probe: &Probe, issuer: &Issuer, clock: &Clock) -> (Vec<Finding>, &'static str) {
    let (Some(url), host) = (well_known(issuer, METADATA), host_of(issuer).unwrap_or_default())
    else {
        return (Vec::new(), "the URL has no host");
    };
    let answer = match probe.get(&url, &[]).await {
        Ok(answer) => answer,
        Err(error) => return (unreachable(&error, issuer, &host), "the server was not reached"),
    };
    let now = clock.now();
    let mut findings = of_tls(&answer, now);
    findings.push(server_clock(&answer, now));
    let metadata = match json_object(&answer) {
        Ok(metadata) => metadata,
        Err(problem) => {
            let fix = "The URL must be the issuer. Forward its paths to the public listener of \
                       tokend (`listen`), /.well-known included.";
            findings.push(Finding::error(CheckCode::Metadata, format!("{url}: {problem}"), fix));
            return (findings, "the metadata cannot be read");
        }
    };
    findings.push(Finding::ok(CheckCode::Metadata, url.to_string()));
    findings.extend(documents::examine(issuer, &metadata));
    findings.push(documents::openid_configuration(probe, issuer, &metadata).await);
    findings.extend(key_set::examine(probe, issuer, &metadata).await);
    findings.push(forwarded_headers(probe, &url, &metadata).await);
    (findings, "the key set was not fetched")
}

/// Returns the URL of metadata: the well-known name is between host and path (RFC 8414, section
/// 3.1).
fn well_known(issuer: &Issuer, name: &str) -> Option<Url> {
    let mut url = Url::parse(issuer.as_str()).ok()?;
    url.set_path(&format!("/.well-known/{name}{}", issuer.path()));
    Some(url)
}

/// Returns the findings for a first request without a response.
fn unreachable(error: &FetchError, issuer: &Issuer, host: &str) -> Vec<Finding> {
    if let Some(findings) = tls::of_handshake(error, host) {
        return findings;
    }
    let text = telemetry::with_causes(error);
    if let FetchError::Handshake(_) = error {
        let fix = "The host must speak TLS 1.2 or 1.3 on this port. Check the proxy, or set \
                   tls.certificate and tls.key.";
        return vec![Finding::error(CheckCode::TlsCertificate, text, fix)];
    }
    let found = format!("{}: {text}", issuer.as_str());
    vec![Finding::error(CheckCode::Metadata, found, Fix::CheckServer)]
}

/// A successful handshake has already verified the name and the chain.
fn of_tls(answer: &ProbeAnswer, now: Timestamp) -> Vec<Finding> {
    let Some(certificate) = &answer.certificate else {
        return tls::all_skipped("the URL is http");
    };
    vec![
        tls::dates(certificate, now),
        Finding::ok(CheckCode::TlsName, "it is for this host"),
        Finding::ok(CheckCode::TlsChain, "it ends at an authority that this machine trusts"),
    ]
}

/// Compares the clocks by the `Date` header of a response (RFC 9110, section 6.6.1).
fn server_clock(answer: &ProbeAnswer, now: Timestamp) -> Finding {
    let code = CheckCode::ServerClock;
    let text = answer.headers.get("date").and_then(|value| value.to_str().ok());
    let date = text.and_then(|text| httpdate::parse_http_date(text).ok());
    let since = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    match since.and_then(|since| i64::try_from(since.as_secs()).ok()) {
        Some(seconds) => clock_finding(code, "the server", seconds.saturating_sub(now.0)),
        None => Finding::skipped(code, "the answer has no Date"),
    }
}

/// Returns the JSON object in a response, or a description of what it contained instead.
fn json_object(answer: &ProbeAnswer) -> Result<Map<String, Value>, String> {
    if answer.status != 200 {
        let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
        let target = location.map(|to| format!(", to {}", escape_start(to, MAX_SHOWN)));
        return Err(format!("status {}{}", answer.status, target.unwrap_or_default()));
    }
    serde_json::from_str(&answer.body).map_err(|_| {
        let start = escape_start(answer.body.trim_start(), MAX_SHOWN);
        format!("the answer is not a JSON object; it begins with {start:?}")
    })
}

/// Returns a string member of a document; empty if it is missing.
fn text_of<'a>(document: &'a Map<String, Value>, member: &str) -> &'a str {
    document.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Checks that forged forwarding headers do not change the metadata. A cache would otherwise serve
/// the changed document to other clients.
async fn forwarded_headers(probe: &Probe, url: &Url, metadata: &Map<String, Value>) -> Finding {
    let code = CheckCode::ForwardedHeaders;
    let fix = "Let the proxy replace or remove Forwarded and X-Forwarded-* in every request, and \
               build no answer from them.";
    let answer = match probe.get(url, &FORGED_HEADERS).await {
        Ok(answer) => answer,
        Err(error) => return Finding::skipped(code, telemetry::with_causes(&error)),
    };
    match json_object(&answer) {
        Ok(again) if again == *metadata => {
            Finding::ok(code, "forged Forwarded and X-Forwarded-* headers change nothing")
        }
        Ok(_) => Finding::error(code, "forged X-Forwarded-* headers change the metadata", fix),
        Err(problem) => {
            Finding::warning(code, format!("with forged X-Forwarded-* headers: {problem}"), fix)
        }
    }
}
