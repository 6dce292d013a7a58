//! Registration, changes and deletion of clients.

mod change;
pub mod claims;
pub(super) mod deletion;
pub mod key;
pub mod list;
mod new_credentials;
pub(super) mod registration;
mod update;
pub(super) mod weaker_credentials;

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde_json::{Value, json};

use crate::admin::client::change::record_state;
pub use crate::admin::client::change::{Put, put, update};
pub use crate::admin::client::deletion::{delete, delete_if};
use crate::admin::client::new_credentials::Credentials;
pub use crate::admin::client::update::{ClientUpdate, RightsNeeded};
use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::owner::ownership::visible_client;
use crate::admin::secret::{self, NewSecret};
use crate::admin::uncommitted::Pending;
use crate::admin::{
    AdminError, Changed, Conflict, Principal, client_within_rights, facts, grant, owner,
};
use crate::jose::assertion::CLIENT_ASSERTION_ALGS;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::client_settings::ClientTokenSettings;
use crate::model::event::{Action, EventSubject};
use crate::model::facts::Facts;
use crate::model::grant::Grant;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::security::ClientSecurity;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::services::Services;
use crate::store::Store;

/// A client to register.
#[derive(Debug)]
pub struct NewClient {
    /// The name. Default: the identifier.
    pub name: Option<ClientName>,
    /// The identifier. It is generated if absent.
    pub client_id: Option<ClientId>,
    /// The permitted authentication methods. If empty: by secret, and by keys if the client has
    /// keys.
    pub auth_methods: Vec<AuthenticationMethod>,
    /// The permitted grant types. If empty: `client_credentials`.
    pub grant_types: Vec<GrantType>,
    /// The lifetime of its tokens.
    pub token_lifetime: Option<Lifetime>,
    /// The rate limit of its tokens.
    pub token_rate: Option<RateLimit>,
    /// The scopes that it may request, for each resource.
    pub grants: Vec<Grant>,
    /// The static claims of its tokens.
    pub claims: StaticClaims,
    /// The security settings: keys, certificate subject, networks, token binding.
    pub security: ClientSecurity,
    /// The reaction to a secret that is reported as leaked.
    pub leak_policy: LeakPolicy,
    /// The facts about the client: owner, description, contact and labels.
    pub facts: Facts,
    /// The owners whose objects the client may administer. If absent: all.
    pub admin_of: Option<BTreeSet<Owner>>,
    /// The first secret, if the client may authenticate by secret. If absent, none is created.
    pub secret: Option<NewSecret>,
}

impl NewClient {
    /// True if the client gets a first secret: one is given, and the client may authenticate by
    /// secret.
    pub fn has_secret(&self) -> bool {
        let methods = &self.auth_methods;
        let is_by_secret = methods.is_empty()
            || AuthenticationMethod::BY_SECRET.iter().any(|method| methods.contains(method));
        self.secret.is_some() && is_by_secret
    }

    /// Converts into an active client, created at `now`.
    fn into_client(self, client_id: ClientId, now: Timestamp) -> Client {
        Client {
            name: self.name.unwrap_or_else(|| ClientName::of_id(&client_id)),
            token: ClientTokenSettings {
                client_id,
                state: ClientState::Active,
                auth_methods: self.auth_methods,
                grant_types: or_default(self.grant_types, &[GrantType::ClientCredentials]),
                token_lifetime: self.token_lifetime,
                token_rate: self.token_rate,
                security: self.security,
                claims: self.claims,
            },
            leak_policy: self.leak_policy,
            facts: self.facts,
            admin_of: self.admin_of,
            source: None,
            created_at: now,
            updated_at: now,
        }
    }
}

fn or_default<T: Clone>(given: Vec<T>, default: &[T]) -> Vec<T> {
    if given.is_empty() { default.to_vec() } else { given }
}

/// Registers a client: calls [`prepare`] and commits.
pub async fn create(
    services: &Services,
    principal: &Principal,
    new: NewClient,
) -> Result<(Registration, Option<SecretString>), AdminError> {
    prepare(services, principal, new).await?.commit().await
}

/// Prepares a client with its grants and its first secret. The returned secret is not stored
/// anywhere. A client that may not authenticate by secret gets none.
pub async fn prepare(
    services: &Services,
    principal: &Principal,
    mut new: NewClient,
) -> Result<Pending<(Registration, Option<SecretString>)>, AdminError> {
    require_rights_to_create(principal, &new)?;
    check_target(services, principal, &new).await?;
    check_lifetime(services, new.token_lifetime)?;
    claims::check_sizes(&new.claims, &new.grants)?;
    facts::check_admin_of(new.admin_of.as_ref())?;
    key::check(new.security.keys.as_ref(), &CLIENT_ASSERTION_ALGS)?;
    key::check_audiences(services, &new.security.assertion_audiences).await?;
    new.auth_methods = permitted_methods(new.auth_methods, &new.security)?;
    let secret = new.secret.as_ref().filter(|_| new.has_secret());
    let Credentials { client_id, record, plain } =
        new_credentials::generate(services, principal.mode(), new.client_id.take(), secret).await?;
    let mut change = principal.begin(services).await?;
    for wanted in &new.grants {
        grant::check(change.read(), principal, wanted).await?;
    }
    let grants = std::mem::take(&mut new.grants);
    let secret = new.secret.take().filter(|_| record.is_some());
    let client = new.into_client(client_id.clone(), change.now);
    let created = change.transaction.create_client(&client).await;
    created.map_err(|error| AdminError::of_insertion(error, "client", &client.client_id))?;
    if let Some(record) = &record {
        change.transaction.add_secret(&client_id, record).await?;
    }
    for wanted in &grants {
        change.transaction.put_grant(&client_id, wanted).await?;
    }
    let mut detail = event_detail(&client);
    detail["secret_id"] = json!(record.as_ref().map(|record| &record.secret_id));
    detail["grants"] = json!(grants);
    if let Some(secret) = &secret {
        secret::note_digest(&mut detail, secret);
    }
    change.record(Action::ClientCreated, EventSubject::Client(client_id), detail).await?;
    grant::record_for_resource_owners(&mut change, &client, &[], &grants).await?;
    owner::policy::check(&mut change, None, &client.client_id).await?;
    let registration = Registration {
        client,
        secrets: record.into_iter().collect(),
        grants,
        trusts: Vec::new(),
        spiffe_trusts: Vec::new(),
        usage: None,
    };
    Ok(Pending::new(change, (registration, plain)))
}

