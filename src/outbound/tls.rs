//! TLS to other servers, with the root certificates of the system and those of a file.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use crate::config::FetchSettings;
use crate::model::time::Timestamp;
use crate::outbound::FetchError;
use crate::x509::server_certificate::ServerCertificate;

/// TLS client for connections to other servers. The root certificates of the system are read for
/// the first connection, because most servers and commands never open one.
#[derive(Default)]
pub struct TlsClient {
    config: OnceLock<Arc<ClientConfig>>,
    roots: Vec<CertificateDer<'static>>,
}

impl TlsClient {
    /// Creates a client that also trusts the certificates of a file (PEM).
    ///
    /// # Errors
    /// [`FetchError::UnusableCa`].
    pub fn with_roots_of(path: &Path) -> Result<Self, FetchError> {
        let roots = certificates(path).map_err(FetchError::UnusableCa)?;
        Ok(Self { config: OnceLock::new(), roots })
    }

    /// Creates a client that also trusts the certificates of `fetch.ca_file`.
    ///
    /// # Errors
    /// [`FetchError::UnusableCaSetting`].
    pub fn of_settings(settings: &FetchSettings) -> Result<Self, FetchError> {
        let roots = settings.ca_file.as_deref().map(certificates).transpose();
        let roots = roots.map_err(FetchError::UnusableCaSetting)?.unwrap_or_default();
        Ok(Self { config: OnceLock::new(), roots })
    }

    /// Opens TLS on a stream to the host of a URL, and validates its certificate.
    ///
    /// # Errors
    /// If the URL has no host, or the handshake fails.
    pub async fn connect<S>(&self, url: &Url, stream: S) -> Result<TlsStream<S>, FetchError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match url.host() {
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address).into()),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address).into()),
            None => None,
        };
        let name = name.ok_or(FetchError::NotHttps)?;
        let connector = TlsConnector::from(self.config()?);
        connector.connect(name, stream).await.map_err(FetchError::Handshake)
    }

    /// Validates the certificate of a server as a client of `host` does, without a connection.
    ///
    /// # Errors
    /// [`FetchError::Tls`], with the problem in [`FetchError::certificate_problem`].
    pub fn verify(
        &self,
        certificate: &ServerCertificate,
        host: &str,
        now: Timestamp,
    ) -> Result<(), FetchError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchError::NotHttps)?;
        let seconds = u64::try_from(now.0).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let Some((first, others)) = certificate.chain().split_first() else { return Ok(()) };
        let verified = self.verifier(&provider)?.verify_server_cert(first, others, &name, &[], now);
        verified.map(|_| ()).map_err(FetchError::Tls)
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Verifier, FetchError> {
        Verifier::new_with_extra_roots(self.roots.clone(), provider.clone())
            .map_err(FetchError::Tls)
    }

    fn config(&self) -> Result<Arc<ClientConfig>, FetchError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = self.verifier(&provider)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(FetchError::Tls)?
            // "Dangerous" because it accepts any verifier. This one uses the roots of the system.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }
}

/// Reads certificates, or returns the file and its problem.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unusable = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(&error))?;
    if found.is_empty() {
        return Err(unusable(&"it has no certificate (PEM)"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_file_is_attributed_to_the_setting_only_if_the_setting_names_it() {
        let absent = Path::new("/absent");
        let settings =
            FetchSettings { allowed_networks: Vec::new(), ca_file: Some(absent.to_owned()) };
        for (made, beginning) in [
            (TlsClient::with_roots_of(absent), "the CA file cannot be used: /absent: "),
            (TlsClient::of_settings(&settings), "`fetch.ca_file` cannot be used: /absent: "),
        ] {
            let text = made.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(text.starts_with(beginning), "{text}");
        }
    }
}
