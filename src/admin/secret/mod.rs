//! Adding and ending of secrets, and the functions that all new secrets share.

pub(super) mod hash_load;
pub mod leak;
pub mod life;
pub mod lookup;
pub mod rotation;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::uncommitted::Pending;
use crate::admin::{
    AdminError, AuditedChange, Changed, Conflict, ObjectKind, Principal, WriteMode,
    client_within_rights, owner,
};
use crate::crypto::{CryptoError, random};
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientId, Registration};
use crate::model::event::{Action, EventSubject};
use crate::model::secret::{SecretHash, SecretId, SecretKind, SecretRecord};
use crate::model::secret_digest::SecretDigest;
use crate::model::secret_status::SecretStatus;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::token::RevocationEpoch;
use crate::secrets::offline;
use crate::secrets::secret::{check_imported, suffix};
use crate::services::Services;

/// A secret to create.
#[derive(Debug, Clone, Default)]
pub struct NewSecret {
    /// The label for people.
    pub label: String,
    /// The lifetime. If absent, the secret does not expire.
    pub lifetime: Option<Lifetime>,
    /// The digest of a secret that was generated offline. If absent, a secret is generated here.
    pub digest: Option<SecretDigest>,
}

/// A secret that a change created.
#[derive(Debug, Clone)]
pub struct MadeSecret {
    /// The stored record.
    pub record: SecretRecord,
    /// The secret in plain text, which is not stored anywhere. `None` if it was registered by its
    /// digest.
    pub plain: Option<SecretString>,
    /// The end of the older secrets, if the change set one.
    pub old_secrets_end: Option<Timestamp>,
}

/// Adds a secret to a client: calls [`prepare_addition`] and commits.
pub async fn add(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: &NewSecret,
) -> Result<MadeSecret, AdminError> {
    prepare_addition(services, principal, id, new).await?.commit().await
}

/// Prepares another secret for a client. It becomes valid with the commit.
pub async fn prepare_addition(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: &NewSecret,
) -> Result<Pending<MadeSecret>, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    // Checked first, so that no hash is computed in vain. The transaction checks both again.
    let current = client_within_rights(services.store.read(), principal, id).await?;
    check_count(services, &current, services.clock.now())?;
    let (plain, record) = generate(services, principal.mode(), id, new).await?;
    let mut change = principal.begin(services).await?;
    let current = client_within_rights(change.read(), principal, id).await?;
    check_count(services, &current, change.now)?;
    check_digest(&current, &record)?;
    change.transaction.add_secret(id, &record).await?;
    let mut detail = json!({ "secret_id": record.secret_id, "label": record.label });
    note_digest(&mut detail, new);
    change.record(Action::SecretAdded, EventSubject::Client(id.clone()), detail).await?;
    owner::policy::check(&mut change, Some(&current), id).await?;
    Ok(Pending::new(change, MadeSecret { record, plain, old_secrets_end: None }))
}

/// Ends a secret immediately or after some time, but never later than it would end anyway. Returns
/// the end.
pub async fn expire(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    secret_id: &SecretId,
    after: Option<Lifetime>,
) -> Result<Changed<Timestamp>, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    let mut change = principal.begin(services).await?;
    let current = client_within_rights(change.read(), principal, id).await?;
    let known = current.secrets.iter().find(|known| known.secret_id == *secret_id);
    let known = known.ok_or_else(|| AdminError::not_found(ObjectKind::Secret, secret_id))?;
    let wanted = after.map_or_else(|| expire_immediately(&change), |after| change.now.plus(after));
    // An expiry is never extended: a secret that was ended after a leak stays ended.
    let end = known.expires_at.map_or(wanted, |end| end.min(wanted));
    if known.expires_at == Some(end) {
        return Ok(Changed::before(end));
    }
    change.transaction.update_secret(id, &expired_at(known, end)).await?;
    let detail = json!({
        "secret_id": secret_id,
        "ended_at": end,
        "was": { "expires_at": known.expires_at },
        "is": { "expires_at": end },
    });
    change.record(Action::SecretExpired, EventSubject::Client(id.clone()), detail).await?;
    change.commit().await?;
    Ok(Changed::now(end))
}

/// Returns the recorded end of a secret that ends immediately. It is in the past by the maximum
/// difference of clocks.
///
/// Otherwise an instance whose clock is behind would accept the secret a little longer, and its
/// tokens would outlive a later `revoke-tokens`. An instance whose clock is further behind issues
/// no token after that ([`RevocationEpoch::iat_before`]).
pub(super) fn expire_immediately(change: &AuditedChange) -> Timestamp {
    change.now.min(change.database_now).minus_seconds(RevocationEpoch::CLOCK_DIFFERENCE_SECONDS)
}

/// Returns a copy of a secret with another expiry.
pub(super) fn expired_at(secret: &SecretRecord, end: Timestamp) -> SecretRecord {
    SecretRecord { expires_at: Some(end), ..secret.clone() }
}

