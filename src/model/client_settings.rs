//! The settings of a client that token requests need. The directory stores only these.

use std::ops::{Deref, DerefMut};

use serde::Serialize;

use crate::model::client::{AuthenticationMethod, Client, ClientId, ClientState, GrantType};
use crate::model::rate::RateLimit;
use crate::model::security::ClientSecurity;
use crate::model::static_claims::StaticClaims;
use crate::model::time::Lifetime;

/// The settings of a client that token requests need.
#[derive(Debug, Clone, Serialize)]
pub struct ClientTokenSettings {
    /// The identifier, which is the `sub` of the client's tokens.
    pub client_id: ClientId,
    /// The state, which decides whether the client may get tokens.
    pub state: ClientState,
    /// The allowed authentication methods; never empty.
    pub auth_methods: Vec<AuthenticationMethod>,
    /// The allowed grant types; never empty.
    pub grant_types: Vec<GrantType>,
    /// The lifetime of tokens; `None` uses that of the resource or the server.
    pub token_lifetime: Option<Lifetime>,
    /// The token rate limit; `None` uses that of the server.
    pub token_rate: Option<RateLimit>,
    /// The security settings: keys, certificate subject, networks, sender constraints.
    #[serde(flatten)]
    pub security: ClientSecurity,
    /// The claims that are added to each token.
    pub claims: StaticClaims,
}

/// Lets callers use the token settings without knowing that they are a separate struct.
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
