//! Traffic of the last day: tokens and rejections by hour, and the changes that may have caused
//! them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::admin::{audit, rejection};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::rejection::RejectionRecord;
use crate::model::time::Timestamp;
use crate::store::events::{EventFilter, Order};
use crate::store::rejections::RejectionFilter;
use crate::web::console::page_parts::answer::ConsoleError;
use crate::web::console::page_parts::chart::{Bars, Column};
use crate::web::console::page_parts::shown::{self, Time};
use crate::web::console::sign_in::gate::SignedIn;

/// The maximum number of rejections read.
const MAX_REJECTIONS: u32 = 1_000;

/// The number of error codes with their own color. All others share one.
const COLORS: usize = 4;

/// The maximum number of marked changes.
const MAX_MARKERS: u32 = 30;

const HOURS: i64 = 24;
const HOUR_SECONDS: i64 = 3_600;

pub(in crate::web::console) struct TokenTraffic {
    pub(in crate::web::console) chart: Bars,
    pub(in crate::web::console) total: String,
}

pub(in crate::web::console) struct Rejections {
    pub(in crate::web::console) total: String,
    pub(in crate::web::console) chart: Bars,
    pub(in crate::web::console) reasons: Vec<ReasonRow>,
}

/// An error code with its count.
pub(in crate::web::console) struct ReasonRow {
    pub(in crate::web::console) error: String,
    pub(in crate::web::console) count: String,
    pub(in crate::web::console) path: String,
    /// The index of the color.
    pub(in crate::web::console) color: usize,
}

pub(in crate::web::console) struct RecentChange {
    at: Timestamp,
    pub(in crate::web::console) time: Time,
    pub(in crate::web::console) action: String,
    pub(in crate::web::console) subject: String,
}

/// The number of tokens for a resource since this instance started.
pub(in crate::web::console) struct IssuedRow {
    pub(in crate::web::console) resource: String,
    pub(in crate::web::console) count: String,
    pub(in crate::web::console) share: i64,
}

fn hour_of(time: Timestamp) -> i64 {
    time.0.div_euclid(HOUR_SECONDS)
}

/// Returns the first second of the charts.
fn beginning(now: Timestamp) -> Timestamp {
    Timestamp((hour_of(now) - HOURS + 1) * HOUR_SECONDS)
}

/// Returns the latest changes of the day that the caller may see.
pub(in crate::web::console) async fn markers(
    app: &App,
    signed_in: &SignedIn,
) -> Result<Vec<RecentChange>, ConsoleError> {
    let since = Some(beginning(signed_in.now));
    // Console and audit events do not change the server.
    let actions = ["client", "grant", "key", "resource", "secret", "trust"];
    let actions = actions.iter().flat_map(|group| audit::actions(group).unwrap_or_default());
    let filter = EventFilter { since, actions: actions.collect(), ..EventFilter::default() };
    let filter = audit::restrict_to_caller(&signed_in.principal, filter);
    let events = app.services.store.find_events(&filter, Order::NewestFirst, MAX_MARKERS).await?;
    let marker = |event: crate::model::event::Event| RecentChange {
        at: event.at,
        time: Time::of(event.at, signed_in.now),
        action: event.action,
        subject: event.subject,
    };
    Ok(events.into_iter().map(marker).collect())
}

/// Builds the chart of the day, with one bar per hour and the changes as markers. `values` returns
/// the segments of a bar; `total` formats their sum.
fn day(
    now: Timestamp,
    markers: &[RecentChange],
    values: impl Fn(Timestamp) -> Vec<i64>,
    total: impl Fn(i64) -> String,
) -> Bars {
    let last = hour_of(now);
    let column = |hour: i64| {
        let start = Timestamp(hour * HOUR_SECONDS);
        let text = start.to_string();
        let clock = text.get(11..16).unwrap_or_default().to_owned();
        let name = if (last - hour) % 4 == 0 { clock.clone() } else { String::new() };
        let values = values(start);
        let title = format!("{clock} UTC: {}", total(values.iter().sum()));
        Column { name, title, values }
    };
    let mut bars = Bars::new(((last - HOURS + 1)..=last).map(column).collect());
    let start = beginning(now).0;
    for marker in markers {
        let time = marker.at.to_string();
        let clock = time.get(11..16).unwrap_or_default();
        let title = format!("{clock} UTC: {} {}", marker.action, marker.subject);
        bars.mark(marker.at.0 - start, HOURS * HOUR_SECONDS, title);
    }
    bars
}

/// Returns the tokens that this instance issued, for administrators without limits.
pub(in crate::web::console) fn issued_by_hour(
    app: &App,
    signed_in: &SignedIn,
    markers: &[RecentChange],
) -> Option<TokenTraffic> {
    if !signed_in.sees_all() || !signed_in.may(AdminScope::StatsRead) {
        return None;
    }
    app.note_traffic();
    // The third segment has the accent color.
    let count = |hour| i64::try_from(app.traffic.in_hour_of(hour)).unwrap_or(i64::MAX);
    let tokens = |total| shown::counted(total, "token", "tokens");
    let chart = day(signed_in.now, markers, |hour| vec![0, 0, count(hour)], tokens);
    let total: i64 = chart.list.iter().map(|bar| bar.total).sum();
    Some(TokenTraffic { chart, total: shown::number(total) })
}

/// Returns the rejections that the caller may see.
pub(in crate::web::console) async fn rejections(
    app: &App,
    signed_in: &SignedIn,
    markers: &[RecentChange],
) -> Result<Rejections, ConsoleError> {
    let now = signed_in.now;
    let filter = RejectionFilter { since: Some(beginning(now)), ..RejectionFilter::default() };
    let filter = rejection::restrict_to_caller(&signed_in.principal, filter);
    let found = app.services.store.rejections(&filter, MAX_REJECTIONS).await?;
    let is_cut = found.len() == MAX_REJECTIONS as usize;
    let total = shown::number(i64::try_from(found.len()).unwrap_or(i64::MAX));
    let reasons = by_error(&found);
    let by_hour = by_hour(&found, &reasons);
    let values = |hour: Timestamp| by_hour.get(&hour_of(hour)).cloned().unwrap_or_default();
    Ok(Rejections {
        total: if is_cut { format!("{total}+") } else { total },
        chart: day(now, markers, values, |total| format!("{} rejected", shown::number(total))),
        reasons,
    })
}

/// Counts the rejections of each color by hour.
fn by_hour(found: &[RejectionRecord], reasons: &[ReasonRow]) -> BTreeMap<i64, Vec<i64>> {
    let mut values = BTreeMap::<i64, Vec<i64>>::new();
    for record in found {
        let known = reasons.iter().find(|reason| reason.error == record.error);
        let color = known.map_or(COLORS, |reason| reason.color);
        let of_hour = values.entry(hour_of(record.at)).or_insert_with(|| vec![0; COLORS + 1]);
        of_hour[color] += 1;
    }
    values
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

/// Returns the number of tokens for each resource.
pub(in crate::web::console) fn issued(app: &App, signed_in: &SignedIn) -> Vec<IssuedRow> {
    if !signed_in.sees_all() || !signed_in.may(AdminScope::StatsRead) {
        return Vec::new();
    }
    let totals = app.directory.metrics.issued.totals();
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let greatest = totals.first().map_or(1, |(_, count)| number(*count)).max(1);
    let shown = totals.into_iter().filter(|(_, count)| *count > 0).take(8);
    let row = |(resource, count): (String, u64)| IssuedRow {
        resource,
        count: shown::number(number(count)),
        share: (number(count).saturating_mul(100) / greatest).max(1),
    };
    shown.map(row).collect()
}
