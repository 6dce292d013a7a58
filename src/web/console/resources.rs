//! Resources: the APIs that tokens are for. A list, one, and a form for a new one.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;

use crate::admin::client_list::{self, ClientQuestion};
use crate::admin::resource::{self, NewResource};
use crate::admin::{AdminError, ObjectKind};
use crate::app::App;
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::facts::{Description, Facts};
use crate::model::owner::Owner;
use crate::model::public_path::KEY_SET_PATH;
use crate::model::resource::{Resource, ResourceId, ResourceScope, TokenTyp};
use crate::model::shell_word::quote;
use crate::model::signing_key::Algorithm;
use crate::model::time::Lifetime;
use crate::store::client_list::Position;
use crate::store::resources::ResourceFilter;
use crate::web::console::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::assets::Icon;
use crate::web::console::client_changes::follow;
use crate::web::console::clients::{ClientRow, rows};
use crate::web::console::form::Form;
use crate::web::console::frame::{Frame, Same};
use crate::web::console::gate::SignedIn;
use crate::web::console::shown::{self, Choice, Time};
use crate::web::management::Problem;

/// How many resources a page has.
const PAGE_SIZE: u32 = 50;

/// How many clients are named that may call a resource.
const MAX_CLIENTS: u32 = 20;

#[derive(Template)]
#[template(path = "console/resources.html")]
struct ResourcesPage {
    frame: Frame,
    rows: Vec<ResourceRow>,
    q: String,
    may_create: bool,
    is_first: bool,
    next: Option<String>,
    plus: Icon,
}

struct ResourceRow {
    id: String,
    path: String,
    owner: String,
    scopes: Vec<String>,
    lifetime: String,
    algorithm: String,
}

impl ResourceRow {
    fn of(app: &App, resource: &Resource) -> Self {
        let token = &app.services.config.token;
        let id = resource.resource.to_string();
        Self {
            path: shown::resource_path(&id),
            id,
            owner: resource.facts.owner.as_ref().map(Owner::to_string).unwrap_or_default(),
            scopes: resource.scopes.iter().map(|scope| scope.name.to_string()).collect(),
            lifetime: resource.token_lifetime.unwrap_or(token.lifetime).to_string(),
            algorithm: resource.signing_algorithm.unwrap_or(token.algorithm).as_str().to_owned(),
        }
    }
}

/// Shows the list.
pub(super) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::ResourcesRead)?;
    let query = Form::of_query(&request);
    query.only(&["q", "after"])?;
    let search = query.text("q").filter(|text| !text.contains(char::is_control));
    let filter =
        ResourceFilter { owners: None, labels: Vec::new(), search: search.map(str::to_owned) };
    let after = query.parsed("after", ResourceId::parse)?;
    let after = after.as_ref().map_or("", ResourceId::as_str);
    let principal = &signed_in.principal;
    let found = resource::page(&app.services.store, principal, filter, after, PAGE_SIZE).await?;
    let last = found.last().filter(|_| found.len() == PAGE_SIZE as usize);
    let next = last.map(|last| format!("?{}", query.query_with("after", last.resource.as_str())));
    let same = Same::new("tokend resource list", "GET", "/v1/resources", "");
    answer::page(&ResourcesPage {
        frame: Frame::new(&signed_in, "Resources", "/console/resources").same_as(same),
        rows: found.iter().map(|resource| ResourceRow::of(&app, resource)).collect(),
        q: search.unwrap_or_default().to_owned(),
        may_create: signed_in.may(AdminScope::ResourcesWrite),
        is_first: after.is_empty(),
        next,
        plus: Icon("plus"),
    })
}

#[derive(Template)]
#[template(path = "console/resource.html")]
struct ResourcePage {
    frame: Frame,
    row: ResourceRow,
    description: String,
    scopes: Vec<ResourceScope>,
    created: Option<Time>,
    source: String,
    typ: &'static str,
    note: &'static str,
    issuer: String,
    key_set: String,
    clients: Option<Vec<ClientRow>>,
    all_clients: String,
    verify: String,
}

/// What a verifier must know of an algorithm.
fn note(algorithm: &str) -> &'static str {
    match algorithm {
        "RS256" => "Every library and gateway verifies RS256.",
        "ES256" => {
            "Nearly every library verifies ES256. Spring with a key set URL alone must be told."
        }
        "PS256" => "Few gateways verify PS256. Check yours before.",
        _ => "Few libraries and gateways verify EdDSA. Check yours before.",
    }
}

/// Shows one resource.
pub(super) async fn one(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::ResourcesRead)?;
    Form::of_query(&request).only(&["done"])?;
    let parsed = ResourceId::parse(&id).map_err(|_| Problem::absent(ObjectKind::Resource, &id))?;
    let found = resource::show(&app.services.store, &signed_in.principal, &parsed).await?;
    let row = ResourceRow::of(&app, &found);
    let clients = if signed_in.may(AdminScope::ClientsRead) {
        Some(clients_of(&app, &signed_in, &id).await?)
    } else {
        None
    };
    let issuer = app.issuer.as_str().to_owned();
    let command = format!("tokend resource show {}", quote(&id));
    let same = Same::new(command, "GET", &format!("/v1/resources/{}", shown::segment(&id)), "");
    let is_made = found.created_at.0 != 0;
    answer::page(&ResourcePage {
        frame: Frame::new(&signed_in, &id, "/console/resources").same_as(same),
        description: found.facts.description.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        created: is_made.then(|| Time::of(found.created_at, signed_in.now)),
        source: found.source.as_ref().map(ToString::to_string).unwrap_or_default(),
        typ: found.token_typ.as_str(),
        note: note(&row.algorithm),
        key_set: format!("{issuer}{KEY_SET_PATH}"),
        clients,
        all_clients: format!("/console/clients?resource={}", shown::segment(&id)),
        verify: verifier(&issuer, &row),
        scopes: found.scopes,
        issuer,
        row,
    })
}

