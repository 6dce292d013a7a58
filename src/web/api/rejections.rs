//! `/v1/rejections`: rejected requests of clients and their reasons.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::rejection::MAX_SEARCH_CHARS;
use crate::admin::rejection::{self, Candidates};
use crate::admin::{AdminError, ObjectKind, Principal};
use crate::app::App;
use crate::model::client::ClientId;
use crate::model::rejection::RejectionRecord;
use crate::model::time::Timestamp;
use crate::remedies;
use crate::store::rejections::{RejectionFilter, RejectionPosition};
use crate::web::api::Problem;
use crate::web::api::json::{Output, Parameters, ok, page_size, parsed_parameter, text_parameter};
use crate::web::api::page::Page;

/// The default number of rejections per page.
const PAGE_SIZE: u32 = 100;

/// Which rejections a list holds, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The maximum number of objects on a page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Only rejections of this client.
    #[param(value_type = Option<ClientId>, inline)]
    client_id: Option<String>,
    /// Only rejections at this time or later.
    #[param(value_type = Option<Timestamp>, inline)]
    since: Option<String>,
    /// Only rejections at this time or earlier.
    #[param(value_type = Option<Timestamp>, inline)]
    until: Option<String>,
    /// The exact error code, or a part of the reason.
    #[param(min_length = 1, max_length = 100)]
    reason: Option<String>,
    /// Counts the rejections after this page up to this number, as `remaining`.
    count: Option<u32>,
}

/// An alias without type parameters, because the `ToSchema` derive does not resolve them.
type Rejections = Page<RejectionRecord>;

/// A page of rejections.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RejectionPage {
    #[serde(flatten)]
    page: Rejections,
    /// The number of rejections that follow, up to `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    remaining: Option<i64>,
}

/// A rejection, and the clients that it may be about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExplainedRejection)]
pub(super) struct Explanation {
    #[serde(flatten)]
    rejection: RejectionRecord,
    #[serde(flatten)]
    candidates: Candidates,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<RejectionPage>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let reason =
        query.reason.as_deref().map(|text| text_parameter("reason", text, MAX_SEARCH_CHARS));
    let filter = RejectionFilter {
        owners: None,
        client_id: parsed_parameter("client_id", query.client_id, ClientId::parse)?,
        since: parsed_parameter("since", query.since, Timestamp::parse)?,
        until: parsed_parameter("until", query.until, Timestamp::parse)?,
        reason: reason.transpose()?.map(str::to_owned),
        after: query.cursor.as_deref().map(position).transpose()?,
    };
    let (store, filter) = (&app.services.store, rejection::restrict_to_caller(&principal, filter));
    let data = store.rejections(&filter, limit).await.map_err(AdminError::from)?;
    let last = data.last().filter(|_| data.len() == limit as usize);
    let next_cursor = last.map(|last| format!("{}.{}", last.at.0, last.request_id));
    let remaining = match (query.count, last) {
        (None, _) => None,
        (Some(_), None) => Some(0),
        (Some(bound), Some(last)) => {
            let (at, request_id) = (last.at, last.request_id.clone());
            let rest =
                RejectionFilter { after: Some(RejectionPosition { at, request_id }), ..filter };
            let count = store.count_rejections(&rest).await.map_err(AdminError::from)?;
            Some(count.min(bound.into()))
        }
    };
    let data = data.into_iter().map(with_text).collect();
    Ok(ok(RejectionPage { page: Page::new(data, next_cursor), remaining }))
}

/// Parses a cursor: the time and the request id of the last rejection of a page.
fn position(cursor: &str) -> Result<RejectionPosition, Problem> {
    let read = || {
        let (at, request_id) = cursor.split_once('.')?;
        let is_id = RejectionRecord::is_request_id(request_id);
        let at = at.parse().ok().filter(|_| is_id)?;
        Some(RejectionPosition { at: Timestamp(at), request_id: request_id.to_owned() })
    };
    read().ok_or_else(|| {
        let text = "cursor: next_cursor of the page before is expected";
        Problem::bad_request("invalid_query", text)
    })
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(request_id): Path<String>,
) -> Result<Output<Explanation>, Problem> {
    // Postgres rejects some texts, such as one with a zero byte.
    if !RejectionRecord::is_request_id(&request_id) {
        return Err(Problem::absent(ObjectKind::Rejection, &request_id));
    }
    let store = &app.services.store;
    if store.rejection(&request_id).await.map_err(AdminError::from)?.is_none() {
        // This instance may have buffered it just now.
        app.write_rejections().await.map_err(AdminError::from)?;
    }
    let rejection = rejection::show(store, &principal, &request_id).await?;
    let candidates = rejection::candidates(store, &principal, &rejection).await?;
    Ok(ok(Explanation { rejection: with_text(rejection), candidates }))
}

/// Converts the remedy to a text for people, as the console shows it.
fn with_text(rejection: RejectionRecord) -> RejectionRecord {
    let client = rejection.client_id.as_deref();
    let remedy = rejection.remedy.as_ref();
    let remedy = remedy.map(|remedy| remedies::of_rejection(remedy, client).into());
    RejectionRecord { remedy, ..rejection }
}
