//! Client certificates and their issuers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType,
};
use tokend::crypto::digest;

/// A certificate and its key, in the forms of files.
pub struct Pair {
    pub der: Vec<u8>,
    pub certificate: String,
    key: String,
}

impl Pair {
    pub fn thumbprint(&self) -> String {
        digest::of_bytes(&self.der)
    }

    pub fn identity(&self) -> reqwest::Identity {
        let pem = format!("{}{}", self.key, self.certificate);
        reqwest::Identity::from_pem(pem.as_bytes()).expect("an identity")
    }

    /// Returns the `Client-Cert` header of a proxy (RFC 9440).
    pub fn header(&self) -> String {
        format!(":{}:", BASE64_STANDARD.encode(&self.der))
    }
}

pub fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![format!("{name}.example")]).expect("names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Acme, Inc.");
    params.distinguished_name.push(DnType::CommonName, name);
    let uri = format!("spiffe://acme.example/{name}").try_into().expect("a URI");
    params.subject_alt_names.push(SanType::URI(uri));
    params.subject_alt_names.push(SanType::IpAddress([10, 0, 0, 7].into()));
    params
}

pub fn self_signed(name: &str) -> Pair {
    let key = KeyPair::generate().expect("a key");
    let certificate = params(name).self_signed(&key).expect("a certificate");
    Pair {
        der: certificate.der().to_vec(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// A certificate authority, and a file with its certificate.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Ca {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "A root");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn issue(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair {
            der: certificate.der().to_vec(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}
