//! Sessions of the console: sign-in links, sign-in, rights and end of a session.
//!
//! Only digests are stored. A fast digest is enough for 256 random bits. For each request, the
//! rights of an administrator, and those that the groups of a person permit, are read again. The
//! rights of an operator are the limits of its link.

mod person;

pub use person::{PersonSignIn, open_for_person};

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use zeroize::Zeroizing;

use crate::admin::{Actor, AdminError, AuditedChange, Principal, Restrictions};
use crate::crypto::{CryptoError, digest, random};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{AuthenticationMethod, ClientId, ClientState, GrantType, Registration};
use crate::model::console_session::{
    ConsoleLink, ConsoleSession, OperatorLimits, SessionHolder, SessionId,
};
use crate::model::event::{Action, EventSubject};
use crate::model::grant::GrantedScopes;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::services::Services;

/// The minimum time between two updates of the last use of a session, in seconds.
const SEEN_STEP_SECONDS: i64 = 60;

/// A new link. Its secret is not stored anywhere.
#[derive(Debug)]
pub struct MadeLink {
    /// The secret.
    pub secret: SecretString,
    /// The time at which the link expires.
    pub expires_at: Timestamp,
}

/// The origin of a sign-in.
#[derive(Debug)]
pub struct Visitor<'a> {
    /// The address.
    pub address: IpAddr,
    /// The `User-Agent` of the browser.
    pub user_agent: &'a str,
}

/// A new session. Its secret is not stored anywhere.
#[derive(Debug)]
pub struct OpenedSession {
    /// The secret, for the cookie.
    pub secret: SecretString,
    /// The session.
    pub session: ConsoleSession,
}

/// A valid session.
#[derive(Debug)]
pub struct Resumed {
    /// The session.
    pub session: ConsoleSession,
    /// The current rights of the session.
    pub principal: Principal,
    /// True shortly after the sign-in.
    pub is_recent: bool,
}

/// Generates 256 random bits in base64url.
fn new_secret() -> Result<SecretString, CryptoError> {
    let bytes = Zeroizing::new(random::bytes::<32>()?);
    Ok(SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(*bytes)))
}

/// Computes the digest that is stored for a secret. `kind` separates links from sessions.
fn digest_of(kind: &str, secret: &SecretString) -> String {
    digest::compute(&["tokend console", kind, secret.expose_secret()])
}

fn link_digest(secret: &SecretString) -> String {
    digest_of("link", secret)
}

fn session_digest(secret: &SecretString) -> String {
    digest_of("session", secret)
}

fn new_id() -> Result<SessionId, AdminError> {
    let id = random::identifier("ses_")?;
    Ok(SessionId::parse(&id).map_err(|_| CryptoError::Failed("naming a session"))?)
}

/// Creates a link that opens one session for an operator. **Only for commands on the machine of the
/// database**: without limits the session may do everything.
///
/// # Errors
/// An error of the database.
pub async fn create_link(
    services: &Services,
    actor: &Actor,
    operator: &str,
    limits: OperatorLimits,
) -> Result<MadeLink, AdminError> {
    let secret = new_secret()?;
    let mut change = AuditedChange::begin(services, actor).await?;
    let now = change.database_now;
    let link = ConsoleLink {
        session_id: new_id()?,
        operator: operator.to_owned(),
        limits,
        created_at: now,
        expires_at: now.plus_seconds(ConsoleLink::TTL_SECONDS),
    };
    change.transaction.add_console_link(&link_digest(&secret), &link).await?;
    let scopes = link.limits.scopes.as_ref();
    let scopes = scopes.map(|held| held.iter().map(|scope| scope.as_str()).collect::<Vec<_>>());
    let detail = json!({
        "operator": format!("operator:{operator}"),
        "scopes": scopes,
        "owners": link.limits.owners,
        "expires_at": link.expires_at,
    });
    let subject = EventSubject::ConsoleSession(link.session_id);
    change.record(Action::ConsoleLinkCreated, subject, detail).await?;
    change.commit().await?;
    Ok(MadeLink { secret, expires_at: link.expires_at })
}

