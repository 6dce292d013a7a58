//! `tokend audit list --follow`: prints events as they are written.

use std::time::Duration;

use crate::cli::api::{Api, ApiRequest, Failure, Object, Page};
use crate::cli::audit::{HEADER, stream};
use crate::cli::error::CliError;
use crate::cli::error::codes::CliErrorCode;
use crate::cli::output::listing::Listing;
use crate::cli::output::objects::event::EventObject;
use crate::cli::output::{self, Format};

/// The interval at which the database is polled for new events.
const INTERVAL: Duration = Duration::from_millis(500);

/// The number of events in one page.
const PAGE_SIZE: u32 = 1_000;

/// Prints the last `limit` events that match a request, or all events after `after`, and then each
/// new one. Returns only with an error that is not transient.
pub(super) async fn run(
    api: &Api,
    format: Format,
    request: ApiRequest,
    after: Option<i64>,
    limit: u32,
) -> Result<(), CliError> {
    let mut listing = Listing::new(format, &HEADER);
    let start = if let Some(after) = after {
        // A server checks the position itself.
        if matches!(api, Api::Local(_)) {
            check_place(api, &request, after).await?;
        }
        after
    } else {
        // Events written while the last ones are read are read again below.
        let end = last_sequence(api, &request).await?;
        let last = last_events(api, &request, end, limit).await?;
        listing.page(&last, |found| found.object.row())?;
        end
    };
    match api {
        Api::Local(_) => poll(api, &request, start, &mut listing).await,
        // `Last-Event-ID` sets the start of the stream.
        Api::Remote(server) => {
            let request = request.without("after").with("follow", true);
            stream::follow(server, &request, start, &mut listing).await
        }
    }
}

/// Rejects a position after the end of the log, as a server does.
async fn check_place(api: &Api, request: &ApiRequest, start: i64) -> Result<(), CliError> {
    let end = last_sequence(api, request).await?;
    if start <= end {
        return Ok(());
    }
    let text = format!(
        "the log ends at event {end}. It may have been restored from a backup: read it again."
    );
    Err(CliError::with_codes(CliErrorCode::Conflict, None, text))
}

/// Polls the local database for new events.
async fn poll(
    api: &Api,
    request: &ApiRequest,
    start: i64,
    listing: &mut Listing<'_>,
) -> Result<(), CliError> {
    let (mut end, mut is_unavailable) = (start, false);
    loop {
        match next(api, request, end).await {
            Ok((page, last)) => {
                is_unavailable = false;
                listing.page(&page.data, |found| found.object.row())?;
                let is_full = page.next_cursor.is_some();
                let printed = page.data.last().map(|found| found.object.sequence);
                // Skips the events that do not match the request.
                end = if is_full { printed.unwrap_or(end) } else { end.max(last) };
                if is_full {
                    continue;
                }
            }
            Err(failure) if failure.is_transient() => {
                if !is_unavailable {
                    output::hint("the audit log cannot be read; waiting for it");
                }
                is_unavailable = true;
            }
            Err(failure) => return Err(failure.into()),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Returns the sequence of the last event of the log; 0 if the log is empty.
async fn last_sequence(api: &Api, request: &ApiRequest) -> Result<i64, Failure> {
    let all = ApiRequest::get(request.path().to_owned()).with("limit", 1);
    let page = api.page::<EventObject>(&all, None).await?;
    Ok(page.data.first().map_or(0, |last| last.object.sequence))
}

/// Returns the last `limit` events up to `end`, oldest first.
async fn last_events(
    api: &Api,
    request: &ApiRequest,
    end: i64,
    limit: u32,
) -> Result<Vec<Object<EventObject>>, Failure> {
    let mut cursor = Some(end.saturating_add(1).to_string());
    let (mut wanted, mut found) = (limit, Vec::new());
    while wanted > 0 && cursor.is_some() {
        let size = wanted.min(PAGE_SIZE);
        let page = api.page(&request.clone().with("limit", size), cursor.as_deref()).await?;
        found.extend(page.data);
        cursor = page.next_cursor;
        wanted -= size;
    }
    found.reverse();
    Ok(found)
}

/// Returns the next events, and the last sequence of the log before they were read.
async fn next(
    api: &Api,
    request: &ApiRequest,
    after: i64,
) -> Result<(Page<EventObject>, i64), Failure> {
    let last = last_sequence(api, request).await?;
    let next = request.clone().replaced("after", after).with("limit", PAGE_SIZE);
    Ok((api.page(&next, None).await?, last))
}
