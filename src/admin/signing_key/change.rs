//! Changes of signing keys by operators: rotation, retirement and revocation. The state of a key
//! follows from its times, so each operation sets times. Instances follow the event.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::admin::signing_key::impact::Impact;
use crate::admin::signing_key::rotation;
use crate::admin::signing_key::{self, ShownSigningKey};
use crate::admin::{
    AdminError, AuditedChange, Changed, Conflict, ObjectKind, Principal, WriteMode, revocation,
};
use crate::model::admin_scope::AdminScope;
use crate::model::event::{Action, EventSubject};
use crate::model::key_timeline::{KeyState, KeyTimeline, signing_key};
use crate::model::signing_key::{Algorithm, KeyId, SigningKeyRecord};
use crate::model::time::{Lifetime, Timestamp};
use crate::services::Services;

/// The maximum number of keys in the key set. A rotation beyond it is rejected, because verifiers
/// read all of the keys.
const MAX_KEYS_IN_SET: usize = 16;

/// The time at which the next key begins to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As soon as every verifier knows the key.
    WhenKnown,
    /// After this time.
    In(Lifetime),
    /// Immediately.
    Now,
}

/// The result of a step.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyChange {
    /// The key of the step: the next one, the retired one, or the revoked one.
    pub key: ShownSigningKey,
    /// The key that replaces it, if the step has chosen one.
    pub successor: Option<ShownSigningKey>,
    /// What the step breaks.
    pub impact: Impact,
}

/// Lets the next key of an algorithm sign, and creates one if none is published.
///
/// # Errors
/// [`AdminError::ScopeMissing`] without `keys:write`, and [`AdminError::Limited`] for an
/// administrator that is limited to owners. [`Conflict::BreaksVerifiers`] if the key would sign too
/// early and the caller does not force it. [`Conflict::SigningKeyLimit`], or an algorithm without a
/// key.
pub async fn rotate_now(
    services: &Services,
    principal: &Principal,
    algorithm: Option<Algorithm>,
    start: Start,
) -> Result<Changed<KeyChange>, AdminError> {
    let mut step = KeyChangeInProgress::begin(services, principal).await?;
    let algorithm = algorithm.unwrap_or(services.config.token.algorithm);
    if !step.known.iter().any(|key| key.algorithm == algorithm && !key.is_ended()) {
        let text = format!(
            "{} has no signing key; the server makes the first one when `token.algorithm` or a \
             resource needs it",
            algorithm.as_str()
        );
        return Err(AdminError::invalid("algorithm", text));
    }
    let now = step.change.now;
    let waiting = step.waiting(algorithm).cloned();
    let known_at = step.known_at(waiting.as_ref());
    let signs_from = match start {
        Start::WhenKnown => known_at.max(now),
        Start::In(time) => now.plus(time),
        Start::Now => now,
    };
    let unknown_key_until = Some(known_at).filter(|known_at| signs_from < *known_at);
    let impact = Impact { unknown_key_until, ..Impact::default() };
    impact.require_force(principal)?;
    if let Some(key) = waiting.as_ref().filter(|key| key.signs_from == signs_from) {
        return Ok(Changed::before(step.outcome(&key.kid, None, impact).await?));
    }
    if waiting.is_none() {
        step.require_capacity()?;
    }
    let kid = step.let_sign(waiting, algorithm, signs_from).await?;
    let outcome = step.outcome(&kid, None, impact).await?;
    step.commit().await?;
    Ok(Changed::now(outcome))
}

/// Retires a key. A key that signs stops, and stays published until its last token has expired. A
/// key that does not sign yet leaves the key set. A key that has already stopped is not changed.
///
/// # Errors
/// As [`rotate_now`], and if the key does not exist.
pub async fn retire(
    services: &Services,
    principal: &Principal,
    kid: &KeyId,
) -> Result<Changed<KeyChange>, AdminError> {
    let mut step = KeyChangeInProgress::begin(services, principal).await?;
    let (key, state) = step.find(kid)?;
    if !matches!(state, KeyState::Published | KeyState::Signing) {
        return Ok(Changed::before(step.outcome(kid, None, Impact::default()).await?));
    }
    let replacement = step.replacement(&key, state);
    let mut impact = step.impact_of(&key, replacement);
    if replacement == Replacement::Early {
        // The key leaves the key set, but it has signed tokens for new resources.
        impact.invalid_tokens_until = Some(step.last_expiry(step.change.now).await?);
    }
    impact.require_force(principal)?;
    let successor = step.replace(&key, replacement).await?;
    let now = step.change.now;
    step.change.transaction.retire_signing_key(kid, Some(now)).await?;
    let detail = json!({ "retired_at": now, "was": state, "successor": successor });
    step.record(Action::KeyRetired, kid, detail).await?;
    let outcome = step.outcome(kid, successor.as_ref(), impact).await?;
    step.commit().await?;
    Ok(Changed::now(outcome))
}

