//! Deletion of a resource, with a confirmation page.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};

use crate::admin::resource;
use crate::model::admin_scope::AdminScope;
use crate::model::resource::Resource;
use crate::text::shell::quote;
use crate::web::console::page_parts::answer::{self, Answer, AppState, correctable};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown;
use crate::web::console::resources::detail::find;
use crate::web::console::sign_in::gate::SignedIn;

#[derive(Template)]
#[template(path = "console/resources/deletion.html")]
struct DeletePage {
    frame: Frame,
    id: String,
    path: String,
    problem: String,
    scopes: usize,
}

fn confirmation(signed_in: &SignedIn, found: &Resource, problem: String) -> DeletePage {
    let id = found.resource.to_string();
    let change = format!("tokend resource delete {} --yes", quote(&id));
    let equivalent =
        Equivalent::new(change, "DELETE", &format!("/v1/resources/{}", shown::segment(&id)), "");
    DeletePage {
        frame: Frame::new(signed_in, &format!("Delete {id}"), "/console/resources")
            .with_equivalent(equivalent),
        path: shown::resource_path(&id),
        problem,
        scopes: found.scopes.len(),
        id,
    }
}

/// Shows the consequences of the deletion.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    signed_in.require(AdminScope::ResourcesRead)?;
    signed_in.require(AdminScope::ResourcesWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    answer::page(&confirmation(&signed_in, &found, String::new()))
}

/// Deletes a resource after its identifier was entered as confirmation.
pub(in crate::web::console) async fn delete(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["identifier"])?;
    signed_in.require(AdminScope::ResourcesWrite)?;
    signed_in.require_recent_authentication(&format!("{}/delete", shown::resource_path(&id)))?;
    let found = find(&app, &signed_in, &id).await?;
    let rejected = |problem: String| answer::rejected(&confirmation(&signed_in, &found, problem));
    if form.text("identifier") != Some(found.resource.as_str()) {
        return rejected("identifier: type the identifier of the resource, exactly.".to_owned());
    }
    let deleted = resource::delete(&app.services, &signed_in.principal, &found.resource).await;
    if let Err(error) = deleted {
        return rejected(correctable(error)?);
    }
    answer::changed(&app, "/console/resources", Notice::Deleted).await
}
