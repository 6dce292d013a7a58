//! Checks of the certificate of the public listener: from its files, or as a server sent it.

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::Finding;
use crate::admin::doctor::fix::Fix;
use crate::admin::doctor::host_of;
use crate::config::{Config, Issuer};
use crate::model::time::{Timestamp, in_words};
use crate::outbound::{FetchError, TlsClient};
use crate::x509::server_certificate::{ServerCertificate, ServerCertificateProblem, Validity};

/// A certificate should be renewed three weeks before its end, or after five sixths of a shorter
/// validity.
const RENEWED_BEFORE_SECONDS: i64 = 21 * 86_400;
const RENEWED_BEFORE_PART: i64 = 6;

const CODES: [CheckCode; 3] = [CheckCode::TlsCertificate, CheckCode::TlsName, CheckCode::TlsChain];

const RENEW: &str = "Renew the certificate, and look why it was not renewed in time. tokend reads \
                     renewed files within five seconds.";

/// Checks the files in `tls.certificate` and `tls.key`.
pub(super) fn examine(config: &Config, issuer: Option<&Issuer>, now: Timestamp) -> Vec<Finding> {
    let Some(settings) = &config.tls else {
        let reason = "tokend does not terminate TLS";
        let first = Finding::skipped_with_fix(CODES[0], reason, Fix::LookFromOutside);
        let others = CODES[1..].iter().map(|code| Finding::skipped(*code, reason));
        return std::iter::once(first).chain(others).collect();
    };
    let certificate = match ServerCertificate::read(&settings.certificate, &settings.key) {
        Ok(certificate) => certificate,
        Err(problem) => {
            let fix = "Give the whole chain (PEM) in tls.certificate, the certificate of the server \
                       first, and its private key in tls.key. Let the user that runs tokend read \
                       both.";
            return with_others_skipped(Finding::error(CheckCode::TlsCertificate, problem, fix));
        }
    };
    let host = issuer.and_then(host_of).unwrap_or_default();
    let name = match certificate.check_name(&host) {
        Ok(()) => Finding::ok(CheckCode::TlsName, host.clone()),
        Err(problem) => of_problem(&problem, &host),
    };
    vec![dates(&certificate, now), name, chain(config, &certificate, &host, now)]
}

/// Checks the validity period of a certificate, and the time that is left.
pub(super) fn dates(certificate: &ServerCertificate, now: Timestamp) -> Finding {
    let code = CheckCode::TlsCertificate;
    let Validity { not_before, not_after } = match certificate.validity() {
        Ok(validity) => validity,
        Err(problem) => return Finding::error(code, problem.to_string(), RENEW),
    };
    if now > not_after {
        return of_problem(&ServerCertificateProblem::Expired(not_after), "");
    }
    if now < not_before {
        return of_problem(&ServerCertificateProblem::NotYetValid(not_before), "");
    }
    let left = not_after.seconds_since(now);
    let life = not_after.seconds_since(not_before);
    let found = format!("valid until {not_after}, {} left", in_words(left));
    if left < RENEWED_BEFORE_SECONDS.min(life / RENEWED_BEFORE_PART) {
        return Finding::warning(code, found, RENEW);
    }
    Finding::ok(code, found)
}

/// Clients may trust other authorities than this machine, so an unknown authority is only a note.
fn chain(config: &Config, certificate: &ServerCertificate, host: &str, now: Timestamp) -> Finding {
    let code = CheckCode::TlsChain;
    let fix = "Put the intermediate certificates into tls.certificate, after that of the server. For \
               an authority of your own: clients must trust it, and so must this machine to check it \
               (fetch.ca_file).";
    let client = TlsClient::of_settings(&config.fetch);
    match client.and_then(|client| client.verify(certificate, host, now)) {
        Ok(()) => Finding::ok(code, "it ends at an authority that this machine trusts"),
        Err(error) => match error.certificate_problem() {
            Some(problem @ ServerCertificateProblem::UnknownIssuer) => {
                Finding::note(code, problem.to_string(), fix)
            }
            // Another check reports these problems.
            Some(
                ServerCertificateProblem::Expired(_)
                | ServerCertificateProblem::NotYetValid(_)
                | ServerCertificateProblem::WrongName(_),
            ) => Finding::skipped(code, "another problem of the certificate comes first"),
            Some(problem) => Finding::error(code, problem.to_string(), fix),
            None => Finding::skipped(code, error.to_string()),
        },
    }
}

/// Returns the finding for a problem of a certificate, under the check that it belongs to.
pub(super) fn of_problem(problem: &ServerCertificateProblem, host: &str) -> Finding {
    let found = problem.to_string();
    match problem {
        ServerCertificateProblem::Expired(_) => {
            Finding::error(CheckCode::TlsCertificate, found, RENEW)
        }
        ServerCertificateProblem::NotYetValid(_) => Finding::error(
            CheckCode::TlsCertificate,
            found,
            "Compare the clock of this machine with others (NTP), or use the certificate from then \
             on.",
        ),
        ServerCertificateProblem::WrongName(_) => Finding::error(
            CheckCode::TlsName,
            found,
            format!("Use a certificate whose subject alternative names have {host}."),
        ),
        ServerCertificateProblem::UnknownIssuer => {
            Finding::error(CheckCode::TlsChain, found, Fix::CompleteChain)
        }
        ServerCertificateProblem::Unusable(_) => Finding::error(
            CheckCode::TlsCertificate,
            found,
            "Use a certificate for TLS servers (RFC 5280) of a certificate authority.",
        ),
    }
}

/// Returns the finding for a failed TLS handshake, and skips the other checks of TLS.
pub(super) fn of_handshake(error: &FetchError, host: &str) -> Option<Vec<Finding>> {
    let problem = error.certificate_problem()?;
    Some(with_others_skipped(of_problem(&problem, host)))
}

/// Returns all checks of TLS as skipped, with a reason.
pub(super) fn all_skipped(reason: &str) -> Vec<Finding> {
    CODES.iter().map(|code| Finding::skipped(*code, reason)).collect()
}

fn with_others_skipped(finding: Finding) -> Vec<Finding> {
    let reason = format!("{} comes first", finding.code.as_str());
    let others = CODES.iter().filter(|code| **code != finding.code);
    let mut findings: Vec<_> = others.map(|code| Finding::skipped(*code, reason.clone())).collect();
    findings.push(finding);
    findings
}
