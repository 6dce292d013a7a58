//! `/v1/rejections`: why a request of a client was rejected.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};

use crate::admin::{ObjectKind, Principal, rejection};
use crate::app::App;
use crate::model::rejection::RejectionRecord;
use crate::web::management::Problem;
use crate::web::management::json::{Output, ok};

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(request_id): Path<String>,
) -> Result<Output<RejectionRecord>, Problem> {
    // Not every text can be asked for: Postgres takes no zero byte.
    if !request_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Problem::absent(ObjectKind::Rejection, &request_id));
    }
    Ok(ok(rejection::show(&app.services.store, &principal, &request_id).await?))
}
