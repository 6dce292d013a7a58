//! Sends one request and reads its response, over any stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::http::response::Parts;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use url::{Position, Url};

use crate::outbound::handshake::{Driving, handshake};
use crate::outbound::{FetchError, MAX_BODY_BYTES};

/// The maximum number of interim responses (1xx) before the final one.
const MAX_INTERIM_RESPONSES: usize = 4;

/// The value of `User-Agent`.
pub(super) const AGENT: &str = concat!("tokend/", env!("CARGO_PKG_VERSION"));

/// Sends a GET for `url` and reads the body of the response as text.
///
/// Reads at most a head of 32 KiB, four interim responses and 256 KiB of body. The caller must
/// limit the time.
///
/// # Errors
/// A status other than 2xx, malformed HTTP, an exceeded limit, or a body that is not UTF-8.
pub async fn exchange<S>(stream: S, url: &Url) -> Result<String, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let response = send(stream, url, &[]).await?;
    if !response.head.status.is_success() {
        return Err(FetchError::Status(response.head.status.as_u16()));
    }
    response.text().await
}

/// A response whose head has been read. Dropping it closes the connection.
pub(super) struct OpenResponse {
    /// The status and the headers.
    pub(super) head: Parts,
    incoming: Incoming,
    _driving: Driving,
}

/// Sends a GET for `url` with these headers, and reads the head of the response with any status.
///
/// # Errors
/// Malformed HTTP, or an exceeded limit.
pub(super) async fn send<S>(
    stream: S,
    url: &Url,
    headers: &[(&'static str, &str)],
) -> Result<OpenResponse, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    send_request(stream, request(url, headers)?).await
}

/// Sends a request, and reads the head of the response with any status.
///
/// # Errors
/// Malformed HTTP, or an exceeded limit.
pub(super) async fn send_request<S>(
    stream: S,
    mut request: Request<Full<Bytes>>,
) -> Result<OpenResponse, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, driving) = handshake(stream).await?;
    let interim = InterimResponses::count(&mut request);
    let response = tokio::select! {
        response = sender.send_request(request) => response.map_err(FetchError::Http)?,
        () = interim.too_many.notified() => return Err(FetchError::TooManyInterim),
    };
    if interim.count.load(Ordering::Relaxed) > MAX_INTERIM_RESPONSES {
        return Err(FetchError::TooManyInterim);
    }
    let (head, incoming) = response.into_parts();
    Ok(OpenResponse { head, incoming, _driving: driving })
}

fn request(
    url: &Url,
    headers: &[(&'static str, &str)],
) -> Result<Request<Full<Bytes>>, FetchError> {
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let mut request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "application/json")
        .header(CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).map_err(|_| FetchError::NotHttps)
}

impl OpenResponse {
    /// Reads the body as text.
    ///
    /// # Errors
    /// A body that is too long or not UTF-8, or malformed HTTP.
    pub(super) async fn text(mut self) -> Result<String, FetchError> {
        let mut body = Vec::new();
        while let Some(frame) = self.incoming.frame().await {
            let Ok(data) = frame.map_err(FetchError::Http)?.into_data() else { continue };
            if body.len().saturating_add(data.len()) > MAX_BODY_BYTES {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&data);
        }
        String::from_utf8(body).map_err(|_| FetchError::NotText)
    }
}

/// Counts the interim responses to one request.
#[derive(Default)]
struct InterimResponses {
    count: AtomicUsize,
    too_many: Notify,
}

impl InterimResponses {
    fn count<B>(request: &mut Request<B>) -> Arc<Self> {
        let interim = Arc::new(Self::default());
        let counting = interim.clone();
        hyper::ext::on_informational(request, move |_| {
            if counting.count.fetch_add(1, Ordering::Relaxed) == MAX_INTERIM_RESPONSES {
                counting.too_many.notify_one();
            }
        });
        interim
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::outbound::handshake::MAX_HEAD_BYTES;
    use crate::telemetry;

    /// Returns the outcome for a host that sends these bytes.
    async fn answered(bytes: Vec<u8>) -> Result<String, FetchError> {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let writing = tokio::spawn(async move {
            let mut request = [0; 1024];
            let _ = far.read(&mut request).await;
            let _ = far.write_all(&bytes).await;
            let _ = far.shutdown().await;
            far
        });
        let url = Url::parse("https://a.example/jwks?v=1").expect("a URL");
        let outcome = exchange(near, &url).await;
        writing.abort();
        outcome
    }

    #[tokio::test]
    async fn a_response_is_read_after_a_few_interim_ones() {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let interim = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
        for few in [0, MAX_INTERIM_RESPONSES] {
            let bytes = format!("{}{ok}", interim.repeat(few));
            assert_eq!(answered(bytes.into_bytes()).await.expect("a body"), "{}");
        }
        let bytes = format!("{}{ok}", interim.repeat(MAX_INTERIM_RESPONSES + 1));
        let error = answered(bytes.into_bytes()).await.expect_err("rejected");
        assert!(matches!(error, FetchError::TooManyInterim), "{error:?}");
    }

    #[tokio::test]
    async fn a_response_that_breaks_a_limit_is_rejected() {
        let long = "x".repeat(MAX_BODY_BYTES + 1);
        let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEAD_BYTES));
        let cases: [(String, &str); 5] = [
            (format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{long}", long.len()), "longer"),
            (format!("HTTP/1.1 200 OK\r\n\r\n{long}"), "longer"),
            ("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".into(), "302"),
            (head, "HTTP"),
            ("SSH-2.0-OpenSSH_9.9\r\n".into(), "HTTP"),
        ];
        for (bytes, word) in cases {
            let error = answered(bytes.into_bytes()).await.expect_err("rejected");
            let text = telemetry::with_causes(&error);
            assert!(text.contains(word), "{word}: {text}");
        }
        let not_text = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe".to_vec();
        assert!(matches!(answered(not_text).await, Err(FetchError::NotText)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// No bytes of a remote host make the exchange panic.
        #[test]
        fn any_bytes_are_an_answer_or_an_error(
            head in prop_oneof![
                Just(String::new()),
                Just("HTTP/1.1 200 OK\r\n\r\n".to_owned()),
                Just("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()),
                "HTTP/1\\.[01] [1-5][0-9][0-9] [ -~]{0,20}\r\n([a-z-]{1,12}: [ -~]{0,20}\r\n){0,4}\r\n",
            ],
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let bytes = [head.into_bytes(), rest].concat();
            let _ = runtime.block_on(answered(bytes));
        }
    }
}
