//! Resources: the list, and the form that registers one.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};

use crate::admin::resource::{self, NewResource};
use crate::app::App;
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::facts::{Description, Facts};
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId, ResourceScope, TokenTyp};
use crate::model::signing_key::Algorithm;
use crate::model::time::Lifetime;
use crate::store::resources::{ResourceFilter, ResourcePage};
use crate::web::console::page_parts::answer::{self, Answer, AppState, correctable};
use crate::web::console::page_parts::assets::Icon;
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown::{self, Choice, Unreadable};
use crate::web::console::sign_in::gate::SignedIn;

/// The number of resources per page.
const PAGE_SIZE: u32 = 50;

#[derive(Template)]
#[template(path = "console/resources/list.html")]
struct ResourcesPage {
    frame: Frame,
    rows: Vec<ResourceRow>,
    unreadable: Vec<Unreadable>,
    q: String,
    may_create: bool,
    is_first: bool,
    next: Option<String>,
    plus: Icon,
}

pub(in crate::web::console) struct ResourceRow {
    pub(in crate::web::console) id: String,
    pub(in crate::web::console) path: String,
    pub(in crate::web::console) owner: String,
    pub(in crate::web::console) scopes: Vec<String>,
    pub(in crate::web::console) lifetime: String,
    pub(in crate::web::console) algorithm: String,
}

impl ResourceRow {
    pub(in crate::web::console) fn of(app: &App, resource: &Resource) -> Self {
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

pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::ResourcesRead)?;
    let query = Form::of_query(&request);
    query.only(&["q", "after", "done"])?;
    let search = query.text("q").filter(|text| !text.contains(char::is_control));
    let filter =
        ResourceFilter { owners: None, labels: Vec::new(), search: search.map(str::to_owned) };
    let after = query.parsed("after", ResourceId::parse)?;
    let after = after.as_ref().map_or("", ResourceId::as_str);
    let principal = &signed_in.principal;
    let ResourcePage { found, next } =
        resource::page(&app.services.store, principal, filter, after, PAGE_SIZE).await?;
    let next = next.map(|last| format!("?{}", query.query_with("after", &last)));
    let equivalent = Equivalent::new("tokend resource list", "GET", "/v1/resources", "");
    answer::page(&ResourcesPage {
        frame: Frame::new(&signed_in, "Resources", "/console/resources")
            .with_equivalent(equivalent),
        rows: found.readable.iter().map(|resource| ResourceRow::of(&app, resource)).collect(),
        unreadable: found
            .unreadable
            .into_iter()
            .map(|it| Unreadable::new(it.resource, &it.problem))
            .collect(),
        q: search.unwrap_or_default().to_owned(),
        may_create: signed_in.may(AdminScope::ResourcesWrite),
        is_first: after.is_empty(),
        next,
        plus: Icon::new("plus"),
    })
}

#[derive(Template)]
#[template(path = "console/resources/create.html")]
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
    let equivalent = Equivalent::new(
        "tokend resource create https://orders.example.com --scope orders:read --scope orders:write",
        "POST",
        "/v1/resources",
        "{\"resource\":\"https://orders.example.com\",\"scopes\":[{\"name\":\"orders:read\"}]}",
    );
    CreatePage {
        frame: Frame::new(signed_in, "Register resource", "/console/resources")
            .with_equivalent(equivalent),
        problem,
        resource: form.typed("resource"),
        owner: form.typed("owner"),
        owners: signed_in.owner_names(),
        description: form.typed("description"),
        scopes: form.typed("scopes"),
        lifetimes: Choice::list(&lifetimes, &form.typed("lifetime")),
        algorithms: Choice::list(&algorithms, &form.typed("algorithm")),
    }
}

pub(in crate::web::console) async fn form(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
) -> Answer {
    signed_in.require(AdminScope::ResourcesWrite)?;
    answer::page(&create_page(&app, &signed_in, &Form::default(), String::new()))
}

pub(in crate::web::console) async fn create(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
) -> Answer {
    form.only(&["resource", "owner", "description", "scopes", "lifetime", "algorithm"])?;
    signed_in.require(AdminScope::ResourcesWrite)?;
    let rejected =
        |problem: String| answer::rejected(&create_page(&app, &signed_in, &form, problem));
    let new = match new_resource(&form) {
        Ok(new) => new,
        Err(problem) => return rejected(problem),
    };
    match resource::create(&app.services, &signed_in.principal, new).await {
        Ok(made) => {
            let page = shown::resource_path(made.resource.as_str());
            answer::changed(&app, &page, Notice::ResourceCreated).await
        }
        Err(error) => rejected(correctable(error)?),
    }
}

/// Converts the form to a resource. The scopes are one per line.
fn new_resource(form: &Form) -> Result<NewResource, String> {
    let scopes = form.lines("scopes").map(ResourceScope::parse).collect::<Result<_, _>>();
    let facts = Facts {
        owner: form.read("owner", Owner::parse)?,
        description: form.read("description", Description::parse)?,
        ..Facts::default()
    };
    Ok(NewResource {
        resource: form.read("resource", ResourceId::parse)?.ok_or("resource: it is missing")?,
        scopes: scopes.map_err(|problem: Malformed| format!("scopes: {problem}"))?,
        token_lifetime: form.read("lifetime", Lifetime::parse)?,
        signing_algorithm: form.read("algorithm", Algorithm::parse)?,
        token_typ: TokenTyp::default(),
        facts,
    })
}
