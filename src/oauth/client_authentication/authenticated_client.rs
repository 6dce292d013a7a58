//! An authenticated client. Its credential is valid and may be used from the address of the
//! request.

use std::sync::Arc;

use crate::app::App;
use crate::directory::{ClientEntry, Directory};
use crate::model::client::{ClientId, GrantType};
use crate::model::reason_code::ReasonCode;
use crate::model::remedy::OperatorAction;
use crate::model::secret::SecretId;
use crate::model::security::Networks;
use crate::model::time::Timestamp;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::client_authentication::{AuthenticatedBy, reject_disabled};
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::rate::TokenCount;
use crate::x509::certificate::ClientCertificate;

/// A client that is authenticated ([`authenticate`](super::authenticate)), or for which an operator
/// acts.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient {
    entry: Arc<ClientEntry>,
    /// The sequence that was published before the client was looked up.
    evt: i64,
    /// The origin of the request; `None` if an operator acts for the client.
    origin: Option<RequestOrigin>,
    by: AuthenticatedBy,
    token_count: TokenCount,
    /// The position of the verified secret in the entry, if a secret authenticated the client.
    secret: Option<usize>,
}

impl AuthenticatedClient {
    /// Returns the directory entry of the client, with its grants.
    pub fn entry(&self) -> &ClientEntry {
        &self.entry
    }

    pub(in crate::oauth) fn shared_entry(&self) -> Arc<ClientEntry> {
        self.entry.clone()
    }

    /// Returns the client id.
    pub fn id(&self) -> &ClientId {
        &self.entry.client_id
    }

    /// True if the directory has not replaced the client since it was authenticated.
    pub(in crate::oauth) fn is_current(&self, app: &App) -> bool {
        let current = app.directory.client(self.id().as_str());
        current.is_some_and(|current| Arc::ptr_eq(&current, &self.entry))
    }

    /// True if the request comes from one of these networks, or an operator acts for the client.
    pub(in crate::oauth) fn is_within(&self, networks: &Networks) -> bool {
        self.origin.as_ref().is_none_or(|origin| networks.admit(origin.address))
    }

    /// Returns the certificate that the client presented.
    pub(in crate::oauth) fn certificate(&self) -> Option<&ClientCertificate> {
        self.origin.as_ref()?.certificate.certificate().map(Arc::as_ref)
    }

    /// True if a certificate authenticated the client.
    pub(in crate::oauth) fn is_by_certificate(&self) -> bool {
        self.by.is_certificate()
    }

    /// Returns the credential that authenticated the client.
    pub fn authenticated_by(&self) -> AuthenticatedBy {
        self.by
    }

    /// Returns the id of the secret that was verified, if a secret authenticated the client.
    pub fn secret_id(&self) -> Option<&SecretId> {
        let known = self.entry.secrets.get(self.secret?)?;
        Some(&known.stored.secret_id)
    }

    /// Returns whether the assertion of the client has been counted as the requested token.
    pub(in crate::oauth) fn token_count(&self) -> TokenCount {
        self.token_count
    }

    /// Returns the first grant type of the client, for a preview of its next token.
    pub(in crate::oauth) fn first_grant_type(&self) -> GrantType {
        let types = &self.entry.allowed.grant_types;
        types.first().cloned().unwrap_or(GrantType::ClientCredentials)
    }

    /// Returns the sequence of the last event that was in memory before the client was looked up.
    /// It becomes the claim `evt` of the token (D24).
    pub(in crate::oauth) fn evt(&self) -> i64 {
        self.evt
    }

    /// Returns a client without authentication; `None` if it does not exist. **Only for commands of
    /// the operator, who could give the client a new secret as well.**
    ///
    /// # Errors
    /// The client is disabled.
    pub(crate) fn for_operator(
        directory: &Directory,
        id: &ClientId,
    ) -> Result<Option<Self>, OAuthError> {
        let evt = directory.published_sequence();
        let Some(entry) = directory.client(id.as_str()) else { return Ok(None) };
        reject_disabled(&entry)?;
        let by = AuthenticatedBy::Operator;
        let token_count = TokenCount::NotCounted;
        Ok(Some(Self { entry, evt, origin: None, by, token_count, secret: None }))
    }
}

/// A client whose credential is valid, before the check of its address.
pub(super) struct Admission {
    pub(super) entry: Arc<ClientEntry>,
    /// The sequence that was published before the client was looked up.
    pub(super) evt: i64,
    pub(super) by: AuthenticatedBy,
    pub(super) token_count: TokenCount,
    /// The position of the verified secret in the entry, if a secret authenticated the client.
    pub(super) secret: Option<usize>,
}

impl Admission {
    /// A client that was not authenticated by a secret, and whose token has not been counted.
    pub(super) fn new(entry: Arc<ClientEntry>, evt: i64, by: AuthenticatedBy) -> Self {
        Self { entry, evt, by, token_count: TokenCount::NotCounted, secret: None }
    }

    /// Records the use of a credential other than a secret, then calls `admit`.
    pub(super) fn admit_without_secret(
        self,
        app: &App,
        origin: &RequestOrigin,
        now: Timestamp,
    ) -> Result<AuthenticatedClient, OAuthError> {
        app.directory.usage.note_other(&self.entry, origin.address, now);
        self.admit(origin)
    }

    /// Rejects an authenticated client whose networks exclude its address. The rejection names the
    /// reason, because the client is authenticated.
    pub(super) fn admit(self, origin: &RequestOrigin) -> Result<AuthenticatedClient, OAuthError> {
        let Self { entry, evt, by, token_count, secret } = self;
        let networks = entry.security.as_ref().map(|security| &security.networks);
        if networks.is_some_and(|networks| !networks.admit(origin.address)) {
            let (id, address) = (entry.client_id.as_str(), origin.address);
            let sentence = format!(
                "Client {id} may not be used from {address}. Ask your operator to permit this address."
            );
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, sentence)
                .because(ReasonCode::AddressNotPermitted)
                .about(id)
                .with_remedy(OperatorAction::PermitAddress));
        }
        let origin = Some(origin.clone());
        Ok(AuthenticatedClient { entry, evt, origin, by, token_count, secret })
    }
}
