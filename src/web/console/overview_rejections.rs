//! The rejections of the last day on the overview: by hour and error code, next to the changes that
//! may have caused them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::admin::{audit, rejection};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::event::Action;
use crate::model::rejection::RejectionRecord;
use crate::model::time::Timestamp;
use crate::store::StoreError;
use crate::store::events::{EventFilter, Order};
use crate::store::rejections::RejectionFilter;
use crate::web::console::chart::{Bars, Column};
use crate::web::console::gate::SignedIn;
use crate::web::console::shown;

/// How many rejections are looked at.
const MAX_REJECTIONS: u32 = 1_000;

/// How many changes are marked.
const MAX_MARKED: u32 = 40;

/// How many error codes have a color of their own. The others share the last one.
const COLORS: usize = 4;

const HOURS: i64 = 24;
const HOUR_SECONDS: i64 = 3_600;

/// The changes after which requests may be rejected.
const CAUSES: [Action; 12] = [
    Action::ClientDisabled,
    Action::ClientEnabled,
    Action::ClientDeleted,
    Action::SecretRotated,
    Action::SecretExpired,
    Action::GrantChanged,
    Action::GrantRevoked,
    Action::TrustRemoved,
    Action::ResourceUpdated,
    Action::ResourceDeleted,
    Action::KeyCreated,
    Action::KeyRevoked,
];

/// The rejections of the last day.
pub(super) struct Rejections {
    pub(super) total: String,
    pub(super) chart: Bars,
    pub(super) reasons: Vec<ReasonRow>,
}

/// An error code.
pub(super) struct ReasonRow {
    pub(super) error: String,
    pub(super) count: String,
    pub(super) path: String,
    /// The number of its color.
    pub(super) color: usize,
}

impl Rejections {
    /// Reads those that the caller may see.
    pub(super) async fn read(app: &App, signed_in: &SignedIn) -> Result<Self, StoreError> {
        let now = signed_in.now;
        let since = now.minus_seconds(HOURS * HOUR_SECONDS);
        let filter = RejectionFilter { since: Some(since), ..RejectionFilter::default() };
        let filter = rejection::visible(&signed_in.principal, filter);
        let found = app.services.store.rejections(&filter, MAX_REJECTIONS).await?;
        let is_cut = found.len() == MAX_REJECTIONS as usize;
        let total = shown::number(i64::try_from(found.len()).unwrap_or(i64::MAX));
        let reasons = by_error(&found);
        let mut chart = Bars::new(by_hour(&found, &reasons, now));
        mark_changes(app, signed_in, &mut chart).await?;
        Ok(Self { total: if is_cut { format!("{total}+") } else { total }, chart, reasons })
    }
}

fn hour_of(time: Timestamp) -> i64 {
    time.0.div_euclid(HOUR_SECONDS)
}

/// `10:05` of a time.
fn clock(time: Timestamp) -> String {
    time.to_string().get(11..16).unwrap_or_default().to_owned()
}

fn by_hour(found: &[RejectionRecord], reasons: &[ReasonRow], now: Timestamp) -> Vec<Column> {
    let color_of = |error: &str| {
        let known = reasons.iter().find(|reason| reason.error == error);
        known.map_or(COLORS, |reason| reason.color)
    };
    let mut values = BTreeMap::<i64, Vec<i64>>::new();
    for record in found {
        let of_hour = values.entry(hour_of(record.at)).or_insert_with(|| vec![0; COLORS + 1]);
        of_hour[color_of(&record.error)] += 1;
    }
    let last = hour_of(now);
    let column = |hour: i64| {
        let values = values.remove(&hour).unwrap_or_default();
        let clock = clock(Timestamp(hour * HOUR_SECONDS));
        let name = if (last - hour) % 4 == 0 { clock.clone() } else { String::new() };
        let title = format!("{clock} UTC: {} rejected", values.iter().sum::<i64>());
        Column { name, title, values }
    };
    ((last - HOURS + 1)..=last).map(column).collect()
}

fn by_error(found: &[RejectionRecord]) -> Vec<ReasonRow> {
    let mut counts = BTreeMap::<&str, i64>::new();
    for record in found {
        *counts.entry(&record.error).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(error, count)| (Reverse(*count), *error));
    let row = |(place, (error, count)): (usize, (&str, i64))| ReasonRow {
        error: error.to_owned(),
        count: shown::number(count),
        path: format!("/console/rejections?reason={}", shown::segment(error)),
        color: place.min(COLORS),
    };
    counts.into_iter().enumerate().map(row).collect()
}

/// Marks the changes that may have caused rejections, for a caller that may see them.
async fn mark_changes(app: &App, signed_in: &SignedIn, chart: &mut Bars) -> Result<(), StoreError> {
    if !signed_in.may(AdminScope::AuditRead) {
        return Ok(());
    }
    let start = Timestamp((hour_of(signed_in.now) - HOURS + 1) * HOUR_SECONDS);
    let filter = EventFilter {
        since: Some(start),
        actions: CAUSES.iter().map(|action| action.as_str().to_owned()).collect(),
        ..EventFilter::default()
    };
    let filter = audit::visible(&signed_in.principal, filter);
    let found = app.services.store.find_events(&filter, Order::NewestFirst, MAX_MARKED).await?;
    for event in found {
        let title = format!(
            "{} UTC: {} {} by {}",
            clock(event.at),
            event.action,
            event.subject,
            event.actor
        );
        chart.mark(event.at.0 - start.0, HOURS * HOUR_SECONDS, title);
    }
    Ok(())
}
