//! Updates of a client: single members, or all of them.

use std::collections::BTreeSet;

use crate::admin::client::claims::ClaimsChange;
use crate::admin::client::{NewClient, permit_subject, with_methods_of_credentials};
use crate::admin::facts::FactsUpdate;
use crate::admin::revision::Precondition;
use crate::admin::secret::NewSecret;
use crate::admin::{AdminError, Principal};
use crate::model::admin_scope::AdminScope;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{
    AuthenticationMethod, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::facts::Facts;
use crate::model::grant::Grant;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::security::{ClientSecurity, Networks, TlsSubject};
use crate::model::static_claims::StaticClaims;
use crate::model::time::Lifetime;

/// The rights that an update requires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RightsNeeded {
    /// The rights to set each member that the update contains.
    #[default]
    ForEachMember,
    /// The rights to set each member that changes, for an update that contains all members.
    ForEachDifference,
}

/// An update of a client; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ClientUpdate {
    /// The condition that the caller sets on the current state.
    pub precondition: Precondition,
    /// The rights that the update requires.
    pub rights: RightsNeeded,
    /// The name.
    pub name: Option<ClientName>,
    /// The state, which decides whether the client gets tokens.
    pub state: Option<ClientState>,
    /// The permitted authentication methods. If empty: the default of a new client with the same
    /// credentials.
    pub auth_methods: Option<Vec<AuthenticationMethod>>,
    /// The permitted grant types. If empty: `client_credentials`.
    pub grant_types: Option<Vec<GrantType>>,
    /// The lifetime of its tokens; `Some(None)` resets it to the default.
    pub token_lifetime: Option<Option<Lifetime>>,
    /// The rate limit of its tokens; `Some(None)` resets it to the default.
    pub token_rate: Option<Option<RateLimit>>,
    /// True if its tokens must be bound to a DPoP key.
    pub dpop_bound: Option<bool>,
    /// True if its tokens must be bound to a certificate.
    pub certificate_bound: Option<bool>,
    /// The subject of the certificate that authenticates the client.
    pub tls_subject: Option<TlsSubject>,
    /// The networks that the client may be used from.
    pub networks: Option<Networks>,
    /// The accepted `aud` values of its assertions, in addition to the issuer.
    pub assertion_audiences: Option<AssertionAudiences>,
    /// The reaction to a secret that is reported as leaked.
    pub leak_policy: Option<LeakPolicy>,
    /// The grants, which replace all existing ones.
    pub grants: Option<Vec<Grant>>,
    /// The static claims of its tokens.
    pub claims: Option<ClaimsChange>,
    /// The facts about the client: owner, description, contact and labels.
    pub facts: FactsUpdate,
    /// The owners whose objects the client may administer; `Some(None)` removes the limit.
    pub admin_of: Option<Option<BTreeSet<Owner>>>,
}

impl ClientUpdate {
    /// Rejects a caller that lacks the right to set a member of the update.
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

    /// True if the update changes how the client authenticates or how its tokens are bound.
    pub(in crate::admin) fn changes_security(&self) -> bool {
        self.auth_methods.is_some()
            || self.tls_subject.is_some()
            || self.dpop_bound.is_some()
            || self.certificate_bound.is_some()
    }

    /// Applies the update.
    ///
    /// # Errors
    /// If the client would have too many labels, or a claim to remove does not exist.
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

    /// Converts the update into a new client. A member that is `None` has its default.
    ///
    /// # Errors
    /// If the client would have too many labels, or would not be active.
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
