//! Delivery of a new secret before the change that makes it valid is committed.
//!
//! A command of this process first writes the secret to a file, so that it cannot be lost. An HTTP
//! caller has no such step; it repeats the request with the same `Idempotency-Key`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::admin::uncommitted::Pending;
use crate::web::api::Problem;
use crate::web::api::json::Output;

/// Receives the body of a response before the commit. Returns false if the delivery failed.
type Deliver = dyn Fn(Bytes) -> BoxFuture<'static, bool> + Send + Sync;

/// Receives the response of a change before the commit. Only [`super::InProcessApi`] adds one to a
/// request.
#[derive(Clone)]
pub struct Delivery(Arc<Deliver>);

impl Delivery {
    /// Creates a delivery from a function that receives the body of the response. If the function
    /// returns false, the change is not committed.
    pub fn new(
        deliver: impl Fn(Bytes) -> BoxFuture<'static, bool> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(deliver))
    }
}

/// Commits a change. If the request has a delivery, it runs first.
///
/// # Errors
/// The database error of the commit, or 500 if the delivery failed and nothing was changed.
pub(super) async fn commit<T, A: Serialize>(
    delivery: Option<Extension<Delivery>>,
    pending: Pending<T>,
    answer: Output<A>,
) -> Result<Output<A>, Problem> {
    if let Some(Extension(Delivery(deliver))) = delivery {
        let body = serde_json::to_vec(&answer.1);
        let body = body.map_err(|error| Problem::internal(&error.to_string()))?;
        if !deliver(body.into()).await {
            return Err(Problem::internal("the answer was not delivered"));
        }
    }
    pending.commit().await?;
    Ok(answer)
}