/// Revokes a leaked key. It leaves the key set permanently, its tokens become invalid, and its
/// private half is deleted. If it was signing, the next key signs immediately.
///
/// # Errors
/// As [`rotate_now`], and if the key does not exist.
pub async fn revoke(
    services: &Services,
    principal: &Principal,
    kid: &KeyId,
    reason: Option<&str>,
) -> Result<Changed<KeyChange>, AdminError> {
    let mut step = KeyChangeInProgress::begin(services, principal).await?;
    let (key, state) = step.find(kid)?;
    if state == KeyState::Revoked {
        return Ok(Changed::before(step.outcome(kid, None, Impact::default()).await?));
    }
    let replacement = step.replacement(&key, state);
    let mut impact = step.impact_of(&key, replacement);
    impact.invalid_tokens_until = step.tokens_of(&key, state, replacement).await?;
    impact.require_force(principal)?;
    let successor = step.replace(&key, replacement).await?;
    let now = step.change.now;
    step.change.transaction.revoke_signing_key(kid, now).await?;
    let detail = json!({ "reason": reason, "was": state, "successor": successor });
    step.record(Action::KeyRevoked, kid, detail).await?;
    let outcome = step.outcome(kid, successor.as_ref(), impact).await?;
    step.commit().await?;
    Ok(Changed::now(outcome))
}

/// The key that replaces another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replacement {
    /// No key: the replaced key does not sign.
    None,
    /// A key that signs immediately.
    Now,
    /// A key that is published first, for a key that so far signs only for new resources.
    Early,
}

struct KeyChangeInProgress<'a> {
    services: &'a Services,
    principal: &'a Principal,
    change: AuditedChange,
    known: Vec<SigningKeyRecord>,
    created: Option<SigningKeyRecord>,
}

impl<'a> KeyChangeInProgress<'a> {
    async fn begin(services: &'a Services, principal: &'a Principal) -> Result<Self, AdminError> {
        principal.require(AdminScope::KeysWrite)?;
        principal.require_all_owners("a change of signing keys")?;
        let mut change = principal.begin(services).await?;
        let known = change.read().signing_keys().await?;
        Ok(Self { services, principal, change, known, created: None })
    }

    fn state(&self, key: &SigningKeyRecord) -> KeyState {
        let keep = self.services.keep_seconds();
        KeyTimeline::of(key, &self.known, keep).state(self.change.now)
    }

    fn find(&self, kid: &KeyId) -> Result<(SigningKeyRecord, KeyState), AdminError> {
        let found = self.known.iter().find(|key| key.kid == *kid);
        let found = found.ok_or_else(|| AdminError::not_found(ObjectKind::SigningKey, kid))?;
        Ok((found.clone(), self.state(found)))
    }

    /// Returns the key of an algorithm that is published but does not sign yet.
    fn waiting(&self, algorithm: Algorithm) -> Option<&SigningKeyRecord> {
        let mine = self.known.iter().filter(|key| key.algorithm == algorithm);
        let usable = mine.filter(|key| !key.is_ended() && key.sealed.is_some());
        usable.filter(|key| key.signs_from > self.change.now).min_by_key(|key| key.signs_from)
    }

    /// Returns the time at which every verifier knows a key; `None` stands for a key created now.
    fn known_at(&self, key: Option<&SigningKeyRecord>) -> Timestamp {
        let published_at = key.map_or(self.change.now, |key| key.created_at);
        published_at.plus(self.services.config.keys.publish_before)
    }

    fn replacement(&self, key: &SigningKeyRecord, state: KeyState) -> Replacement {
        let signs = || signing_key(&self.known, key.algorithm, self.change.now);
        match state {
            KeyState::Signing => Replacement::Now,
            KeyState::Published if signs().is_none() => Replacement::Early,
            _ => Replacement::None,
        }
    }

