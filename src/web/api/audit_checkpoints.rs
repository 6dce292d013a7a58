//! `/v1/audit-checkpoints` and `/v1/audit-keys`: signed checkpoints of the audit log, and the key
//! set that verifies them. It differs from the key set of tokens.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::admin::{AdminError, Principal, audit};
use crate::app::App;
use crate::model::checkpoint::Checkpoint;
use crate::model::time::Timestamp;
use crate::web::api::Problem;
use crate::web::api::json::{Output, Parameters, created, ok, page_size};
use crate::web::api::page::Page;

/// The default number of checkpoints per page.
const PAGE_SIZE: u32 = 100;

/// Which checkpoints a list holds, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The maximum number of objects on a page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the previous page.
    cursor: Option<i64>,
}

/// A signed checkpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditCheckpoint)]
pub(super) struct CheckpointJson {
    /// The event that it names.
    #[schema(examples(41))]
    sequence: i64,
    /// The hash of that event.
    #[schema(examples("Uo8BQEUcxPLUWm3Q1dvFLzM4e7X4GDVbdm9y3nZsQn0"))]
    hash: String,
    /// When it was signed.
    signed_at: Timestamp,
    /// True if the events up to this one were removed because of their age: the log begins here.
    is_anchor: bool,
    /// The checkpoint: a JWT of type `audit-checkpoint+jwt` with `iss`, `iat`, `sequence` and
    /// `hash`.
    #[schema(examples("eyJ0eXAiOiJhdWRpdC1jaGVja3BvaW50K2p3dCIsImFsZyI6IkVTMjU2Iiwia2lkIjoi…"))]
    jws: String,
}

impl From<Checkpoint> for CheckpointJson {
    fn from(checkpoint: Checkpoint) -> Self {
        let Checkpoint { head, jws, signed_at, anchored_at } = checkpoint;
        let is_anchor = anchored_at.is_some();
        Self { sequence: head.sequence, hash: head.hash, signed_at, is_anchor, jws }
    }
}

/// The public audit keys (RFC 7517, section 5).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditKeySet)]
pub(super) struct KeySetJson {
    /// The keys, the newest first.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Value>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<Page<CheckpointJson>>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let found = app.services.store.checkpoints(query.cursor, limit).await;
    let found = found.map_err(AdminError::from)?;
    let last = found.last().filter(|_| found.len() == limit as usize);
    let next_cursor = last.map(|last| last.head.sequence.to_string());
    let data = found.into_iter().map(CheckpointJson::from).collect();
    Ok(ok(Page::new(data, next_cursor)))
}

/// Signs a checkpoint at the end of the log. A repetition signs it again.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
) -> Result<Output<CheckpointJson>, Problem> {
    let issuer = app.issuer.as_str();
    let made = audit::checkpoint::create(&app.services, &principal, issuer).await?;
    Ok(created(made.into()))
}

pub(super) async fn keys(State(app): State<Arc<App>>) -> Result<Output<KeySetJson>, Problem> {
    Ok(ok(KeySetJson { keys: audit::checkpoint::key_set(&app.services.store).await? }))
}
