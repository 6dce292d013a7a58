//! The audit log: changes as differences, and verification of the hash chain.

use std::collections::BTreeSet;

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use serde_json::Value;

use crate::admin::audit::{self, VerificationResult};
use crate::app::App;
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::event::{Event, Head};
use crate::model::owner::Owner;
use crate::model::time::Timestamp;
use crate::store::events::{EventFilter, Order};
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Badge, Time};
use crate::web::console::sign_in::gate::SignedIn;

/// The number of events per page.
const PAGE_SIZE: u32 = 50;

/// The maximum number of events that one request verifies.
const MAX_VERIFIED: u32 = 10_000;

/// The first and last time of a day, appended to its date.
const DAY_BEGINS: &str = "T00:00:00Z";
const DAY_ENDS: &str = "T23:59:59Z";

const PARAMETERS: [&str; 8] =
    ["actor", "action", "subject", "owner", "since", "until", "before", "verify"];

#[derive(Template)]
#[template(path = "console/audit/list.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<EventRow>,
    actor: String,
    action: String,
    subject: String,
    owner: String,
    since: String,
    until: String,
    chain: Option<Chain>,
    next: Option<String>,
    is_first: bool,
    is_filtered: bool,
    /// The query string of an export with the same filters.
    exported: String,
}

/// The result of verifying the chain.
struct Chain {
    badge: Badge,
    text: String,
}

pub(in crate::web::console) struct EventRow {
    pub(in crate::web::console) sequence: i64,
    pub(in crate::web::console) at: Time,
    pub(in crate::web::console) actor: String,
    pub(in crate::web::console) action: String,
    pub(in crate::web::console) subject: String,
    /// The page of the subject, if it has one.
    pub(in crate::web::console) path: Option<String>,
    pub(in crate::web::console) changes: Vec<Change>,
    /// The reason that the actor gave; may be empty.
    pub(in crate::web::console) reason: String,
    /// The remaining detail as JSON; empty if nothing remains.
    pub(in crate::web::console) detail: String,
}

pub(in crate::web::console) struct Change {
    pub(in crate::web::console) name: String,
    pub(in crate::web::console) before: String,
    pub(in crate::web::console) after: String,
}

impl EventRow {
    pub(in crate::web::console) fn of(event: &Event, signed_in: &SignedIn) -> Self {
        let mut detail: Value = serde_json::from_str(&event.detail).unwrap_or(Value::Null);
        let changes = changes(&mut detail);
        let reason = take_reason(&mut detail);
        let is_empty = detail.as_object().is_some_and(serde_json::Map::is_empty);
        let text = serde_json::to_string_pretty(&detail).unwrap_or_default();
        Self {
            sequence: event.sequence,
            at: Time::of(event.at, signed_in.now),
            actor: event.actor.clone(),
            action: event.action.clone(),
            subject: event.subject.clone(),
            path: path_of(&event.subject, signed_in),
            changes,
            reason,
            detail: if is_empty { String::new() } else { text },
        }
    }
}

impl EventRow {
    /// Returns the name of the subject. The action already shows its kind.
    pub(in crate::web::console) fn name(&self) -> &str {
        self.subject.split_once('/').map_or(&self.subject, |(_, name)| name)
    }
}

/// Returns the page of a subject, if the caller may open it.
fn path_of(subject: &str, signed_in: &SignedIn) -> Option<String> {
    let (scope, path) = match subject.split_once('/')? {
        ("client", id) => (Some(AdminScope::ClientsRead), shown::client_path(id)),
        ("resource", id) => (Some(AdminScope::ResourcesRead), shown::resource_path(id)),
        ("key", _) => (Some(AdminScope::KeysRead), "/console/signing-keys".to_owned()),
        ("grant-request", _) => {
            (Some(AdminScope::ClientsRead), "/console/grant-requests".to_owned())
        }
        ("console-session", _) => (None, "/console/sessions".to_owned()),
        _ => return None,
    };
    scope.is_none_or(|scope| signed_in.may(scope)).then_some(path)
}

/// Takes `was` and `is` out of the detail of an event.
fn changes(detail: &mut Value) -> Vec<Change> {
    let Some(members) = detail.as_object_mut() else { return Vec::new() };
    let mut take = |name: &str| match members.remove(name) {
        Some(Value::Object(values)) => values,
        Some(Value::Null) | None => serde_json::Map::new(),
        Some(other) => serde_json::Map::from_iter([(String::from("value"), other)]),
    };
    let (was, is) = (take("was"), take("is"));
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let text = |values: &serde_json::Map<String, Value>, name: &String| match values.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let change = |name: &String| Change {
        name: name.clone(),
        before: text(&was, name),
        after: text(&is, name),
    };
    let is_told = |change: &Change| {
        let is_empty = change.before.is_empty() && matches!(change.after.as_str(), "[]" | "{}");
        change.before != change.after && !is_empty
    };
    names.into_iter().map(change).filter(is_told).collect()
}

fn take_reason(detail: &mut Value) -> String {
    match detail.as_object_mut().and_then(|members| members.remove("reason")) {
        Some(Value::String(reason)) => reason,
        _ => String::new(),
    }
}

