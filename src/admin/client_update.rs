//! What an operator changes about a client.

use std::collections::BTreeSet;

use serde_json::json;

use crate::admin::claims::{self, ClaimsChange};
use crate::admin::client::{check_lifetime, check_security, permit_subject};
use crate::admin::difference::Difference;
use crate::admin::facts::{self, FactsUpdate};
use crate::admin::{AdminError, Changed, Principal, client_key, client_to_change};
use crate::model::admin_scope::AdminScope;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, GrantType, Registration,
};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::security::{Networks, TlsSubject};
use crate::model::time::Lifetime;
use crate::services::Services;

/// What should change about a client; `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct ClientUpdate {
    /// Its name.
    pub name: Option<ClientName>,
    /// How it may authenticate.
    pub auth_methods: Option<Vec<AuthenticationMethod>>,
    /// The grants it may use.
    pub grant_types: Option<Vec<GrantType>>,
    /// How long its tokens live; `Some(None)` puts it back to the default.
    pub token_lifetime: Option<Option<Lifetime>>,
    /// How many tokens it may have; `Some(None)` puts it back to the default.
    pub token_rate: Option<Option<RateLimit>>,
    /// Whether its tokens must be bound to a key of its own.
    pub dpop_bound: Option<bool>,
    /// Whether its tokens must be bound to a certificate.
    pub certificate_bound: Option<bool>,
    /// Whose certificate proves it.
    pub tls_subject: Option<TlsSubject>,
    /// Where it may be used from.
    pub networks: Option<Networks>,
    /// What the `aud` of its own assertions may be in addition to the issuer.
    pub assertion_audiences: Option<AssertionAudiences>,
    /// The claims of each of its tokens.
    pub claims: Option<ClaimsChange>,
    /// What people and policies know of it.
    pub facts: FactsUpdate,
    /// The owners whose objects it may administer; `Some(None)` removes the limit.
    pub admin_of: Option<Option<BTreeSet<Owner>>>,
}

impl ClientUpdate {
    /// Puts the changes in place.
    ///
    /// # Errors
    /// If there would be too many labels, or a claim to remove does not exist.
    pub(super) fn apply_to(self, client: &mut Client) -> Result<(), AdminError> {
        self.facts.apply_to(&mut client.facts)?;
        if let Some(admin_of) = self.admin_of {
            client.admin_of = admin_of;
        }
        if let Some(name) = self.name {
            client.name = name;
        }
        if let Some(methods) = self.auth_methods {
            client.auth_methods = methods;
        }
        if let Some(types) = self.grant_types {
            client.grant_types = types;
        }
        if let Some(lifetime) = self.token_lifetime {
            client.token_lifetime = lifetime;
        }
        if let Some(rate) = self.token_rate {
            client.token_rate = rate;
        }
        if let Some(dpop_bound) = self.dpop_bound {
            client.security.dpop_bound = dpop_bound;
        }
        if let Some(certificate_bound) = self.certificate_bound {
            client.security.certificate_bound = certificate_bound;
        }
        if let Some(subject) = self.tls_subject {
            client.security.tls_subject = Some(subject);
            permit_subject(&mut client.auth_methods);
        }
        if let Some(networks) = self.networks {
            client.security.networks = networks;
        }
        if let Some(audiences) = self.assertion_audiences {
            client.security.assertion_audiences = audiences;
        }
        if let Some(change) = self.claims {
            client.claims = change.apply_to(&client.claims)?;
        }
        Ok(())
    }
}

/// Changes fields of a client.
pub async fn update(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    update: ClientUpdate,
) -> Result<Changed<Registration>, AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let has_claims = update.claims.is_some();
    if has_claims {
        principal.require(AdminScope::GrantsWrite)?;
    }
    if update.tls_subject.is_some() {
        principal.require(AdminScope::SecretsWrite)?;
    }
    if update.admin_of.is_some() {
        principal.require(AdminScope::AdminsWrite)?;
    }
    if let Some(lifetime) = update.token_lifetime {
        check_lifetime(services, lifetime)?;
    }
    facts::check_admin_of(update.admin_of.as_ref().and_then(Option::as_ref))?;
    if let Some(audiences) = &update.assertion_audiences {
        client_key::check_audiences(services, audiences).await?;
    }
    // What is not touched is not judged either: it may have been imported.
    let is_touched = update.auth_methods.is_some()
        || update.tls_subject.is_some()
        || update.dpop_bound.is_some()
        || update.certificate_bound.is_some();
    let mut change = principal.begin(services).await?;
    let mut current = client_to_change(change.read(), principal, id).await?;
    let (was, owner_before) = (json!(current.client), current.client.facts.owner.clone());
    let client = &mut current.client;
    update.apply_to(client)?;
    if has_claims {
        claims::check_sizes(&client.claims, &current.grants)?;
    }
    if is_touched {
        check_security(&client.security, &client.auth_methods)?;
    }
    let Some(difference) = Difference::between(&was, &json!(client)) else {
        return Ok(Changed::before(current));
    };
    client.updated_at = change.now;
    change.transaction.update_client(client).await?;
    let detail = difference.add_to(json!({
        "name": client.name,
        "auth_methods": client.auth_methods,
        "grant_types": client.grant_types,
        "token_lifetime": client.token_lifetime,
        "token_rate": client.token_rate,
        "security": client.security,
        "claims": client.claims,
    }));
    let owners = EventOwners::changed(owner_before, client.facts.owner.clone());
    let subject = EventSubject::Client(id.clone());
    change.record_with_owners(Action::ClientUpdated, subject, owners, detail).await?;
    change.commit().await?;
    Ok(Changed::now(current))
}
