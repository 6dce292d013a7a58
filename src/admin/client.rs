//! Registering, changing and removing clients.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde_json::{Value, json};

use crate::admin::claims;
pub use crate::admin::client_update::ClientUpdate;
use crate::admin::difference::Difference;
use crate::admin::facts;
use crate::admin::invalid_value::InvalidValue;
use crate::admin::new_credentials::{self, Credentials};
use crate::admin::pending::Pending;
use crate::admin::secret::{self, NewSecret};
use crate::admin::{
    AdminError, Changed, Principal, client_key, client_to_change, grant, revocation,
};
use crate::jose::assertion::CLIENT_ASSERTION_ALGS;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::facts::Facts;
use crate::model::grant::Grant;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::secret::SecretRecord;
use crate::model::security::ClientSecurity;
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
    /// What is done with a secret of it that is reported as leaked.
    pub leak_policy: LeakPolicy,
    /// What people and policies know of it.
    pub facts: Facts,
    /// The owners whose objects it may administer; all if absent.
    pub admin_of: Option<BTreeSet<Owner>>,
    /// Its first secret, if it may authenticate by one.
    pub secret: NewSecret,
}

impl NewClient {
    /// True if the client gets a first secret: if it may authenticate by one.
    pub fn has_secret(&self) -> bool {
        let methods = &self.auth_methods;
        methods.is_empty()
            || AuthenticationMethod::BY_SECRET.iter().any(|method| methods.contains(method))
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
    require_rights_to_create(principal, &new)?;
    let has_secret = new.has_secret();
    check_lifetime(services, new.token_lifetime)?;
    claims::check_sizes(&new.claims, &new.grants)?;
    facts::check_admin_of(new.admin_of.as_ref())?;
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
    let Credentials { client_id, record, plain } =
        new_credentials::generate(services, new.client_id, has_secret.then_some(&new.secret))?;
    let mut change = principal.begin(services).await?;
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
        leak_policy: new.leak_policy,
        claims: new.claims,
        facts: new.facts,
        admin_of: new.admin_of,
    };
    let client = fields.registered(client_id.clone(), change.now);
    change.transaction.create_client(&client).await?;
    if let Some(record) = &record {
        change.transaction.add_secret(&client_id, record).await?;
    }
    for wanted in &new.grants {
        change.transaction.put_grant(&client_id, wanted).await?;
    }
    let mut detail = created_detail(&client, record.as_ref(), &new.grants);
    secret::note_digest(&mut detail, &new.secret);
    change.record(Action::ClientCreated, EventSubject::Client(client_id), detail).await?;
    grant::record_for_resource_owners(&mut change, &client, &[], &new.grants).await?;
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

/// Rejects a caller without the right to one of the members of a new client.
fn require_rights_to_create(principal: &Principal, new: &NewClient) -> Result<(), AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let security = &new.security;
    let has_policy = new.leak_policy != LeakPolicy::default();
    if new.has_secret() || security.keys.is_some() || security.tls_subject.is_some() || has_policy {
        principal.require(AdminScope::SecretsWrite)?;
    }
    if new.admin_of.is_some() {
        principal.require(AdminScope::AdminsWrite)?;
    }
    if !new.claims.is_empty() {
        principal.require(AdminScope::GrantsWrite)?;
    }
    new.grants.iter().try_for_each(|wanted| principal.require_grantable(wanted))
}

/// What the event of a new client tells.
fn created_detail(client: &Client, secret: Option<&SecretRecord>, grants: &[Grant]) -> Value {
    let mut detail = json!({
        "name": client.name,
        "auth_methods": client.auth_methods,
        "secret_id": secret.map(|record| &record.secret_id),
        "grants": grants,
        "security": client.security,
        "leak_policy": client.leak_policy,
        "claims": client.claims,
        "admin_of": client.admin_of,
    });
    facts::add_to(&mut detail, &client.facts);
    detail
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
    update: ClientUpdate,
) -> Result<Changed<Registration>, AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let has_claims = update.claims.is_some();
    if has_claims {
        principal.require(AdminScope::GrantsWrite)?;
    }
    if update.tls_subject.is_some() || update.leak_policy.is_some() {
        principal.require(AdminScope::SecretsWrite)?;
    }
    if update.admin_of.is_some() {
        principal.require(AdminScope::AdminsWrite)?;
    }
    if let Some(lifetime) = update.token_lifetime {
        check_lifetime(services, lifetime)?;
    }
    facts::check_admin_of(update.admin_of.as_ref().and_then(Option::as_ref))?;
    if let Some(audiences) = &update.assertion_audiences {
        client_key::check_audiences(services, audiences).await?;
    }
    // What is not touched is not judged either: it may have been imported.
    let is_touched = update.auth_methods.is_some()
        || update.tls_subject.is_some()
        || update.dpop_bound.is_some()
        || update.certificate_bound.is_some();
    let mut change = principal.begin(services).await?;
    let mut current = client_to_change(change.read(), principal, id).await?;
    let (was, owner_before) = (json!(current.client), current.client.facts.owner.clone());
    let client = &mut current.client;
    update.apply_to(client)?;
    if has_claims {
        claims::check_sizes(&client.claims, &current.grants)?;
    }
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
    let owners = EventOwners::changed(owner_before, client.facts.owner.clone());
    let subject = EventSubject::Client(id.clone());
    change.record_with_owners(Action::ClientUpdated, subject, owners, detail).await?;
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
    let mut change = principal.begin(services).await?;
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
    let mut change = principal.begin(services).await?;
    let current = client_to_change(change.read(), principal, id).await?;
    change.transaction.delete_client(id).await?;
    revocation::end_tokens(services, &mut change, id).await?;
    grant::record_for_resource_owners(&mut change, &current.client, &current.grants, &[]).await?;
    let was = json!({ "client": current.client, "grants": current.grants });
    let detail = json!({ "name": current.client.name, "was": was, "is": null });
    let owners = EventOwners { owner: current.client.facts.owner, other_owner: None };
    let subject = EventSubject::Client(id.clone());
    change.record_with_owners(Action::ClientDeleted, subject, owners, detail).await?;
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
            InvalidValue::LifetimeTooLong { lifetime, max: longest },
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
        return Err(AdminError::invalid("binding", InvalidValue::BoundTwice));
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
    pub(super) leak_policy: LeakPolicy,
    pub(super) claims: StaticClaims,
    pub(super) facts: Facts,
    pub(super) admin_of: Option<BTreeSet<Owner>>,
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
            leak_policy: self.leak_policy,
            claims: self.claims,
            facts: self.facts,
            admin_of: self.admin_of,
            created_at: now,
            updated_at: now,
        }
    }
}

fn or_default<T: Clone>(given: Vec<T>, default: &[T]) -> Vec<T> {
    if given.is_empty() { default.to_vec() } else { given }
}
