//! A small https server, for documents that tokend fetches.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Returns the answer for a path.
type Answer = Box<dyn Fn(&str) -> String + Send>;

/// A server on loopback with a certificate of its own for `localhost`.
pub struct Https {
    pub port: u16,
    pub ca_file: NamedTempFile,
    answers: Arc<Mutex<Answer>>,
    requests: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

/// An answer that is never sent.
pub const HANG: &str = "hang";

/// An interim response that is sent repeatedly, without end.
pub const INTERIM: &str = "HTTP/1.1 100 Continue\r\n\r\n";

impl Https {
    /// Starts a server; `answer` returns the whole HTTP response for a path.
    pub async fn new(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        Self::on(acceptor(), answer).await
    }

    /// Like [`Self::new`], with a self-signed certificate of these parameters.
    pub async fn with(
        params: CertificateParams,
        answer: impl Fn(&str) -> String + Send + 'static,
    ) -> Self {
        Self::on(acceptor_of(&params), answer).await
    }

    async fn on(
        (acceptor, ca_file): (TlsAcceptor, NamedTempFile),
        answer: impl Fn(&str) -> String + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let answers: Arc<Mutex<Answer>> = Arc::new(Mutex::new(Box::new(answer)));
        let requests = Arc::new(AtomicUsize::new(0));
        let (answering, counting) = (answers.clone(), requests.clone());
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = sent.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answering) = (acceptor.clone(), answering.clone());
                let (counting, sent) = (counting.clone(), counted.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut head = vec![0; 4096];
                    let Ok(length) = stream.read(&mut head).await else { return };
                    let head = String::from_utf8_lossy(&head[..length]).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or_default();
                    counting.fetch_add(1, Ordering::Relaxed);
                    let answer = answering.lock().expect("a lock")(path);
                    if answer == HANG {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                    sent.fetch_add(answer.len(), Ordering::Relaxed);
                    while answer == INTERIM && stream.write_all(answer.as_bytes()).await.is_ok() {
                        sent.fetch_add(answer.len(), Ordering::Relaxed);
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { port, ca_file, answers, requests, sent }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes that were sent in answers.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Replaces the function that answers requests.
    pub fn answer(&self, answer: impl Fn(&str) -> String + Send + 'static) {
        *self.answers.lock().expect("a lock") = Box::new(answer);
    }

    /// Returns the settings with which an instance fetches documents from here.
    pub fn settings(&self) -> [(&'static str, String); 2] {
        [
            ("TOKEND_FETCH_CA_FILE", self.ca_file.path().display().to_string()),
            ("TOKEND_FETCH_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128".to_owned()),
        ]
    }
}

/// Returns TLS with a new certificate for `localhost`, and the file of that certificate.
pub(crate) fn acceptor() -> (TlsAcceptor, NamedTempFile) {
    acceptor_of(&CertificateParams::new(vec!["localhost".to_owned()]).expect("names"))
}

/// Returns TLS with a new self-signed certificate of these parameters, and the file of that
/// certificate.
fn acceptor_of(params: &CertificateParams) -> (TlsAcceptor, NamedTempFile) {
    let signing_key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&signing_key).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key))
        .expect("a TLS server");
    let ca_file = NamedTempFile::new().expect("a file");
    std::fs::write(ca_file.path(), certificate.pem()).expect("a file");
    (TlsAcceptor::from(Arc::new(config)), ca_file)
}

/// Returns a 200 response with JSON.
pub fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}
