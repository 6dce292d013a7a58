//! The overview: the health of the server, and everything that needs attention.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};

use crate::admin::client::list::ClientQuery;
use crate::admin::doctor::{self, CheckState};
use crate::admin::grant_request::{self, GrantRequestQuery};
use crate::admin::signing_key::{self, KeyStep};
use crate::admin::{audit, client};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientState;
use crate::model::grant_request::GrantRequestState;
use crate::model::time::{Lifetime, in_words};
use crate::store::clients::list::Position;
use crate::store::events::{EventFilter, Order};
use crate::web::console::audit::list::EventRow;
use crate::web::console::clients::list::{ClientRow, rows};
use crate::web::console::overview::traffic::{
    self, IssuedRow, RecentChange, Rejections, TokenTraffic,
};
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::assets::Icon;
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Badge};
use crate::web::console::sign_in::gate::SignedIn;
use crate::web::health::{self, HealthState, Report};

/// The maximum number of clients listed for each kind of attention.
const MAX_NAMED: u32 = 5;

/// The maximum number of changes listed, and of events read to find them.
const MAX_EVENTS: usize = 8;
const MAX_EVENTS_READ: u32 = 50;

/// The time without use after which a client is listed.
const UNUSED_SECONDS: i64 = 90 * 86_400;

/// The time before a signing key changes at which it is listed.
const KEY_NOTICE_SECONDS: i64 = 14 * 86_400;

#[derive(Template)]
#[template(path = "console/overview/page.html")]
struct OverviewPage {
    frame: Frame,
    /// The health of the server; `None` if the session may not see it.
    health: Option<Badge>,
    problems: Vec<String>,
    tiles: Vec<Tile>,
    attention: Vec<Attention>,
    /// The list of passed checks, shown if nothing needs attention.
    nothing: String,
    traffic: Option<TokenTraffic>,
    rejections: Option<Rejections>,
    markers: Vec<RecentChange>,
    issued: Vec<IssuedRow>,
    events: Vec<EventRow>,
    may_see_events: bool,
    check: Icon,
}

struct Tile {
    name: &'static str,
    value: String,
    more: String,
    path: &'static str,
}

/// Something that needs the operator's attention.
struct Attention {
    class: &'static str,
    icon: Icon,
    text: String,
    path: String,
    action: &'static str,
}

impl Attention {
    fn warning(text: String, path: String, action: &'static str) -> Self {
        Self { class: "warn", icon: Icon::new("warning"), text, path, action }
    }

    fn hint(text: String, path: String, action: &'static str) -> Self {
        Self { class: "info", icon: Icon::new("info"), text, path, action }
    }
}

/// Shows the overview. Each part requires the scope of its own page.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    Form::of_query(&request).only(&["done"])?;
    let may_see_events = signed_in.may(AdminScope::AuditRead);
    let report = signed_in.may(AdminScope::ServerRead).then(|| health::report(&app).1);
    let markers =
        if may_see_events { traffic::markers(&app, &signed_in).await? } else { Vec::new() };
    let rejections = if signed_in.may(AdminScope::ClientsRead) {
        Some(traffic::rejections(&app, &signed_in, &markers).await?)
    } else {
        None
    };
    let warned = app.services.config.secrets.warn_before.to_string();
    let filters = [("--expiring", "expiring_within", Some(warned.as_str()))];
    let equivalent = Equivalent::of_list("tokend client list", "/v1/clients", &filters);
    let page = OverviewPage {
        frame: Frame::new(&signed_in, "Overview", "/console/").with_equivalent(equivalent),
        health: report.as_ref().map(health_badge),
        problems: report.map(|report| report.problems()).unwrap_or_default(),
        tiles: tiles(&app, &signed_in, rejections.as_ref()),
        attention: attention(&app, &signed_in).await?,
        nothing: nothing(&signed_in),
        traffic: traffic::issued_by_hour(&app, &signed_in, &markers),
        rejections,
        markers,
        issued: traffic::issued(&app, &signed_in),
        events: if may_see_events { events(&app, &signed_in).await? } else { Vec::new() },
        may_see_events,
        check: Icon::new("check"),
    };
    answer::page(&page)
}

