//! Counts the requests of one connection: those that have begun, and those whose whole response
//! hyper has taken. The connection writes it, and its stream reads it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};

use crate::server::activity::Activity;

/// Number of requests of a connection that have begun and ended.
pub(super) struct RequestCounter {
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// Activity of the connection.
    pub(super) activity: Arc<Activity>,
}

impl RequestCounter {
    /// Creates the counter of a connection without requests.
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self { begun: AtomicUsize::new(0), ended: AtomicUsize::new(0), activity }
    }

    /// Counts a request that is about to be answered. `None` if the connection is being closed for
    /// another one, and the request must not be answered.
    pub(super) fn begin(self: &Arc<Self>) -> Option<OpenRequest> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let request = OpenRequest(self.clone());
        self.activity.begin_request().then_some(request)
    }

    /// True while a request has begun and not ended.
    pub(super) fn is_serving(&self) -> bool {
        self.begun() != self.ended()
    }

    /// Returns how many requests have begun.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Returns how many requests have ended.
    pub(super) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }
}

/// A request that has begun. Dropping it ends the request.
pub(super) struct OpenRequest(Arc<RequestCounter>);

impl OpenRequest {
    /// Returns the body of the response. It ends the request when hyper drops it.
    pub(super) fn answer(self, body: Body) -> AnswerBody {
        AnswerBody { body, _request: self }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Body of a response. hyper drops it once all of it is in hyper's write buffer.
pub(super) struct AnswerBody {
    body: Body,
    _request: OpenRequest,
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
