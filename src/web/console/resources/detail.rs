//! The page of a resource: its tokens, code that verifies them, and its clients.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};

use crate::admin::client::list::ClientQuery;
use crate::admin::{ObjectKind, client, resource};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::facts::{Contact, Description};
use crate::model::public_path::KEY_SET_PATH;
use crate::model::resource::{Resource, ResourceId, ResourceScope};
use crate::store::clients::list::Position;
use crate::text::shell::quote;
use crate::web::api::Problem;
use crate::web::console::clients::list::{ClientRow, rows};
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Choice, Time};
use crate::web::console::resources::list::ResourceRow;
use crate::web::console::sign_in::gate::SignedIn;
use crate::web::console::snippets::{SnippetPart, VerifierValues, stacks, verifier};

/// The maximum number of clients listed for a resource.
const MAX_CLIENTS: u32 = 20;

#[derive(Template)]
#[template(path = "console/resources/detail.html")]
struct ResourcePage {
    frame: Frame,
    row: ResourceRow,
    description: String,
    contact: String,
    labels: Vec<String>,
    scopes: Vec<ResourceScope>,
    created: Option<Time>,
    source: String,
    typ: &'static str,
    note: &'static str,
    issuer: String,
    key_set: String,
    clients: Option<Vec<ClientRow>>,
    all_clients: String,
    stacks: Vec<Choice>,
    stack: &'static str,
    parts: Vec<SnippetPart>,
    may_change: bool,
}

/// Returns a compatibility note for an algorithm.
fn note(algorithm: &str) -> &'static str {
    match algorithm {
        "RS256" => "Every library and gateway verifies RS256.",
        "ES256" => {
            "Nearly every library verifies ES256. AWS API Gateway and AWS load balancers do not. \
             Spring with only a key set URL needs a setting for it."
        }
        "PS256" => "Few gateways verify PS256. Check yours before.",
        _ => "Few libraries and gateways verify EdDSA. Spring, ASP.NET and Kubernetes do not.",
    }
}

/// Returns the resource of a path.
pub(in crate::web::console) async fn find(
    app: &App,
    signed_in: &SignedIn,
    id: &str,
) -> Result<Resource, ConsoleError> {
    let parsed = ResourceId::parse(id).map_err(|_| Problem::absent(ObjectKind::Resource, id))?;
    Ok(resource::show(&app.services.store, &signed_in.principal, &parsed).await?)
}

pub(in crate::web::console) async fn one(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::ResourcesRead)?;
    let query = Form::of_query(&request);
    query.only(&["done", "stack"])?;
    let found = find(&app, &signed_in, &id).await?;
    let row = ResourceRow::of(&app, &found);
    let clients = if signed_in.may(AdminScope::ClientsRead) {
        Some(clients_of(&app, &signed_in, &id).await?)
    } else {
        None
    };
    let issuer = app.issuer.as_str().to_owned();
    let asked = query.text("stack").unwrap_or(&stacks()[0].id);
    let stack = stacks().iter().find(|known| known.id == asked);
    let stack =
        stack.ok_or_else(|| ConsoleError::invalid("stack: expected a stack of this page"))?;
    let scope = row.scopes.first();
    let parts = verifier(
        stack,
        &VerifierValues {
            issuer: &issuer,
            audience: &row.id,
            algorithm: &row.algorithm,
            typ: found.token_typ.as_str(),
            scope: scope.map(String::as_str),
        },
    );
    let names: Vec<_> = stacks().iter().map(|known| (known.id.as_str(), known.name)).collect();
    let command = format!("tokend resource show {}", quote(&id));
    let equivalent =
        Equivalent::new(command, "GET", &format!("/v1/resources/{}", shown::segment(&id)), "");
    let is_made = found.created_at.0 != 0;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    answer::page(&ResourcePage {
        frame: Frame::new(&signed_in, &id, "/console/resources").with_equivalent(equivalent),
        description: text(found.facts.description.as_ref().map(Description::as_str)),
        contact: text(found.facts.contact.as_ref().map(Contact::as_str)),
        labels: found.facts.labels.texts().collect(),
        created: is_made.then(|| Time::of(found.created_at, signed_in.now)),
        source: found.source.as_ref().map(ToString::to_string).unwrap_or_default(),
        typ: found.token_typ.as_str(),
        note: note(&row.algorithm),
        key_set: format!("{issuer}{KEY_SET_PATH}"),
        clients,
        all_clients: format!("/console/clients?resource={}", shown::segment(&id)),
        stacks: Choice::list(&names, &stack.id),
        stack: stack.name,
        parts,
        may_change: signed_in.may(AdminScope::ResourcesWrite) && !found.resource.is_built_in(),
        scopes: found.scopes,
        issuer,
        row,
    })
}

/// Returns the first clients with a grant for a resource.
async fn clients_of(
    app: &App,
    signed_in: &SignedIn,
    id: &str,
) -> Result<Vec<ClientRow>, ConsoleError> {
    let (store, clock) = (&app.services.store, &app.services.clock);
    let question = ClientQuery { resource: Some(id.to_owned()), ..ClientQuery::default() };
    let filter = client::list::filter(store, clock, &signed_in.principal, question).await?;
    let page = store.client_page(&filter, &Position::start(), MAX_CLIENTS).await?;
    let ids: Vec<&str> = page.positions.iter().map(Position::client_id).collect();
    Ok(rows(app, &ids, signed_in.now).await?.readable)
}
