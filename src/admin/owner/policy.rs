//! Owner policies: set by administrators without a limit, and checked by every operation that
//! changes a client.
//!
//! `check` compares a client before and after a change, inside its transaction. It applies only to
//! what the change adds. A client that is older than the policy can still be changed if the change
//! itself complies. A client that gets a new owner must comply as a whole.

use serde_json::json;

use crate::admin::{
    AdminError, AdminErrorCode, AuditedChange, Changed, ObjectKind, Principal, registration,
};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{AuthenticationMethod, ClientId, Registration};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::owner::Owner;
use crate::model::owner_policy::{OwnerPolicy, OwnerPolicyRecord, PolicyScope};
use crate::model::secret::SecretRecord;
use crate::model::time::{Lifetime, Timestamp};
use crate::services::Services;
use crate::store::Store;
use crate::store::owners::policies::OwnerPolicyPage;

/// The highest value for `max_clients`. Up to this many clients are counted for each new one.
pub const MAX_CLIENTS: u32 = 1_000_000;

/// Why a change violates the policy of an owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyViolation {
    /// A secret has no expiry.
    #[error(
        "secret: it has no expiry; the policy of owner {owner} requires one{}",
        max_age.map(|max| format!(", at most {max} after its creation")).unwrap_or_default()
    )]
    SecretWithoutExpiry {
        /// The owner.
        owner: Owner,
        /// The longest allowed time until the expiry.
        max_age: Option<Lifetime>,
    },
    /// A secret expires too late.
    #[error(
        "secret: it expires at {expires_at}; the policy of owner {owner} allows {max_age} after \
         its creation"
    )]
    SecretExpiresTooLate {
        /// The owner.
        owner: Owner,
        /// The expiry of the secret.
        expires_at: Timestamp,
        /// The longest allowed time until the expiry.
        max_age: Lifetime,
    },
    /// A client may use an authentication method that is not allowed.
    #[error(
        "auth_methods: {} is not allowed; the policy of owner {owner} allows {allowed}",
        method.as_str()
    )]
    MethodNotAllowed {
        /// The owner.
        owner: Owner,
        /// The method.
        method: AuthenticationMethod,
        /// The allowed methods.
        allowed: String,
    },
    /// The owner has too many clients.
    #[error("owner: {owner} would have more than {max} clients, the maximum of its policy")]
    TooManyClients {
        /// The owner.
        owner: Owner,
        /// The maximum.
        max: u32,
    },
}

impl PolicyViolation {
    /// Returns the stable code of the violation.
    pub fn code(&self) -> AdminErrorCode {
        match self {
            Self::SecretWithoutExpiry { .. } | Self::SecretExpiresTooLate { .. } => {
                AdminErrorCode::OwnerPolicySecretExpiry
            }
            Self::MethodNotAllowed { .. } => AdminErrorCode::OwnerPolicyAuthMethod,
            Self::TooManyClients { .. } => AdminErrorCode::OwnerPolicyClientLimit,
        }
    }
}

/// Returns at most `limit` policies after this owner, in alphabetical order. The caller sees the
/// policies of its owners, and the one for all other owners.
pub async fn list(
    store: &Store,
    principal: &Principal,
    after: &str,
    limit: u32,
) -> Result<OwnerPolicyPage, AdminError> {
    Ok(store.read().owner_policies(principal.owners(), after, limit).await?)
}

/// Returns the policy with exactly this scope.
///
/// # Errors
/// Not found, also for an owner that the caller may not administer.
pub async fn show(
    store: &Store,
    principal: &Principal,
    scope: &PolicyScope,
) -> Result<OwnerPolicyRecord, AdminError> {
    let is_visible = *scope == PolicyScope::Others || principal.may_administer(scope.owner());
    let found = store.read().owner_policy(scope).await?.filter(|_| is_visible);
    found.ok_or_else(|| AdminError::not_found(ObjectKind::OwnerPolicy, scope))
}

/// Sets a policy. Existing clients are not changed.
///
/// # Errors
/// [`AdminError::ScopeMissing`] without `admins:write`, and [`AdminError::Limited`] for an
/// administrator that is limited to owners: a policy would not bind a team that could set its own.
pub async fn set(
    services: &Services,
    principal: &Principal,
    record: OwnerPolicyRecord,
) -> Result<Changed<OwnerPolicyRecord>, AdminError> {
    let mut change = begin(services, principal).await?;
    let before = change.read().owner_policy(&record.scope).await?;
    if before.as_ref() == Some(&record) {
        return Ok(Changed::before(record));
    }
    change.transaction.put_owner_policy(&record, change.now).await?;
    let was = before.map(|before| before.policy);
    let detail = json!({ "was": was, "is": record.policy });
    note(&mut change, Action::OwnerPolicyChanged, &record.scope, detail).await?;
    change.commit().await?;
    Ok(Changed::now(record))
}

