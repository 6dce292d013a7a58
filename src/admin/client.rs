//! Registering, changing and removing clients.

use secrecy::SecretString;
use serde_json::json;

use crate::admin::claims::{self, ClaimsChange};
use crate::admin::difference::Difference;
use crate::admin::pending::Pending;
use crate::admin::secret::{self, NewSecret};
use crate::admin::{
    AdminError, AuditedChange, Changed, Principal, client_key, client_to_change, grant, revocation,
};
use crate::crypto::random;
use crate::jose::assertion::CLIENT_ASSERTION_ALGS;
use crate::model::admin_scope::AdminScope;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::event::{Action, EventSubject};
use crate::model::grant::Grant;
use crate::model::rate::RateLimit;
use crate::model::secret::SecretRecord;
use crate::model::security::{ClientSecurity, Networks, TlsSubject};
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::services::Services;
use crate::store::Store;

/// A client to be registered.
#[derive(Debug)]
pub struct NewClient {
    /// Its name; the identifier if absent.
    pub name: Option<ClientName>,
    /// Its identifier; made here if absent.
    pub client_id: Option<ClientId>,
    /// How it may authenticate; by secrets, and by its keys if it has some, if empty.
    pub auth_methods: Vec<AuthenticationMethod>,
    /// The grants it may use; `client_credentials` if empty.
    pub grant_types: Vec<GrantType>,
    /// How long its tokens live.
    pub token_lifetime: Option<Lifetime>,
    /// How many tokens it may have.
    pub token_rate: Option<RateLimit>,
    /// What it may ask for.
    pub grants: Vec<Grant>,
    /// The claims of each of its tokens.
    pub claims: StaticClaims,
    /// What it proves itself by besides secrets, and what it is held to.
    pub security: ClientSecurity,
    /// Its first secret, if it may authenticate by one.
    pub secret: NewSecret,
}

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
    /// The claims of each of its tokens.
    pub claims: Option<ClaimsChange>,
}

/// A new identifier: `cl_` and random letters and digits.
///
/// # Errors
/// If the operating system gives no random bytes.
fn generate_id() -> Result<ClientId, AdminError> {
    ClientId::parse_new(&random::identifier("cl_")?).map_err(AdminError::malformed("id"))
}

impl NewClient {
    /// True if the client gets a first secret: if it may authenticate by one.
    pub fn has_secret(&self) -> bool {
        let methods = &self.auth_methods;
        methods.is_empty()
            || AuthenticationMethod::BY_SECRET.iter().any(|method| methods.contains(method))
    }
}

impl ClientUpdate {
    fn apply_to(self, client: &mut Client) {
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
    }
}

/// Registers a client: [`prepare`], and the commit.
pub async fn create(
    services: &Services,
    principal: &Principal,
    new: NewClient,
) -> Result<(Registration, Option<SecretString>), AdminError> {
    prepare(services, principal, new).await?.commit().await
}

/// Prepares a client with its grants and its first secret, and gives the secret, which exists
/// nowhere else. A client that may not authenticate by a secret has none.
pub async fn prepare(
    services: &Services,
    principal: &Principal,
    new: NewClient,
) -> Result<Pending<(Registration, Option<SecretString>)>, AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let has_secret = new.has_secret();
    if has_secret || new.security.keys.is_some() || new.security.tls_subject.is_some() {
        principal.require(AdminScope::SecretsWrite)?;
    }
    new.grants.iter().try_for_each(|wanted| principal.require_grantable(wanted))?;
    check_lifetime(services, new.token_lifetime)?;
    if !new.claims.is_empty() {
        principal.require(AdminScope::GrantsWrite)?;
    }
    claims::check_sizes(&new.claims, &new.grants)?;
    client_key::check(new.security.keys.as_ref(), &CLIENT_ASSERTION_ALGS)?;
    client_key::check_audiences(services, &new.security.assertion_audiences).await?;
    let mut auth_methods = or_default(new.auth_methods, &AuthenticationMethod::BY_SECRET);
    if new.security.keys.is_some() {
        client_key::permit(AuthenticationMethod::PrivateKeyJwt, &mut auth_methods);
    }
    if new.security.tls_subject.is_some() {
        permit_subject(&mut auth_methods);
    }
    check_security(&new.security, &auth_methods)?;
    let (client_id, minted) =
        generate_credentials(services, new.client_id, &new.secret, has_secret)?;
    let (plain, record) = minted.unzip();
    let mut change = AuditedChange::begin(services, principal.actor()).await?;
    for wanted in &new.grants {
        grant::check(change.read(), wanted).await?;
    }
    let fields = Fields {
        name: new.name.unwrap_or_else(|| ClientName::of_id(&client_id)),
        auth_methods,
        grant_types: new.grant_types,
        token_lifetime: new.token_lifetime,
        token_rate: new.token_rate,
        security: new.security,
        claims: new.claims,
    };
    let client = fields.registered(client_id.clone(), change.now);
    change.transaction.create_client(&client).await?;
    if let Some(record) = &record {
        change.transaction.add_secret(&client_id, record).await?;
    }
    for wanted in &new.grants {
        change.transaction.put_grant(&client_id, wanted).await?;
    }
    let detail = json!({
        "name": client.name,
        "auth_methods": client.auth_methods,
        "secret_id": record.as_ref().map(|record| &record.secret_id),
        "grants": new.grants,
        "security": client.security,
        "claims": client.claims,
    });
    change.record(Action::ClientCreated, EventSubject::Client(client_id), detail).await?;
    let registration = Registration {
        client,
        secrets: record.into_iter().collect(),
        grants: new.grants,
        trusts: Vec::new(),
        spiffe_trusts: Vec::new(),
        usage: None,
    };
    Ok(Pending::new(change, (registration, plain)))
}

