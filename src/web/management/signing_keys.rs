//! `/v1/signing-keys`: the keys that tokens are signed with; never their private halves.

use std::sync::Arc;

use axum::extract::{Path, State};

use crate::admin::ObjectKind;
use crate::admin::signing_key::{self, ShownSigningKey};
use crate::app::App;
use crate::model::signing_key::KeyId;
use crate::web::management::Problem;
use crate::web::management::json::{Output, Page, ok};

pub(super) async fn list(
    State(app): State<Arc<App>>,
) -> Result<Output<Page<ShownSigningKey>>, Problem> {
    let services = &app.services;
    let now = services.clock.now();
    let data = signing_key::list(&services.store, now, services.keep_seconds()).await?;
    Ok(ok(Page { data, next_cursor: None }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(kid): Path<String>,
) -> Result<Output<ShownSigningKey>, Problem> {
    let kid = KeyId::parse(&kid).map_err(|_| Problem::absent(ObjectKind::SigningKey, &kid))?;
    let services = &app.services;
    let (now, keep_seconds) = (services.clock.now(), services.keep_seconds());
    Ok(ok(signing_key::show(&services.store, now, keep_seconds, kid.as_str()).await?))
}
