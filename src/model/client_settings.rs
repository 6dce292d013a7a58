//! The settings of a client that a token request needs. The memory of a server holds these, and
//! nothing else of a client.

use std::ops::{Deref, DerefMut};

use serde::Serialize;

use crate::model::client::{AuthenticationMethod, Client, ClientId, ClientState, GrantType};
use crate::model::rate::RateLimit;
use crate::model::security::ClientSecurity;
use crate::model::static_claims::StaticClaims;
use crate::model::time::Lifetime;

/// The settings of a client that a token request needs.
#[derive(Debug, Clone, Serialize)]
pub struct ClientTokenSettings {
    /// Its identifier, the `sub` of its tokens.
    pub client_id: ClientId,
    /// Whether it may get tokens.
    pub state: ClientState,
    /// The methods by which it may authenticate; never empty.
    pub auth_methods: Vec<AuthenticationMethod>,
    /// The grant types that it may use; never empty.
    pub grant_types: Vec<GrantType>,
    /// The lifetime of its tokens. If absent, that of the resource or the server is used.
    pub token_lifetime: Option<Lifetime>,
    /// The limit of its tokens. If absent, that of the server is used.
    pub token_rate: Option<RateLimit>,
    /// Its security settings: keys, certificate subject, networks, token binding.
    #[serde(flatten)]
    pub security: ClientSecurity,
    /// The claims of each of its tokens.
    pub claims: StaticClaims,
}

/// Code about a client need not know which of its fields tokens need.
impl Deref for Client {
    type Target = ClientTokenSettings;

    fn deref(&self) -> &ClientTokenSettings {
        &self.token
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut ClientTokenSettings {
        &mut self.token
    }
}
