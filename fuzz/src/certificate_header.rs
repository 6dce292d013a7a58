//! The certificate of a client: as DER, and as the headers of a proxy (RFC 9440).

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;

use super::input::{first_line, text};
use super::subject::client_certificate;
use super::subject::{
    ClientCertificate, ExternalJwks, ISSUER_ALGS, PresentedCertificate, TlsSubject,
};

/// A longer name is shortened for display, so the text is no longer the name.
const MAX_NAME: usize = 199;

/// Reads the input as a certificate, and as headers: the first line is `Client-Cert`, the others are
/// `Client-Cert-Chain`.
pub fn fuzz(data: &[u8]) {
    check_certificate(&ClientCertificate::new(data.to_vec(), Vec::new()));
    let encoded = format!(":{}:", BASE64_STANDARD.encode(data));
    let passed = shown(&[("client-cert", encoded.as_bytes())]);
    let direct = ClientCertificate::new(data.to_vec(), Vec::new());
    assert_eq!(passed.as_deref(), Some(&direct), "the certificate changed on its way");
    let Some(text) = text(data) else { return };
    let (certificate, chain) = first_line(text);
    let mut headers = vec![("client-cert", certificate.as_bytes())];
    headers.extend(chain.lines().map(|line| ("client-cert-chain", line.as_bytes())));
    if let Some(certificate) = shown(&headers) {
        check_certificate(&certificate);
    }
    headers.push(headers[0]);
    assert!(shown(&headers).is_none(), "one of two certificates was chosen");
}

/// Returns the certificate that a trusted proxy passes on. The same headers from an untrusted peer
/// are ignored.
fn shown(headers: &[(&'static str, &[u8])]) -> Option<Arc<ClientCertificate>> {
    let trusted: [IpNet; 1] = ["10.0.0.0/8".parse().expect("a network")];
    let read = |peer: [u8; 4]| client_certificate(IpAddr::from(peer), headers, &trusted);
    assert!(
        matches!(read([203, 0, 113, 1]), None | Some(PresentedCertificate::Nothing)),
        "from a stranger"
    );
    match read([10, 0, 0, 1])? {
        PresentedCertificate::Certificate(certificate) => Some(certificate),
        PresentedCertificate::Unreadable => None,
        PresentedCertificate::Nothing => panic!("a header was not seen"),
    }
}

fn check_certificate(certificate: &ClientCertificate) {
    assert_eq!(certificate.thumbprint().len(), 43, "SHA-256 in Base64url");
    if let Ok(names) = certificate.names() {
        assert!(names.len() <= 9, "{} names", names.len());
        // A name that is shown to the operator can be registered, and then matches the certificate.
        let whole = names.iter().filter(|name| name.chars().count() <= MAX_NAME);
        for subject in whole.filter_map(|name| TlsSubject::parse(name).ok()) {
            assert_eq!(certificate.is_of(&subject), Ok(true), "{subject}");
        }
        let other = TlsSubject::parse("subject_dn=CN=never in the corpus").expect("a subject");
        assert!(certificate.is_of(&other).is_ok());
    }
    if let Ok(jwk) = certificate.to_jwk() {
        let set = serde_json::json!({ "keys": [jwk] }).to_string();
        if let Ok(keys) = ExternalJwks::registered(&set, &ISSUER_ALGS) {
            assert!(keys.have_certificate(&certificate.thumbprint()));
        }
    }
}
