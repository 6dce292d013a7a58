//! A client that is authenticated, and how it becomes one: its credential is valid, and it may be
//! used from its address.

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
use crate::x509::certificate::ClientCertificate;

/// A client that is authenticated ([`authenticate`](super::authenticate)), or for which an operator
/// speaks.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient {
    entry: Arc<ClientEntry>,
    /// The sequence that was published before the client was looked up.
    evt: i64,
    /// Where it calls from; nowhere if an operator speaks for it.
    origin: Option<RequestOrigin>,
    by: AuthenticatedBy,
    is_assertion_counted: bool,
    /// The position of its secret in the entry, if a secret has authenticated it.
    secret: Option<usize>,
}

impl AuthenticatedClient {
    /// The client, with what it may ask for.
    pub fn entry(&self) -> &ClientEntry {
        &self.entry
    }

    /// The client, as a shared pointer.
    pub(in crate::oauth) fn shared_entry(&self) -> Arc<ClientEntry> {
        self.entry.clone()
    }

    /// Its identifier.
    pub fn id(&self) -> &ClientId {
        &self.entry.client_id
    }

    /// True if the directory has not replaced the client since it was authenticated.
    pub(in crate::oauth) fn is_current(&self, app: &App) -> bool {
        let current = app.directory.client(self.id().as_str());
        current.is_some_and(|current| Arc::ptr_eq(&current, &self.entry))
    }

    /// True if it calls from one of these networks, or an operator speaks for it.
    pub(in crate::oauth) fn is_within(&self, networks: &Networks) -> bool {
        self.origin.as_ref().is_none_or(|origin| networks.admit(origin.address))
    }

    /// The certificate that it has presented.
    pub(in crate::oauth) fn certificate(&self) -> Option<&ClientCertificate> {
        self.origin.as_ref()?.certificate.certificate().map(Arc::as_ref)
    }

    /// True if that certificate has authenticated it.
    pub(in crate::oauth) fn is_by_certificate(&self) -> bool {
        self.by.is_certificate()
    }

    /// What has authenticated it.
    pub fn authenticated_by(&self) -> AuthenticatedBy {
        self.by
    }

    /// The secret that was verified, if a secret has authenticated it.
    pub fn secret_id(&self) -> Option<&SecretId> {
        let known = self.entry.secrets.get(self.secret?)?;
        Some(&known.stored.secret_id)
    }

    /// True if its assertion has been counted as the token that is asked for.
    pub(in crate::oauth) fn is_assertion_counted(&self) -> bool {
        self.is_assertion_counted
    }

    /// The grant type of the next token, before a client requests it.
    pub(in crate::oauth) fn first_grant_type(&self) -> GrantType {
        let types = &self.entry.allowed.grant_types;
        types.first().cloned().unwrap_or(GrantType::ClientCredentials)
    }

    /// The sequence of the last event that was in memory before the client was looked up: the claim
    /// `evt` of its token (D24).
    pub(in crate::oauth) fn evt(&self) -> i64 {
        self.evt
    }

    /// A client that an operator vouches for; `None` if it does not exist. **Only for commands of
    /// the operator, who could give the client a new secret just as well.**
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
        let is_assertion_counted = false;
        Ok(Some(Self { entry, evt, origin: None, by, is_assertion_counted, secret: None }))
    }
}

/// What is known of a client whose credential is valid.
pub(super) struct Admission {
    pub(super) entry: Arc<ClientEntry>,
    /// The sequence that was published before the client was looked up.
    pub(super) evt: i64,
    pub(super) by: AuthenticatedBy,
    pub(super) is_assertion_counted: bool,
    /// The position of the secret in the entry, if a secret has authenticated it.
    pub(super) secret: Option<usize>,
}

impl Admission {
    /// Admits a client that is authenticated by something else than a secret, and notes that.
    pub(super) fn admit_without_secret(
        self,
        app: &App,
        origin: &RequestOrigin,
        now: Timestamp,
    ) -> Result<AuthenticatedClient, OAuthError> {
        app.directory.usage.note_other(&self.entry, origin.address, now);
        self.admit(origin)
    }

    /// Admits an authenticated client, unless it may not be used from there. It is told, because it
    /// is authenticated.
    pub(super) fn admit(self, origin: &RequestOrigin) -> Result<AuthenticatedClient, OAuthError> {
        let Self { entry, evt, by, is_assertion_counted, secret } = self;
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
        Ok(AuthenticatedClient { entry, evt, origin, by, is_assertion_counted, secret })
    }
}