/// How an API in Python verifies a token.
fn verifier(issuer: &str, row: &ResourceRow) -> String {
    let (key_set, algorithm, audience) =
        (format!("{issuer}{KEY_SET_PATH}"), &row.algorithm, &row.id);
    format!(
        "import jwt\n\nkeys = jwt.PyJWKClient({key_set:?})\n\ndef claims_of(token):\n    key = keys.get_signing_key_from_jwt(token)\n    return jwt.decode(token, key, algorithms=[{algorithm:?}],\n                      audience={audience:?}, issuer={issuer:?})"
    )
}

/// The first clients that may call a resource.
async fn clients_of(
    app: &App,
    signed_in: &SignedIn,
    id: &str,
) -> Result<Vec<ClientRow>, ConsoleError> {
    let (store, clock) = (&app.services.store, &app.services.clock);
    let question = ClientQuestion { resource: Some(id.to_owned()), ..ClientQuestion::default() };
    let filter = client_list::filter(store, clock, &signed_in.principal, question).await?;
    let page = store.client_page(&filter, &Position::start(), MAX_CLIENTS).await?;
    let ids: Vec<&str> = page.positions.iter().map(Position::client_id).collect();
    rows(app, &ids, signed_in.now).await
}

#[derive(Template)]
#[template(path = "console/create_resource.html")]
struct CreatePage {
    frame: Frame,
    problem: String,
    resource: String,
    owner: String,
    owners: Vec<String>,
    description: String,
    scopes: String,
    lifetimes: Vec<Choice>,
    algorithms: Vec<Choice>,
}

fn create_page(app: &App, signed_in: &SignedIn, form: &Form, problem: String) -> CreatePage {
    let token = &app.services.config.token;
    let server = format!("as the server: {}", token.algorithm.as_str());
    let mut algorithms = vec![("", server.as_str())];
    algorithms.extend(Algorithm::ALL.iter().map(|known| (known.as_str(), known.as_str())));
    let usual = format!("as the server: {}", token.lifetime);
    let lifetimes =
        [("", usual.as_str()), ("5m", "5 minutes"), ("15m", "15 minutes"), ("1h", "1 hour")];
    let same = Same::new(
        "tokend resource create https://orders.example.com --scope orders:read --scope orders:write",
        "POST",
        "/v1/resources",
        "{\"resource\":\"https://orders.example.com\",\"scopes\":[{\"name\":\"orders:read\"}]}",
    );
    let owners = signed_in.principal.owners().into_iter().flatten();
    CreatePage {
        frame: Frame::new(signed_in, "Register resource", "/console/resources").same_as(same),
        problem,
        resource: form.typed("resource"),
        owner: form.typed("owner"),
        owners: owners.map(Owner::to_string).collect(),
        description: form.typed("description"),
        scopes: form.typed("scopes"),
        lifetimes: Choice::list(&lifetimes, &form.typed("lifetime")),
        algorithms: Choice::list(&algorithms, &form.typed("algorithm")),
    }
}

/// Shows the form.
pub(super) async fn form(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
) -> Answer {
    signed_in.require(AdminScope::ResourcesWrite)?;
    answer::page(&create_page(&app, &signed_in, &Form::default(), String::new()))
}

/// Registers a resource.
pub(super) async fn create(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
) -> Answer {
    form.only(&["resource", "owner", "description", "scopes", "lifetime", "algorithm"])?;
    signed_in.require(AdminScope::ResourcesWrite)?;
    let made = match new_resource(&form) {
        Ok(new) => resource::create(&app.services, &signed_in.principal, new).await,
        Err(problem) => Err(AdminError::invalid("resource", problem)),
    };
    match made {
        Ok(made) => {
            follow(&app).await;
            Ok(answer::see_other(&format!(
                "{}?done=created",
                shown::resource_path(made.resource.as_str())
            )))
        }
        Err(
            error @ (AdminError::Invalid { .. }
            | AdminError::Conflict(_)
            | AdminError::OwnerNotHeld { .. }),
        ) => {
            let page = create_page(&app, &signed_in, &form, error.to_string());
            Ok(answer::render(StatusCode::UNPROCESSABLE_ENTITY, &page)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The resource that a form describes. Scopes stand one in a line.
fn new_resource(form: &Form) -> Result<NewResource, String> {
    let field = |name: &'static str| move |problem: Malformed| format!("{name}: {problem}");
    let lines = form.text("scopes").unwrap_or_default().lines().map(str::trim);
    let scopes = lines.filter(|line| !line.is_empty()).map(ResourceScope::parse);
    let owner = form.text("owner").map(Owner::parse).transpose().map_err(field("Owner"))?;
    let description = form.text("description").map(Description::parse).transpose();
    let description = description.map_err(field("Description"))?;
    let lifetime = form.text("lifetime").map(Lifetime::parse).transpose();
    let algorithm = form.text("algorithm").map(Algorithm::parse).transpose();
    Ok(NewResource {
        resource: ResourceId::parse(form.text("resource").unwrap_or_default())
            .map_err(field("Identifier"))?,
        scopes: scopes.collect::<Result<_, _>>().map_err(field("Scopes"))?,
        token_lifetime: lifetime.map_err(field("Lifetime"))?,
        signing_algorithm: algorithm.map_err(field("Algorithm"))?,
        token_typ: TokenTyp::default(),
        facts: Facts { owner, description, ..Facts::default() },
    })
}
