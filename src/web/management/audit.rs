//! `/v1/audit-events`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::admin::AdminError;
use crate::admin::audit::{self, VerificationResult};
use crate::app::App;
use crate::model::Malformed;
use crate::model::event::Event;
use crate::model::owner::Owner;
use crate::model::time::Timestamp;
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
    /// The owner of one side at that time.
    owner: Option<String>,
    /// The earliest time.
    since: Option<String>,
    /// The latest time.
    until: Option<String>,
    /// Only events after this sequence, oldest first.
    after: Option<i64>,
    /// How far the events after this page are counted, as `remaining`.
    count: Option<u32>,
}

/// A page of events.
#[derive(Debug, Serialize)]
pub(super) struct EventPage {
    #[serde(flatten)]
    page: Page<Event>,
    /// How many events follow, counted as far as `count` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<i64>,
}

/// The state of the chain of events.
#[derive(Debug, Default, Serialize)]
pub(super) struct Verification {
    is_intact: bool,
    /// How many events there are, if the chain is intact.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<i64>,
    /// The hash of the last event, which proves all before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    /// The sequence of the first event that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<EventPage>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let order = if query.after.is_some() { Order::OldestFirst } else { Order::NewestFirst };
    let store = &app.services.store;
    let mut filter = filter(&query)?;
    if let Some(text) = &query.subject {
        filter.subjects = audit::subjects_named(store, text).await?;
    }
    let data = store.find_events(&filter, order, limit).await;
    let data = data.map_err(AdminError::from)?;
    let last = data.last().filter(|_| data.len() == limit as usize);
    let next_cursor = last.map(|event| event.sequence.to_string());
    let remaining = match (query.count, last) {
        (None, _) => None,
        (Some(_), None) => Some(0),
        (Some(bound), Some(last)) => {
            let rest = audit::after_page(&filter, order, last);
            Some(store.count_events(&rest, bound).await.map_err(AdminError::from)?)
        }
    };
    Ok(ok(EventPage { page: Page { data, next_cursor }, remaining }))
}

fn filter(query: &ListQuery) -> Result<EventFilter, Problem> {
    let wrong = |name: &str, malformed: Malformed| {
        Problem::bad_request("invalid_query", format!("{name}: {malformed}"))
    };
    let texts = [&query.actor, &query.subject];
    if texts.into_iter().flatten().any(|text| text.chars().any(char::is_control)) {
        let text = "actor and subject have no control characters";
        return Err(Problem::bad_request("invalid_query", text));
    }
    let time = |name: &str, text: &Option<String>| {
        let time = text.as_deref().map(Timestamp::parse).transpose();
        time.map_err(|malformed| wrong(name, malformed))
    };
    let owner = query.owner.as_deref().map(Owner::parse).transpose();
    let owner = owner.map_err(|malformed| wrong("owner", malformed))?;
    let (after, before) = match query.after {
        Some(after) => (Some(query.cursor.unwrap_or(after)), None),
        None => (None, query.cursor),
    };
    Ok(EventFilter {
        after,
        before,
        since: time("since", &query.since)?,
        until: time("until", &query.until)?,
        actors: query.actor.as_deref().map(audit::actors).unwrap_or_default(),
        actions: query.action.as_deref().map(audit::actions).transpose()?.unwrap_or_default(),
        subjects: Vec::new(),
        owners: owner.map(|owner| BTreeSet::from([owner])),
    })
}

pub(super) async fn verify(State(app): State<Arc<App>>) -> Result<Output<Verification>, Problem> {
    Ok(ok(match audit::verify(&app.services.store).await? {
        VerificationResult::Broken { sequence, problem } => {
            let (broken_at, problem) = (Some(sequence), Some(problem));
            Verification { broken_at, problem, ..Verification::default() }
        }
        VerificationResult::Intact { events, hash } => {
            let (events, hash) = (Some(events), Some(hash));
            Verification { is_intact: true, events, hash, ..Verification::default() }
        }
    }))
}
