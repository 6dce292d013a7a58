//! Fields of a client at registration.

use std::collections::BTreeSet;

use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, ClientState, GrantType,
};
use crate::model::client_settings::ClientTokenSettings;
use crate::model::facts::Facts;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::security::ClientSecurity;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};

/// The fields that an operator or an imported file sets. An empty list means the default.
pub(in crate::admin) struct Fields {
    pub(super) name: ClientName,
    pub(in crate::admin) auth_methods: Vec<AuthenticationMethod>,
    pub(in crate::admin) grant_types: Vec<GrantType>,
    pub(in crate::admin) token_lifetime: Option<Lifetime>,
    pub(in crate::admin) token_rate: Option<RateLimit>,
    pub(in crate::admin) security: ClientSecurity,
    pub(in crate::admin) leak_policy: LeakPolicy,
    pub(in crate::admin) claims: StaticClaims,
    pub(in crate::admin) facts: Facts,
    pub(in crate::admin) admin_of: Option<BTreeSet<Owner>>,
}

impl Fields {
    /// Returns an active client with these fields, created at `now`.
    pub(in crate::admin) fn registered(self, client_id: ClientId, now: Timestamp) -> Client {
        let token = ClientTokenSettings {
            client_id,
            state: ClientState::Active,
            auth_methods: or_default(self.auth_methods, &AuthenticationMethod::BY_SECRET),
            grant_types: or_default(self.grant_types, &[GrantType::ClientCredentials]),
            token_lifetime: self.token_lifetime,
            token_rate: self.token_rate,
            security: self.security,
            claims: self.claims,
        };
        Client {
            token,
            name: self.name,
            leak_policy: self.leak_policy,
            facts: self.facts,
            admin_of: self.admin_of,
            source: None,
            created_at: now,
            updated_at: now,
        }
    }
}

pub(in crate::admin) fn or_default<T: Clone>(given: Vec<T>, default: &[T]) -> Vec<T> {
    if given.is_empty() { default.to_vec() } else { given }
}