/// The id of a new client, generated if `id` is not given, and its first secret if it has one.
fn generate_credentials(
    services: &Services,
    id: Option<ClientId>,
    new: &NewSecret,
    has_secret: bool,
) -> Result<(ClientId, Option<(SecretString, SecretRecord)>), AdminError> {
    Ok(match (id, has_secret) {
        (Some(id), true) => {
            let minted = secret::mint(services, &id, new)?;
            (id, Some(minted))
        }
        (None, true) => {
            let (id, minted) = secret::mint_with_id(services, new)?;
            (id, Some(minted))
        }
        (Some(id), false) => (id, None),
        (None, false) => (generate_id()?, None),
    })
}

/// Reads a client with its secrets and grants.
pub async fn show(store: &Store, id: &ClientId) -> Result<Registration, AdminError> {
    store.registration(id).await?.ok_or_else(|| AdminError::no_client(id))
}

/// Changes fields of a client.
pub async fn update(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    mut update: ClientUpdate,
) -> Result<Changed<Registration>, AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let claims_change = update.claims.take();
    if claims_change.is_some() {
        principal.require(AdminScope::GrantsWrite)?;
    }
    if update.tls_subject.is_some() {
        principal.require(AdminScope::SecretsWrite)?;
    }
    if let Some(lifetime) = update.token_lifetime {
        check_lifetime(services, lifetime)?;
    }
    if let Some(audiences) = &update.assertion_audiences {
        client_key::check_audiences(services, audiences).await?;
    }
    // What is not touched is not judged either: it may have been imported.
    let is_touched = update.auth_methods.is_some()
        || update.tls_subject.is_some()
        || update.dpop_bound.is_some()
        || update.certificate_bound.is_some();
    let mut change = AuditedChange::begin(services, principal.actor()).await?;
    let mut current = client_to_change(change.read(), principal, id).await?;
    let was = json!(current.client);
    let client = &mut current.client;
    if let Some(change) = claims_change {
        client.claims = change.apply_to(&client.claims)?;
        claims::check_sizes(&client.claims, &current.grants)?;
    }
    update.apply_to(client);
    if is_touched {
        check_security(&client.security, &client.auth_methods)?;
    }
    let Some(difference) = Difference::between(&was, &json!(client)) else {
        return Ok(Changed::before(current));
    };
    client.updated_at = change.now;
    change.transaction.update_client(client).await?;
    let detail = difference.add_to(json!({
        "name": client.name,
        "auth_methods": client.auth_methods,
        "grant_types": client.grant_types,
        "token_lifetime": client.token_lifetime,
        "token_rate": client.token_rate,
        "security": client.security,
        "claims": client.claims,
    }));
    change.record(Action::ClientUpdated, EventSubject::Client(id.clone()), detail).await?;
    change.commit().await?;
    Ok(Changed::now(current))
}

