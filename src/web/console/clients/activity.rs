//! The activity of a client: rejected requests, token rate and audit events.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};

use crate::admin::{audit, rejection};
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;
use crate::model::time::Lifetime;
use crate::model::usage::Usage;
use crate::store::events::{EventFilter, Order};
use crate::store::rejections::RejectionFilter;
use crate::text::shell::quote;
use crate::web::console::audit::list::EventRow;
use crate::web::console::clients::detail::{ClientHeader, find, frame};
use crate::web::console::clients::list::last_use;
use crate::web::console::page_parts::answer::{self, Answer, AppState};
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Time};
use crate::web::console::rejections::RejectionRow;
use crate::web::console::sign_in::gate::SignedIn;

/// The number of programs for which a token rate is still considered normal.
const MAX_PROGRAMS: i64 = 10;

/// The maximum number of rows per page.
const MAX_ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "console/clients/activity.html")]
struct ActivityPage {
    frame: Frame,
    head: ClientHeader,
    rows: Vec<RejectionRow>,
    used: Option<Time>,
    pace: Option<Pace>,
}

/// The token rate of a client, compared with the rate it needs.
struct Pace {
    /// The number of tokens and hours behind the average.
    basis: String,
    per_hour: String,
    expected: String,
    lifetime: String,
    verdict: &'static str,
    is_much: bool,
}

impl Pace {
    /// Computes the average since the first use. Returns `None` for less than one hour of use.
    fn of(found: &Registration, lifetime: Lifetime) -> Option<Self> {
        let usages: Vec<Usage> =
            found.secrets.iter().filter_map(|it| it.usage).chain(found.usage).collect();
        let first = usages.iter().map(|usage| usage.first_used_at.0).min()?;
        let last = usages.iter().map(|usage| usage.last_used_at.0).max()?;
        let total: i64 = usages.iter().map(|usage| usage.uses).sum();
        let hours = (last - first) / 3_600;
        if hours < 1 {
            return None;
        }
        let per_hour = total / hours;
        // A program requests the next token when the previous one expires.
        let expected = (3_600 / lifetime.seconds()).max(1);
        let is_much = per_hour > expected.saturating_mul(MAX_PROGRAMS);
        let verdict = if is_much {
            "This rate is high: either many programs share this client, or one of them does not keep its \
             token until it expires."
        } else {
            "This rate is normal for programs that reuse their tokens."
        };
        Some(Self {
            basis: format!(
                "{} in {}",
                shown::counted(total, "token", "tokens"),
                shown::counted(hours, "hour", "hours")
            ),
            per_hour: shown::number(per_hour),
            expected: shown::number(expected),
            lifetime: lifetime.to_string(),
            verdict,
            is_much,
        })
    }
}

/// Shows the rejected requests of a client with their reasons.
pub(in crate::web::console) async fn rejections(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    let found = find(&app, &signed_in, &id).await?;
    let client_id = Some(found.client.client_id.clone());
    let filter = RejectionFilter { client_id, ..RejectionFilter::default() };
    let filter = rejection::restrict_to_caller(&signed_in.principal, filter);
    let rejections = app.services.store.rejections(&filter, MAX_ROWS).await?;
    let listed = format!("tokend rejections list --client {}", quote(&id));
    let asked = format!("/v1/rejections?client_id={}", shown::segment(&id));
    let page = ActivityPage {
        frame: frame(&signed_in, &found, Equivalent::new(listed, "GET", &asked, "")),
        head: ClientHeader::of(&signed_in, &found, "activity"),
        rows: rejections.iter().map(|it| RejectionRow::of(it, signed_in.now)).collect(),
        used: Time::maybe(last_use(&found), signed_in.now),
        pace: Pace::of(
            &found,
            found.client.token_lifetime.unwrap_or(app.services.config.token.lifetime),
        ),
    };
    answer::page(&page)
}

#[derive(Template)]
#[template(path = "console/clients/audit.html")]
struct AuditPage {
    frame: Frame,
    head: ClientHeader,
    rows: Vec<EventRow>,
}

/// Shows the audit events of a client.
pub(in crate::web::console) async fn changes(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    signed_in.require(AdminScope::AuditRead)?;
    let found = find(&app, &signed_in, &id).await?;
    let subjects = vec![format!("client/{id}")];
    let filter = EventFilter { subjects, ..EventFilter::default() };
    let filter = audit::restrict_to_caller(&signed_in.principal, filter);
    let events = app.services.store.find_events(&filter, Order::NewestFirst, MAX_ROWS).await?;
    let listed = format!("tokend audit list --subject {}", quote(&format!("client/{id}")));
    let asked = format!("/v1/audit-events?subject=client%2F{}", shown::segment(&id));
    let page = AuditPage {
        frame: frame(&signed_in, &found, Equivalent::new(listed, "GET", &asked, "")),
        head: ClientHeader::of(&signed_in, &found, "audit"),
        rows: events.iter().map(|event| EventRow::of(event, &signed_in)).collect(),
    };
    answer::page(&page)
}
