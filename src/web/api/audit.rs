//! `/v1/audit-events`: queries of the audit log, and verification of its hash chain.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::audit::{self, VerificationResult};
use crate::admin::{AdminError, Principal};
use crate::app::App;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::{Event, Head};
use crate::model::owner::Owner;
use crate::model::time::Timestamp;
use crate::store::Store;
use crate::store::events::{EventFilter, Order};
use crate::web::api::json::{Output, Parameters, ok, page_size, parsed_parameter, wrong_parameter};
use crate::web::api::openapi::{Answer, Description};
use crate::web::api::page::Page;
use crate::web::api::{Problem, audit_stream};

/// The example of a stream in the `OpenAPI` document.
const STREAM_EXAMPLE: &str = "\
id: 1042
data: {\"sequence\":1042,\"actor\":\"client:ops\",\"action\":\"client.created\",\"subject\":\"client/acme\",…}

event: end
data: {\"type\":\"about:blank\",\"status\":401,\"code\":\"invalid_token\",…}
";

/// The default number of events per page.
const PAGE_SIZE: u32 = 100;

/// The default number of events that one request verifies.
const PART_SIZE: u32 = 10_000;

/// Which events a list holds, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The maximum number of objects on a page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the previous page.
    cursor: Option<i64>,
    /// Only events of this actor, such as `client:ops` or `cli:ana`.
    actor: Option<String>,
    /// Only events with this action, such as `client.created`, or of a group, such as `client`.
    action: Option<String>,
    /// Only events about this object, such as `client/acme`, or `acme` for every kind of object.
    subject: Option<String>,
    /// Only events about an object that this owner had at that time.
    #[param(value_type = Option<Owner>, inline)]
    owner: Option<String>,
    /// Only events at this time or later, in RFC 3339.
    #[param(value_type = Option<Timestamp>, inline)]
    since: Option<String>,
    /// Only events at this time or earlier, in RFC 3339.
    #[param(value_type = Option<Timestamp>, inline)]
    until: Option<String>,
    /// Only events after this sequence, oldest first.
    after: Option<i64>,
    /// Counts the events after this page up to this number, as `remaining`.
    count: Option<u32>,
    /// True for a stream of new events, in order.
    #[serde(default)]
    follow: bool,
}

/// An alias without type parameters, because the `ToSchema` derive does not resolve them.
type Events = Page<Event>;

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventPage {
    #[serde(flatten)]
    page: Events,
    /// The number of events that follow, up to `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    remaining: Option<i64>,
}

/// Which part of the chain is checked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VerifyQuery {
    /// The maximum number of events to check.
    #[param(minimum = 1)]
    limit: Option<u32>,
    /// `SEQUENCE:HASH` of the last event before the part.
    cursor: Option<String>,
}

/// The state of a part of the hash chain.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChainVerification)]
pub(super) struct Verification {
    /// True if every event of the part fits. If `next_cursor` is `null` and the first part began
    /// without a cursor, the whole chain is intact.
    #[schema(examples(true))]
    is_intact: bool,
    /// `SEQUENCE:HASH` of the last checked event. Stored elsewhere, it proves later that the events
    /// up to it were not rewritten.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        examples("41:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    )]
    verified_until: Option<String>,
    /// `SEQUENCE:HASH` of the signed checkpoint at which the log begins; absent if it begins with
    /// its first event. Earlier events were removed because of their age.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    begins_after: Option<String>,
    /// The sequence of the first event that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    broken_at: Option<i64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<&'static str>,
    /// The `cursor` of the next request; `null` at the end of the chain.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Parameters(query): Parameters<ListQuery>,
    request: Request,
) -> Result<PageOrStream, Problem> {
    let mut filter = query.filter()?;
    let store = &app.services.store;
    if let Some(text) = &query.subject {
        filter.subjects = audit::subjects_named(store, &principal, text).await?;
    }
    if query.follow {
        let has_pages = query.limit.is_some() || query.cursor.is_some() || query.count.is_some();
        if has_pages || query.after.is_some() || query.until.is_some() {
            let text = "follow: a stream has no pages, so it takes no limit, cursor, count, after \
                        and until";
            return Err(Problem::bad_request("invalid_query", text));
        }
        return audit_stream::open(app, &principal, request, filter).await.map(PageOrStream);
    }
    Ok(PageOrStream(page(&app, &principal, &query, filter).await?.into_response()))
}

