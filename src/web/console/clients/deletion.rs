//! Deletion of a client, with a confirmation page, and revocation of all its tokens.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};

use crate::admin::{client, revocation};
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;
use crate::web::console::clients::detail::{ClientHeader, api_path, command, find, frame, parsed};
use crate::web::console::clients::list::last_use;
use crate::web::console::page_parts::answer::{self, Answer, AppState, correctable};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown::{self, Time};
use crate::web::console::sign_in::gate::SignedIn;

#[derive(Template)]
#[template(path = "console/clients/deletion.html")]
struct DeletePage {
    frame: Frame,
    head: ClientHeader,
    problem: String,
    secrets: usize,
    others: usize,
    grants: Vec<String>,
    used: Option<Time>,
}

fn confirmation(signed_in: &SignedIn, found: &Registration, problem: String) -> DeletePage {
    let change = format!("{} --yes", command(found, "client delete"));
    let equivalent = Equivalent::new(change, "DELETE", &api_path(found, ""), "");
    let now = signed_in.now;
    let keys = usize::from(found.client.security.keys.is_some());
    let certificate = usize::from(found.client.security.tls_subject.is_some());
    DeletePage {
        frame: frame(signed_in, found, equivalent),
        head: ClientHeader::of(signed_in, found, "delete"),
        problem,
        secrets: found.secrets.iter().filter(|secret| secret.is_valid(now)).count(),
        others: found.trusts.len() + found.spiffe_trusts.len() + keys + certificate,
        grants: found.grants.iter().map(|grant| grant.resource.to_string()).collect(),
        used: Time::maybe(last_use(found), now),
    }
}

/// Shows the consequences of the deletion.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    signed_in.require(AdminScope::ClientsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    answer::page(&confirmation(&signed_in, &found, String::new()))
}

/// Deletes a client after its id was entered as confirmation.
pub(in crate::web::console) async fn delete(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["client_id"])?;
    signed_in.require(AdminScope::ClientsWrite)?;
    signed_in.require_recent_authentication(&format!("{}/delete", shown::client_path(&id)))?;
    let found = find(&app, &signed_in, &id).await?;
    let rejected = |problem: String| answer::rejected(&confirmation(&signed_in, &found, problem));
    if form.text("client_id") != Some(found.client.client_id.as_str()) {
        return rejected("client_id: type the id of the client, exactly.".to_owned());
    }
    let deleted =
        client::delete(&app.services, &signed_in.principal, &found.client.client_id).await;
    if let Err(error) = deleted {
        return rejected(correctable(error)?);
    }
    answer::changed(&app, "/console/clients", Notice::Deleted).await
}

pub(in crate::web::console) async fn revoke_tokens(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&[])?;
    signed_in.require(AdminScope::TokensRevoke)?;
    let path = shown::client_path(&id);
    signed_in.require_recent_authentication(&path)?;
    revocation::revoke_tokens(&app.services, &signed_in.principal, &parsed(&id)?).await?;
    answer::changed(&app, &path, Notice::TokensRevoked).await
}