/// Generates a secret and its record, or only a record for a digest. Hashing is costly, so the
/// caller first checks everything that may reject the change. A dry run generates no secret, and
/// the hash in its record matches none.
pub(super) async fn generate(
    services: &Services,
    mode: WriteMode,
    id: &ClientId,
    new: &NewSecret,
) -> Result<(Option<SecretString>, SecretRecord), AdminError> {
    if let Some(digest) = new.digest {
        return Ok((None, record_of(services, SecretHash::from_digest(digest), new)?));
    }
    match mode {
        WriteMode::Store => {
            let plain = services.keys.tag_key.generate(id)?;
            let record = record_of_generated(services, &plain, new).await?;
            Ok((Some(plain), record))
        }
        WriteMode::DryRun => Ok((None, record_of(services, SecretHash::from_phc(""), new)?)),
    }
}

/// Generates a client identifier, a secret and its record.
pub(super) async fn generate_with_id(
    services: &Services,
    new: &NewSecret,
) -> Result<(ClientId, (SecretString, SecretRecord)), AdminError> {
    let (id, plain) = services.keys.tag_key.generate_with_id()?;
    let id = ClientId::parse(&id).map_err(AdminError::malformed("id"))?;
    let record = record_of_generated(services, &plain, new).await?;
    Ok((id, (plain, record)))
}

async fn record_of_generated(
    services: &Services,
    plain: &SecretString,
    new: &NewSecret,
) -> Result<SecretRecord, AdminError> {
    check_label(&new.label)?;
    record_with(services, plain, services.hasher.hash_in_turn(plain).await?, new)
}

/// Returns the record of a generated secret with its hash.
pub(super) fn record_with(
    services: &Services,
    plain: &SecretString,
    hash: SecretHash,
    new: &NewSecret,
) -> Result<SecretRecord, AdminError> {
    let record = record_of(services, hash, new)?;
    Ok(SecretRecord { suffix: suffix(plain.expose_secret()), ..record })
}

/// Returns the record of a secret or a digest with this hash.
pub(super) fn record_of(
    services: &Services,
    hash: SecretHash,
    new: &NewSecret,
) -> Result<SecretRecord, AdminError> {
    check_label(&new.label)?;
    let kind = if hash.digest().is_some() { SecretKind::Digest } else { SecretKind::Generated };
    let now = services.clock.now();
    let mut record = SecretRecord {
        label: new.label.clone(),
        expires_at: new.lifetime.map(|lifetime| now.plus(lifetime)),
        ..SecretRecord::new(new_id()?, kind, hash, now)
    };
    record.status = Some(SecretStatus::of_new(&record, services.config.secrets.warn_before));
    Ok(record)
}

/// Returns the record of a secret that was generated offline.
pub(super) fn record_of_digest(
    services: &Services,
    digest: SecretDigest,
    label: String,
    expires_at: Option<Timestamp>,
) -> Result<SecretRecord, AdminError> {
    let new = NewSecret { label, lifetime: None, digest: Some(digest) };
    let record = record_of(services, SecretHash::from_digest(digest), &new)?;
    Ok(SecretRecord { expires_at, ..record })
}

/// Adds the digest of a registered secret to the detail of an event.
pub(super) fn note_digest(detail: &mut Value, new: &NewSecret) {
    if let Some(digest) = &new.digest {
        detail["secret_digest"] = json!(digest.to_string());
    }
}

/// Returns the record of a secret from another system. A secret that was generated offline is
/// stored by its digest, because it is recognized only by that.
pub(super) fn take_over(
    services: &Services,
    plain: &SecretString,
) -> Result<SecretRecord, CryptoError> {
    check_imported(plain)?;
    let hash = match offline::digest_of(plain.expose_secret()) {
        Some(digest) => SecretHash::from_digest(digest),
        None => services.hasher.hash(plain)?,
    };
    record_of_import(services, hash, suffix(plain.expose_secret()))
}

/// Returns the record of a hash from another system, whose secret this server does not know.
pub(super) fn record_of_import(
    services: &Services,
    hash: SecretHash,
    suffix: String,
) -> Result<SecretRecord, CryptoError> {
    let kind = if hash.digest().is_some() { SecretKind::Digest } else { SecretKind::Imported };
    let label = "imported".to_owned();
    let now = services.clock.now();
    Ok(SecretRecord { suffix, label, ..SecretRecord::new(new_id()?, kind, hash, now) })
}

fn new_id() -> Result<SecretId, CryptoError> {
    let id = random::identifier("sec_")?;
    SecretId::parse(&id).map_err(|Malformed(_)| CryptoError::Failed("naming a secret"))
}

fn check_label(label: &str) -> Result<(), AdminError> {
    if label.chars().count() > 100 || label.chars().any(char::is_control) {
        return Err(AdminError::invalid("label", InvalidValue::Label));
    }
    Ok(())
}

/// Rejects a digest that the client already has: a secret that has ended stays ended.
pub(super) fn check_digest(
    current: &Registration,
    record: &SecretRecord,
) -> Result<(), AdminError> {
    let is_known = record.hash.digest().is_some()
        && current.secrets.iter().any(|known| known.hash == record.hash);
    if is_known {
        return Err(Conflict::AlreadyExists("secret with this digest".to_owned()).into());
    }
    Ok(())
}

pub(super) fn check_count(
    services: &Services,
    current: &Registration,
    now: Timestamp,
) -> Result<(), AdminError> {
    let max = services.config.secrets.max_per_client;
    let live = 1 + current.secrets.iter().filter(|secret| secret.is_valid(now)).count();
    if live > max {
        return Err(Conflict::SecretLimit { live, max }.into());
    }
    Ok(())
}
