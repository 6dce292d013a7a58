//! `tokend audit list --follow`: events as they come.

use std::time::Duration;

use crate::cli::audit::{HEADER, row};
use crate::cli::error::CliError;
use crate::cli::listing::Listing;
use crate::cli::output::{self, Format};
use crate::model::event::Event;
use crate::services::opening::ReadOnlyServices;
use crate::store::StoreError;
use crate::store::events::{EventFilter, Order};

/// How often the database is asked for new events.
const INTERVAL: Duration = Duration::from_millis(500);

/// How many events are read at a time.
const PAGE_SIZE: u32 = 1_000;

/// Prints the last `limit` events that the filter matches, or all since its `after`, and then each
/// new one. Ends with the process, or with an error that does not pass by itself.
pub(super) async fn run(
    reader: &ReadOnlyServices,
    format: Format,
    mut filter: EventFilter,
    limit: u32,
) -> Result<(), CliError> {
    let store = &reader.store;
    let mut listing = Listing::new(format, &HEADER);
    // What comes while the last events are read is read again with the new ones.
    let mut end = store.head().await?.sequence;
    if filter.after.is_none() {
        filter.before = Some(end.saturating_add(1));
        let mut last = store.find_events(&filter, Order::NewestFirst, limit).await?;
        last.reverse();
        listing.page(&last, row)?;
        filter.before = None;
        filter.after = Some(end);
    }
    let mut is_away = false;
    loop {
        match next(reader, &filter).await {
            Ok((events, head)) => {
                is_away = false;
                let is_full = events.len() == PAGE_SIZE as usize;
                listing.page(&events, row)?;
                // Events that the filter does not match are not looked at again.
                end = if is_full { events.last().map_or(end, |last| last.sequence) } else { head };
                filter.after = Some(end);
                if is_full {
                    continue;
                }
            }
            Err(error) if error.is_transient() => {
                if !is_away {
                    output::hint("the database does not answer; waiting for it");
                }
                is_away = true;
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// The next events, and the end of the chain at a time before they were read.
async fn next(
    reader: &ReadOnlyServices,
    filter: &EventFilter,
) -> Result<(Vec<Event>, i64), StoreError> {
    let head = reader.store.head().await?.sequence;
    let bounded = EventFilter { before: Some(head.saturating_add(1)), ..filter.clone() };
    let events = reader.store.find_events(&bounded, Order::OldestFirst, PAGE_SIZE).await?;
    Ok((events, head))
}
