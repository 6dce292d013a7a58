//! Adding, rotating and ending secrets.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::admin::invalid_value::InvalidValue;
use crate::admin::pending::Pending;
use crate::admin::{
    AdminError, AuditedChange, Changed, Conflict, ObjectKind, Principal, WriteMode,
    client_within_rights,
};
use crate::crypto::{CryptoError, random};
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientId, Registration};
use crate::model::event::{Action, EventSubject};
use crate::model::secret::{SecretHash, SecretId, SecretKind, SecretRecord};
use crate::model::time::{Lifetime, Timestamp};
use crate::model::token::RevocationEpoch;
use crate::secrets::secret::{check_imported, suffix};
use crate::services::Services;

/// A secret to be made.
#[derive(Debug, Clone, Default)]
pub struct NewSecret {
    /// What people call it.
    pub label: String,
    /// Its lifetime; it does not expire if absent.
    pub lifetime: Option<Lifetime>,
}

/// A secret that a change made. The plain text exists nowhere else.
#[derive(Debug, Clone)]
pub struct MadeSecret {
    /// The stored record.
    pub record: SecretRecord,
    /// The secret itself.
    pub plain: SecretString,
    /// The end of the older secrets, if the change gave them one.
    pub old_secrets_end: Option<Timestamp>,
}

/// Gives a client one more secret: [`prepare_addition`], and the commit.
pub async fn add(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: &NewSecret,
) -> Result<(SecretRecord, SecretString), AdminError> {
    let made = prepare_addition(services, principal, id, new).await?.commit().await?;
    Ok((made.record, made.plain))
}

/// Prepares one more secret for a client. It is valid after the commit.
pub async fn prepare_addition(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: &NewSecret,
) -> Result<Pending<MadeSecret>, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    let (plain, record) = mint(services, principal.mode(), id, new)?;
    let mut change = principal.begin(services).await?;
    let current = client_within_rights(change.read(), principal, id).await?;
    check_count(services, &current, change.now)?;
    change.transaction.add_secret(id, &record).await?;
    let detail = json!({ "secret_id": record.secret_id, "label": record.label });
    change.record(Action::SecretAdded, EventSubject::Client(id.clone()), detail).await?;
    Ok(Pending::new(change, MadeSecret { record, plain, old_secrets_end: None }))
}

/// Gives a client a new secret and ends every other one: [`prepare_rotation`], and the commit.
pub async fn rotate(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: &NewSecret,
    overlap: Option<Lifetime>,
) -> Result<(SecretRecord, SecretString, Option<Timestamp>), AdminError> {
    let pending = prepare_rotation(services, principal, id, new, overlap).await?;
    let made = pending.commit().await?;
    Ok((made.record, made.plain, made.old_secrets_end))
}

/// Prepares a new secret for a client and the end of every other one: at once, or after `overlap`,
/// during which all of them are valid.
pub async fn prepare_rotation(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: &NewSecret,
    overlap: Option<Lifetime>,
) -> Result<Pending<MadeSecret>, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    let (plain, record) = mint(services, principal.mode(), id, new)?;
    let mut change = principal.begin(services).await?;
    let current = client_within_rights(change.read(), principal, id).await?;
    let end = overlap.map_or_else(|| end_at_once(&change), |overlap| change.now.plus(overlap));
    let mut ended = Vec::new();
    for old in &current.secrets {
        // A secret that ends sooner anyway is not given a longer life.
        if old.expires_at.is_none_or(|expiry| end < expiry) {
            change.transaction.expire_secret(id, &old.secret_id, end).await?;
            ended.push(&old.secret_id);
        }
    }
    if overlap.is_some() {
        check_count(services, &current, change.now)?;
    }
    change.transaction.add_secret(id, &record).await?;
    let detail = json!({ "secret_id": record.secret_id, "ended": ended, "ended_at": end });
    change.record(Action::SecretRotated, EventSubject::Client(id.clone()), detail).await?;
    let old_secrets_end = (!ended.is_empty()).then_some(end);
    Ok(Pending::new(change, MadeSecret { record, plain, old_secrets_end }))
}

