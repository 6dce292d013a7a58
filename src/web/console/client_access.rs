//! What a client may call, with the claims of its next token.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};

use crate::admin::{AdminError, ObjectKind};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;
use crate::model::grant::GrantedScopes;
use crate::oauth::token::preview::{self, PreviewError};
use crate::oauth::token::request::RequestedAccess;
use crate::web::console::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::client::{Head, api_path, command, find, frame};
use crate::web::console::form::Form;
use crate::web::console::frame::{Frame, Same};
use crate::web::console::gate::SignedIn;
use crate::web::console::shown;
use crate::web::management::Problem;

#[derive(Template)]
#[template(path = "console/client_access.html")]
struct AccessPage {
    frame: Frame,
    head: Head,
    grants: Vec<GrantRow>,
    preview: Option<Preview>,
}

struct GrantRow {
    resource: String,
    path: Option<String>,
    is_all: bool,
    scopes: Vec<String>,
    networks: String,
    claims: String,
    preview: String,
}

/// The claims of the next token, or why there would be none.
struct Preview {
    resource: String,
    claims: String,
    problem: String,
}

/// Shows what a client may call.
pub(super) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let query = Form::of_query(&request);
    query.only(&["resource"])?;
    let found = find(&app, &signed_in, &id).await?;
    let head = Head::of(&signed_in, &found, "access");
    let first = found.grants.first().map(|grant| grant.resource.to_string());
    let resource = query.text("resource").map(str::to_owned).or(first);
    let preview = match resource {
        Some(resource) => Some(preview_of(&app, &found, resource).await?),
        None => None,
    };
    let same = Same::new(command(&found, "token preview"), "GET", &api_path(&found, "/grants"), "");
    // A team does not see the resources of others.
    let sees_all = signed_in.principal.owners().is_none();
    let may_read = sees_all && signed_in.may(AdminScope::ResourcesRead);
    let grants = found.grants.iter().map(|grant| {
        let resource = grant.resource.to_string();
        let (is_all, scopes) = match &grant.scopes {
            GrantedScopes::All => (true, Vec::new()),
            GrantedScopes::Only(scopes) => {
                (false, scopes.iter().map(ToString::to_string).collect())
            }
        };
        let networks = &grant.networks;
        GrantRow {
            path: may_read.then(|| shown::resource_path(&resource)),
            preview: format!("{}/access?resource={}", head.path, shown::segment(&resource)),
            resource,
            is_all,
            scopes,
            networks: if networks.is_anywhere() { String::new() } else { networks.to_string() },
            claims: if grant.claims.is_empty() { String::new() } else { grant.claims.json() },
        }
    });
    let grants = grants.collect();
    answer::page(&AccessPage { frame: frame(&signed_in, &found, same), grants, preview, head })
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
        Err(PreviewError::Refused(reason)) => (String::new(), reason),
        Err(PreviewError::IssuerMissing) => return Err(AdminError::IssuerMissing.into()),
        Err(PreviewError::NoClient(id)) => {
            return Err(AdminError::not_found(ObjectKind::Client, id).into());
        }
        Err(PreviewError::Load(error)) => return Err(Problem::internal(&error.to_string()).into()),
    };
    Ok(Preview { resource, claims, problem })
}