/// Opens the session of a link, which can be used only once. Returns `None` for every link that is
/// not valid: unknown, used or expired.
///
/// # Errors
/// An error of the database.
pub async fn open_by_link(
    services: &Services,
    secret: &SecretString,
    visitor: &Visitor<'_>,
) -> Result<Option<OpenedSession>, AdminError> {
    let digest = link_digest(secret);
    // The first lookup needs no transaction, so that guesses do not delay changes.
    let Some(link) = services.store.console_link(&digest).await? else { return Ok(None) };
    let mut change =
        AuditedChange::begin(services, &Actor::new("operator", &link.operator)).await?;
    let is_taken = change.transaction.take_console_link(&digest).await?;
    if !is_taken || link.expires_at <= change.database_now {
        return Ok(None);
    }
    let holder = SessionHolder::Operator { name: link.operator, limits: link.limits };
    let sequence = change.transaction.head().sequence;
    open(change, link.session_id, holder, sequence, visitor).await.map(Some)
}

/// Opens a session for a client that has just authenticated by this secret. `sequence` is that of
/// the last event before the authentication.
///
/// Returns `None` if the client may not use the console. Either it is not an administrator from
/// this address, or its secret has ended since. Clients whose tokens are bound to a key or a
/// certificate are excluded too, because a cookie cannot be bound.
///
/// # Errors
/// An error of the database.
pub async fn open_for_client(
    services: &Services,
    id: &ClientId,
    secret_id: &SecretId,
    sequence: i64,
    visitor: &Visitor<'_>,
) -> Result<Option<OpenedSession>, AdminError> {
    let mut change = AuditedChange::begin(services, &Actor::client(id)).await?;
    let Some(found) = change.read().registration(id).await? else { return Ok(None) };
    if rights(found, secret_id, change.now, visitor.address).is_none() {
        return Ok(None);
    }
    let holder = SessionHolder::Client { id: id.clone(), secret_id: secret_id.clone() };
    open(change, new_id()?, holder, sequence, visitor).await.map(Some)
}

async fn open(
    mut change: AuditedChange,
    session_id: SessionId,
    holder: SessionHolder,
    sequence: i64,
    visitor: &Visitor<'_>,
) -> Result<OpenedSession, AdminError> {
    let (secret, now) = (new_secret()?, change.database_now);
    let (method, max_seconds) = (holder.method(), holder.max_seconds());
    let kept = ConsoleSession::MAX_USER_AGENT_CHARS;
    let session = ConsoleSession {
        session_id,
        holder,
        sequence,
        signed_in_at: now,
        seen_at: now,
        ends_at: now.plus_seconds(max_seconds),
        address: visitor.address.to_string(),
        user_agent: visitor.user_agent.chars().filter(|c| !c.is_control()).take(kept).collect(),
    };
    let others = ConsoleSession::MAX_PER_HOLDER - 1;
    let digest = session_digest(&secret);
    change.transaction.add_console_session(&digest, &session, others).await?;
    let detail = json!({
        "method": method,
        "address": session.address,
        "user_agent": session.user_agent,
    });
    let subject = EventSubject::ConsoleSession(session.session_id.clone());
    change.record(Action::ConsoleSignedIn, subject, detail).await?;
    change.commit().await?;
    Ok(OpenedSession { secret, session })
}

/// Returns the session of a secret with its current rights. Returns `None` if it has ended, or if
/// its holder is no longer an administrator from this address.
///
/// # Errors
/// An error of the database.
pub async fn resume(
    services: &Services,
    secret: &SecretString,
    address: IpAddr,
) -> Result<Option<Resumed>, AdminError> {
    let (store, digest) = (&services.store, session_digest(secret));
    let now = store.time(&services.clock).await?;
    let found = store.console_session(&digest).await?.filter(|session| session.is_valid(now));
    let Some(session) = found else { return Ok(None) };
    let Some(principal) = principal(services, &session, address).await? else { return Ok(None) };
    if session.seen_at.plus_seconds(SEEN_STEP_SECONDS) <= now {
        store.touch_console_session(&digest, now).await?;
    }
    let is_recent = session.is_recent(now);
    Ok(Some(Resumed { session, principal, is_recent }))
}

async fn principal(
    services: &Services,
    session: &ConsoleSession,
    address: IpAddr,
) -> Result<Option<Principal>, AdminError> {
    let (id, secret_id) = match &session.holder {
        SessionHolder::Operator { name, limits } => {
            return Ok(Some(Principal::operator_within(
                Actor::new("operator", name),
                limits.clone(),
            )));
        }
        SessionHolder::Person { person, groups, .. } => {
            return Ok(person::principal(services, person, groups));
        }
        SessionHolder::Client { id, secret_id } => (id, secret_id),
    };
    let store = &services.store;
    let Some(found) = store.read().registration(id).await? else { return Ok(None) };
    if let Some(revoked) = store.revoked_client(id).await?
        && revoked.epoch.is_after(session.sequence, session.signed_in_at)
    {
        return Ok(None);
    }
    Ok(rights(found, secret_id, services.clock.now(), address))
}

