//! Authentication by a client secret (RFC 6749, section 2.3.1). A secret that was verified before
//! costs one MAC.

use std::net::IpAddr;
use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::app::App;
use crate::directory::{ClientEntry, SecretEntry};
use crate::limits::guess_limiter::{Attempts, Standing};
use crate::model::network::ClientNetwork;
use crate::model::reason_code::ReasonCode;
use crate::model::secret::SecretKind;
use crate::model::secret_digest::SecretDigest;
use crate::model::time::Timestamp;
use crate::oauth::caller::SecretCredentials;
use crate::oauth::client_authentication::{diagnosis, rejection};
use crate::oauth::error::OAuthError;
use crate::secrets::hash_queue::{Busy, HashQueue, Hasher};
use crate::secrets::throttled::Priority;
use crate::secrets::verification_cache::Mac;
use crate::secrets::{offline, secret};

/// A client, and the position of the secret that was presented.
pub(super) struct VerifiedSecret {
    pub(super) entry: Arc<ClientEntry>,
    pub(super) secret: usize,
}

/// Finds the client to which a valid secret belongs.
pub(super) async fn authenticate(
    app: &App,
    credentials: &SecretCredentials,
    address: IpAddr,
    now: Timestamp,
) -> Result<VerifiedSecret, OAuthError> {
    let presented = credentials.secret.expose_secret();
    if presented.len() > secret::MAX_SECRET_BYTES {
        return Err(OAuthError::authentication_failed("the secret is too long")
            .because(ReasonCode::WrongSecret));
    }
    let known = app.directory.client(&credentials.client_id);
    let mac = mac(app, credentials);
    if let Some(entry) = &known
        && let Some(secret) = remembered(entry, &mac, now)
    {
        return Ok(VerifiedSecret { entry: entry.clone(), secret });
    }
    let verification = SecretVerification { app, credentials, mac, address, now };
    // Boxed, so that the future of requests without a hash does not hold its state.
    let verified = Box::pin(verification.verify(known)).await?;
    as_of_now(app, credentials, verified)
}

/// Looks up a client again if it changed while its secret was hashed. The verified secret is
/// cached, so this costs one MAC.
fn as_of_now(
    app: &App,
    credentials: &SecretCredentials,
    verified: VerifiedSecret,
) -> Result<VerifiedSecret, OAuthError> {
    match app.directory.client(&credentials.client_id) {
        Some(current) if Arc::ptr_eq(&current, &verified.entry) => Ok(verified),
        Some(current) => {
            let mac = mac(app, credentials);
            let secret = remembered(&current, &mac, app.services.clock.now());
            let ended = || rejection(&current, "the secret has just ended");
            let secret = secret.ok_or_else(|| ended().because(ReasonCode::ExpiredSecret))?;
            Ok(VerifiedSecret { entry: current, secret })
        }
        None => Err(rejection(&verified.entry, "the client has just been deleted")
            .because(ReasonCode::UnknownClient)),
    }
}

fn mac(app: &App, credentials: &SecretCredentials) -> Mac {
    let presented = credentials.secret.expose_secret();
    app.services.keys.verification_cache_key.mac(&credentials.client_id, presented)
}

/// Returns the position of a secret that was verified before and is still valid: the common case.
fn remembered(entry: &ClientEntry, mac: &Mac, now: Timestamp) -> Option<usize> {
    let is_verified = |known: &SecretEntry| known.memory.verified.recognize(mac) == Some(true);
    entry.secrets.iter().position(|known| is_verified(known) && known.stored.is_valid(now))
}

/// A verification that the cache does not decide.
struct SecretVerification<'a> {
    app: &'a App,
    credentials: &'a SecretCredentials,
    mac: Mac,
    address: IpAddr,
    now: Timestamp,
}

