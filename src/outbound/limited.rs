//! A stream with a byte limit. The bytes of a remote host are counted below TLS, so that handshake,
//! heads, interim responses, framing and body are all included.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream from which at most `limit` bytes are read.
#[derive(Debug)]
pub(super) struct LimitedStream<S> {
    stream: S,
    limit: usize,
    received: usize,
}

/// The remote host sent more than the limit.
#[derive(Debug, thiserror::Error)]
#[error("the host sent more than {0} bytes, TLS, headers and interim responses included")]
struct LimitExceeded(usize);

impl<S> LimitedStream<S> {
    /// Wraps a stream. Reading more than `limit` bytes fails.
    pub(super) fn new(stream: S, limit: usize) -> Self {
        Self { stream, limit, received: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LimitedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.received = self.received.saturating_add(buffer.filled().len().saturating_sub(before));
        if self.received > self.limit {
            return Poll::Ready(Err(io::Error::other(LimitExceeded(self.limit))));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LimitedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_byte_beyond_the_limit_is_an_error() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut limited = LimitedStream::new(near, 10);
        far.write_all(&[0; 10]).await.expect("written");
        let mut taken = [0; 10];
        limited.read_exact(&mut taken).await.expect("ten bytes");
        far.write_all(&[0]).await.expect("written");
        let error = limited.read_u8().await.expect_err("too many");
        assert!(error.to_string().contains("more than 10 bytes"), "{error}");
    }
}
