//! Giving clients access to resources, and taking it away.

use serde_json::json;

use crate::admin::{Actor, AdminError, Work, existing_resource, registration};
use crate::app::Foundation;
use crate::model::client::ClientId;
use crate::model::event::{Action, Subject};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::model::security::Networks;

/// What a client should be granted.
#[derive(Debug)]
pub struct NewGrant {
    /// The resource.
    pub resource: ResourceId,
    /// The scopes.
    pub scopes: GrantedScopes,
    /// Where it may be used from; as an earlier grant says if absent, anywhere if there is none.
    pub networks: Option<Networks>,
}

/// Gives a client a grant, in place of an earlier one to the same resource.
pub async fn put(
    foundation: &Foundation,
    actor: &Actor,
    id: &ClientId,
    new: NewGrant,
) -> Result<Grant, AdminError> {
    let mut work = Work::begin(foundation, actor).await?;
    let current = registration(foundation, id).await?;
    let earlier = current.grants.into_iter().find(|grant| grant.resource == new.resource);
    // A limit must not go because somebody changes the scopes.
    let networks = new.networks.or(earlier.map(|grant| grant.networks)).unwrap_or_default();
    let grant = Grant { resource: new.resource, scopes: new.scopes, networks };
    check(foundation, &grant).await?;
    work.change.put_grant(id, &grant).await?;
    work.record(Action::GrantChanged, Subject::Client(id.clone()), json!(grant)).await?;
    work.commit().await?;
    Ok(grant)
}

/// Takes a grant from a client.
pub async fn revoke(
    foundation: &Foundation,
    actor: &Actor,
    id: &ClientId,
    resource: &ResourceId,
) -> Result<(), AdminError> {
    let mut work = Work::begin(foundation, actor).await?;
    registration(foundation, id).await?;
    if !work.change.delete_grant(id, resource).await? {
        return Err(AdminError::NotFound {
            kind: "grant to",
            id: resource.to_string(),
            remedy: "tokend client show lists the grants of a client",
        });
    }
    let detail = json!({ "resource": resource });
    work.record(Action::GrantRevoked, Subject::Client(id.clone()), detail).await?;
    work.commit().await?;
    Ok(())
}

/// Refuses a grant of something that the resource does not offer: most likely a mistyped scope.
pub(super) async fn check(foundation: &Foundation, grant: &Grant) -> Result<(), AdminError> {
    let resource = existing_resource(foundation, &grant.resource).await?;
    let GrantedScopes::Only(wanted) = &grant.scopes else {
        return Ok(());
    };
    let offered = resource.scope_names();
    let Some(beyond) = wanted.first_outside(&offered) else {
        return Ok(());
    };
    let nearest = offered
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name.as_str(), beyond.as_str()), name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let advice = match nearest {
        Some((_, name)) => format!("did you mean {name}?"),
        None => format!("it offers: {offered}"),
    };
    Err(AdminError::invalid("scope", format!("{} has no scope {beyond}; {advice}", grant.resource)))
}