async fn page(
    app: &App,
    principal: &Principal,
    query: &ListQuery,
    filter: EventFilter,
) -> Result<Output<EventPage>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let order = if query.after.is_some() { Order::OldestFirst } else { Order::NewestFirst };
    let store = &app.services.store;
    if let Some(after) = filter.after {
        require_complete(store, after).await?;
    }
    let filter = audit::restrict_to_caller(principal, filter);
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
    Ok(ok(EventPage { page: Page::new(data, next_cursor), remaining }))
}

/// Rejects a position after which events were removed for their age. A caller that resumes there
/// would miss them without notice. 0 is the beginning of the log.
pub(super) async fn require_complete(store: &Store, after: i64) -> Result<(), Problem> {
    if after <= 0 {
        return Ok(());
    }
    let anchor = store.audit_anchor().await.map_err(AdminError::from)?;
    match anchor.map(|anchor| anchor.head.sequence).filter(|until| after < *until) {
        None => Ok(()),
        Some(until) => {
            let text = format!(
                "The events until {until} were removed for their age, so those after {after} are \
                 not complete. Continue after {until}."
            );
            Err(Problem::new(StatusCode::CONFLICT, "events_removed", text))
        }
    }
}

/// A page of events, or an event stream.
pub(super) struct PageOrStream(Response);

impl IntoResponse for PageOrStream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for PageOrStream {
    fn describe(description: &mut Description) {
        description.answers_with::<EventPage>("application/json");
        description.answers_text("text/event-stream", STREAM_EXAMPLE);
        // 422: the action does not exist.
        description.fails_with([406, 409, 422, 429]);
    }
}

impl ListQuery {
    fn filter(&self) -> Result<EventFilter, Problem> {
        let texts = [&self.actor, &self.subject];
        if texts.into_iter().flatten().any(|text| text.chars().any(char::is_control)) {
            let text = "actor and subject have no control characters";
            return Err(Problem::bad_request("invalid_query", text));
        }
        let time = |name: &str, text: &Option<String>| {
            parsed_parameter(name, text.clone(), Timestamp::parse)
        };
        let owner = parsed_parameter("owner", self.owner.clone(), Owner::parse)?;
        let (after, before) = match self.after {
            Some(after) => (Some(self.cursor.unwrap_or(after)), None),
            None => (None, self.cursor),
        };
        Ok(EventFilter {
            after,
            before,
            since: time("since", &self.since)?,
            until: time("until", &self.until)?,
            actors: self.actor.as_deref().map(audit::actors).unwrap_or_default(),
            actions: self.action.as_deref().map(audit::actions).transpose()?.unwrap_or_default(),
            subjects: Vec::new(),
            owners: owner.map(|owner| BTreeSet::from([owner])),
        })
    }
}

/// Verifies a part of the chain. Callers follow `next_cursor` to verify a chain of any length. An
/// instance runs one verification at a time, because several would overload the database.
pub(super) async fn verify(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<VerifyQuery>,
) -> Result<Output<Verification>, Problem> {
    let limit = query.limit.unwrap_or(PART_SIZE);
    if !(1..=audit::MAX_PART).contains(&limit) {
        return Err(wrong_parameter("limit", format!("1 to {}", audit::MAX_PART)));
    }
    let place = app.log_verification.try_acquire();
    let _place = place.map_err(|_| Problem::verification_in_progress())?;
    let beginning = Head { sequence: 0, hash: String::new() };
    let start = parsed_parameter("cursor", query.cursor, Head::parse)?.unwrap_or(beginning);
    let store = &app.services.store;
    let found = audit::verify_part(store, start, limit).await?;
    let anchor = store.audit_anchor().await.map_err(AdminError::from)?;
    let begins_after =
        anchor.map(|Checkpoint { head: Head { sequence, hash }, .. }| format!("{sequence}:{hash}"));
    let unbroken = |sequence, hash: &str| Verification {
        is_intact: true,
        verified_until: Some(format!("{sequence}:{hash}")),
        begins_after: begins_after.clone(),
        broken_at: None,
        problem: None,
        next_cursor: None,
    };
    Ok(ok(match found {
        VerificationResult::Intact { events, hash } => unbroken(events, &hash),
        VerificationResult::Unfinished(Head { sequence, hash }) => {
            let found = unbroken(sequence, &hash);
            Verification { next_cursor: found.verified_until.clone(), ..found }
        }
        VerificationResult::Broken { sequence, problem } => Verification {
            is_intact: false,
            verified_until: None,
            begins_after: begins_after.clone(),
            broken_at: Some(sequence),
            problem: Some(problem),
            next_cursor: None,
        },
    }))
}
