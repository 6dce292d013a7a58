//! Changes to the grants of a client, and grant requests.

use axum::Extension;
use axum::extract::{Path, State};

use crate::admin::AdminError;
use crate::admin::client::claims::ClaimsChange;
use crate::admin::grant::{self, GrantChange, ScopeChange};
use crate::admin::grant_request::{self, NewGrantRequest};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientId, Registration};
use crate::model::grant_request::Remark;
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::web::console::clients::access::access_page;
use crate::web::console::clients::detail::{find, parsed};
use crate::web::console::page_parts::answer::{self, Answer, AppState, correctable};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown;
use crate::web::console::sign_in::gate::SignedIn;

/// Creates or changes a grant.
pub(in crate::web::console) async fn put(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["resource", "all", "scope", "networks", "claims"])?;
    signed_in.require(AdminScope::GrantsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    let change = match change(&form) {
        Ok(change) => change,
        Err(problem) => return rejected(&app, &signed_in, &found, &form, problem).await,
    };
    let resource = change.resource.clone();
    if resource.is_built_in() {
        signed_in.require_recent_authentication(&format!("{}/access", shown::client_path(&id)))?;
    }
    let principal = &signed_in.principal;
    match grant::change(&app.services, principal, &found.client.client_id, change).await {
        Ok(changed) => {
            let done = if changed.is_changed { Notice::GrantSaved } else { Notice::Unchanged };
            let resource = shown::segment(resource.as_str());
            let page = format!("{}/access?resource={resource}", shown::client_path(&id));
            answer::changed(&app, &page, done).await
        }
        Err(error) => after(&app, &signed_in, &found, &form, error).await,
    }
}

/// Shows the form again, if the error can be corrected.
async fn after(
    app: &App,
    signed_in: &SignedIn,
    found: &Registration,
    form: &Form,
    error: AdminError,
) -> Answer {
    let problem = correctable(error)?;
    rejected(app, signed_in, found, form, problem).await
}

async fn rejected(
    app: &App,
    signed_in: &SignedIn,
    found: &Registration,
    form: &Form,
    problem: String,
) -> Answer {
    answer::rejected(&access_page(app, signed_in, found, form, problem).await?)
}

fn resource_of(form: &Form) -> Result<ResourceId, String> {
    let resource = form.read("resource", ResourceId::parse)?;
    resource.ok_or_else(|| "resource: it is missing".to_owned())
}

/// Parses the scopes from checkboxes, or from one field with several names.
fn scopes_of(form: &Form) -> Result<Scopes, String> {
    let words = form.all("scope").flat_map(str::split_whitespace).map(ScopeName::parse);
    let scopes: Scopes =
        words.collect::<Result<_, _>>().map_err(|problem| format!("scope: {problem}"))?;
    if scopes.is_empty() {
        return Err("scope: choose one at least, or remove the grant".to_owned());
    }
    Ok(scopes)
}

fn change(form: &Form) -> Result<GrantChange, String> {
    let resource = resource_of(form)?;
    let scopes =
        if form.has("all") { ScopeChange::All } else { ScopeChange::Only(scopes_of(form)?) };
    let claims = form.read("claims", StaticClaims::parse)?.unwrap_or_default();
    Ok(GrantChange {
        resource,
        scopes,
        networks: Some(form.read("networks", Networks::parse)?.unwrap_or_default()),
        claims: Some(ClaimsChange::Replace(claims)),
    })
}

pub(in crate::web::console) async fn remove(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["resource"])?;
    signed_in.require(AdminScope::GrantsWrite)?;
    let page = format!("{}/access", shown::client_path(&id));
    signed_in.require_recent_authentication(&page)?;
    let found = find(&app, &signed_in, &id).await?;
    let resource = match resource_of(&form) {
        Ok(resource) => resource,
        Err(problem) => return rejected(&app, &signed_in, &found, &form, problem).await,
    };
    let (services, principal) = (&app.services, &signed_in.principal);
    let removed = grant::revoke(services, principal, &found.client.client_id, &resource).await;
    if let Err(error) = removed {
        return after(&app, &signed_in, &found, &form, error).await;
    }
    answer::changed(&app, &page, Notice::GrantRemoved).await
}

/// Requests a grant for a resource of another team.
pub(in crate::web::console) async fn request(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["resource", "scope", "message"])?;
    signed_in.require(AdminScope::GrantsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    let new = match wanted(parsed(&id)?, &form) {
        Ok(new) => new,
        Err(problem) => return rejected(&app, &signed_in, &found, &form, problem).await,
    };
    match grant_request::create(&app.services, &signed_in.principal, new).await {
        Ok(_) => answer::changed(&app, "/console/grant-requests", Notice::GrantRequested).await,
        Err(error @ AdminError::NotFound { .. }) => {
            let problem = error.to_string();
            rejected(&app, &signed_in, &found, &form, problem).await
        }
        Err(error) => after(&app, &signed_in, &found, &form, error).await,
    }
}

fn wanted(client_id: ClientId, form: &Form) -> Result<NewGrantRequest, String> {
    Ok(NewGrantRequest {
        client_id,
        resource: resource_of(form)?,
        scopes: scopes_of(form)?,
        networks: Networks::default(),
        claims: StaticClaims::default(),
        message: form.read("message", Remark::parse)?,
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    #[test]
    fn a_grant_names_its_scopes_or_has_all() {
        let form = |text: &str| Form::parse(&Bytes::copy_from_slice(text.as_bytes()));
        let some = change(&form("resource=urn:a&scope=b&scope=c+d")).expect("a change");
        let ScopeChange::Only(scopes) = some.scopes else { panic!("some scopes") };
        assert_eq!(scopes.to_string(), "b c d");
        let all = change(&form("resource=urn:a&all=true")).expect("a change");
        assert!(matches!(all.scopes, ScopeChange::All));
        for (text, start) in [
            ("scope=a", "resource: "),
            ("resource=urn:a", "scope: "),
            ("resource=urn:a&scope=%22", "scope: "),
            ("resource=urn:a&all=true&claims=x", "claims: "),
            ("resource=urn:a&all=true&networks=x", "networks: "),
        ] {
            let problem = change(&form(text)).expect_err("a problem");
            assert!(problem.starts_with(start), "{text}: {problem}");
        }
    }
}
