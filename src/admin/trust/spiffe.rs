//! Trusts of clients in SPIFFE trust domains.

use serde_json::json;

use crate::admin::{AdminError, Principal, client_to_change, owner, trust};
use crate::crypto::random;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{AuthenticationMethod, ClientId};
use crate::model::event::{Action, EventSubject};
use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
use crate::model::time::Timestamp;
use crate::model::trust::TrustId;
use crate::services::Services;

/// Lets JWT-SVIDs of a trust domain authenticate a client, and permits the method.
///
/// # Errors
/// If the client does not exist, or has the maximum number of trusts.
pub async fn add(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    source: SpiffeSource,
) -> Result<SpiffeTrust, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    let trust = registered(source, services.clock.now())?;
    let mut change = principal.begin(services).await?;
    let mut current = client_to_change(change.read(), principal, id).await?;
    trust::check_count(&current)?;
    change.transaction.add_spiffe_trust(id, &trust).await?;
    let before = current.clone();
    let methods = &mut current.client.auth_methods;
    if !methods.contains(&AuthenticationMethod::SpiffeJwt) {
        methods.push(AuthenticationMethod::SpiffeJwt);
        current.client.updated_at = change.now;
        change.transaction.update_client(&current.client).await?;
    }
    change.record(Action::TrustAdded, EventSubject::Client(id.clone()), json!(trust)).await?;
    owner::policy::check(&mut change, Some(&before), id).await?;
    change.commit().await?;
    Ok(trust)
}

pub(in crate::admin) fn registered(
    source: SpiffeSource,
    created_at: Timestamp,
) -> Result<SpiffeTrust, AdminError> {
    let trust_id =
        TrustId::parse(&random::identifier("tru_")?).map_err(AdminError::malformed("trust"))?;
    Ok(SpiffeTrust { trust_id, source, created_at })
}
