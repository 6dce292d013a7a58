//! What happened to a client: its rejected requests, and who changed it.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};

use crate::admin::{audit, rejection};
use crate::model::admin_scope::AdminScope;
use crate::model::shell_word::quote;
use crate::store::events::{EventFilter, Order};
use crate::store::rejections::RejectionFilter;
use crate::web::console::answer::{self, Answer, AppState};
use crate::web::console::audit::EventRow;
use crate::web::console::client::{Head, find, frame};
use crate::web::console::clients::last_use;
use crate::web::console::frame::{Frame, Same};
use crate::web::console::gate::SignedIn;
use crate::web::console::rejections::RejectionRow;
use crate::web::console::shown::{self, Time};

/// How many rejections and events a page has.
const MAX_ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "console/client_activity.html")]
struct ActivityPage {
    frame: Frame,
    head: Head,
    rows: Vec<RejectionRow>,
    used: Option<Time>,
}

/// Shows which requests of a client were rejected, and why.
pub(super) async fn rejections(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    let found = find(&app, &signed_in, &id).await?;
    let client_id = Some(found.client.client_id.clone());
    let filter = RejectionFilter { client_id, ..RejectionFilter::default() };
    let filter = rejection::visible(&signed_in.principal, filter);
    let rejections = app.services.store.rejections(&filter, MAX_ROWS).await?;
    let listed = format!("tokend rejections list --client {}", quote(&id));
    let asked = format!("/v1/rejections?client_id={}", shown::segment(&id));
    let page = ActivityPage {
        frame: frame(&signed_in, &found, Same::new(listed, "GET", &asked, "")),
        head: Head::of(&signed_in, &found, "activity"),
        rows: rejections.iter().map(|it| RejectionRow::of(it, signed_in.now)).collect(),
        used: Time::maybe(last_use(&found), signed_in.now),
    };
    answer::page(&page)
}

#[derive(Template)]
#[template(path = "console/client_audit.html")]
struct AuditPage {
    frame: Frame,
    head: Head,
    rows: Vec<EventRow>,
}

/// Shows who changed a client.
pub(super) async fn changes(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    signed_in.require(AdminScope::AuditRead)?;
    let found = find(&app, &signed_in, &id).await?;
    let subjects = vec![format!("client/{id}")];
    let filter = EventFilter { subjects, ..EventFilter::default() };
    let filter = audit::visible(&signed_in.principal, filter);
    let events = app.services.store.find_events(&filter, Order::NewestFirst, MAX_ROWS).await?;
    let listed = format!("tokend audit list --subject {}", quote(&format!("client/{id}")));
    let asked = format!("/v1/audit-events?subject=client%2F{}", shown::segment(&id));
    let page = AuditPage {
        frame: frame(&signed_in, &found, Same::new(listed, "GET", &asked, "")),
        head: Head::of(&signed_in, &found, "audit"),
        rows: events.iter().map(|event| EventRow::of(event, &signed_in)).collect(),
    };
    answer::page(&page)
}
