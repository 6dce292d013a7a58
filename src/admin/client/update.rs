//! What an operator changes about a client: single members, or all of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::admin::client::claims::ClaimsChange;
use crate::admin::client::{NewClient, permit_subject, with_methods_of_credentials};
use crate::admin::facts::FactsUpdate;
use crate::admin::revision::Precondition;
use crate::admin::secret::NewSecret;
use crate::admin::{AdminError, Principal};
use crate::model::admin_scope::AdminScope;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::facts::Facts;
use crate::model::grant::Grant;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::security::{ClientSecurity, Networks, TlsSubject};
use crate::model::static_claims::StaticClaims;
use crate::model::time::Lifetime;

/// Which rights an update needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RightsNeeded {
    /// Those to each member that it gives.
    #[default]
    ForEachMember,
    /// Those to each member that it changes: for an update that gives all of them.
    ForEachDifference,
}

/// What should change about a client; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ClientUpdate {
    /// What the caller requires of the present state.
    pub precondition: Precondition,
    /// Which rights it needs.
    pub rights: RightsNeeded,
    /// Its name.
    pub name: Option<ClientName>,
    /// Whether it may get tokens.
    pub state: Option<ClientState>,
    /// How it may authenticate; as a new client with its credentials may, if empty.
    pub auth_methods: Option<Vec<AuthenticationMethod>>,
    /// The grants it may use; `client_credentials` if empty.
    pub grant_types: Option<Vec<GrantType>>,
    /// How long its tokens live; `Some(None)` puts it back to the default.
    pub token_lifetime: Option<Option<Lifetime>>,
    /// How many tokens it may have; `Some(None)` puts it back to the default.
    pub token_rate: Option<Option<RateLimit>>,
    /// Whether its tokens must be bound to a key of its own.
    pub dpop_bound: Option<bool>,
    /// Whether its tokens must be bound to a certificate.
    pub certificate_bound: Option<bool>,
    /// The subject of the certificate that authenticates it.
    pub tls_subject: Option<TlsSubject>,
    /// Where it may be used from.
    pub networks: Option<Networks>,
    /// What the `aud` of its own assertions may be in addition to the issuer.
    pub assertion_audiences: Option<AssertionAudiences>,
    /// What is done with a secret of it that is reported as leaked.
    pub leak_policy: Option<LeakPolicy>,
    /// What it may ask for: these grants and no others.
    pub grants: Option<Vec<Grant>>,
    /// The claims of each of its tokens.
    pub claims: Option<ClaimsChange>,
    /// What people and policies know of it.
    pub facts: FactsUpdate,
    /// The owners whose objects it may administer; `Some(None)` removes the limit.
    pub admin_of: Option<Option<BTreeSet<Owner>>>,
}

impl ClientUpdate {
    /// Rejects a caller without the right to one of the members that change.
    pub(in crate::admin) fn require_rights(&self, principal: &Principal) -> Result<(), AdminError> {
        principal.require(AdminScope::ClientsWrite)?;
        if self.rights == RightsNeeded::ForEachDifference {
            return Ok(());
        }
        if self.claims.is_some() || self.grants.is_some() {
            principal.require(AdminScope::GrantsWrite)?;
        }
        if self.tls_subject.is_some() || self.leak_policy.is_some() {
            principal.require(AdminScope::SecretsWrite)?;
        }
        if self.admin_of.is_some() {
            principal.require_limit_setting()?;
        }
        Ok(())
    }

    /// True if it gives something by which the client authenticates or is bound.
    pub(in crate::admin) fn changes_security(&self) -> bool {
        self.auth_methods.is_some()
            || self.tls_subject.is_some()
            || self.dpop_bound.is_some()
            || self.certificate_bound.is_some()
    }

    /// Puts the changes in place.
    ///
    /// # Errors
    /// If there would be too many labels, or a claim to remove does not exist.
    pub(in crate::admin) fn apply_to(
        self,
        registration: &mut Registration,
    ) -> Result<(), AdminError> {
        let client = &mut registration.client;
        self.facts.apply_to(&mut client.facts)?;
        put(self.admin_of, &mut client.admin_of);
        put(self.name, &mut client.name);
        put(self.state, &mut client.state);
        put(self.token_lifetime, &mut client.token_lifetime);
        put(self.token_rate, &mut client.token_rate);
        put(self.dpop_bound, &mut client.security.dpop_bound);
        put(self.certificate_bound, &mut client.security.certificate_bound);
        put(self.networks, &mut client.security.networks);
        put(self.assertion_audiences, &mut client.security.assertion_audiences);
        put(self.leak_policy, &mut client.leak_policy);
        match self.auth_methods {
            Some(methods) if methods.is_empty() => {
                let by_secret = AuthenticationMethod::BY_SECRET.to_vec();
                client.auth_methods = with_methods_of_credentials(by_secret, &client.security);
            }
            methods => put(methods, &mut client.auth_methods),
        }
        match self.grant_types {
            Some(types) if types.is_empty() => {
                client.grant_types = vec![GrantType::ClientCredentials];
            }
            types => put(types, &mut client.grant_types),
        }
        if let Some(subject) = self.tls_subject {
            client.security.tls_subject = Some(subject);
            permit_subject(&mut client.auth_methods);
        }
        if let Some(change) = self.claims {
            client.claims = change.apply_to(&client.claims)?;
        }
        if let Some(mut grants) = self.grants {
            // The order of the list has no meaning.
            grants.sort_by(|one, other| one.resource.cmp(&other.resource));
            registration.grants = grants;
        }
        Ok(())
    }

    /// The new client that the members describe; a member that is `None` has its default.
    ///
    /// # Errors
    /// If there would be too many labels, or the client would not be active.
    pub fn into_new(
        self,
        client_id: Option<ClientId>,
        secret: Option<NewSecret>,
    ) -> Result<NewClient, AdminError> {
        if self.state == Some(ClientState::Disabled) {
            let problem = "a new client is active; disable it after it is created".to_owned();
            return Err(AdminError::invalid("state", problem));
        }
        let mut facts = Facts::default();
        self.facts.apply_to(&mut facts)?;
        let claims = self.claims.map(|change| change.apply_to(&StaticClaims::default()));
        Ok(NewClient {
            name: self.name,
            client_id,
            auth_methods: self.auth_methods.unwrap_or_default(),
            grant_types: self.grant_types.unwrap_or_default(),
            token_lifetime: self.token_lifetime.flatten(),
            token_rate: self.token_rate.flatten(),
            grants: self.grants.unwrap_or_default(),
            claims: claims.transpose()?.unwrap_or_default(),
            security: ClientSecurity {
                keys: None,
                dpop_bound: self.dpop_bound.unwrap_or_default(),
                tls_subject: self.tls_subject,
                certificate_bound: self.certificate_bound.unwrap_or_default(),
                networks: self.networks.unwrap_or_default(),
                assertion_audiences: self.assertion_audiences.unwrap_or_default(),
            },
            leak_policy: self.leak_policy.unwrap_or_default(),
            facts,
            admin_of: self.admin_of.flatten(),
            secret,
        })
    }
}

fn put<T>(new: Option<T>, field: &mut T) {
    if let Some(new) = new {
        *field = new;
    }
}

/// What the event of a change tells of the client as it is now.
pub(in crate::admin) fn state(client: &Client) -> Value {
    json!({
        "name": client.name,
        "auth_methods": client.auth_methods,
        "grant_types": client.grant_types,
        "token_lifetime": client.token_lifetime,
        "token_rate": client.token_rate,
        "security": client.security,
        "claims": client.claims,
    })
}
