//! One POST to a receiver of ours, over any stream.

use std::time::SystemTime;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use url::{Position, Url};

use crate::outbound::FetchError;
use crate::outbound::response::{AGENT, MAX_HEAD_BYTES};

/// The answer to a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostAnswer {
    /// The status.
    pub status: u16,
    /// How many seconds to wait before the next attempt (RFC 9110, section 10.2.3), if that is said.
    pub retry_after: Option<i64>,
}

impl PostAnswer {
    /// True for a status of 2xx.
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends a JSON text with some headers. The body of the answer is not read.
///
/// # Errors
/// Malformed HTTP.
pub(super) async fn post<S>(
    stream: S,
    url: &Url,
    headers: &[(&'static str, &str)],
    body: String,
) -> Result<PostAnswer, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| FetchError::NotHttps)?;
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES).max_header_size(MAX_HEAD_BYTES);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(FetchError::Http)?;
    // The set aborts the connection when this function ends, or its caller gives up.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let response = sender.send_request(request).await.map_err(FetchError::Http)?;
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|text| seconds_until(text, SystemTime::now()));
    Ok(PostAnswer { status: response.status().as_u16(), retry_after })
}

/// Reads a number of seconds, or a date.
fn seconds_until(text: &str, now: SystemTime) -> Option<i64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().unwrap_or(i64::MAX));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let left = date.duration_since(now).unwrap_or_default();
    i64::try_from(left.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_wait_is_a_number_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(784_111_747);
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999", Some(i64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds_until(text, now), expected, "{text:?}");
        }
    }
}
