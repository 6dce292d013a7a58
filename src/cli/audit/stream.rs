//! `tokend audit list --follow` at a server: prints its stream of events and resumes it after each
//! break, without gaps or duplicates.

use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::api::{ApiRequest, Failure, Object, RemoteApi, SentEvent};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::output::listing::Listing;
use crate::cli::output::objects::event::EventObject;

/// The delay before a reconnection.
const PAUSE: Duration = Duration::from_secs(2);

/// The type of the last event of a stream, which has the reason for the end.
const END: &str = "end";

/// The codes of an end after which a new token may help.
const NEEDS_TOKEN: [&str; 2] = ["invalid_token", "scope_missing"];

/// Prints each event after the event with sequence `after`, as long as the caller may read them.
///
/// # Errors
/// If the credentials are rejected, a permission is missing, or the log was replaced.
pub(in crate::cli) async fn follow(
    server: &RemoteApi,
    request: &ApiRequest,
    after: i64,
    listing: &mut Listing<'_>,
) -> Result<(), CliError> {
    let (mut last, mut is_unavailable) = (after, false);
    loop {
        let broken = match server.follow(request, last).await {
            Ok(mut events) => {
                if is_unavailable {
                    output::hint(&format!("connected again; events after {last} follow"));
                }
                is_unavailable = false;
                loop {
                    match events.next().await {
                        Ok(Some(event)) if event.kind.as_deref() == Some(END) => {
                            break ended(server, &event, last).await?;
                        }
                        Ok(Some(event)) => print(&event, &mut last, listing)?,
                        Ok(None) => break "the server has closed the stream".to_owned(),
                        Err(problem) => break format!("the stream broke: {problem}"),
                    }
                }
            }
            Err(failure) if failure.is_transient() => failure.into_error().text().to_owned(),
            Err(failure) => return Err(failure.into()),
        };
        if !is_unavailable {
            output::hint(&format!("{broken}; connecting again, to continue after event {last}"));
        }
        is_unavailable = true;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Prints an event, and advances the position from which the stream is resumed.
fn print(event: &SentEvent, last: &mut i64, listing: &mut Listing<'_>) -> Result<(), CliError> {
    let unreadable = || CliError::server("the server sent an event that cannot be read");
    let id = event.id.as_deref().and_then(|id| id.parse::<i64>().ok());
    let id = id.ok_or_else(unreadable)?;
    // An event without data only marks the start position of the stream.
    if let Some(data) = event.data.as_deref().filter(|_| id > *last) {
        let json: Value = serde_json::from_str(data).map_err(|_| unreadable())?;
        let found = Object::<EventObject>::of(json)?;
        listing.page(std::slice::from_ref(&found), |found| found.object.row())?;
    }
    *last = id.max(*last);
    Ok(())
}

/// The data of the last event of a stream (RFC 9457).
#[derive(Deserialize)]
struct End {
    code: String,
    detail: String,
    status: u16,
}

/// Returns the reason for the end, if the stream can be resumed.
///
/// # Errors
/// The reason for the end, if it is permanent.
async fn ended(server: &RemoteApi, event: &SentEvent, last: i64) -> Result<String, CliError> {
    let text = event.data.as_deref().unwrap_or_default();
    let Ok(End { code, detail, status }) = serde_json::from_str(text) else {
        return Ok("the server has ended the stream".to_owned());
    };
    if NEEDS_TOKEN.contains(&code.as_str()) {
        server.forget_token().await;
        return Ok(format!("the access token or a right has ended ({code}): getting a new token"));
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let failure = Failure::of_answer(status, text.as_bytes());
    if failure.is_transient() {
        return Ok(detail.trim_end_matches('.').to_owned());
    }
    Err(failure.into_error().with_note(format!("The last event that was printed is {last}.")))
}