fn health_badge(report: &Report) -> Badge {
    match report.state() {
        HealthState::Ready => Badge::new("good", "healthy"),
        HealthState::Degraded => Badge::new("warn", "degraded"),
        HealthState::Stopping => Badge::new("warn", "stopping"),
        HealthState::Unavailable => Badge::new("bad", "unavailable"),
    }
}

/// Returns the text for an empty list. It names only what this session may see.
fn nothing(signed_in: &SignedIn) -> String {
    let mut seen = Vec::new();
    if signed_in.may(AdminScope::ClientsRead) {
        seen.extend(["no secret expires soon", "no client is unused for long"]);
    }
    if signed_in.may(AdminScope::KeysRead) {
        seen.push("no signing key changes within two weeks");
    }
    if signed_in.may(AdminScope::ServerRead) {
        seen.push("the server reports no problem");
    }
    match seen.as_slice() {
        [] => "Nothing that you may see needs attention.".to_owned(),
        seen => format!("Nothing needs attention: {}.", seen.join(", ")),
    }
}

/// Returns figures of the whole server, for administrators without limits. Rejections are limited
/// to the caller's owners.
fn tiles(app: &App, signed_in: &SignedIn, rejections: Option<&Rejections>) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let number = |count: usize| shown::number(i64::try_from(count).unwrap_or(i64::MAX));
    let sees_all = signed_in.sees_all();
    if sees_all && signed_in.may(AdminScope::ClientsRead) {
        let clients = &app.directory.metrics;
        let disabled = clients.clients(ClientState::Disabled);
        tiles.push(Tile {
            name: "Active clients",
            value: number(clients.clients(ClientState::Active)),
            more: format!("{} disabled", number(disabled)),
            path: "/console/clients",
        });
    }
    if sees_all && signed_in.may(AdminScope::StatsRead) {
        let total: u64 = app.directory.metrics.issued.totals().iter().map(|(_, count)| count).sum();
        tiles.push(Tile {
            name: "Tokens issued",
            value: shown::number(i64::try_from(total).unwrap_or(i64::MAX)),
            more: "since this instance started".to_owned(),
            path: "#issued",
        });
    }
    if let Some(rejections) = rejections {
        tiles.push(Tile {
            name: "Rejected requests",
            value: rejections.total.clone(),
            more: "in the last 24 hours".to_owned(),
            path: "/console/rejections",
        });
    }
    if sees_all && signed_in.may(AdminScope::ResourcesRead) {
        tiles.push(Tile {
            name: "Resources",
            value: number(app.directory.resources().len()),
            more: "APIs that tokens are for".to_owned(),
            path: "/console/resources",
        });
    }
    tiles
}

async fn attention(app: &App, signed_in: &SignedIn) -> Result<Vec<Attention>, ConsoleError> {
    let mut found = Vec::new();
    if signed_in.may(AdminScope::ClientsRead) {
        add_clients(app, signed_in, &mut found).await?;
        add_requests(app, signed_in, &mut found).await?;
    }
    if signed_in.may(AdminScope::KeysRead) {
        add_keys(app, signed_in, &mut found).await?;
    }
    if signed_in.may(AdminScope::ServerRead) {
        add_findings(app, &mut found);
    }
    // Warnings come first. The sort is stable.
    found.sort_by_key(|item| item.class != "warn");
    Ok(found)
}

