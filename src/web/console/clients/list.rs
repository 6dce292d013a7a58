//! The list of clients: search, filters and pages.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};

use crate::admin::client;
use crate::admin::client::list::{ClientQuery, MAX_SEARCH_CHARS};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientState, Registration};
use crate::model::labels::{LabelKey, LabelValue};
use crate::model::owner::Owner;
use crate::model::time::{Lifetime, Timestamp};
use crate::store::clients::list::{ClientFilter, Position};
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::assets::Icon;
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Badge, Choice, Time, Unreadable};
use crate::web::console::sign_in::gate::SignedIn;

/// The number of clients per page.
const PAGE_SIZE: u32 = 50;

/// The maximum count of clients.
const MAX_COUNTED: u32 = 10_000;

const PARAMETERS: [&str; 9] =
    ["q", "state", "owner", "label", "resource", "expiring", "unused", "after", "done"];

#[derive(Template)]
#[template(path = "console/clients/list.html")]
struct ClientsPage {
    frame: Frame,
    rows: Vec<ClientRow>,
    unreadable: Vec<Unreadable>,
    count: String,
    quick: Vec<QuickFilter>,
    states: Vec<Choice>,
    q: String,
    owner: String,
    label: String,
    resource: String,
    /// Preserved while other filters change.
    expiring: String,
    unused: String,
    is_filtered: bool,
    may_create: bool,
    next: Option<String>,
    is_first: bool,
    plus: Icon,
}

/// A filter behind a link.
struct QuickFilter {
    name: &'static str,
    query: String,
    is_current: bool,
}

pub(in crate::web::console) struct ClientRow {
    pub(in crate::web::console) id: String,
    pub(in crate::web::console) path: String,
    pub(in crate::web::console) name: String,
    pub(in crate::web::console) owner: String,
    pub(in crate::web::console) state: Badge,
    pub(in crate::web::console) credentials: String,
    pub(in crate::web::console) expiring: Option<Time>,
    /// True if another secret is valid and does not expire soon.
    pub(in crate::web::console) is_rotated: bool,
    pub(in crate::web::console) used: Option<Time>,
    pub(in crate::web::console) apis: String,
}

impl ClientRow {
    pub(in crate::web::console) fn of(found: &Registration, now: Timestamp) -> Self {
        let id = found.client.client_id.as_str();
        let is_expiring = |secret: &&crate::model::secret::SecretRecord| {
            secret.status.as_ref().is_some_and(|status| status.expiring_soon)
        };
        let expiring =
            found.secrets.iter().filter(is_expiring).filter_map(|it| it.expires_at).min();
        Self {
            id: id.to_owned(),
            path: shown::client_path(id),
            name: found.client.name.as_str().to_owned(),
            owner: found.client.facts.owner.as_ref().map(Owner::to_string).unwrap_or_default(),
            state: Badge::of_client(found.client.state),
            credentials: credentials(found, now),
            expiring: Time::maybe(expiring, now),
            is_rotated: found.secrets.iter().any(|it| it.is_valid(now) && !is_expiring(&it)),
            used: Time::maybe(last_use(found), now),
            apis: apis(found),
        }
    }
}

/// Returns the time of the last authentication.
pub(in crate::web::console) fn last_use(found: &Registration) -> Option<Timestamp> {
    let of_secrets = found.secrets.iter().filter_map(|secret| secret.usage.as_ref());
    of_secrets.chain(&found.usage).map(|usage| usage.last_used_at).max()
}

/// Summarizes the valid credentials of a client; empty if it has none.
pub(in crate::web::console) fn credentials(found: &Registration, now: Timestamp) -> String {
    let secrets = found.secrets.iter().filter(|secret| secret.is_valid(now)).count();
    let trusts = found.trusts.len() + found.spiffe_trusts.len();
    let mut parts = Vec::new();
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    if secrets > 0 {
        parts.push(shown::counted(count(secrets), "secret", "secrets"));
    }
    if found.client.security.keys.is_some() {
        parts.push("keys".to_owned());
    }
    if found.client.security.tls_subject.is_some() {
        parts.push("certificate".to_owned());
    }
    if trusts > 0 {
        parts.push(shown::counted(count(trusts), "trust", "trusts"));
    }
    parts.join(", ")
}

fn apis(found: &Registration) -> String {
    match &found.grants[..] {
        [] => String::new(),
        [grant] => grant.resource.to_string(),
        [grant, rest @ ..] => format!("{} and {} more", grant.resource, rest.len()),
    }
}

pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::ClientsRead)?;
    let query = Form::of_query(&request);
    query.only(&PARAMETERS)?;
    let (store, clock) = (&app.services.store, &app.services.clock);
    let question = question(&query)?;
    let filter = client::list::filter(store, clock, &signed_in.principal, question).await?;
    let after = query.parsed("after", |text| client::list::place(&filter, text))?;
    let after = after.unwrap_or_else(Position::start);
    let page = store.client_page(&filter, &after, PAGE_SIZE).await?;
    let ids: Vec<&str> = page.positions.iter().map(Position::client_id).collect();
    let rows = rows(&app, &ids, signed_in.now).await?;
    let count = count(&app, &filter).await?;
    let next = page.next.map(|next| {
        let cursor = client::list::cursor(&filter, &next);
        format!("?{}", query.query_with("after", &cursor))
    });
    answer::page(&shown_page(&signed_in, &query, rows, count, next))
}