/// Lets a secret end: at once, or after a while, but never later than it would end anyway. Gives
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
    let wanted = after.map_or_else(|| end_at_once(&change), |after| change.now.plus(after));
    // An end is never put off: a secret that was ended because it leaked stays ended.
    let end = known.expires_at.map_or(wanted, |end| end.min(wanted));
    if known.expires_at == Some(end) {
        return Ok(Changed::before(end));
    }
    change.transaction.expire_secret(id, secret_id, end).await?;
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

/// The recorded end of a secret that ends at once: in the past by as much as clocks may differ.
///
/// An instance whose clock is behind would otherwise accept the secret a little longer, and its
/// tokens would outlive a `revoke-tokens` that follows. One whose clock is further behind issues no
/// token after that ([`RevocationEpoch::iat_before`]).
fn end_at_once(change: &AuditedChange) -> Timestamp {
    change.now.min(change.database_now).minus_seconds(RevocationEpoch::CLOCK_DIFFERENCE_SECONDS)
}

/// Makes a secret and the record of it. In a dry run the secret is not made: it is empty, and its
/// hash is that of no secret.
pub(super) fn mint(
    services: &Services,
    mode: WriteMode,
    id: &ClientId,
    new: &NewSecret,
) -> Result<(SecretString, SecretRecord), AdminError> {
    match mode {
        WriteMode::Store => record_of(services, services.keys.tag_key.mint(id)?, new),
        WriteMode::DryRun => {
            check_label(&new.label)?;
            let hash = SecretHash::from_phc("");
            let plain = SecretString::default();
            let record = record_with(services, &plain, hash, new)?;
            Ok((plain, record))
        }
    }
}

/// Makes a client identifier, a secret and the record of it.
pub(super) fn mint_with_id(
    services: &Services,
    new: &NewSecret,
) -> Result<(ClientId, (SecretString, SecretRecord)), AdminError> {
    let (id, plain) = services.keys.tag_key.mint_with_id()?;
    let id = ClientId::parse(&id).map_err(AdminError::malformed("id"))?;
    Ok((id, record_of(services, plain, new)?))
}

fn record_of(
    services: &Services,
    plain: SecretString,
    new: &NewSecret,
) -> Result<(SecretString, SecretRecord), AdminError> {
    check_label(&new.label)?;
    let hash = services.hasher.hash(&plain)?;
    let record = record_with(services, &plain, hash, new)?;
    Ok((plain, record))
}

/// The record of a generated secret with its hash.
pub(super) fn record_with(
    services: &Services,
    plain: &SecretString,
    hash: SecretHash,
    new: &NewSecret,
) -> Result<SecretRecord, CryptoError> {
    let now = services.clock.now();
    Ok(SecretRecord {
        secret_id: new_id()?,
        kind: SecretKind::Generated,
        hash,
        suffix: suffix(plain.expose_secret()),
        label: new.label.clone(),
        created_at: now,
        expires_at: new.lifetime.map(|lifetime| now.plus(lifetime)),
        usage: None,
    })
}

/// Makes the record of a secret of another system.
pub(super) fn take_over(
    services: &Services,
    plain: &SecretString,
) -> Result<SecretRecord, CryptoError> {
    check_imported(plain)?;
    let hash = services.hasher.hash(plain)?;
    record_of_import(services, hash, suffix(plain.expose_secret()))
}

/// Makes the record of a hash of another system, whose secret this server has never seen.
pub(super) fn record_of_import(
    services: &Services,
    hash: SecretHash,
    suffix: String,
) -> Result<SecretRecord, CryptoError> {
    Ok(SecretRecord {
        secret_id: new_id()?,
        kind: SecretKind::Imported,
        hash,
        suffix,
        label: "imported".to_owned(),
        created_at: services.clock.now(),
        expires_at: None,
        usage: None,
    })
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

fn check_count(
    services: &Services,
    current: &Registration,
    now: Timestamp,
) -> Result<(), AdminError> {
    let max = services.config.secrets.max_per_client;
    let live = 1 + current.secrets.iter().filter(|secret| secret.is_live(now)).count();
    if live > max {
        return Err(Conflict::SecretLimit { live, max }.into());
    }
    Ok(())
}
