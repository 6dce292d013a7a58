//! Sends one POST to a configured receiver, over any stream.

use std::time::SystemTime;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use tokio::io::{AsyncRead, AsyncWrite};
use url::{Position, Url};

use crate::model::time::Timestamp;
use crate::outbound::FetchError;
use crate::outbound::handshake::handshake;
use crate::outbound::response::AGENT;

/// Response to a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostAnswer {
    /// The status code.
    pub status: u16,
    /// The requested time of the next attempt, if the response has it.
    pub retry_after: Option<RetryAfter>,
}

/// Requested time of the next attempt (RFC 9110, section 10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this number of seconds.
    Seconds(i64),
    /// At this time.
    At(Timestamp),
}

impl RetryAfter {
    /// Returns the number of seconds to wait from `now`.
    pub fn seconds(self, now: Timestamp) -> i64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::At(time) => time.seconds_since(now).max(0),
        }
    }

    /// Parses a number of seconds or a date.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Seconds(text.parse().unwrap_or(i64::MAX)));
        }
        let date = httpdate::parse_http_date(text).ok()?;
        let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok().map(|seconds| Self::At(Timestamp(seconds)))
    }
}

impl PostAnswer {
    /// True for a status of 2xx.
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends a JSON text with these headers. The body of the response is not read.
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
    // The connection is aborted when this function ends or is cancelled.
    let (mut sender, _driving) = handshake(stream).await?;
    let response = sender.send_request(request).await.map_err(FetchError::Http)?;
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(RetryAfter::parse);
    Ok(PostAnswer { status: response.status().as_u16(), retry_after })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let now = Timestamp(784_111_747);
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
            let found = RetryAfter::parse(text).map(|it| it.seconds(now));
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
