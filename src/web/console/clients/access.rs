//! The access page of a client. It shows a form for each grant, and the claims of the next token.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};

use crate::admin::resource;
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::{Resource, ResourceId};
use crate::model::scope::ScopeName;
use crate::oauth::token::preview::{self, PreviewError};
use crate::oauth::token::request::RequestedAccess;
use crate::web::api::Problem;
use crate::web::console::clients::detail::{ClientHeader, api_path, command, find, frame};
use crate::web::console::clients::edit_fields::claims_text;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown;
use crate::web::console::sign_in::gate::SignedIn;

/// The maximum number of resources in the selection.
const MAX_OFFERED: usize = 200;

#[derive(Template)]
#[template(path = "console/clients/access.html")]
pub(in crate::web::console) struct AccessPage {
    frame: Frame,
    head: ClientHeader,
    problem: String,
    grants: Vec<GrantForm>,
    may_change: bool,
    /// The resources without a grant that the caller may grant.
    offered: Vec<String>,
    request: RequestForm,
    preview: Option<Preview>,
}

/// The form of a grant, with stored or entered values.
struct GrantForm {
    number: usize,
    resource: String,
    path: Option<String>,
    is_new: bool,
    is_all: bool,
    boxes: Vec<ScopeBox>,
    /// The granted scopes, shown as text if the caller may not see the resource.
    texts: Vec<String>,
    networks: String,
    claims: String,
    may_edit: bool,
    preview: String,
}

struct ScopeBox {
    name: String,
    description: String,
    is_chosen: bool,
}

#[derive(Default)]
struct RequestForm {
    resource: String,
    scopes: String,
    message: String,
    is_open: bool,
}

/// The claims of the next token, or why it would be rejected.
struct Preview {
    resource: String,
    claims: String,
    problem: String,
}

/// Shows the access page.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let query = Form::of_query(&request);
    query.only(&["resource", "add", "done"])?;
    let found = find(&app, &signed_in, &id).await?;
    answer::page(&access_page(&app, &signed_in, &found, &query, String::new()).await?)
}

/// Builds the page for a query, or for a rejected form.
pub(in crate::web::console) async fn access_page(
    app: &App,
    signed_in: &SignedIn,
    found: &Registration,
    form: &Form,
    problem: String,
) -> Result<AccessPage, ConsoleError> {
    let head = ClientHeader::of(signed_in, found, "access");
    let first = found.grants.first().map(|grant| grant.resource.to_string());
    let asked = form.text("resource").filter(|text| has_grant(found, text)).map(str::to_owned);
    let preview = match asked.or(first) {
        Some(resource) => Some(preview_of(app, found, resource).await?),
        None => None,
    };
    let known = visible(app, signed_in).await?;
    let may_change = signed_in.may(AdminScope::GrantsWrite);
    let mut grants: Vec<_> = found
        .grants
        .iter()
        .map(|grant| GrantForm::of(signed_in, &head.path, grant, &known))
        .collect();
    let added = form.text("add").or(form.text("resource")).filter(|text| !has_grant(found, text));
    if let Some(resource) = added.and_then(|id| known.get(id)).filter(|_| may_change) {
        grants.push(GrantForm::new(signed_in, &head.path, resource));
    }
    for (number, grant) in grants.iter_mut().enumerate() {
        grant.number = number;
        if !problem.is_empty() && form.text("resource") == Some(&grant.resource) {
            grant.take_typed(form);
        }
    }
    let is_offered =
        |id: &&String| !found.grants.iter().any(|grant| grant.resource.as_str() == **id);
    let offered = known.keys().filter(|id| *id != ResourceId::SERVER).filter(is_offered);
    let offered: Vec<_> = offered.take(MAX_OFFERED).cloned().collect();
    Ok(AccessPage {
        frame: frame(signed_in, found, equivalent(found)),
        head,
        grants,
        may_change,
        offered: if may_change { offered } else { Vec::new() },
        request: RequestForm {
            resource: form.typed("resource"),
            scopes: form.all("scope").collect::<Vec<_>>().join(" "),
            message: form.typed("message"),
            is_open: !problem.is_empty(),
        },
        preview,
        problem,
    })
}

fn has_grant(found: &Registration, resource: &str) -> bool {
    found.grants.iter().any(|grant| grant.resource.as_str() == resource)
}

