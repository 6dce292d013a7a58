//! The warning before secrets expire: a line in the log, at the start and once a day.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::model::client::ClientState;
use crate::store::StoreError;
use crate::store::client_list::{ClientFilter, Expiring, Position};

/// How often it is repeated.
const INTERVAL: Duration = Duration::from_hours(24);

/// How long to wait if the database does not answer.
const RETRY_INTERVAL: Duration = Duration::from_mins(1);

/// How early it comes, in days.
const WARNING_DAYS: i64 = 14;

/// How many clients are named.
const MAX_NAMED: u32 = 10;

/// How far clients are counted.
const COUNT_BOUND: u32 = 10_000;

/// Warns for as long as the server runs.
pub(super) async fn warn_of_expiring_secrets(app: Arc<App>) {
    loop {
        // That the database is away is said where changes are followed.
        let pause = if warn(&app).await.is_ok() { INTERVAL } else { RETRY_INTERVAL };
        tokio::time::sleep(pause).await;
    }
}

async fn warn(app: &App) -> Result<(), StoreError> {
    let store = &app.services.store;
    let now = app.services.clock.now();
    let until = now.plus_seconds(WARNING_DAYS * 86_400);
    let filter = ClientFilter {
        state: Some(ClientState::Active),
        expiring: Some(Expiring { now, until }),
        ..ClientFilter::default()
    };
    let first = store.client_page(&filter, &Position::start(), MAX_NAMED).await?.positions;
    if first.is_empty() {
        return Ok(());
    }
    let clients = store.count_clients(&filter, &Position::start(), COUNT_BOUND).await?;
    let first: Vec<&str> = first.iter().map(Position::client_id).collect();
    tracing::warn!(
        clients,
        first = first.join(" "),
        "secrets of clients expire within {WARNING_DAYS} days: tokend client list --expiring \
         {WARNING_DAYS}d"
    );
    Ok(())
}
