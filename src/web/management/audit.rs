//! `/v1/audit-events`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::admin::audit::{self, VerificationResult};
use crate::admin::{AdminError, Principal};
use crate::app::App;
use crate::model::event::Event;
use crate::store::events::{EventFilter, Order};
use crate::web::management::Problem;
use crate::web::management::json::{Output, Page, Parameters, ok, page_size};

/// How many events a page has without a word on it.
const PAGE_SIZE: u32 = 100;

/// Which events a list holds, newest first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u32>,
    /// The sequence of the last event of the page before.
    cursor: Option<i64>,
    actor: Option<String>,
    action: Option<String>,
    subject: Option<String>,
}

/// The state of the chain of events.
#[derive(Debug, Serialize)]
pub(super) struct Verification {
    is_intact: bool,
    /// The sequence of the first event that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<Page<Event>>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let texts = [&query.actor, &query.subject];
    if texts.into_iter().flatten().any(|text| text.chars().any(char::is_control)) {
        let text = "actor and subject have no control characters";
        return Err(Problem::bad_request("invalid_query", text));
    }
    let filter = EventFilter {
        before: query.cursor,
        actors: query.actor.as_deref().map(audit::actors).unwrap_or_default(),
        actions: query.action.as_deref().map(audit::actions).transpose()?.unwrap_or_default(),
        subjects: query.subject.as_deref().map(audit::subjects).unwrap_or_default(),
        ..EventFilter::default()
    };
    let (store, filter) = (&app.services.store, audit::visible(&principal, filter));
    let data = store.find_events(&filter, Order::NewestFirst, limit).await;
    let data = data.map_err(AdminError::from)?;
    let last = data.last().filter(|_| data.len() == limit as usize);
    let next_cursor = last.map(|event| event.sequence.to_string());
    Ok(ok(Page { data, next_cursor }))
}

pub(super) async fn verify(State(app): State<Arc<App>>) -> Result<Output<Verification>, Problem> {
    Ok(ok(match audit::verify(&app.services.store).await? {
        VerificationResult::Broken { sequence, problem } => {
            Verification { is_intact: false, broken_at: Some(sequence), problem: Some(problem) }
        }
        VerificationResult::Intact { .. } => {
            Verification { is_intact: true, broken_at: None, problem: None }
        }
    }))
}
