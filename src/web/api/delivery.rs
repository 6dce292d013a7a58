//! The delivery of a new secret before the commit of the change that makes it valid.
//!
//! A command of this process writes the secret to its file first, so that it is never lost. A caller
//! over HTTP has no such step: it repeats the request with the same `Idempotency-Key`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::admin::uncommitted::Pending;
use crate::web::api::Problem;
use crate::web::api::json::Output;

/// Takes the body of an answer before the commit; false if it could not be delivered.
type Deliver = dyn Fn(Bytes) -> BoxFuture<'static, bool> + Send + Sync;

/// What receives the answer of a change before its commit. Only [`super::InProcessApi`] gives a
/// request one.
#[derive(Clone)]
pub struct Delivery(Arc<Deliver>);

impl Delivery {
    /// A delivery by this function. It gets the body of the answer, and says whether it has
    /// delivered it: if not, the change is not made.
    pub fn new(
        deliver: impl Fn(Bytes) -> BoxFuture<'static, bool> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(deliver))
    }
}

/// Commits a change after its answer was delivered, if the request has a delivery.
///
/// # Errors
/// What the database says. Nothing was changed if the answer could not be delivered.
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