/// Returns the authentication methods of a new client: the given ones, and those of its
/// credentials.
fn permitted_methods(
    given: Vec<AuthenticationMethod>,
    security: &ClientSecurity,
) -> Result<Vec<AuthenticationMethod>, AdminError> {
    let given = or_default(given, &AuthenticationMethod::BY_SECRET);
    let methods = with_methods_of_credentials(given, security);
    check_security(security, &methods)?;
    Ok(methods)
}

/// Adds the methods of a client's keys and of its certificate subject.
pub(super) fn with_methods_of_credentials(
    mut methods: Vec<AuthenticationMethod>,
    security: &ClientSecurity,
) -> Vec<AuthenticationMethod> {
    if security.keys.is_some() {
        key::permit(AuthenticationMethod::PrivateKeyJwt, &mut methods);
    }
    if security.tls_subject.is_some() {
        permit_subject(&mut methods);
    }
    methods
}

/// Rejects a caller that lacks the right to set a member of a new client.
fn require_rights_to_create(principal: &Principal, new: &NewClient) -> Result<(), AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let security = &new.security;
    let has_policy = new.leak_policy != LeakPolicy::default();
    if new.has_secret() || security.keys.is_some() || security.tls_subject.is_some() || has_policy {
        principal.require(AdminScope::SecretsWrite)?;
    }
    if new.admin_of.is_some() {
        principal.require_limit_setting()?;
    }
    principal.require_owner(new.facts.owner.as_ref())?;
    if !new.claims.is_empty() {
        principal.require(AdminScope::GrantsWrite)?;
    }
    let admin_of = new.admin_of.as_ref();
    new.grants.iter().try_for_each(|wanted| principal.require_grantable(wanted, admin_of))
}

/// Rejects an existing id, and grants for resources or scopes that do not exist, before a secret is
/// hashed. The transaction checks both again.
async fn check_target(
    services: &Services,
    principal: &Principal,
    new: &NewClient,
) -> Result<(), AdminError> {
    if let Some(id) = &new.client_id
        && services.store.has_client(id).await?
    {
        return Err(Conflict::AlreadyExists(format!("client {id}")).into());
    }
    for wanted in &new.grants {
        grant::check(services.store.read(), principal, wanted).await?;
    }
    Ok(())
}

/// Returns the members of a client for the detail of an event, except for the id, which the subject
/// of the event names, and the times.
fn event_detail(client: &Client) -> Value {
    // The patterns have no `..`, so that the compiler reports a new member that is missing here.
    let Client { token, name, leak_policy, facts, admin_of, source, created_at: _, updated_at: _ } =
        client;
    let ClientTokenSettings {
        client_id: _,
        state,
        auth_methods,
        grant_types,
        token_lifetime,
        token_rate,
        security,
        claims,
    } = token;
    let mut detail = json!({
        "name": name,
        "state": state,
        "auth_methods": auth_methods,
        "grant_types": grant_types,
        "token_lifetime": token_lifetime,
        "token_rate": token_rate,
        "security": security,
        "leak_policy": leak_policy,
        "claims": claims,
        "admin_of": admin_of,
        "source": source,
    });
    facts::add_to(&mut detail, facts);
    detail
}

/// Reads a client with its secrets and grants.
///
/// # Errors
/// Not found, also if the caller may not see it.
pub async fn show(
    store: &Store,
    principal: &Principal,
    id: &ClientId,
) -> Result<Registration, AdminError> {
    visible_client(store.read(), principal, id).await
}

/// The maximum length of a reason for a change, in characters.
pub const MAX_REASON_CHARS: usize = 500;

/// Enables or disables a client. Disabling it revokes its tokens. They stay revoked when it is
/// enabled again, because APIs that verify offline could not follow. A repetition succeeds without
/// a second event.
pub async fn set_state(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    state: ClientState,
    reason: Option<&str>,
) -> Result<Changed<Registration>, AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let mut change = principal.begin(services).await?;
    let mut current = client_within_rights(change.read(), principal, id).await?;
    let was = current.client.state;
    if was == state {
        return Ok(Changed::before(current));
    }
    principal.require_unmanaged_client(&current.client)?;
    current.client.state = state;
    current.client.updated_at = change.now;
    change.transaction.update_client(&current.client).await?;
    record_state(services, &mut change, was, &current.client, reason).await?;
    change.commit().await?;
    Ok(Changed::now(current))
}

/// Rejects a lifetime above the server's maximum, which would be shortened silently.
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

/// Permits the method that uses the certificate subject.
pub(super) fn permit_subject(methods: &mut Vec<AuthenticationMethod>) {
    if !methods.contains(&AuthenticationMethod::TlsClientAuth) {
        methods.push(AuthenticationMethod::TlsClientAuth);
    }
}

/// Rejects a client that could not get a token: its certificate cannot be recognized (RFC 8705,
/// section 2.1.2), or its tokens would be bound to two keys (RFC 7800, section 3.1).
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
