//! Registrations: clients with their secrets, grants and trusts.

use serde::Serialize;

use crate::model::client::Client;
use crate::model::grant::Grant;
use crate::model::secret::SecretRecord;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::trust::FederatedCredential;
use crate::model::usage::Usage;

/// A client with its secrets, grants, trusts and usage.
#[derive(Debug, Clone, Serialize)]
pub struct Registration {
    /// The client itself.
    #[serde(flatten)]
    pub client: Client,
    /// The secrets, oldest first, without the secret values.
    pub secrets: Vec<SecretRecord>,
    /// The grants, one per resource.
    pub grants: Vec<Grant>,
    /// The external issuers whose tokens authenticate the client.
    pub trusts: Vec<FederatedCredential>,
    /// The SPIFFE trust domains whose JWT-SVIDs authenticate the client.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spiffe_trusts: Vec<SpiffeTrust>,
    /// The usage of credentials other than secrets: keys, certificate and trusts.
    pub usage: Option<Usage>,
}

impl Registration {
    /// True for a client that may administer this server. For a client without a grant for this
    /// server, `admin_of: None` does not give any rights.
    pub fn is_administrator(&self) -> bool {
        self.client.admin_of.is_some()
            || self.grants.iter().any(|grant| grant.resource.is_built_in())
    }
}
