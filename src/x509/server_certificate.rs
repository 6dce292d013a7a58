//! Inspection of a server certificate for operators: its dates, its names and its key.

use std::net::IpAddr;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::model::time::Timestamp;

/// The maximum number of names that a message lists.
const MAX_NAMES: usize = 5;

/// Problem of a server certificate for its clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerCertificateProblem {
    /// It has expired.
    #[error("the certificate expired at {0}")]
    Expired(Timestamp),
    /// It is not valid yet.
    #[error("the certificate is not valid before {0}")]
    NotYetValid(Timestamp),
    /// It is for other host names.
    #[error("the certificate is for {}, not for this host", .0.join(", "))]
    WrongName(Vec<String>),
    /// Its chain does not end at a CA that this machine trusts.
    #[error("the chain of the certificate does not end at an authority that this machine trusts")]
    UnknownIssuer,
    /// It cannot be used for any other reason.
    #[error("the certificate cannot be used: {0}")]
    Unusable(String),
}

impl ServerCertificateProblem {
    /// Returns the problem of the certificate, if it caused this handshake error.
    pub fn of(error: &rustls::Error) -> Option<Self> {
        use rustls::CertificateError as Error;
        let rustls::Error::InvalidCertificate(error) = error else { return None };
        Some(match error {
            Error::ExpiredContext { not_after, .. } => Self::Expired(timestamp(*not_after)),
            Error::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid(timestamp(*not_before))
            }
            Error::NotValidForNameContext { presented, .. } => {
                Self::WrongName(presented.iter().take(MAX_NAMES).cloned().collect())
            }
            Error::UnknownIssuer => Self::UnknownIssuer,
            other => Self::Unusable(other.to_string()),
        })
    }
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// Validity dates of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The start of the validity.
    pub not_before: Timestamp,
    /// The end of the validity.
    pub not_after: Timestamp,
}

/// The certificate of a server, with its intermediate certificates.
#[derive(Debug, Clone)]
pub struct ServerCertificate {
    /// Starts with the certificate itself (DER). Never empty.
    chain: Vec<CertificateDer<'static>>,
}

impl ServerCertificate {
    /// Creates it from the chain that a server sent (DER), starting with its own certificate.
    /// `None` if the chain is empty.
    pub fn of_chain(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let chain: Vec<_> = chain.iter().map(|one| one.clone().into_owned()).collect();
        (!chain.is_empty()).then_some(Self { chain })
    }

    /// Reads a chain and the private key of its first certificate (PEM files).
    ///
    /// # Errors
    /// A description of a file that cannot be read, or of a key that does not match.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        let unusable =
            |path: &Path, problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(certificate, &error))?;
        if chain.is_empty() {
            return Err(unusable(certificate, &"it has no certificate (PEM)"));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        CertifiedKey::from_der(chain.clone(), private, &provider)
            .map_err(|error| unusable(key, &error))?;
        Ok(Self { chain })
    }

    /// Returns the chain (DER), starting with the certificate of the server.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Returns the dates between which every certificate of the chain is valid.
    ///
    /// # Errors
    /// If a certificate cannot be parsed.
    pub fn validity(&self) -> Result<Validity, ServerCertificateProblem> {
        let mut validity =
            Validity { not_before: Timestamp(i64::MIN), not_after: Timestamp(i64::MAX) };
        for der in &self.chain {
            let (_, certificate) = X509Certificate::from_der(der)
                .map_err(|error| ServerCertificateProblem::Unusable(error.to_string()))?;
            let dates = certificate.validity();
            let (from, until) = (dates.not_before.timestamp(), dates.not_after.timestamp());
            validity.not_before = validity.not_before.max(Timestamp(from));
            validity.not_after = validity.not_after.min(Timestamp(until));
        }
        Ok(validity)
    }

    /// Checks that the certificate is for a host name or an address.
    ///
    /// # Errors
    /// [`ServerCertificateProblem::WrongName`], or a certificate or host that cannot be parsed.
    pub fn check_name(&self, host: &str) -> Result<(), ServerCertificateProblem> {
        let unusable =
            |error: &dyn std::fmt::Display| ServerCertificateProblem::Unusable(error.to_string());
        let name = match host.parse::<IpAddr>() {
            Ok(address) => ServerName::from(address),
            Err(_) => ServerName::try_from(host.to_owned()).map_err(|error| unusable(&error))?,
        };
        let Some(first) = self.chain.first() else { return Ok(()) };
        let parsed = ParsedCertificate::try_from(first).map_err(|error| unusable(&error))?;
        rustls::client::verify_server_name(&parsed, &name).map_err(|error| {
            ServerCertificateProblem::of(&error).unwrap_or_else(|| unusable(&error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(names: &[&str]) -> rcgen::CertifiedKey<rcgen::KeyPair> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        rcgen::generate_simple_self_signed(names).expect("a pair")
    }

    #[test]
    fn dates_names_and_the_key_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let (own, other) = (pair(&["id.example.com", "10.0.0.7"]), pair(&["other.example"]));
        let write = |name: &str, text: String| std::fs::write(path(name), text).expect("written");
        write("own.pem", own.cert.pem());
        write("own.key", own.signing_key.serialize_pem());
        write("other.key", other.signing_key.serialize_pem());
        write("empty.pem", String::new());
        let read = |certificate, key| ServerCertificate::read(&path(certificate), &path(key));
        let certificate = read("own.pem", "own.key").expect("a certificate");
        let Validity { not_before, not_after } = certificate.validity().expect("dates");
        assert!(not_before < not_after);
        for host in ["id.example.com", "10.0.0.7"] {
            assert_eq!(certificate.check_name(host), Ok(()), "{host}");
        }
        let problem = certificate.check_name("other.example").expect_err("another host");
        assert!(matches!(&problem, ServerCertificateProblem::WrongName(_)), "{problem}");
        assert!(problem.to_string().contains("id.example.com"), "{problem}");
        for (certificate, key, word) in [
            ("own.pem", "other.key", "other.key"),
            ("empty.pem", "own.key", "empty.pem"),
            ("own.pem", "absent.key", "absent.key"),
        ] {
            let problem = read(certificate, key).expect_err(word);
            assert!(problem.contains(word), "{word}: {problem}");
        }
    }
}
