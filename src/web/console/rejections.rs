//! Rejected requests: the list, and the explanation of a rejection with its remedy.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};

use crate::admin::rejection::MAX_SEARCH_CHARS;
use crate::admin::rejection::{self, Candidates};
use crate::admin::{AdminError, ObjectKind};
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::rejection::RejectionRecord;
use crate::model::time::Timestamp;
use crate::remedies;
use crate::store::rejections::{RejectionFilter, RejectionPosition};
use crate::text::shell::quote;
use crate::web::api::Problem;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Time};
use crate::web::console::sign_in::gate::SignedIn;

/// The number of rejections per page.
const PAGE_SIZE: u32 = 50;

#[derive(Template)]
#[template(path = "console/rejections.html")]
struct RejectionsPage {
    frame: Frame,
    rows: Vec<RejectionRow>,
    request_id: String,
    client: String,
    reason: String,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

pub(super) struct RejectionRow {
    pub(super) path: String,
    pub(super) at: Time,
    pub(super) status: u16,
    pub(super) error: String,
    pub(super) client: String,
    pub(super) client_path: Option<String>,
    pub(super) address: String,
    pub(super) reason: String,
    pub(super) fix: String,
}

impl RejectionRow {
    pub(super) fn of(found: &RejectionRecord, now: Timestamp) -> Self {
        let client = found.client_id.as_deref();
        Self {
            path: format!("/console/rejections/{}", shown::segment(&found.request_id)),
            at: Time::of(found.at, now),
            status: found.status,
            error: found.error.clone(),
            client: client.unwrap_or_default().to_owned(),
            client_path: client.map(shown::client_path),
            address: found.address.clone(),
            reason: found.reason.clone(),
            fix: found
                .remedy
                .as_ref()
                .map(|remedy| remedies::of_rejection(remedy, client))
                .unwrap_or_default(),
        }
    }
}

/// Shows a page of rejections, newest first. A request id redirects to its explanation.
pub(super) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::ClientsRead)?;
    let query = Form::of_query(&request);
    query.only(&["request", "client", "reason", "after"])?;
    if let Some(id) = query.text("request") {
        return Ok(answer::see_other(&format!("/console/rejections/{}", shown::segment(id))));
    }
    let reason = query.text("reason");
    let is_wrong =
        |text: &str| text.chars().count() > MAX_SEARCH_CHARS || text.contains(char::is_control);
    if reason.is_some_and(is_wrong) {
        return Err(ConsoleError::invalid(format!(
            "reason: at most {MAX_SEARCH_CHARS} characters, no control characters"
        )));
    }
    let filter = RejectionFilter {
        client_id: query.parsed("client", ClientId::parse)?,
        reason: reason.map(str::to_owned),
        after: query.parsed("after", position)?,
        ..RejectionFilter::default()
    };
    let filter = rejection::restrict_to_caller(&signed_in.principal, filter);
    // This instance may have buffered a rejection just now.
    app.write_rejections().await?;
    let found = app.services.store.rejections(&filter, PAGE_SIZE).await?;
    let last = found.last().filter(|_| found.len() == PAGE_SIZE as usize);
    let next = last.map(|last| format!("{}.{}", last.at.0, last.request_id));
    let filters = [
        ("--client", "client_id", query.text("client")),
        ("--reason", "reason", query.text("reason")),
    ];
    let equivalent = Equivalent::of_list("tokend rejections list", "/v1/rejections", &filters);
    answer::page(&RejectionsPage {
        frame: Frame::new(&signed_in, "Rejections", "/console/rejections")
            .with_equivalent(equivalent),
        rows: found.iter().map(|found| RejectionRow::of(found, signed_in.now)).collect(),
        request_id: String::new(),
        client: query.typed("client"),
        reason: query.typed("reason"),
        is_filtered: query.has("client") || query.has("reason"),
        is_first: !query.has("after"),
        next: next.map(|next| format!("?{}", query.query_with("after", &next))),
    })
}

/// Parses a cursor: the time and the request id of the last rejection of a page.
fn position(text: &str) -> Result<RejectionPosition, Malformed> {
    let parts = text.split_once('.').and_then(|(at, request_id)| {
        let at = at.parse().ok().filter(|_| RejectionRecord::is_request_id(request_id))?;
        Some(RejectionPosition { at: Timestamp(at), request_id: request_id.to_owned() })
    });
    parts.ok_or_else(|| Malformed::because("it is the place of a page before"))
}

#[derive(Template)]
#[template(path = "console/rejection.html")]
struct RejectionPage {
    frame: Frame,
    id: String,
    row: RejectionRow,
    suffix: String,
    secret_of: Vec<Link>,
    named_like: Vec<Link>,
}

/// A client that the rejection may concern.
struct Link {
    name: String,
    path: String,
}

pub(super) async fn one(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    signed_in.require(AdminScope::ClientsRead)?;
    if !RejectionRecord::is_request_id(&id) {
        return Err(Problem::absent(ObjectKind::Rejection, &id).into());
    }
    let store = &app.services.store;
    if store.rejection(&id).await?.is_none() {
        app.write_rejections().await.map_err(AdminError::from)?;
    }
    let found = rejection::show(store, &signed_in.principal, &id).await?;
    let candidates = rejection::candidates(store, &signed_in.principal, &found).await?;
    let Candidates { secret_of, named_like } = candidates;
    let link = |id: &ClientId| Link { name: id.to_string(), path: shown::client_path(id.as_str()) };
    let command = format!("tokend explain {}", quote(&id));
    let equivalent = Equivalent::new(command, "GET", &format!("/v1/rejections/{id}"), "");
    answer::page(&RejectionPage {
        frame: Frame::new(&signed_in, "Rejected request", "/console/rejections")
            .with_equivalent(equivalent),
        row: RejectionRow::of(&found, signed_in.now),
        suffix: found.suffix.clone().unwrap_or_default(),
        secret_of: secret_of.iter().map(link).collect(),
        named_like: named_like.iter().map(link).collect(),
        id,
    })
}
