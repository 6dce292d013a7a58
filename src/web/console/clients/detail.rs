//! The overview of a client, and helpers that its other pages share.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};

use crate::admin::{ObjectKind, client, secret};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientId, ClientState, GrantType, Registration};
use crate::model::facts::Description;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::owner::Owner;
use crate::text::shell::quote;
use crate::web::api::Problem;
use crate::web::console::clients::list::{credentials, last_use};
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Badge, Time};
use crate::web::console::sign_in::gate::SignedIn;

/// The header of every page of a client.
pub(in crate::web::console) struct ClientHeader {
    pub(in crate::web::console) id: String,
    pub(in crate::web::console) name: String,
    pub(in crate::web::console) path: String,
    pub(in crate::web::console) state: Badge,
    pub(in crate::web::console) is_active: bool,
    pub(in crate::web::console) owner: String,
    pub(in crate::web::console) tab: &'static str,
    pub(in crate::web::console) may_audit: bool,
    pub(in crate::web::console) may_write: bool,
}

impl ClientHeader {
    pub(in crate::web::console) fn of(
        signed_in: &SignedIn,
        found: &Registration,
        tab: &'static str,
    ) -> Self {
        let id = found.client.client_id.as_str();
        Self {
            id: id.to_owned(),
            name: found.client.name.as_str().to_owned(),
            path: shown::client_path(id),
            state: Badge::of_client(found.client.state),
            is_active: found.client.state == ClientState::Active,
            owner: found.client.facts.owner.as_ref().map(Owner::to_string).unwrap_or_default(),
            tab,
            may_audit: signed_in.may(AdminScope::AuditRead),
            may_write: signed_in.may(AdminScope::ClientsWrite),
        }
    }

    pub(in crate::web::console) fn is_at(&self, tab: &str) -> bool {
        self.tab == tab
    }
}

struct DetailRow {
    name: &'static str,
    value: String,
}

struct ShownGrant {
    resource: String,
    is_all: bool,
    scopes: Vec<String>,
}

impl ShownGrant {
    fn of(grant: &Grant) -> Self {
        let scopes = match &grant.scopes {
            GrantedScopes::All => None,
            GrantedScopes::Only(scopes) => Some(scopes.iter().map(ToString::to_string).collect()),
        };
        let resource = grant.resource.to_string();
        Self { resource, is_all: scopes.is_none(), scopes: scopes.unwrap_or_default() }
    }
}

#[derive(Template)]
#[template(path = "console/clients/detail.html")]
struct OverviewPage {
    frame: Frame,
    head: ClientHeader,
    facts: Vec<DetailRow>,
    grants: Vec<ShownGrant>,
    labels: Vec<String>,
    description: String,
    /// The credentials that are valid now; empty if there are none.
    credentials: String,
    created: Time,
    used: Option<Time>,
    source: String,
    may_revoke: bool,
}

/// Returns the client of a path, with the status of its secrets.
pub(in crate::web::console) async fn find(
    app: &App,
    signed_in: &SignedIn,
    id: &str,
) -> Result<Registration, ConsoleError> {
    signed_in.require(AdminScope::ClientsRead)?;
    let mut found = client::show(&app.services.store, &signed_in.principal, &parsed(id)?).await?;
    secret::life::assess(&app.services, &mut found).await?;
    Ok(found)
}

/// Parses the id in a path.
pub(in crate::web::console) fn parsed(id: &str) -> Result<ClientId, ConsoleError> {
    ClientId::parse(id).map_err(|_| Problem::absent(ObjectKind::Client, id).into())
}

pub(in crate::web::console) fn frame(
    signed_in: &SignedIn,
    found: &Registration,
    equivalent: Equivalent,
) -> Frame {
    Frame::new(signed_in, found.client.name.as_str(), "/console/clients")
        .with_equivalent(equivalent)
}

pub(in crate::web::console) fn api_path(found: &Registration, rest: &str) -> String {
    format!("/v1/clients/{}{rest}", shown::segment(found.client.client_id.as_str()))
}

pub(in crate::web::console) fn command(found: &Registration, words: &str) -> String {
    format!("tokend {words} {}", quote(found.client.client_id.as_str()))
}

/// Shows the overview.
pub(in crate::web::console) async fn overview(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    Form::of_query(&request).only(&["done"])?;
    let found = find(&app, &signed_in, &id).await?;
    let equivalent =
        Equivalent::new(command(&found, "client show"), "GET", &api_path(&found, ""), "");
    let now = signed_in.now;
    let facts = &found.client.facts;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let page = OverviewPage {
        frame: frame(&signed_in, &found, equivalent),
        head: ClientHeader::of(&signed_in, &found, "overview"),
        facts: facts_of(&app, &found),
        grants: found.grants.iter().map(ShownGrant::of).collect(),
        credentials: credentials(&found, now),
        labels: facts.labels.texts().collect(),
        description: text(facts.description.as_ref().map(Description::as_str)),
        created: Time::of(found.client.created_at, now),
        used: Time::maybe(last_use(&found), now),
        source: found.client.source.as_ref().map(ToString::to_string).unwrap_or_default(),
        may_revoke: signed_in.may(AdminScope::TokensRevoke),
    };
    answer::page(&page)
}

fn facts_of(app: &App, found: &Registration) -> Vec<DetailRow> {
    let (client, settings) = (&found.client, &app.services.config.token);
    let fact = |name, value: String| DetailRow { name, value };
    let methods: Vec<_> = client.auth_methods.iter().map(|method| method.as_str()).collect();
    let types: Vec<_> = client.grant_types.iter().map(GrantType::as_str).collect();
    let lifetime = client.token_lifetime.map_or_else(
        || format!("{}, unless the resource has another", settings.lifetime),
        |lifetime| lifetime.to_string(),
    );
    let mut facts = vec![
        fact("Authentication", methods.join(", ")),
        fact("Grant types", types.join(", ")),
        fact("Token lifetime", lifetime),
    ];
    if let Some(contact) = &client.facts.contact {
        facts.push(fact("Contact", contact.as_str().to_owned()));
    }
    if let Some(rate) = &client.token_rate {
        facts.push(fact("Token rate", rate.to_string()));
    }
    if !client.security.networks.is_anywhere() {
        facts.push(fact("Networks", client.security.networks.to_string()));
    }
    if client.security.dpop_bound {
        facts.push(fact("Tokens are bound", "to a key (DPoP)".to_owned()));
    }
    if client.security.certificate_bound {
        facts.push(fact("Tokens are bound", "to the certificate".to_owned()));
    }
    if let Some(owners) = &client.admin_of {
        let owners: Vec<_> = owners.iter().map(Owner::as_str).collect();
        facts.push(fact("Administers", owners.join(", ")));
    }
    facts
}
