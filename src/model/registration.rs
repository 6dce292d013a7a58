//! A client with its secrets, grants and trusts.

use serde::Serialize;

use crate::model::client::Client;
use crate::model::grant::Grant;
use crate::model::secret::SecretRecord;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::trust::FederatedCredential;
use crate::model::usage::Usage;

/// A client with all that belongs to it.
#[derive(Debug, Clone, Serialize)]
pub struct Registration {
    /// The client itself.
    #[serde(flatten)]
    pub client: Client,
    /// Its secrets, oldest first; none of them can be turned back into the secret.
    pub secrets: Vec<SecretRecord>,
    /// What it may ask for, a grant a resource.
    pub grants: Vec<Grant>,
    /// Foreign issuers whose tokens authenticate it.
    pub trusts: Vec<FederatedCredential>,
    /// SPIFFE trust domains whose JWT-SVIDs authenticate it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spiffe_trusts: Vec<SpiffeTrust>,
    /// The use of other credentials: its keys, its certificate, its trusts.
    pub usage: Option<Usage>,
}

impl Registration {
    /// True for a client that may administer this server. Without a grant of it, the absent limit of
    /// a client gives no right.
    pub fn is_administrator(&self) -> bool {
        self.client.admin_of.is_some()
            || self.grants.iter().any(|grant| grant.resource.is_built_in())
    }
}