    /// Returns the impact on verifiers that do not know the replacement of a key yet.
    fn impact_of(&self, key: &SigningKeyRecord, replacement: Replacement) -> Impact {
        let known_at = self.known_at(self.waiting(key.algorithm));
        let is_early = replacement == Replacement::Now && known_at > self.change.now;
        Impact { unknown_key_until: is_early.then_some(known_at), ..Impact::default() }
    }

    async fn replace(
        &mut self,
        key: &SigningKeyRecord,
        replacement: Replacement,
    ) -> Result<Option<KeyId>, AdminError> {
        let (algorithm, now) = (key.algorithm, self.change.now);
        match replacement {
            Replacement::None => Ok(None),
            Replacement::Now => {
                let waiting = self.waiting(algorithm).cloned();
                self.let_sign(waiting, algorithm, now).await.map(Some)
            }
            Replacement::Early => {
                let signs_from = self.known_at(None);
                self.let_sign(None, algorithm, signs_from).await.map(Some)
            }
        }
    }

    /// Lets the waiting key sign from a time on, or creates a key that does.
    async fn let_sign(
        &mut self,
        waiting: Option<SigningKeyRecord>,
        algorithm: Algorithm,
        signs_from: Timestamp,
    ) -> Result<KeyId, AdminError> {
        let Some(key) = waiting else {
            let (services, known) = (self.services, &self.known);
            let made = rotation::create(services, &mut self.change, known, algorithm, signs_from);
            let made = made.await?;
            let kid = made.kid.clone();
            self.created = Some(made);
            return Ok(kid);
        };
        self.change.transaction.reschedule_signing_key(&key.kid, signs_from, None).await?;
        let detail = json!({
            "was": { "signs_from": key.signs_from }, "is": { "signs_from": signs_from },
        });
        self.record(Action::KeyRescheduled, &key.kid, detail).await?;
        Ok(key.kid)
    }

    /// Returns the expiry of the last token that a key signs until the given time.
    async fn last_expiry(&mut self, signed_until: Timestamp) -> Result<Timestamp, AdminError> {
        let longest =
            revocation::longest_lifetime(&self.services.config, self.change.read()).await?;
        Ok(signed_until.plus(longest))
    }

    /// Returns the expiry of the last token of a key, if it has valid ones.
    async fn tokens_of(
        &mut self,
        key: &SigningKeyRecord,
        state: KeyState,
        replacement: Replacement,
    ) -> Result<Option<Timestamp>, AdminError> {
        let now = self.change.now;
        let times = KeyTimeline::of(key, &self.known, self.services.keep_seconds());
        let signed_until = match state {
            KeyState::Verifying => times.signs_until,
            _ if replacement != Replacement::None => Some(now),
            _ => None,
        };
        let Some(signed_until) = signed_until else { return Ok(None) };
        Ok(Some(self.last_expiry(signed_until).await?).filter(|expiry| *expiry > now))
    }

    /// Rejects another key if the key set is full.
    fn require_capacity(&self) -> Result<(), AdminError> {
        let in_set = self.known.iter().filter(|key| self.state(key).is_in_key_set()).count();
        if in_set < MAX_KEYS_IN_SET {
            return Ok(());
        }
        Err(Conflict::SigningKeyLimit { max: MAX_KEYS_IN_SET }.into())
    }

    async fn record(
        &mut self,
        action: Action,
        kid: &KeyId,
        detail: serde_json::Value,
    ) -> Result<(), AdminError> {
        let subject = EventSubject::SigningKey(kid.clone());
        Ok(self.change.record(action, subject, detail).await?)
    }

    /// Returns the keys after the step.
    async fn outcome(
        &mut self,
        kid: &KeyId,
        successor: Option<&KeyId>,
        impact: Impact,
    ) -> Result<KeyChange, AdminError> {
        let records = self.change.read().signing_keys().await?;
        let mut shown = signing_key::shown(self.services, &records, self.change.now);
        let mut take = |kid: &KeyId| {
            let place = shown.iter().position(|key| key.kid == *kid);
            place.map(|place| shown.swap_remove(place))
        };
        let successor = successor.and_then(&mut take);
        let key = take(kid).ok_or_else(|| AdminError::not_found(ObjectKind::SigningKey, kid))?;
        Ok(KeyChange { key, successor, impact })
    }

    async fn commit(self) -> Result<(), AdminError> {
        self.change.commit().await?;
        if let Some(key) = self.created.filter(|_| self.principal.mode() == WriteMode::Store) {
            rotation::log_creation(&key);
        }
        Ok(())
    }
}
