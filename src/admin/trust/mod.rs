//! Trusts of clients in external issuers.

pub mod spiffe;

use std::collections::BTreeMap;

use serde_json::json;

use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::{AdminError, ObjectKind, Principal, client, client_to_change};
use crate::crypto::random;
use crate::jose::assertion::ISSUER_ALGS;
use crate::model::admin_scope::AdminScope;
use crate::model::claim_pattern::Pattern;
use crate::model::client::{ClientId, GrantType, Registration};
use crate::model::event::{Action, EventSubject};
use crate::model::security::KeySource;
use crate::model::time::Timestamp;
use crate::model::trust::{Conditions, ExternalIssuer, FederatedCredential, TrustId};
use crate::services::Services;

/// A trust to create.
#[derive(Debug)]
pub struct NewTrust {
    /// The issuer of the tokens.
    pub issuer: ExternalIssuer,
    /// The issuer's keys. If absent, they are discovered.
    pub keys: Option<KeySource>,
    /// A required value of the `aud` claim. Default: this server's issuer.
    pub audience: Option<String>,
    /// The required pattern of each claim.
    pub conditions: BTreeMap<String, Pattern>,
}

/// Lets tokens of an external issuer authenticate a client, as client assertions and by the
/// jwt-bearer grant.
pub async fn add(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: NewTrust,
) -> Result<FederatedCredential, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    let trust = registered(services, new, services.clock.now())?;
    let mut change = principal.begin(services).await?;
    let mut current = client_to_change(change.read(), principal, id).await?;
    check_count(&current)?;
    change.transaction.add_trust(id, &trust).await?;
    if !current.client.grant_types.contains(&GrantType::JwtBearer) {
        current.client.grant_types.push(GrantType::JwtBearer);
        current.client.updated_at = change.now;
        change.transaction.update_client(&current.client).await?;
    }
    change.record(Action::TrustAdded, EventSubject::Client(id.clone()), json!(trust)).await?;
    change.commit().await?;
    Ok(trust)
}

/// Rejects another trust if the client has the maximum number.
pub(super) fn check_count(current: &Registration) -> Result<(), AdminError> {
    check_total(current.trusts.len() + 1, current.spiffe_trusts.len())
}

/// Rejects more trusts of both kinds than a client can have.
pub(super) fn check_total(in_issuers: usize, in_domains: usize) -> Result<(), AdminError> {
    if in_issuers + in_domains > FederatedCredential::MAX_PER_CLIENT {
        let max = FederatedCredential::MAX_PER_CLIENT;
        let problem = InvalidValue::TooMany { holder: "a client", max, items: "trusts" };
        return Err(AdminError::invalid("trust", problem));
    }
    Ok(())
}

/// Checks a new trust and gives it an id.
pub(super) fn registered(
    services: &Services,
    new: NewTrust,
    created_at: Timestamp,
) -> Result<FederatedCredential, AdminError> {
    client::key::check(new.keys.as_ref(), &ISSUER_ALGS)?;
    let audience = check(services, &new)?;
    let conditions =
        Conditions::new(new.conditions).map_err(AdminError::malformed("conditions"))?;
    let trust_id =
        TrustId::parse(&random::identifier("tru_")?).map_err(AdminError::malformed("trust"))?;
    let NewTrust { issuer, keys, .. } = new;
    Ok(FederatedCredential { trust_id, issuer, keys, audience, conditions, created_at })
}

/// Removes a trust of either kind from a client. Tokens of that issuer or trust domain no longer
/// authenticate the client.
pub async fn remove(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    trust_id: &TrustId,
) -> Result<(), AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    let mut change = principal.begin(services).await?;
    let current = client_to_change(change.read(), principal, id).await?;
    let is_it = |known: &TrustId| known == trust_id;
    let in_issuer = current.trusts.iter().find(|trust| is_it(&trust.trust_id));
    let in_domain = current.spiffe_trusts.iter().find(|trust| is_it(&trust.trust_id));
    let was = in_issuer.map(|trust| json!(trust)).or(in_domain.map(|trust| json!(trust)));
    let is_removed = match in_domain {
        Some(_) => change.transaction.delete_spiffe_trust(id, trust_id).await?,
        None => change.transaction.delete_trust(id, trust_id).await?,
    };
    if !is_removed {
        return Err(AdminError::not_found(ObjectKind::Trust, trust_id));
    }
    let detail = json!({ "trust_id": trust_id, "was": was, "is": null });
    change.record(Action::TrustRemoved, EventSubject::Client(id.clone()), detail).await?;
    change.commit().await?;
    Ok(())
}

/// Rejects a trust that cannot work or is not allowed. Returns the audience.
fn check(services: &Services, new: &NewTrust) -> Result<String, AdminError> {
    let own = services.config.issuer.as_ref().map(crate::config::Issuer::as_str);
    if own == Some(new.issuer.as_str()) {
        return Err(AdminError::invalid("issuer", InvalidValue::OwnIssuer));
    }
    if new.keys.is_none() && new.issuer.discovery_url().is_none() {
        return Err(AdminError::IssuerKeysMissing);
    }
    let audience = new.audience.clone().or_else(|| own.map(str::to_owned));
    let audience = audience.ok_or(AdminError::AudienceMissing)?;
    if audience.is_empty() || audience.len() > 500 || audience.contains(char::is_control) {
        return Err(AdminError::invalid("audience", InvalidValue::AudienceLength));
    }
    Ok(audience)
}
