//! `/v1/audit-events`.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::admin::AdminError;
use crate::admin::audit::{self, VerificationResult};
use crate::app::App;
use crate::model::event::Event;
use crate::store::events::{EventFilter, Order};
use crate::web::management::Problem;
use crate::web::management::json::{Output, Page, Parameters, ok};

/// How many events a page has without a word on it, and at most.
const PAGE_SIZE: u32 = 100;
const MAX_PAGE_SIZE: u32 = 1_000;

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
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<Page<Event>>, Problem> {
    let limit = query.limit.unwrap_or(PAGE_SIZE);
    if !(1..=MAX_PAGE_SIZE).contains(&limit) {
        let text = format!("limit: 1 to {MAX_PAGE_SIZE}");
        return Err(Problem::bad_request("invalid_query", text));
    }
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
    let store = &app.services.store;
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
