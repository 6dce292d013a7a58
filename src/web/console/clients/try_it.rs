//! Testing of a client: example programs with its values, and a test token with the checks that an
//! API performs.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};
use serde_json::{Value, json};

use crate::admin::{AdminError, token};
use crate::app::App;
use crate::jose::jwt;
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;
use crate::model::public_path::KEY_SET_PATH;
use crate::model::resource::ResourceId;
use crate::model::token::TokenUse;
use crate::oauth::token::mint::MintedToken;
use crate::oauth::token::preview;
use crate::oauth::token::request::RequestedAccess;
use crate::text::shell::quote;
use crate::web::api;
use crate::web::console::clients::detail::{ClientHeader, find, frame};
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Choice};
use crate::web::console::sign_in::gate::SignedIn;
use crate::web::console::snippets::{LANGUAGES, Language, SnippetValues};

#[derive(Template)]
#[template(path = "console/clients/try_it.html")]
struct TryPage {
    frame: Frame,
    head: ClientHeader,
    resources: Vec<Choice>,
    languages: Vec<Tab>,
    language: &'static str,
    name: &'static str,
    program: String,
    verify_path: Option<String>,
    may_issue: bool,
    issued: Option<Issued>,
}

/// A link to a language.
struct Tab {
    name: &'static str,
    path: String,
    is_current: bool,
}

/// A test token with its parts and check results.
struct Issued {
    token: String,
    seconds: i64,
    header: String,
    claims: String,
    checks: Vec<Check>,
    problem: String,
}

/// A check of an API, and the value in this token.
struct Check {
    what: &'static str,
    value: String,
}

/// The client, language and resource of a page.
struct Chosen<'a> {
    found: &'a Registration,
    language: &'static Language,
    resource: Option<String>,
}

fn chosen<'a>(found: &'a Registration, form: &Form) -> Result<Chosen<'a>, ConsoleError> {
    let id = form.text("lang").unwrap_or(LANGUAGES[0].id);
    let language = LANGUAGES.iter().find(|known| known.id == id);
    let language = language.ok_or_else(|| {
        ConsoleError::invalid("lang: expected a language of this page, such as curl")
    })?;
    let grants = found.grants.iter().map(|grant| grant.resource.as_str());
    let mut usable = grants.filter(|resource| *resource != ResourceId::SERVER);
    let resource = match form.text("resource") {
        Some(asked) => usable.find(|resource| *resource == asked).ok_or_else(|| {
            ConsoleError::invalid("resource: the client has no grant of it that can be tried")
        }),
        None => Ok(usable.next().unwrap_or_default()),
    };
    let resource = Some(resource?.to_owned()).filter(|resource| !resource.is_empty());
    Ok(Chosen { found, language, resource })
}

/// Shows the example programs.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let query = Form::of_query(&request);
    query.only(&["lang", "resource"])?;
    let found = find(&app, &signed_in, &id).await?;
    let chosen = chosen(&found, &query)?;
    answer::page(&try_page(&app, &signed_in, &chosen, None).await)
}

async fn try_page(
    app: &App,
    signed_in: &SignedIn,
    chosen: &Chosen<'_>,
    issued: Option<Issued>,
) -> TryPage {
    let Chosen { found, language, resource } = chosen;
    let head = ClientHeader::of(signed_in, found, "try");
    let scope = scope(app, chosen).await;
    let values = SnippetValues {
        issuer: app.issuer.as_str(),
        client_id: found.client.client_id.as_str(),
        resource: resource.as_deref(),
        scope: &scope,
    };
    let of_resource = resource.as_deref().map(|it| format!("&resource={}", shown::segment(it)));
    let of_resource = of_resource.unwrap_or_default();
    let tab = |known: &Language| Tab {
        name: known.name,
        path: format!("{}/try?lang={}{of_resource}", head.path, known.id),
        is_current: known.id == language.id,
    };
    let grants = found.grants.iter().map(|grant| grant.resource.as_str());
    let usable = grants.filter(|resource| *resource != ResourceId::SERVER);
    let resources: Vec<_> = usable.map(|id| (id, id)).collect();
    // A limited administrator does not see resources of other owners.
    let may_read = signed_in.sees_all() && signed_in.may(AdminScope::ResourcesRead);
    TryPage {
        frame: frame(signed_in, found, equivalent(found, resource.as_deref())),
        resources: Choice::list(&resources, resource.as_deref().unwrap_or_default()),
        languages: LANGUAGES.iter().map(tab).collect(),
        language: language.id,
        name: language.name,
        program: language.program(&values),
        verify_path: resource.as_deref().filter(|_| may_read).map(shown::resource_path),
        may_issue: signed_in.may(AdminScope::TokensIssue) && resource.is_some(),
        issued,
        head,
    }
}

