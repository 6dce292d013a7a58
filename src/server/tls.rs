//! TLS of the listeners, by rustls. A client may present any certificate. It is validated later,
//! against the registration of the client (RFC 8705).

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
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
use crate::x509::certificate::ClientCertificate;

/// TLS with the certificate of the server, which may be renewed while the server runs.
pub(super) struct Tls {
    current: ArcSwap<TlsState>,
}

/// Current TLS configuration, and the files from which it was read.
pub(super) struct TlsState {
    settings: config::TlsSettings,
    certificates: Vec<CertificateDer<'static>>,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads certificate and key. An error names the file.
    pub(super) fn new(settings: &config::TlsSettings) -> Result<Self, String> {
        let current = TlsState::make(certificates(settings)?, settings)?;
        Ok(Self { current: ArcSwap::from_pointee(current) })
    }

    /// Reads the files again. True if the certificate has changed, which applies to new
    /// connections. After an error the old one stays.
    pub(super) fn renew(&self) -> Result<bool, String> {
        let before = self.current.load_full();
        let Some(new) = self.read(&before.settings)? else { return Ok(false) };
        // If the settings were replaced meanwhile, the newer state stays.
        let found = self.current.compare_and_swap(&before, Arc::new(new));
        Ok(Arc::ptr_eq(&found, &before))
    }

    /// Reads the files of these settings; `None` if settings and certificate have not changed.
    /// Changes nothing.
    pub(super) fn read(&self, settings: &config::TlsSettings) -> Result<Option<TlsState>, String> {
        let certificates = certificates(settings)?;
        let current = self.current.load();
        if certificates == current.certificates && *settings == current.settings {
            return Ok(None);
        }
        TlsState::make(certificates, settings).map(Some)
    }

    /// Replaces the configuration of new handshakes. True if the certificate has changed.
    pub(super) fn replace(&self, new: TlsState) -> bool {
        let is_other = new.certificates != self.current.load().certificates;
        self.current.store(Arc::new(new));
        is_other
    }

    /// Returns the acceptor for the next handshake.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load().config.clone())
    }
}

impl TlsState {
    fn make(
        certificates: Vec<CertificateDer<'static>>,
        settings: &config::TlsSettings,
    ) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_file(&settings.key)
            .map_err(|error| unusable("tls.key", &settings.key, error))?;
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(Arc::new(AcceptAnyClientCertificate(provider)))
            .with_single_cert(certificates.clone(), key)
            .map_err(|error| unusable("tls.certificate", &settings.certificate, error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { settings: settings.clone(), certificates, config: Arc::new(config) })
    }
}

fn certificates(settings: &config::TlsSettings) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(&settings.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable("tls.certificate", &settings.certificate, error))
}

fn unusable(setting: &str, path: &Path, error: impl Display) -> String {
    format!("`{setting}` cannot be used: {}: {error}", path.display())
}

/// Returns the certificate that the client presented, if it did.
pub(super) fn certificate(stream: &TlsStream<TcpStream>) -> Option<Arc<ClientCertificate>> {
    let (_, connection) = stream.get_ref();
    let (first, others) = connection.peer_certificates()?.split_first()?;
    let intermediates = others.iter().map(|der| der.to_vec()).collect();
    Some(Arc::new(ClientCertificate::new(first.to_vec(), intermediates)))
}

/// Accepts any certificate, including a self-signed one, or none. The handshake still proves that
/// the peer has its private key.
#[derive(Debug)]
struct AcceptAnyClientCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AcceptAnyClientCertificate {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate and a key that do not match are an incomplete renewal, so the old pair stays.
    #[test]
    fn a_renewed_certificate_is_used_only_when_both_files_are_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = config::TlsSettings {
            certificate: folder.path().join("own.pem"),
            key: folder.path().join("own.key"),
        };
        let [old, new] = [(); 2].map(|()| {
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a pair")
        });
        let write = |path: &Path, text: String| std::fs::write(path, text).expect("a file");
        write(&settings.certificate, old.cert.pem());
        write(&settings.key, old.signing_key.serialize_pem());
        let tls = Tls::new(&settings).expect("TLS");
        let shown = || tls.current.load().certificates[0].to_vec();
        assert_eq!(tls.renew(), Ok(false));
        write(&settings.certificate, new.cert.pem());
        assert!(tls.renew().is_err_and(|error| error.contains("tls.certificate")));
        assert_eq!(shown(), old.cert.der().to_vec());
        write(&settings.certificate, "nothing".to_owned());
        assert!(tls.renew().is_err(), "no certificate at all");
        assert_eq!(shown(), old.cert.der().to_vec());
        write(&settings.certificate, new.cert.pem());
        write(&settings.key, new.signing_key.serialize_pem());
        assert_eq!(tls.renew(), Ok(true));
        assert_eq!(shown(), new.cert.der().to_vec());
        assert_eq!(tls.renew(), Ok(false));
    }
}
