//! `/v1/rejections`: why a request of a client was rejected.

use std::sync::Arc;

use axum::extract::{Path, State};

use crate::admin::{AdminError, ObjectKind};
use crate::app::App;
use crate::model::rejection::RejectionRecord;
use crate::model::untrusted_text;
use crate::web::management::Problem;
use crate::web::management::json::{Output, ok};

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(request_id): Path<String>,
) -> Result<Output<RejectionRecord>, Problem> {
    let unknown =
        || AdminError::not_found(ObjectKind::Rejection, untrusted_text::escape(&request_id));
    // Not every text can be asked for: Postgres takes no zero byte.
    if !request_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(unknown().into());
    }
    let found = app.services.store.rejection(&request_id).await.map_err(AdminError::from)?;
    Ok(ok(found.ok_or_else(unknown)?))
}
