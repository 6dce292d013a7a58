//! `/v1/rejections`: why requests of clients were rejected.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

use crate::admin::ObjectKind;
use crate::admin::rejection::{self, Explanation, Rejections};
use crate::app::App;
use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::rejection::RejectionRecord;
use crate::model::time::Timestamp;
use crate::store::rejections::RejectionFilter;
use crate::web::management::Problem;
use crate::web::management::json::{Output, Page, Parameters, ok, page_size};

/// How many rejections a page has if the request does not say it.
const PAGE_SIZE: u32 = 100;

/// The longest part of a reason that is searched for.
const MAX_REASON_CHARS: usize = 200;

/// Which rejections a list holds, newest first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u32>,
    /// The time and the id of the last rejection of the page before.
    cursor: Option<String>,
    /// The client that the request named.
    client: Option<String>,
    since: Option<String>,
    until: Option<String>,
    /// The error code, or a part of the reason.
    reason: Option<String>,
}

/// A page of rejections.
#[derive(Debug, Serialize)]
pub(super) struct RejectionPage {
    #[serde(flatten)]
    page: Page<RejectionRecord>,
    /// How many older ones there are.
    remaining: i64,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<RejectionPage>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let filter = filter(query)?;
    let Rejections { newest, older } = rejection::list(&app.services.store, &filter, limit).await?;
    let last = newest.last().filter(|_| older > 0);
    let next_cursor = last.map(|last| format!("{}:{}", last.at.0, last.request_id));
    Ok(ok(RejectionPage { page: Page { data: newest, next_cursor }, remaining: older }))
}

fn filter(query: ListQuery) -> Result<RejectionFilter, Problem> {
    let wrong = |name: &str, what: &dyn std::fmt::Display| {
        Problem::bad_request("invalid_query", format!("{name}: {what}"))
    };
    let time = |name: &str, text: Option<String>| {
        let time = text.as_deref().map(Timestamp::parse).transpose();
        time.map_err(|malformed: Malformed| wrong(name, &malformed))
    };
    let client = query.client.as_deref().map(ClientId::parse).transpose();
    let place = |cursor: String| {
        let (at, id) = cursor.split_once(':')?;
        RejectionRecord::is_request_id(id).then_some((Timestamp(at.parse().ok()?), id.to_owned()))
    };
    let after = match query.cursor {
        Some(cursor) => {
            Some(place(cursor).ok_or_else(|| wrong("cursor", &"it is not one of a page"))?)
        }
        None => None,
    };
    let is_searchable = |text: &String| {
        text.chars().count() <= MAX_REASON_CHARS && !text.contains(char::is_control)
    };
    if !query.reason.iter().all(is_searchable) {
        let limit = format!("at most {MAX_REASON_CHARS} characters, no control characters");
        return Err(wrong("reason", &limit));
    }
    Ok(RejectionFilter {
        client_id: client.map_err(|malformed| wrong("client", &malformed))?,
        since: time("since", query.since)?,
        until: time("until", query.until)?,
        reason: query.reason,
        after,
    })
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(request_id): Path<String>,
) -> Result<Output<Explanation>, Problem> {
    let unknown = || Problem::absent(ObjectKind::Rejection, &request_id);
    // Not every text can be asked for: Postgres takes no zero byte.
    if !request_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(unknown());
    }
    let found = rejection::explain(&app.services.store, &request_id).await?;
    Ok(ok(found.ok_or_else(unknown)?))
}