fn shown_page(
    signed_in: &SignedIn,
    query: &Form,
    rows: ClientRows,
    count: String,
    next: Option<String>,
) -> ClientsPage {
    let states = [("", "Any state"), ("active", "Active"), ("disabled", "Disabled")];
    let frame =
        Frame::new(signed_in, "Clients", "/console/clients").with_equivalent(equivalent(query));
    let filters = &PARAMETERS[..7];
    ClientsPage {
        frame,
        rows: rows.readable,
        unreadable: rows.unreadable,
        count,
        quick: quick(query),
        states: Choice::list(&states, &query.typed("state")),
        q: query.typed("q"),
        owner: query.typed("owner"),
        label: query.typed("label"),
        resource: query.typed("resource"),
        expiring: query.typed("expiring"),
        unused: query.typed("unused"),
        is_filtered: filters.iter().any(|name| query.has(name)),
        may_create: signed_in.may(AdminScope::ClientsWrite),
        next,
        is_first: !query.has("after"),
        plus: Icon::new("plus"),
    }
}

#[derive(Default)]
pub(in crate::web::console) struct ClientRows {
    pub(in crate::web::console) readable: Vec<ClientRow>,
    pub(in crate::web::console) unreadable: Vec<Unreadable>,
}

/// Returns the rows of clients in the order of the ids.
pub(in crate::web::console) async fn rows(
    app: &App,
    ids: &[&str],
    now: Timestamp,
) -> Result<ClientRows, ConsoleError> {
    let found = client::list::read_clients(&app.services, ids).await?;
    Ok(ClientRows {
        readable: found.readable.iter().map(|client| ClientRow::of(client, now)).collect(),
        unreadable: Unreadable::list(found.unreadable),
    })
}

/// Returns the number of clients as text. A search is not counted, because it scans all clients.
async fn count(app: &App, filter: &ClientFilter) -> Result<String, ConsoleError> {
    if filter.search.is_some() {
        return Ok(String::new());
    }
    let store = &app.services.store;
    let counted = store.count_clients(filter, &Position::start(), MAX_COUNTED).await?;
    Ok(match counted {
        Some(count) if count >= i64::from(MAX_COUNTED) => {
            format!("{} clients or more", shown::number(count))
        }
        Some(count) => shown::counted(count, "client", "clients"),
        None => String::new(),
    })
}

fn question(query: &Form) -> Result<ClientQuery, ConsoleError> {
    let search = query.text("q");
    if search.is_some_and(|text| text.chars().count() > MAX_SEARCH_CHARS) {
        return Err(ConsoleError::invalid(format!(
            "q: a search has at most {MAX_SEARCH_CHARS} characters."
        )));
    }
    let search = search.filter(|text| !text.contains(char::is_control)).map(str::to_owned);
    Ok(ClientQuery {
        state: query.parsed("state", ClientState::parse)?,
        name: None,
        owner: query.parsed("owner", Owner::parse)?,
        labels: query.parsed("label", label)?.into_iter().collect(),
        resource: query.text("resource").map(str::to_owned),
        scope: None,
        expiring: query.parsed("expiring", Lifetime::parse)?,
        unused: query.parsed("unused", Lifetime::parse)?,
        search,
    })
}

/// Parses a label filter: `team=payments`.
fn label(text: &str) -> Result<(LabelKey, LabelValue), crate::model::Malformed> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    Ok((LabelKey::parse(key)?, LabelValue::parse(value)?))
}

fn quick(query: &Form) -> Vec<QuickFilter> {
    let filters = [
        ("All", "", ""),
        ("Active", "state", "active"),
        ("Disabled", "state", "disabled"),
        ("Secret expires in 14 days", "expiring", "14d"),
        ("Unused for 90 days", "unused", "90d"),
    ];
    let is_plain = ["state", "expiring", "unused"].iter().all(|name| !query.has(name));
    let shown = |(name, key, value): (&'static str, &str, &str)| QuickFilter {
        name,
        query: if key.is_empty() { String::new() } else { format!("{key}={value}") },
        is_current: if key.is_empty() { is_plain } else { query.text(key) == Some(value) },
    };
    filters.into_iter().map(shown).collect()
}

fn equivalent(query: &Form) -> Equivalent {
    let filters = [
        ("--search", "q", query.text("q")),
        ("--state", "state", query.text("state")),
        ("--owner", "owner", query.text("owner")),
        ("--label", "label", query.text("label")),
        ("--resource", "resource", query.text("resource")),
        ("--expiring", "expiring_within", query.text("expiring")),
        ("--unused", "unused_for", query.text("unused")),
    ];
    Equivalent::of_list("tokend client list", "/v1/clients", &filters)
}