/// Returns the current rights of an administrator, or `None` if it may not use the console.
fn rights(
    found: Registration,
    secret_id: &SecretId,
    now: Timestamp,
    address: IpAddr,
) -> Option<Principal> {
    let Registration { client, secrets, grants, .. } = found;
    let security = &client.security;
    let has_secret =
        secrets.iter().any(|secret| secret.secret_id == *secret_id && secret.is_valid(now));
    // A sign-in is another form of a token request with a secret.
    let may_sign_in =
        AuthenticationMethod::BY_SECRET.iter().any(|method| client.auth_methods.contains(method))
            && client.grant_types.contains(&GrantType::ClientCredentials);
    let is_bound = security.dpop_bound || security.certificate_bound;
    if client.state != ClientState::Active || is_bound || !has_secret || !may_sign_in {
        return None;
    }
    let grant = grants.iter().find(|grant| grant.resource.is_built_in())?;
    if !security.networks.admit(address) || !grant.networks.admit(address) {
        return None;
    }
    let GrantedScopes::Only(scopes) = &grant.scopes else { return None };
    let scopes = AdminScope::known(scopes);
    if scopes.is_empty() {
        return None;
    }
    let restrictions = Restrictions::of(security, &grants);
    let principal = Principal::administrator(&client.token.client_id, scopes, client.admin_of);
    Some(principal.within(restrictions))
}

/// Returns the sessions that the caller may see: its own, or all for a caller that may create
/// administrators and is not limited to owners. Sessions with a right that the caller lacks are
/// left out.
///
/// # Errors
/// An error of the database.
pub async fn list(
    services: &Services,
    principal: &Principal,
) -> Result<Vec<ConsoleSession>, AdminError> {
    let now = services.store.time(&services.clock).await?;
    let mut visible = Vec::new();
    for session in services.store.console_sessions(now).await? {
        if may_see(services, principal, &session.holder).await? {
            visible.push(session);
        }
    }
    Ok(visible)
}

/// Links with the same name may have different limits, so comparing the name alone is not enough.
async fn may_see(
    services: &Services,
    principal: &Principal,
    holder: &SessionHolder,
) -> Result<bool, AdminError> {
    let is_own = holder.actor_name() == principal.actor().as_str();
    let is_for_all =
        principal.require(AdminScope::AdminsWrite).is_ok() && principal.owners().is_none();
    if !is_own && !is_for_all {
        return Ok(false);
    }
    match holder {
        SessionHolder::Operator { limits, .. } => Ok(principal.has_rights_of(limits)),
        SessionHolder::Person { person, groups, .. } => {
            let limits = person::limits(services, person, groups);
            Ok(limits.is_none_or(|limits| principal.has_rights_of(&limits)))
        }
        SessionHolder::Client { .. } if is_own || principal.is_operator() => Ok(true),
        SessionHolder::Client { id, .. } => {
            let found = services.store.read().registration(id).await?;
            Ok(found.is_none_or(|found| principal.require_rights_over(&found).is_ok()))
        }
    }
}

/// Ends a session. Returns `false` if the caller may see no session with this id.
///
/// # Errors
/// An error of the database.
pub async fn end(
    services: &Services,
    principal: &Principal,
    id: &SessionId,
) -> Result<bool, AdminError> {
    let visible = list(services, principal).await?;
    let Some(session) = visible.iter().find(|session| session.session_id == *id) else {
        return Ok(false);
    };
    let mut change = AuditedChange::begin(services, principal.actor()).await?;
    if !change.transaction.end_console_session(id).await? {
        return Ok(false);
    }
    let detail = json!({ "holder": session.holder.actor_name() });
    let subject = EventSubject::ConsoleSession(id.clone());
    change.record(Action::ConsoleSessionEnded, subject, detail).await?;
    change.commit().await?;
    Ok(true)
}

/// Returns the token that every form of a session contains, so that another site cannot forge a
/// form. It reveals nothing about the secret in the cookie.
pub fn form_token(secret: &SecretString) -> String {
    digest_of("form", secret)
}
