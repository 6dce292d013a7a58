//! Client certificates (RFC 8705): reads their names and keys, and validates their chains.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

use crate::crypto::digest;
use crate::jose::public_key_pem;
use crate::model::distinguished_name::DistinguishedName;
use crate::model::security::TlsSubject;
use crate::model::time::Timestamp;

/// A certificate that a client presented, with the chain that it sent. The client has proved
/// possession of the private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate itself (DER).
    der: Vec<u8>,
    intermediates: Vec<Vec<u8>>,
}

/// Why a certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The certificate cannot be parsed.
    #[error("it is not an X.509 certificate")]
    Unreadable,
    /// The subject has a value that is not readable text.
    #[error("its subject has a value that is neither UTF-8 nor printable text")]
    UnreadableName,
    /// The key is of a kind that cannot be registered.
    #[error("its key is not EC P-256, RSA or Ed25519")]
    UnknownKey,
    /// The file of root CAs cannot be used.
    #[error("the file of client CAs cannot be used: {0}")]
    UnusableCa(String),
    /// The chain does not end at a root CA, or a certificate has expired.
    #[error("its chain is not valid: {0}")]
    Untrusted(String),
}

impl ClientCertificate {
    /// Creates a certificate with its chain.
    pub fn new(der: Vec<u8>, intermediates: Vec<Vec<u8>>) -> Self {
        Self { der, intermediates }
    }

    /// Parses the first certificate of a PEM text.
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let der = CertificateDer::from_pem_slice(text).map_err(|_| CertificateError::Unreadable)?;
        Ok(Self::new(der.to_vec(), Vec::new()))
    }

    /// Returns the hash of the whole certificate, for `x5t#S256` (RFC 8705, section 3.1).
    pub fn thumbprint(&self) -> String {
        digest::of_bytes(&self.der)
    }

    /// Returns the names of the certificate in their registered form, the subject first. At most
    /// nine are returned, each truncated to 200 characters.
    pub fn names(&self) -> Result<Vec<String>, CertificateError> {
        let certificate = self.read()?;
        let subject = TlsSubject::SubjectDn(distinguished_name(certificate.subject())?);
        let others = alternative_names(&certificate)?;
        let short = |name: TlsSubject| name.to_string().chars().take(200).collect();
        Ok(std::iter::once(subject).chain(others.into_iter().take(8)).map(short).collect())
    }

    /// True if the certificate has this subject (RFC 8705, section 2.1.2).
    pub fn is_of(&self, subject: &TlsSubject) -> Result<bool, CertificateError> {
        let certificate = self.read()?;
        if let TlsSubject::SubjectDn(name) = subject {
            let found = distinguished_name(certificate.subject())?;
            let found = DistinguishedName::parse(&found);
            return Ok(found.is_some() && found == DistinguishedName::parse(name));
        }
        Ok(alternative_names(&certificate)?.iter().any(|name| is_same(name, subject)))
    }

    fn read(&self) -> Result<X509Certificate<'_>, CertificateError> {
        let (_, certificate) =
            X509Certificate::from_der(&self.der).map_err(|_| CertificateError::Unreadable)?;
        Ok(certificate)
    }

    /// Returns the public key as a JWK with the certificate (RFC 7517, section 4.7), for
    /// registering a self-signed certificate.
    pub fn to_jwk(&self) -> Result<Value, CertificateError> {
        let certificate = self.read()?;
        let mut jwk = public_key_pem::jwk(certificate.public_key())
            .map_err(|_| CertificateError::UnknownKey)?;
        jwk["kid"] = self.thumbprint().into();
        jwk["x5c"] = json!([BASE64_STANDARD.encode(&self.der)]);
        Ok(jwk)
    }
}

/// Returns the alternative names that can be registered, in their registered form.
fn alternative_names(
    certificate: &X509Certificate<'_>,
) -> Result<Vec<TlsSubject>, CertificateError> {
    let names = certificate.subject_alternative_name();
    let names = names.map_err(|_| CertificateError::Unreadable)?;
    let names = names.map(|extension| extension.value.general_names.as_slice());
    let registered = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(TlsSubject::SanDns((*name).to_owned())),
        GeneralName::URI(uri) => Some(TlsSubject::SanUri((*uri).to_owned())),
        GeneralName::RFC822Name(address) => Some(TlsSubject::SanEmail((*address).to_owned())),
        GeneralName::IPAddress(bytes) => address(bytes).map(TlsSubject::SanIp),
        _ => None,
    };
    Ok(names.unwrap_or_default().iter().filter_map(registered).collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Compares two names. Host names are case-insensitive, including the host of a mail address (RFC
/// 5280, sections 7.2 and 7.5).
fn is_same(found: &TlsSubject, wanted: &TlsSubject) -> bool {
    match (found, wanted) {
        (TlsSubject::SanDns(found), TlsSubject::SanDns(wanted)) => {
            found.eq_ignore_ascii_case(wanted)
        }
        (TlsSubject::SanEmail(found), TlsSubject::SanEmail(wanted)) => {
            match (found.rsplit_once('@'), wanted.rsplit_once('@')) {
                (Some((one, host)), Some((other, wanted))) => {
                    one == other && host.eq_ignore_ascii_case(wanted)
                }
                _ => found == wanted,
            }
        }
        (found, wanted) => found == wanted,
    }
}

/// Returns a name as text, the last part first (RFC 4514, section 2.1). A value that cannot be read
/// must not be treated as empty.
fn distinguished_name(name: &X509Name<'_>) -> Result<String, CertificateError> {
    let pair = |pair: &AttributeTypeAndValue<'_>| {
        let oid = pair.attr_type();
        let registry = x509_parser::objects::oid_registry();
        let kind = x509_parser::objects::oid2abbrev(oid, registry)
            .map_or_else(|_| oid.to_id_string(), str::to_owned);
        let value = pair.as_str().map_err(|_| CertificateError::UnreadableName)?;
        Ok(format!("{kind}={}", escaped(value)))
    };
    let part = |part: &RelativeDistinguishedName<'_>| {
        Ok(part.iter().map(pair).collect::<Result<Vec<_>, _>>()?.join("+"))
    };
    let mut parts = name.iter().map(part).collect::<Result<Vec<_>, CertificateError>>()?;
    parts.reverse();
    Ok(parts.join(","))
}

/// Escapes a value (RFC 4514, section 2.4).
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (position, character) in value.chars().enumerate() {
        let is_special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
        let is_at_an_end = (character == ' ' && (position == 0 || position == last))
            || (character == '#' && position == 0);
        if is_special || is_at_an_end {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// Root CAs of accepted client certificates.
#[derive(Debug, Clone)]
pub struct ClientCa(Arc<dyn ClientCertVerifier>);

impl ClientCa {
    /// Parses root CAs from a PEM text.
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let unusable = |error: String| CertificateError::UnusableCa(error);
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(text) {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self(verifier.build().map_err(|error| unusable(error.to_string()))?))
    }

    /// Validates the chain of a certificate up to a root CA (RFC 5280, section 6).
    pub fn check(
        &self,
        certificate: &ClientCertificate,
        now: Timestamp,
    ) -> Result<(), CertificateError> {
        let seconds = u64::try_from(now.0).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let end = CertificateDer::from(certificate.der.as_slice());
        let between: Vec<_> = certificate
            .intermediates
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()))
            .collect();
        self.0
            .verify_client_cert(&end, &between, now)
            .map(|_| ())
            .map_err(|error| CertificateError::Untrusted(error.to_string()))
    }
}
