//! TLS of our own, by rustls. A client may show a certificate; whether it is good for anything is
//! decided later, by what is registered of the client (RFC 8705).

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config;
use crate::crypto::certificate::ClientCertificate;

/// Reads certificate and key and makes what answers handshakes; the error says which file it is.
pub(super) fn acceptor(settings: &config::Tls) -> Result<TlsAcceptor, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let named = |setting: &str, path: &Path, error: String| {
        format!("`{setting}` cannot be used: {}: {error}", path.display())
    };
    let certificates = CertificateDer::pem_file_iter(&settings.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| named("tls.certificate", &settings.certificate, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .map_err(|error| named("tls.key", &settings.key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(Arc::new(Anybody(provider)))
        .with_single_cert(certificates, key)
        .map_err(|error| named("tls.certificate", &settings.certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The certificate that the client has shown, if it has.
pub(super) fn certificate(stream: &TlsStream<TcpStream>) -> Option<Arc<ClientCertificate>> {
    let (_, connection) = stream.get_ref();
    let (first, others) = connection.peer_certificates()?.split_first()?;
    let intermediates = others.iter().map(|der| der.to_vec()).collect();
    Some(Arc::new(ClientCertificate::new(first.to_vec(), intermediates)))
}

/// Takes any certificate, also a self-signed one, or none; but only from whoever has its private
/// key, which the handshake proves.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
