//! What an operator changes about a client.

use std::collections::BTreeSet;

use crate::admin::AdminError;
use crate::admin::claims::ClaimsChange;
use crate::admin::client::permit_subject;
use crate::admin::facts::FactsUpdate;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, Client, ClientName, GrantType};
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::security::{Networks, TlsSubject};
use crate::model::time::Lifetime;

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
    /// What is done with a secret of it that is reported as leaked.
    pub leak_policy: Option<LeakPolicy>,
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
        if let Some(policy) = self.leak_policy {
            client.leak_policy = policy;
        }
        if let Some(change) = self.claims {
            client.claims = change.apply_to(&client.claims)?;
        }
        Ok(())
    }
}