impl SecretVerification<'_> {
    fn hasher(&self) -> &Hasher {
        &self.app.services.hasher
    }

    async fn verify(&self, known: Option<Arc<ClientEntry>>) -> Result<VerifiedSecret, OAuthError> {
        let presented = self.credentials.secret.expose_secret();
        if let Some(digest) = offline::digest_of(presented) {
            let found = known.as_deref().and_then(|entry| self.verify_digest(entry, &digest));
            return self.outcome(known, found);
        }
        let tag_key = &self.app.services.keys.tag_key;
        let is_tagged = tag_key.is_tagged(&self.credentials.client_id, presented);
        let found = match &known {
            Some(entry) if is_tagged => self.verify_generated(entry).await?,
            // The secret was generated for a client that has been deleted since.
            None if is_tagged => None,
            entry => self.verify_imported(entry.as_deref()).await?,
        };
        self.outcome(known, found)
    }

    fn outcome(
        &self,
        known: Option<Arc<ClientEntry>>,
        found: Option<usize>,
    ) -> Result<VerifiedSecret, OAuthError> {
        match (known, found) {
            (Some(entry), Some(secret)) => Ok(VerifiedSecret { entry, secret }),
            (Some(entry), None) => {
                Err(diagnosis::wrong_secret(self.app, &entry, self.credentials, self.now)
                    .or_because(ReasonCode::WrongSecret))
            }
            (None, _) => Err(diagnosis::unknown_client(self.app, self.credentials)),
        }
    }

    /// Compares the digest of a secret that was generated offline with the registered ones. Such a
    /// secret cannot be guessed, so it needs neither a hash nor a limit.
    fn verify_digest(&self, entry: &ClientEntry, digest: &SecretDigest) -> Option<usize> {
        let has_digest = |known: &SecretEntry| {
            let registered = known.stored.hash.digest();
            known.stored.is_valid(self.now)
                && registered.is_some_and(|registered| offline::is_same(registered, digest))
        };
        let position = entry.secrets.iter().position(has_digest)?;
        entry.secrets[position].memory.verified.remember(&self.mac);
        Some(position)
    }

    /// Verifies a secret whose tag shows that it was generated for this client. Its suffix selects
    /// the stored secret. After the client was deleted, the secret may also have been imported
    /// again.
    async fn verify_generated(&self, entry: &ClientEntry) -> Result<Option<usize>, OAuthError> {
        let suffix = secret::suffix(self.credentials.secret.expose_secret());
        let may_be = |known: &SecretEntry| {
            known.stored.kind == SecretKind::Imported || *known.stored.suffix == *suffix
        };
        let found = self.matching(entry, HashQueue::Generated, may_be).await;
        Ok(found.map_err(queue_full)?.secret())
    }

    /// Verifies any other text, which may be a guess at an imported secret. While imported secrets
    /// exist, each wrong guess costs a hash. Its time therefore does not reveal whether the client
    /// exists, has such a secret, or has used it already.
    ///
    /// A correct secret is never rejected because of wrong ones from other addresses. It waits for
    /// at most [`crate::secrets::hash_queue::DEADLINE`]; after that the answer is 503.
    async fn verify_imported(
        &self,
        entry: Option<&ClientEntry>,
    ) -> Result<Option<usize>, OAuthError> {
        if !self.app.directory.holds_imported_secrets() {
            return Ok(None);
        }
        let limiter = &self.app.services.guess_limiter;
        let id = &self.credentials.client_id;
        let standing = limiter.note(id, self.address, self.now);
        let checked = self.check_guess(entry, queue_of(standing, self.address)).await;
        match (standing, checked) {
            (Standing::WithinLimits, Ok(Some(secret))) => {
                limiter.refund(id, self.address, self.now);
                Ok(Some(secret))
            }
            (Standing::ClientOverLimit(..), Ok(Some(secret))) => {
                limiter.refund_address(self.address, self.now);
                Ok(Some(secret))
            }
            (Standing::AddressOverLimit(_), Ok(Some(secret))) => Ok(Some(secret)),
            (Standing::WithinLimits, Ok(None)) => Ok(None),
            (Standing::ClientOverLimit(exceeded, _), Ok(None))
            | (Standing::AddressOverLimit(exceeded), _) => {
                Err(OAuthError::too_many_guesses(exceeded.seconds))
            }
            // The secret was not checked, so nothing is known about it.
            (Standing::WithinLimits | Standing::ClientOverLimit(..), Err(busy)) => {
                Err(queue_full(busy))
            }
        }
    }

    async fn check_guess(
        &self,
        entry: Option<&ClientEntry>,
        queue: HashQueue,
    ) -> Result<Option<usize>, Busy> {
        let found = match entry {
            Some(entry) => {
                let may_be = |known: &SecretEntry| known.stored.kind == SecretKind::Imported;
                self.matching(entry, queue, may_be).await?
            }
            None => Match::NoAtOnce,
        };
        if found == Match::NoAtOnce {
            self.hasher().verify_nothing(queue, &self.credentials.secret).await?;
        }
        Ok(found.secret())
    }

    /// Compares the text with each secret in question. A secret that was verified before needs no
    /// hash.
    async fn matching(
        &self,
        entry: &ClientEntry,
        queue: HashQueue,
        may_be: impl Fn(&SecretEntry) -> bool,
    ) -> Result<Match, Busy> {
        let mut found = Match::NoAtOnce;
        for (position, known) in entry.secrets.iter().enumerate() {
            if !may_be(known) || !known.stored.is_valid(self.now) {
                continue;
            }
            match known.memory.verified.recognize(&self.mac) {
                // Another request has just verified it.
                Some(true) => return Ok(Match::Yes(position)),
                Some(false) => continue,
                None => {}
            }
            if self.hasher().verify(queue, &self.credentials.secret, &known.stored.hash).await? {
                known.memory.verified.remember(&self.mac);
                return Ok(Match::Yes(position));
            }
            found = Match::NoByHash;
        }
        Ok(found)
    }
}

fn queue_full(busy: Busy) -> OAuthError {
    OAuthError::unavailable(busy.to_string()).because(ReasonCode::HashQueueFull)
}

/// Returns the queue in which an attempt waits for its hash.
fn queue_of(standing: Standing, address: IpAddr) -> HashQueue {
    let throttled = |priority| HashQueue::Throttled(ClientNetwork::of(address), priority);
    match standing {
        Standing::WithinLimits => HashQueue::Imported,
        Standing::ClientOverLimit(_, Attempts::First) => throttled(Priority::First),
        Standing::ClientOverLimit(_, Attempts::Repeated) => throttled(Priority::Second),
        Standing::AddressOverLimit(_) => throttled(Priority::Last),
    }
}

/// Result of comparing a text with the secrets in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    /// The text is the secret at this position.
    Yes(usize),
    /// The text does not match, which took at least one hash.
    NoByHash,
    /// The text does not match, which took no hash.
    NoAtOnce,
}

impl Match {
    fn secret(self) -> Option<usize> {
        match self {
            Self::Yes(position) => Some(position),
            Self::NoByHash | Self::NoAtOnce => None,
        }
    }
}