fn equivalent(found: &Registration, resource: Option<&str>) -> Equivalent {
    let id = found.client.client_id.as_str();
    let resource = resource.unwrap_or("https://orders.example.com");
    let command =
        format!("tokend token issue --client {} --resource {} --test", quote(id), quote(resource));
    let body = json!({ "client_id": id, "resource": resource, "test": true });
    Equivalent::new(command, "POST", "/v1/tokens", &body.to_string())
}

/// Returns the scope of the next token; empty if there is none.
async fn scope(app: &App, chosen: &Chosen<'_>) -> String {
    let resources = chosen.resource.iter().cloned().collect();
    let requested = RequestedAccess { resources, scope: None };
    let id = &chosen.found.client.client_id;
    let claims = preview::preview(&app.services, id, &requested).await;
    let scope = claims.ok().and_then(|claims| claims["scope"].as_str().map(str::to_owned));
    scope.unwrap_or_default()
}

pub(in crate::web::console) async fn issue(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["lang", "resource"])?;
    signed_in.require(AdminScope::TokensIssue)?;
    let found = find(&app, &signed_in, &id).await?;
    let chosen = chosen(&found, &form)?;
    let resource = form.parsed("resource", ResourceId::parse)?;
    let resource = resource.ok_or_else(|| ConsoleError::invalid("resource: it is missing"))?;
    let requested = RequestedAccess { resources: vec![resource.to_string()], scope: None };
    let client = &found.client.client_id;
    let principal = &signed_in.principal;
    let issued = api::issue_for(&app, principal, client, requested, TokenUse::Test).await?;
    let issued = shown_token(&app, &issued, &resource).await?;
    answer::page(&try_page(&app, &signed_in, &chosen, Some(issued)).await)
}

async fn shown_token(
    app: &App,
    issued: &MintedToken,
    resource: &ResourceId,
) -> Result<Issued, ConsoleError> {
    let token = issued.response.access_token.clone();
    let services = &app.services;
    let now = services.clock.now();
    let verified = token::verify(&services.store, &services.config, now, &token).await;
    let problem = match verified {
        Ok(_) => String::new(),
        Err(AdminError::TokenInvalid(problem)) => problem.to_string(),
        Err(error) => return Err(error.into()),
    };
    let (header, claims) = jwt::read_unchecked(&token)
        .map_err(|error| ConsoleError::invalid(format!("the token: {error}")))?;
    let checks = checks(app, &header, &claims, resource);
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    Ok(Issued {
        seconds: issued.response.expires_in,
        header: pretty(&header),
        claims: pretty(&claims),
        checks,
        problem,
        token,
    })
}

/// Returns the checks listed in `docs/verifying-tokens.md`.
fn checks(app: &App, header: &Value, claims: &Value, resource: &ResourceId) -> Vec<Check> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let check = |what, value: String| Check { what, value };
    let issuer = app.issuer.as_str();
    let key = format!("key {} of {issuer}{KEY_SET_PATH}", text(&header["kid"]));
    let bound = if claims["cnf"].is_null() {
        "absent: the token is not bound".to_owned()
    } else {
        claims["cnf"].to_string()
    };
    vec![
        check("The signature", key),
        check("alg is in a fixed list of the API", text(&header["alg"])),
        check("typ", text(&header["typ"])),
        check("iss is exactly the issuer", text(&claims["iss"])),
        check("aud is exactly the identifier of the API", resource.to_string()),
        check("exp is in the future", claims["exp"].to_string()),
        check("scope has what the request needs", text(&claims["scope"])),
        check("cnf, if present, is proved", bound),
        check("test is absent in production: this is a test token", claims["test"].to_string()),
    ]
}