async fn add_clients(
    app: &App,
    signed_in: &SignedIn,
    found: &mut Vec<Attention>,
) -> Result<(), ConsoleError> {
    let warn_before = app.services.config.secrets.warn_before;
    let expiring = ClientQuery { expiring: Some(warn_before), ..ClientQuery::default() };
    for row in clients(app, signed_in, expiring).await? {
        let when = row.expiring.as_ref().map(|time| time.day().to_owned()).unwrap_or_default();
        let path = format!("{}/credentials", row.path);
        found.push(if row.is_rotated {
            let text = format!("{}: its old secret ends on {when}", row.name);
            Attention::hint(text, path, "Open")
        } else {
            let text = format!("{}: a secret expires on {when}", row.name);
            Attention::warning(text, path, "Rotate")
        });
    }
    let unused = ClientQuery {
        unused: Lifetime::from_seconds(UNUSED_SECONDS).ok(),
        state: Some(ClientState::Active),
        ..ClientQuery::default()
    };
    for row in clients(app, signed_in, unused).await? {
        let text = format!("{}: not used for 90 days", row.name);
        found.push(Attention::hint(text, row.path, "Open"));
    }
    Ok(())
}

/// Returns the first clients that match a query.
async fn clients(
    app: &App,
    signed_in: &SignedIn,
    question: ClientQuery,
) -> Result<Vec<ClientRow>, ConsoleError> {
    let (store, clock) = (&app.services.store, &app.services.clock);
    let filter = client::list::filter(store, clock, &signed_in.principal, question).await?;
    let page = store.client_page(&filter, &Position::start(), MAX_NAMED).await?;
    let ids: Vec<&str> = page.positions.iter().map(Position::client_id).collect();
    Ok(rows(app, &ids, signed_in.now).await?.readable)
}

async fn add_requests(
    app: &App,
    signed_in: &SignedIn,
    found: &mut Vec<Attention>,
) -> Result<(), ConsoleError> {
    let state = Some(GrantRequestState::Pending);
    let question = GrantRequestQuery { state, ..GrantRequestQuery::default() };
    let (store, clock) = (&app.services.store, &app.services.clock);
    let pending =
        grant_request::list(store, clock, &signed_in.principal, question, MAX_NAMED).await?;
    for request in pending.readable {
        let text = format!("{} requests a grant of {}", request.client_id, request.resource);
        let path = "/console/grant-requests".to_owned();
        found.push(Attention::hint(text, path, "Decide"));
    }
    Ok(())
}

async fn add_keys(
    app: &App,
    signed_in: &SignedIn,
    found: &mut Vec<Attention>,
) -> Result<(), ConsoleError> {
    for key in signing_key::list(&app.services).await? {
        let Some(next) = key.next_step else { continue };
        let left = next.at.seconds_since(signed_in.now);
        if left > KEY_NOTICE_SECONDS || next.step == KeyStep::LeavesKeySet {
            continue;
        }
        let what = match next.step {
            KeyStep::Signs => "begins to sign",
            KeyStep::SuccessorPublished => "gets a successor",
            KeyStep::StopsSigning | KeyStep::LeavesKeySet => "stops signing",
        };
        let kid: String = key.kid.as_str().chars().take(8).collect();
        let text = format!("Signing key {kid}… {what} in {}", in_words(left.max(0)));
        found.push(Attention::hint(text, "/console/signing-keys".to_owned(), "Open"));
    }
    Ok(())
}

/// Adds the doctor's findings about the settings. The settings page runs the other checks, which
/// take longer.
fn add_findings(app: &App, found: &mut Vec<Attention>) {
    let findings = doctor::examine_settings(&app.services.config);
    for finding in findings.iter().filter(|finding| finding.state >= CheckState::Warning) {
        let text = format!("Doctor: {}", finding.found);
        found.push(Attention::warning(text, "/console/settings?doctor=1".to_owned(), "Open"));
    }
}

/// Returns the latest changes. Console events such as sign-ins are omitted, because they change
/// nothing.
async fn events(app: &App, signed_in: &SignedIn) -> Result<Vec<EventRow>, ConsoleError> {
    let filter = audit::restrict_to_caller(&signed_in.principal, EventFilter::default());
    let found =
        app.services.store.find_events(&filter, Order::NewestFirst, MAX_EVENTS_READ).await?;
    let changes = found.iter().filter(|event| !event.action.starts_with("console."));
    Ok(changes.take(MAX_EVENTS).map(|event| EventRow::of(event, signed_in)).collect())
}