/// Deletes a policy.
///
/// # Errors
/// As [`set`], and not found.
pub async fn delete(
    services: &Services,
    principal: &Principal,
    scope: &PolicyScope,
) -> Result<(), AdminError> {
    let mut change = begin(services, principal).await?;
    let before = change.read().owner_policy(scope).await?;
    let before = before.ok_or_else(|| AdminError::not_found(ObjectKind::OwnerPolicy, scope))?;
    change.transaction.delete_owner_policy(scope).await?;
    let detail = json!({ "was": before.policy, "is": null });
    note(&mut change, Action::OwnerPolicyDeleted, scope, detail).await?;
    change.commit().await?;
    Ok(())
}

/// Begins a change of a policy, which only administrators without a limit may do.
async fn begin(services: &Services, principal: &Principal) -> Result<AuditedChange, AdminError> {
    principal.require(AdminScope::AdminsWrite)?;
    principal.require_all_owners("an owner policy")?;
    principal.begin(services).await
}

/// Records the event, which the owner of the policy may see.
async fn note(
    change: &mut AuditedChange,
    action: Action,
    scope: &PolicyScope,
    detail: serde_json::Value,
) -> Result<(), AdminError> {
    let owners = EventOwners { owner: scope.owner().cloned(), other_owner: None };
    let subject = EventSubject::OwnerPolicy(scope.clone());
    Ok(change.record_with_owners(action, subject, owners, detail).await?)
}

/// Checks a change of a client against the policy of its owner. It must be called after the change
/// is written and before it is committed. `before` is `None` for a new client.
///
/// # Errors
/// [`PolicyViolation`], or an error of the database.
pub(in crate::admin) async fn check(
    change: &mut AuditedChange,
    before: Option<&Registration>,
    id: &ClientId,
) -> Result<(), AdminError> {
    let Some(owner) = change.read().client_owner(id).await? else { return Ok(()) };
    // Boxed, because every operation contains this future, and most clients have no policy.
    Box::pin(check_owned(change, owner, before, id)).await
}

async fn check_owned(
    change: &mut AuditedChange,
    owner: Owner,
    before: Option<&Registration>,
    id: &ClientId,
) -> Result<(), AdminError> {
    let Some(policy) = change.read().effective_owner_policy(&owner).await? else { return Ok(()) };
    // A client that had another owner is new to this one.
    let before = before.filter(|before| before.client.facts.owner.as_ref() == Some(&owner));
    let after = registration(change.read(), id).await?;
    compare(&policy, &owner, before, &after, change.now)?;
    if let (None, Some(max)) = (before, policy.max_clients) {
        let bound = max.saturating_add(1);
        if change.read().count_clients_of(&owner, bound).await? > i64::from(max) {
            return Err(PolicyViolation::TooManyClients { owner, max }.into());
        }
    }
    Ok(())
}

/// Checks only what a change adds to a client.
fn compare(
    policy: &OwnerPolicy,
    owner: &Owner,
    before: Option<&Registration>,
    after: &Registration,
    now: Timestamp,
) -> Result<(), PolicyViolation> {
    let known_secrets = before.map(|before| before.secrets.as_slice()).unwrap_or_default();
    // An expiry that becomes earlier, as in a rotation, does not make a secret new.
    let is_kept = |secret: &SecretRecord, known: &SecretRecord| {
        let has_time =
            known.expires_at.is_none_or(|end| secret.expires_at.is_some_and(|it| it <= end));
        known.secret_id == secret.secret_id && has_time
    };
    let is_new = |secret: &SecretRecord| !known_secrets.iter().any(|known| is_kept(secret, known));
    for secret in after.secrets.iter().filter(|secret| secret.is_valid(now) && is_new(secret)) {
        check_secret(policy, owner, secret)?;
    }
    let known_methods = before.map(|before| before.client.auth_methods.as_slice());
    let is_new =
        |method: &&AuthenticationMethod| known_methods.is_none_or(|known| !known.contains(method));
    let wrong = after.client.auth_methods.iter().filter(is_new).find(|it| !policy.allows(**it));
    let Some(&method) = wrong else { return Ok(()) };
    let allowed = policy.auth_methods.iter().flatten().map(|it| it.as_str());
    let allowed = allowed.collect::<Vec<_>>().join(", ");
    Err(PolicyViolation::MethodNotAllowed { owner: owner.clone(), method, allowed })
}

fn check_secret(
    policy: &OwnerPolicy,
    owner: &Owner,
    secret: &SecretRecord,
) -> Result<(), PolicyViolation> {
    let (owner, max_age) = (owner.clone(), policy.secret_max_age);
    match (secret.expires_at, max_age) {
        (None, _) if policy.requires_expiry() => {
            Err(PolicyViolation::SecretWithoutExpiry { owner, max_age })
        }
        (Some(expires_at), Some(max_age)) if expires_at > secret.created_at.plus(max_age) => {
            Err(PolicyViolation::SecretExpiresTooLate { owner, expires_at, max_age })
        }
        _ => Ok(()),
    }
}
