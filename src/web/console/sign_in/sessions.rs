//! The sessions of the console: the list, ending a session, the theme, and signing out.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::header::SET_COOKIE;

use crate::admin::client::list::ClientQuery;
use crate::admin::{client, console};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::console_session::{ConsoleSession, SessionId};
use crate::model::resource::ResourceId;
use crate::store::clients::list::Position;
use crate::web::console::clients::list::{ClientRow, rows};
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown::Time;
use crate::web::console::security::cookie::Theme;
use crate::web::console::security::origin::{Transport, safe_redirect_path};
use crate::web::console::sign_in::gate::SignedIn;

#[derive(Template)]
#[template(path = "console/sign_in/sessions.html")]
struct SessionsPage {
    frame: Frame,
    rows: Vec<SessionRow>,
    scopes: Vec<&'static str>,
    is_unlimited: bool,
    /// The clients that may sign in, if the caller may read clients.
    administrators: Option<Vec<ClientRow>>,
}

struct SessionRow {
    id: String,
    who: String,
    is_own: bool,
    signed_in: Time,
    seen: Time,
    ends: Time,
    address: String,
    /// The browser as text, and the raw `User-Agent`.
    browser: String,
    agent: String,
    path: String,
}

impl SessionRow {
    fn of(signed_in: &SignedIn, session: &ConsoleSession) -> Self {
        let id = session.session_id.as_str();
        Self {
            id: id.to_owned(),
            who: session.holder.actor_name(),
            is_own: session.session_id == signed_in.session.session_id,
            signed_in: Time::of(session.signed_in_at, signed_in.now),
            seen: Time::of(session.seen_at, signed_in.now),
            ends: Time::of(session.ends_at, signed_in.now),
            address: session.address.clone(),
            browser: browser(&session.user_agent),
            agent: session.user_agent.clone(),
            path: format!("/console/sessions/{id}/end"),
        }
    }
}

/// Names the browser and its operating system. The order matters, because most browsers also
/// contain the names of others. An unknown user agent is returned unchanged.
fn browser(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 5] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iPadOS"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name)
    };
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ => agent.to_owned(),
    }
}

/// The maximum number of administrators in the list.
const MAX_ADMINISTRATORS: u32 = 50;

/// Returns the first clients with a grant for this server.
async fn administrators(app: &App, signed_in: &SignedIn) -> Result<Vec<ClientRow>, ConsoleError> {
    let (store, clock) = (&app.services.store, &app.services.clock);
    let resource = Some(ResourceId::SERVER.to_owned());
    let question = ClientQuery { resource, ..ClientQuery::default() };
    let filter = client::list::filter(store, clock, &signed_in.principal, question).await?;
    let page = store.client_page(&filter, &Position::start(), MAX_ADMINISTRATORS).await?;
    let ids: Vec<&str> = page.positions.iter().map(Position::client_id).collect();
    Ok(rows(app, &ids, signed_in.now).await?.readable)
}

/// Shows the sessions visible to the caller.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    Form::of_query(&request).only(&["done"])?;
    let found = console::list(&app.services, &signed_in.principal).await?;
    let scopes = signed_in.principal.scopes().into_iter().map(AdminScope::as_str);
    let administrators = if signed_in.may(AdminScope::ClientsRead) {
        Some(administrators(&app, &signed_in).await?)
    } else {
        None
    };
    let equivalent =
        Equivalent::new("tokend console link", "GET", "/v1/audit-events?action=console", "");
    answer::page(&SessionsPage {
        frame: Frame::new(&signed_in, "Sessions", "/console/sessions").with_equivalent(equivalent),
        rows: found.iter().map(|session| SessionRow::of(&signed_in, session)).collect(),
        scopes: scopes.collect(),
        administrators,
        is_unlimited: signed_in.principal.is_operator(),
    })
}

pub(in crate::web::console) async fn end(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&[])?;
    // A malformed id cannot be that of a session.
    let is_ended = match SessionId::parse(&id) {
        Ok(id) => console::end(&app.services, &signed_in.principal, &id).await?,
        Err(_) => false,
    };
    let done = if is_ended { Notice::SessionEnded } else { Notice::SessionUnknown };
    Ok(answer::see_other(&format!("/console/sessions?done={}", done.as_str())))
}

/// Signs out: ends the session on all instances and removes the cookie.
pub(in crate::web::console) async fn sign_out(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Extension(transport): Extension<Transport>,
) -> Answer {
    form.only(&[])?;
    let id = &signed_in.session.session_id;
    console::end(&app.services, &signed_in.principal, id).await?;
    let mut response = answer::see_other("/console/sign-in");
    if let Some(cookie) = transport.cookie.remove() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Stores the theme in the browser and returns to the page.
pub(in crate::web::console) async fn set_theme(Extension(form): Extension<Form>) -> Answer {
    form.only(&["theme", "next"])?;
    let theme = form.text("theme").and_then(Theme::parse);
    let theme = theme.ok_or_else(|| ConsoleError::invalid("theme: system, light or dark"))?;
    let next = form.text("next").and_then(safe_redirect_path).unwrap_or("/console/");
    let mut response = answer::see_other(next);
    if let Some(cookie) = theme.set() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_called_by_its_name() {
        let linux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
        assert_eq!(browser(&format!("{linux} Chrome/142.0 Safari/537.36")), "Chrome on Linux");
        let edge = format!("{linux} Chrome/142.0 Safari/537.36 Edg/142.0");
        assert_eq!(browser(&edge), "Edge on Linux");
        let telephone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1";
        assert_eq!(browser(telephone), "Safari on iOS");
        assert_eq!(browser("curl/8.0 <b>"), "curl/8.0 <b>");
    }
}
