//! The requests of one connection: how many have begun, and how many have an answer that hyper has
//! taken as a whole. The connection writes it, its stream reads it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};

use crate::server::activity::Activity;

/// How many requests of a connection have begun and ended.
pub(super) struct RequestCounter {
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// What the connection is doing.
    pub(super) activity: Arc<Activity>,
}

impl RequestCounter {
    /// A connection without a request.
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self { begun: AtomicUsize::new(0), ended: AtomicUsize::new(0), activity }
    }

    /// Notes that a request is answered from now on; `None` if the connection is being closed for
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

    /// How many have begun.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// How many have ended.
    pub(super) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }
}

/// A request that has begun; dropping it ends it.
pub(super) struct OpenRequest(Arc<RequestCounter>);

impl OpenRequest {
    /// The body of the answer, which ends the request when hyper has no more use for it.
    pub(super) fn answer(self, body: Body) -> AnswerBody {
        AnswerBody { body, _request: self }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// The body of an answer. hyper drops it when all of it is in the buffer that hyper writes from.
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
