//! `GET /v1/audit-events?follow=true`: new events of the audit log as server-sent events.
//!
//! The task that follows the event log wakes all streams. Each stream reads its events from the
//! database in pages, at the pace of its caller. So a slow caller costs one page of memory. The
//! rights of the caller are checked again before each page. An instance therefore sends no event
//! that is later than the loss of a right.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as SentEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;

use crate::admin::{AdminError, Principal, audit};
use crate::app::App;
use crate::app::event_streams::{
    MAX_STREAMS, MAX_STREAMS_PER_CALLER, StreamPermit, StreamRejection,
};
use crate::directory::Progress;
use crate::model::admin_scope::AdminScope;
use crate::model::event::Event;
use crate::store::events::{EventFilter, Order};
use crate::web::accept;
use crate::web::api::Problem;
use crate::web::api::audit::require_complete;
use crate::web::api::authentication::RecheckedCaller;

/// The number of events read at a time.
const PAGE_SIZE: u32 = 100;

/// The interval between token checks while no event is sent.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The interval between comments while no event is sent. They keep proxies from closing the
/// connection, and reveal that a caller has disconnected, which frees the place of its stream.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(2);

/// The delay after which a caller should reconnect.
const RECONNECT_AFTER: Duration = KEEP_ALIVE_INTERVAL;

/// Opens a stream of the events that match a filter. It starts after the event in `Last-Event-ID`,
/// or at the current end of the log.
pub(super) async fn open(
    app: Arc<App>,
    principal: &Principal,
    request: Request,
    filter: EventFilter,
) -> Result<Response, Problem> {
    let (head, _) = request.into_parts();
    if !accept::accepts(&head.headers, "text", "event-stream") {
        let text = "follow: the answer is text/event-stream, which Accept excludes.";
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", text));
    }
    let permit = app.event_streams.open(principal.actor()).map_err(problem_of)?;
    let stream = EventStream::start(app, &head, filter, permit).await?;
    let events = stream::unfold(stream, EventStream::next);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL).text("keep-alive");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn problem_of(rejection: StreamRejection) -> Problem {
    let max = match rejection {
        StreamRejection::Stopping => return Problem::unavailable("the server stops"),
        StreamRejection::OfCaller => format!("This caller has {MAX_STREAMS_PER_CALLER}"),
        StreamRejection::OfInstance => format!("This instance has {MAX_STREAMS}"),
    };
    Problem::too_many_streams(format!("{max} open streams, the maximum. Close one first."))
}

/// Parses the sequence of the last event that the caller received.
fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let sequence = value.to_str().ok().and_then(|text| text.parse().ok());
    let sequence = sequence.filter(|sequence| *sequence >= 0).ok_or_else(|| {
        let text = "Last-Event-ID: it is not the sequence of an event, such as 1042.";
        Problem::bad_request("invalid_last_event_id", text)
    })?;
    Ok(Some(sequence))
}

struct EventStream {
    app: Arc<App>,
    caller: RecheckedCaller,
    filter: EventFilter,
    permit: StreamPermit,
    progress: watch::Receiver<Progress>,
    /// The reload count of the log when the stream began.
    reloads: u64,
    /// The sequence up to which all events have been read.
    position: i64,
    page: VecDeque<Event>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Open,
    Ended,
}

impl EventStream {
    async fn start(
        app: Arc<App>,
        head: &Parts,
        filter: EventFilter,
        permit: StreamPermit,
    ) -> Result<Self, Problem> {
        let caller = RecheckedCaller::of(head)?;
        let progress = app.directory.progress();
        let reloads = progress.borrow().reloads;
        let end = app.services.store.head().await.map_err(AdminError::from)?.sequence;
        let position = last_event_id(&head.headers)?.unwrap_or(end);
        if position > end {
            let text = format!(
                "Last-Event-ID: the log ends at event {end}. It may have been restored from a \
                 backup: read it again."
            );
            return Err(Problem::new(StatusCode::CONFLICT, "event_not_found", text));
        }
        require_complete(&app.services.store, position).await?;
        let (page, state) = (VecDeque::new(), State::Starting);
        Ok(Self { app, caller, filter, permit, progress, reloads, position, page, state })
    }

    /// Returns the next event to send. The last one explains why the stream ends.
    async fn next(mut self) -> Option<(Result<SentEvent, axum::Error>, Self)> {
        let sent = match self.state {
            State::Ended => return None,
            State::Starting => {
                self.state = State::Open;
                // An event without data only sets the id from which the caller resumes.
                let start = SentEvent::default().retry(RECONNECT_AFTER);
                Ok(start.id(self.position.to_string()))
            }
            State::Open => match self.next_event().await {
                Ok(event) => SentEvent::default().id(event.sequence.to_string()).json_data(&event),
                Err(problem) => {
                    self.state = State::Ended;
                    tracing::debug!(
                        code = problem.code(),
                        reason = problem.reason(),
                        "a stream of events ends"
                    );
                    SentEvent::default().event("end").json_data(problem.document())
                }
            },
        };
        Some((sent, self))
    }

    async fn next_event(&mut self) -> Result<Event, Problem> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Ok(event);
            }
            // The position is taken before the rights are checked. So no caller receives an event
            // that is later than the loss of its rights.
            let progress = *self.progress.borrow_and_update();
            if self.permit.is_stopping() {
                return Err(Problem::unavailable("the server stops"));
            }
            if progress.reloads != self.reloads {
                return Err(log_replaced());
            }
            let principal = self.caller.principal(&self.app).await?;
            principal.require(AdminScope::AuditRead)?;
            self.read_page(&principal, progress.sequence).await?;
            if self.page.is_empty() {
                self.wait().await?;
            }
        }
    }

    /// Reads the next events up to `end`, the last sequence that this instance has applied.
    async fn read_page(&mut self, principal: &Principal, end: i64) -> Result<(), Problem> {
        if end <= self.position {
            return Ok(());
        }
        let (after, before) = (Some(self.position), Some(end.saturating_add(1)));
        let filter = EventFilter { after, before, ..self.filter.clone() };
        let filter = audit::restrict_to_caller(principal, filter);
        let page = self.app.services.store.find_events(&filter, Order::OldestFirst, PAGE_SIZE);
        self.page = page.await.map_err(AdminError::from)?.into();
        let last = self.page.back().filter(|_| self.page.len() == PAGE_SIZE as usize);
        self.position = last.map_or(end, |last| last.sequence);
        Ok(())
    }

    /// Waits for the next change or the stop of the server. Fails as soon as the token expires.
    async fn wait(&mut self) -> Result<(), Problem> {
        loop {
            tokio::select! {
                _ = self.progress.changed() => return Ok(()),
                () = self.permit.stopped() => return Ok(()),
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
            }
            self.caller.check_token(&self.app)?;
        }
    }
}

fn log_replaced() -> Problem {
    let text = "The audit log was replaced, most likely by a backup. Read it again.";
    Problem::new(StatusCode::CONFLICT, "log_replaced", text)
}