/// Returns the resources that the caller may see.
async fn visible(
    app: &App,
    signed_in: &SignedIn,
) -> Result<BTreeMap<String, Resource>, ConsoleError> {
    if !signed_in.may(AdminScope::ResourcesRead) {
        return Ok(BTreeMap::new());
    }
    let known = resource::list(&app.services.store, &signed_in.principal).await?;
    Ok(known.into_iter().map(|resource| (resource.resource.to_string(), resource)).collect())
}

fn equivalent(found: &Registration) -> Equivalent {
    let grant = found.grants.first();
    let id = grant.map_or("https://orders.example.com", |grant| grant.resource.as_str());
    let scope = grant.and_then(|grant| match &grant.scopes {
        GrantedScopes::Only(scopes) => scopes.iter().next().map(ToString::to_string),
        GrantedScopes::All => None,
    });
    let scope = scope.unwrap_or_else(|| "orders:read".to_owned());
    let quoted = crate::text::shell::quote;
    let change = format!(
        "{} --resource {} --scope {}",
        command(found, "client grant"),
        quoted(id),
        quoted(&scope)
    );
    let path = api_path(found, &format!("/grants/{}", shown::segment(id)));
    let body = serde_json::json!({ "scopes": [scope] }).to_string();
    Equivalent::new(change, "PUT", &path, &body)
}

impl GrantForm {
    fn of(
        signed_in: &SignedIn,
        path: &str,
        grant: &Grant,
        known: &BTreeMap<String, Resource>,
    ) -> Self {
        let id = grant.resource.to_string();
        let named = match &grant.scopes {
            GrantedScopes::All => Vec::new(),
            GrantedScopes::Only(scopes) => scopes.iter().cloned().collect(),
        };
        let resource = known.get(&id);
        let is_all = matches!(grant.scopes, GrantedScopes::All);
        let networks = &grant.networks;
        Self {
            number: 0,
            path: resource.map(|_| shown::resource_path(&id)),
            is_new: false,
            is_all,
            boxes: resource.map(|resource| boxes(resource, &named)).unwrap_or_default(),
            texts: named.iter().map(ToString::to_string).collect(),
            networks: if networks.is_anywhere() { String::new() } else { networks.to_string() },
            claims: claims_text(&grant.claims),
            may_edit: signed_in.may(AdminScope::GrantsWrite),
            preview: format!("{path}/access?resource={}", shown::segment(&id)),
            resource: id,
        }
    }

    /// Builds the form of a new grant.
    fn new(signed_in: &SignedIn, path: &str, resource: &Resource) -> Self {
        let id = resource.resource.to_string();
        Self {
            number: 0,
            path: Some(shown::resource_path(&id)),
            is_new: true,
            is_all: false,
            boxes: boxes(resource, &[]),
            texts: Vec::new(),
            networks: String::new(),
            claims: String::new(),
            may_edit: signed_in.may(AdminScope::GrantsWrite),
            preview: format!("{path}/access"),
            resource: id,
        }
    }

    /// Restores the entered values.
    fn take_typed(&mut self, form: &Form) {
        self.is_all = form.has("all");
        self.networks = form.typed("networks");
        self.claims = form.typed("claims");
        for scope in &mut self.boxes {
            scope.is_chosen = form.all("scope").any(|chosen| chosen == scope.name);
        }
    }
}

fn boxes(resource: &Resource, granted: &[ScopeName]) -> Vec<ScopeBox> {
    let shown = resource.scopes.iter().map(|scope| ScopeBox {
        name: scope.name.to_string(),
        description: scope.description.clone(),
        is_chosen: granted.contains(&scope.name),
    });
    // A scope that the resource no longer offers is still part of the grant.
    let is_offered = |name: &&ScopeName| resource.scopes.iter().any(|scope| scope.name == **name);
    let gone = granted.iter().filter(|name| !is_offered(name)).map(|name| ScopeBox {
        name: name.to_string(),
        description: "The resource no longer offers it".to_owned(),
        is_chosen: true,
    });
    shown.chain(gone).collect()
}

async fn preview_of(
    app: &App,
    found: &Registration,
    resource: String,
) -> Result<Preview, ConsoleError> {
    let requested = RequestedAccess { resources: vec![resource.clone()], scope: None };
    let previewed = preview::preview(&app.services, &found.client.client_id, &requested).await;
    let (claims, problem) = match previewed {
        Ok(claims) => (serde_json::to_string_pretty(&claims).unwrap_or_default(), String::new()),
        Err(PreviewError::Rejected(reason)) => (String::new(), reason),
        Err(error) => return Err(Problem::from(error).into()),
    };
    Ok(Preview { resource, claims, problem })
}