/// Shows a page of events, newest first.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::AuditRead)?;
    let query = Form::of_query(&request);
    query.only(&PARAMETERS)?;
    let store = &app.services.store;
    let filter = visible(&app, &signed_in, &query).await?;
    let found = store.find_events(&filter, Order::NewestFirst, PAGE_SIZE).await?;
    let last = found.last().filter(|_| found.len() == PAGE_SIZE as usize);
    let next =
        last.map(|last| format!("?{}", query.query_with("before", &last.sequence.to_string())));
    let chain = if query.has("verify") { Some(chain(&app).await?) } else { None };
    let page = AuditPage {
        frame: Frame::new(&signed_in, "Audit log", "/console/audit")
            .with_equivalent(equivalent(&query)),
        rows: found.iter().map(|event| EventRow::of(event, &signed_in)).collect(),
        actor: query.typed("actor"),
        action: query.typed("action"),
        subject: query.typed("subject"),
        owner: query.typed("owner"),
        since: query.typed("since"),
        until: query.typed("until"),
        chain,
        next,
        is_first: !query.has("before"),
        is_filtered: PARAMETERS[..6].iter().any(|name| query.has(name)),
        exported: query.query_of(&PARAMETERS[..6]),
    };
    answer::page(&page)
}

/// Returns the filter of a query, limited to the events that the caller may see.
pub(in crate::web::console) async fn visible(
    app: &App,
    signed_in: &SignedIn,
    query: &Form,
) -> Result<EventFilter, ConsoleError> {
    let mut filter = filter(query)?;
    if let Some(text) = query.text("subject") {
        let (store, principal) = (&app.services.store, &signed_in.principal);
        filter.subjects = audit::subjects_named(store, principal, text).await?;
    }
    Ok(audit::restrict_to_caller(&signed_in.principal, filter))
}

fn filter(query: &Form) -> Result<EventFilter, ConsoleError> {
    let texts = [query.text("actor"), query.text("subject")];
    if texts.into_iter().flatten().any(|text| text.contains(char::is_control)) {
        return Err(ConsoleError::invalid("Actor and subject have no control characters."));
    }
    let before = |text: &str| {
        text.parse().map_err(|_| Malformed::because("expected a sequence number, such as 1042"))
    };
    let owner = query.parsed("owner", Owner::parse)?;
    Ok(EventFilter {
        after: None,
        before: query.parsed("before", before)?,
        since: query.parsed("since", beginning_of_day)?,
        until: query.parsed("until", end_of_day)?,
        actors: query.text("actor").map(audit::actors).unwrap_or_default(),
        actions: query.text("action").map(audit::actions).transpose()?.unwrap_or_default(),
        subjects: Vec::new(),
        owners: owner.map(|owner| BTreeSet::from([owner])),
    })
}

fn beginning_of_day(text: &str) -> Result<Timestamp, Malformed> {
    Timestamp::parse(&format!("{text}{DAY_BEGINS}"))
}

fn end_of_day(text: &str) -> Result<Timestamp, Malformed> {
    Timestamp::parse(&format!("{text}{DAY_ENDS}"))
}

/// Verifies the beginning of the chain. An instance runs one verification at a time.
async fn chain(app: &App) -> Result<Chain, ConsoleError> {
    let Ok(_permit) = app.log_verification.try_acquire() else {
        let badge = Badge::new("warn", "busy");
        return Ok(Chain {
            badge,
            text: "Another request verifies the log. Try again.".to_owned(),
        });
    };
    let start = Head { sequence: 0, hash: String::new() };
    let found = audit::verify_part(&app.services.store, start, MAX_VERIFIED).await?;
    let good = Badge::new("good", "chain intact");
    Ok(match found {
        VerificationResult::Intact { events, hash } => {
            let events = shown::counted(events, "event", "events");
            Chain { badge: good, text: format!("{events} verified. The last hash is {hash}.") }
        }
        VerificationResult::Unfinished(head) => {
            let events = shown::counted(head.sequence, "event", "events");
            let text =
                format!("{events} verified, from the first on. tokend audit verify checks all.");
            Chain { badge: good, text }
        }
        VerificationResult::Broken { sequence, problem } => {
            let badge = Badge::new("bad", "chain broken");
            Chain { badge, text: format!("At event {sequence}: {problem}.") }
        }
    })
}

fn equivalent(query: &Form) -> Equivalent {
    if query.has("verify") {
        return Equivalent::new("tokend audit verify", "GET", "/v1/audit-events/verify", "");
    }
    let [since, until] = [("since", DAY_BEGINS), ("until", DAY_ENDS)]
        .map(|(name, time)| query.text(name).map(|day| format!("{day}{time}")));
    let filters = [
        ("--actor", "actor", query.text("actor")),
        ("--action", "action", query.text("action")),
        ("--subject", "subject", query.text("subject")),
        ("--owner", "owner", query.text("owner")),
        ("--since", "since", since.as_deref()),
        ("--until", "until", until.as_deref()),
    ];
    Equivalent::of_list("tokend audit list", "/v1/audit-events", &filters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_listed_member_by_member() {
        let mut detail = json!({
            "reason": "x",
            "was": { "state": "active", "n": 1 },
            "is": { "state": "disabled" },
        });
        let found = changes(&mut detail);
        let shown: Vec<_> = found
            .iter()
            .map(|it| (it.name.as_str(), it.before.as_str(), it.after.as_str()))
            .collect();
        assert_eq!(shown, [("n", "1", ""), ("state", "active", "disabled")]);
        assert_eq!(detail, json!({ "reason": "x" }));
    }
}
