//! `/v1/server`.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;

use crate::app::App;
use crate::web::management::Problem;
use crate::web::management::json::{Output, ok};

/// What this server is.
#[derive(Debug, Serialize)]
pub(super) struct ServerJson {
    version: &'static str,
    issuer: String,
    /// The id of this instance, new at each start.
    instance: String,
    database: &'static str,
    /// The sequence of the last event that this instance has applied.
    sequence: i64,
}

pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Output<ServerJson>, Problem> {
    Ok(ok(ServerJson {
        version: env!("CARGO_PKG_VERSION"),
        issuer: app.issuer.as_str().to_owned(),
        instance: app.services.instance.clone(),
        database: app.services.config.database.location.engine(),
        sequence: app.directory.published_sequence(),
    }))
}
