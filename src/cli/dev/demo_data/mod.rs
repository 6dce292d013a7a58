//! Data of `tokend dev --demo-data`: three teams with forty clients, and a week of traffic. The
//! functions of [`crate::admin`] write it in order, with a clock set to the past. The audit log,
//! the ages of secrets and the timeline of signing keys then match a server that has run for seven
//! months.

mod catalogue;
mod history;
mod registration;
mod rejections;

use std::collections::BTreeMap;
use std::net::IpAddr;

use secrecy::SecretString;

use crate::app::App;
use crate::cli::dev::demo_data::catalogue::{Catalogue, DemoClient};
use crate::cli::dev::demo_data::history::History;
use crate::cli::error::CliError;
use crate::config::Config;
use crate::model::client::{ClientId, Registration};
use crate::model::time::{Clock, Timestamp};
use crate::model::usage::{Usage, Used};
use crate::services::Services;

const MINUTE_SECONDS: i64 = 60;
const HOUR_SECONDS: i64 = 3_600;
const DAY_SECONDS: i64 = 86_400;

/// The age of the first event, in days.
const HISTORY_DAYS: i64 = 210;

/// The clients with one resource that request tokens after the start, and the number of requests.
pub(crate) const BUSY_CLIENTS: [(&str, u32); 6] = [
    ("checkout", 34),
    ("warehouse-gateway", 27),
    ("tracking-webhook", 21),
    ("depot-terminals", 16),
    ("invoice-mailer", 9),
    ("partner-feed", 6),
];

/// Secrets that this run generated, by client.
pub(crate) type FreshSecrets = BTreeMap<String, SecretString>;

/// Writes the missing demo data and returns the generated secrets. Must be called before the server
/// opens the database. A second call writes nothing.
pub(crate) async fn prepare(config: &Config) -> Result<FreshSecrets, CliError> {
    let now = Clock::System.now();
    let start = now.minus_seconds(HISTORY_DAYS * DAY_SECONDS);
    let services = Box::pin(Services::open(config.clone(), Clock::fixed(start))).await?;
    let issuer = config.issuer.clone();
    let issuer = issuer.ok_or_else(|| CliError::configuration("`issuer` is not set"))?;
    let catalogue = Catalogue::read()?;
    let has_all = match catalogue.clients.last() {
        Some(last) => services.store.registration(&ClientId::parse(&last.id)?).await?.is_some(),
        None => true,
    };
    if has_all {
        services.store.close().await;
        return Ok(FreshSecrets::new());
    }
    let app = Box::pin(App::load(services, issuer)).await?;
    let mut history = History::new(&app, &catalogue, now);
    history.write().await?;
    let secrets = history.secrets;
    write_usage(&app.services, &catalogue.clients, now).await?;
    app.services.store.add_rejections(&rejections::of_a_week(now)?).await?;
    app.services.store.close().await;
    Ok(secrets)
}

/// Writes the usage of every client up to `now`.
async fn write_usage(
    services: &Services,
    clients: &[DemoClient],
    now: Timestamp,
) -> Result<(), CliError> {
    let mut found = Vec::new();
    for client in clients {
        let registration = services.store.registration(&ClientId::parse(&client.id)?).await?;
        found.extend(registration.map(|registration| (client, registration)));
    }
    let mut uses = Vec::new();
    for (client, registration) in &found {
        uses.extend(uses_of(client, registration, now)?);
    }
    let keys = services.master_keys();
    let heartbeat = services.heartbeat(&keys, services.clock.now());
    services.store.add_use(&uses, &heartbeat).await?;
    Ok(())
}

/// Returns the usage of the credentials of a client. The last use of an older secret is one hour
/// earlier.
fn uses_of<'a>(
    client: &DemoClient,
    found: &'a Registration,
    now: Timestamp,
) -> Result<Vec<(Used<'a>, Usage)>, CliError> {
    let Some(seen) = &client.seen else { return Ok(Vec::new()) };
    let last_address: IpAddr = seen.address.parse().map_err(|_| catalogue::broken(&client.id))?;
    let since = |created: Timestamp, until: Timestamp| {
        let first = created.plus_seconds(MINUTE_SECONDS).0.min(until.0);
        let uses = ((until.0 - first) / HOUR_SECONDS).max(1).saturating_mul(seen.per_hour);
        Usage { first_used_at: Timestamp(first), last_used_at: until, uses, last_address }
    };
    let last = now.minus_seconds(seen.minutes_ago * MINUTE_SECONDS);
    if found.secrets.is_empty() {
        let used = Used::Other(&found.client.client_id);
        return Ok(vec![(used, since(found.client.created_at, last))]);
    }
    let newest = found.secrets.iter().map(|secret| secret.created_at).max();
    let of_secret = |secret: &'a crate::model::secret::SecretRecord| {
        let is_older = Some(secret.created_at) != newest;
        let last = if is_older { last.minus_seconds(HOUR_SECONDS) } else { last };
        let end = secret.expires_at.map_or(last, |end| Timestamp(end.0.min(last.0)));
        (end >= secret.created_at)
            .then(|| (Used::Secret(&secret.secret_id), since(secret.created_at, end)))
    };
    Ok(found.secrets.iter().filter_map(of_secret).collect())
}
