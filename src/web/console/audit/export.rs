//! Export of filtered events as a file, in JSON lines or CSV. Only one page of events is in memory
//! at a time.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use futures_util::stream;

use crate::admin::audit;
use crate::admin::audit::csv::Columns;
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::event::Event;
use crate::model::owner::Owner;
use crate::store::StoreError;
use crate::store::events::{EventFilter, Order};
use crate::web::console::audit::list;
use crate::web::console::page_parts::answer::{Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::sign_in::gate::SignedIn;

/// The number of events read at a time.
const PAGE_SIZE: u32 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Jsonl,
    Csv,
}

/// An error during the export. The browser reports a failed download.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// The state of an export.
struct Export {
    app: Arc<App>,
    filter: EventFilter,
    format: Format,
    is_begun: bool,
    is_complete: bool,
}

/// Downloads the events of the current filters, oldest first.
pub(in crate::web::console) async fn file(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::AuditRead)?;
    let query = Form::of_query(&request);
    query.only(&["format", "actor", "action", "subject", "owner", "since", "until"])?;
    let (format, kind, name) = match query.text("format") {
        None | Some("jsonl") => (Format::Jsonl, "application/x-ndjson", "audit.jsonl"),
        Some("csv") => (Format::Csv, "text/csv; charset=utf-8", "audit.csv"),
        Some(_) => return Err(ConsoleError::invalid("format: jsonl or csv")),
    };
    let mut filter = list::visible(&app, &signed_in, &query).await?;
    filter.after = Some(0);
    let export = Export { app, filter, format, is_begun: false, is_complete: false };
    let pages = stream::try_unfold(export, Export::next);
    let mut response = Response::new(Body::from_stream(pages));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::try_from(disposition);
    headers.extend(disposition.ok().map(|value| (CONTENT_DISPOSITION, value)));
    Ok(response)
}

impl Export {
    /// Returns the next part of the file; `None` at its end.
    async fn next(mut self) -> Result<Option<(Vec<u8>, Self)>, ExportError> {
        if self.is_complete {
            return Ok(None);
        }
        let store = &self.app.services.store;
        let events = store.find_events(&self.filter, Order::OldestFirst, PAGE_SIZE).await?;
        let mut text = Vec::new();
        if self.format == Format::Csv && !self.is_begun {
            text = audit::csv::header()?;
        }
        self.is_begun = true;
        match self.format {
            Format::Csv => text.extend(audit::csv::rows(events.iter().map(columns))?),
            Format::Jsonl => {
                for event in &events {
                    serde_json::to_writer(&mut text, event)?;
                    text.push(b'\n');
                }
            }
        }
        self.is_complete = events.len() < PAGE_SIZE as usize;
        self.filter.after = events.last().map(|event| event.sequence).or(self.filter.after);
        Ok(Some((text, self)))
    }
}

fn columns(event: &Event) -> Columns<'_> {
    let owner = |owner: &Option<Owner>| {
        Cow::Owned(owner.as_ref().map(Owner::to_string).unwrap_or_default())
    };
    [
        Cow::Owned(event.sequence.to_string()),
        Cow::Owned(event.at.to_string()),
        Cow::Borrowed(event.actor.as_str()),
        Cow::Borrowed(event.action.as_str()),
        Cow::Borrowed(event.subject.as_str()),
        owner(&event.owners.owner),
        owner(&event.owners.other_owner),
        Cow::Borrowed(event.detail.as_str()),
        Cow::Borrowed(event.previous_hash.as_str()),
        Cow::Borrowed(event.hash.as_str()),
    ]
}