/// Enables or disables a client. Its tokens end when it is disabled, and do not come back to life
/// when it is enabled again, because APIs that verify offline could not follow. A repetition
/// succeeds without a second event.
pub async fn set_state(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    state: ClientState,
    reason: Option<&str>,
) -> Result<Changed<Registration>, AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let mut change = AuditedChange::begin(services, principal.actor()).await?;
    let mut current = client_to_change(change.read(), principal, id).await?;
    let was = current.client.state;
    if was == state {
        return Ok(Changed::before(current));
    }
    current.client.state = state;
    current.client.updated_at = change.now;
    change.transaction.update_client(&current.client).await?;
    if state == ClientState::Disabled {
        revocation::end_tokens(services, &mut change, id).await?;
    }
    let action = match state {
        ClientState::Active => Action::ClientEnabled,
        ClientState::Disabled => Action::ClientDisabled,
    };
    let detail = json!({ "reason": reason, "was": { "state": was }, "is": { "state": state } });
    change.record(action, EventSubject::Client(id.clone()), detail).await?;
    change.commit().await?;
    Ok(Changed::now(current))
}

/// Removes a client with its secrets and grants, and ends its tokens: a later client of the same
/// id has nothing to do with them.
pub async fn delete(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
) -> Result<(), AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let mut change = AuditedChange::begin(services, principal.actor()).await?;
    let current = client_to_change(change.read(), principal, id).await?;
    change.transaction.delete_client(id).await?;
    revocation::end_tokens(services, &mut change, id).await?;
    let was = json!({ "client": current.client, "grants": current.grants });
    let detail = json!({ "name": current.client.name, "was": was, "is": null });
    change.record(Action::ClientDeleted, EventSubject::Client(id.clone()), detail).await?;
    change.commit().await?;
    Ok(())
}

/// Rejects a lifetime beyond the server's maximum, which would silently not be given.
pub(super) fn check_lifetime(
    services: &Services,
    lifetime: Option<Lifetime>,
) -> Result<(), AdminError> {
    let longest = services.config.token.lifetime_max;
    match lifetime {
        Some(lifetime) if lifetime > longest => Err(AdminError::invalid(
            "token lifetime",
            format!("{lifetime} is longer than token.lifetime_max, which is {longest}"),
        )),
        _ => Ok(()),
    }
}

/// Permits the method that the subject of a certificate is for.
pub(super) fn permit_subject(methods: &mut Vec<AuthenticationMethod>) {
    if !methods.contains(&AuthenticationMethod::TlsClientAuth) {
        methods.push(AuthenticationMethod::TlsClientAuth);
    }
}

/// Rejects a client that could have no token: one whose certificate cannot be recognised (RFC
/// 8705, section 2.1.2), or one whose tokens would have two keys (RFC 7800, section 3.1).
pub(super) fn check_security(
    security: &ClientSecurity,
    methods: &[AuthenticationMethod],
) -> Result<(), AdminError> {
    if methods.contains(&AuthenticationMethod::TlsClientAuth) && security.tls_subject.is_none() {
        return Err(AdminError::TlsSubjectMissing);
    }
    if security.dpop_bound && security.certificate_bound {
        return Err(AdminError::invalid(
            "binding",
            "a token is bound to a key (DPoP) or to a certificate, not to both",
        ));
    }
    Ok(())
}

/// What an operator or another system says about a client; empty lists stand for the default.
pub(super) struct Fields {
    pub(super) name: ClientName,
    pub(super) auth_methods: Vec<AuthenticationMethod>,
    pub(super) grant_types: Vec<GrantType>,
    pub(super) token_lifetime: Option<Lifetime>,
    pub(super) token_rate: Option<RateLimit>,
    pub(super) security: ClientSecurity,
    pub(super) claims: StaticClaims,
}

impl Fields {
    /// The active client that these fields describe, as of `now`.
    pub(super) fn registered(self, client_id: ClientId, now: Timestamp) -> Client {
        Client {
            client_id,
            name: self.name,
            state: ClientState::Active,
            auth_methods: or_default(self.auth_methods, &AuthenticationMethod::BY_SECRET),
            grant_types: or_default(self.grant_types, &[GrantType::ClientCredentials]),
            token_lifetime: self.token_lifetime,
            token_rate: self.token_rate,
            security: self.security,
            claims: self.claims,
            created_at: now,
            updated_at: now,
        }
    }
}

fn or_default<T: Clone>(given: Vec<T>, default: &[T]) -> Vec<T> {
    if given.is_empty() { default.to_vec() } else { given }
}
