//! Revoked tokens, and clients whose tokens are revoked, in memory.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::keys::document::CachedDocument;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::model::token::{
    REVOCATION_MARGIN_SECONDS, RevocationEpoch, RevokedClient, RevokedToken, TokenId,
};

/// Revoked tokens and clients.
#[derive(Debug, Default)]
pub struct Revocations {
    tokens: papaya::HashMap<TokenId, Timestamp>,
    clients: papaya::HashMap<ClientId, ClientRevocation>,
    version: AtomicU64,
    list: Mutex<Option<SignedList>>,
}

/// The last signed revocation list, for APIs that validate tokens offline.
#[derive(Debug)]
struct SignedList {
    version: u64,
    at: Timestamp,
    document: CachedDocument,
}

/// The number of seconds after which an unchanged list is signed again, so that its age shows that
/// it is current.
const RENEWED_AFTER_SECONDS: i64 = 60;

/// Revocation of all tokens of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ClientRevocation {
    epoch: RevocationEpoch,
    revoked_until: Timestamp,
    expires_at: Timestamp,
}

impl Revocations {
    /// True if a token with this `jti` and client is revoked. `issued_at` and `evt` are its claims
    /// `iat` and `evt`.
    pub fn is_revoked(&self, jti: &str, client_id: &str, evt: i64, issued_at: Timestamp) -> bool {
        self.tokens.pin().contains_key(jti)
            || self.epoch(client_id).is_some_and(|epoch| epoch.is_after(evt, issued_at))
    }

    /// Returns the boundary between the revoked and the valid tokens of a client, if any are
    /// revoked.
    pub fn epoch(&self, client_id: &str) -> Option<RevocationEpoch> {
        self.clients.pin().get(client_id).map(|revocation| revocation.epoch)
    }

    /// Returns a number that grows whenever the content of the list changes.
    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns the signed list. `sign` is called only after a change or a minute.
    pub fn list<E>(
        &self,
        now: Timestamp,
        sign: impl FnOnce() -> Result<CachedDocument, E>,
    ) -> Result<CachedDocument, E> {
        let version = self.version();
        let is_current = |list: &&SignedList| {
            list.version == version && now < list.at.plus_seconds(RENEWED_AFTER_SECONDS)
        };
        // If a thread panicked while it held the lock, the last list is still valid.
        let mut last = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = last.as_ref().filter(is_current) {
            return Ok(list.document.clone());
        }
        let document = sign()?;
        *last = Some(SignedList { version, at: now, document: document.clone() });
        Ok(document)
    }

    /// Returns how many tokens and clients are in the list.
    pub fn lengths(&self) -> (usize, usize) {
        (self.tokens.len(), self.clients.len())
    }

    /// Returns every revoked token with its expiry.
    pub fn tokens(&self) -> BTreeMap<TokenId, Timestamp> {
        self.tokens.pin().iter().map(|(jti, expires_at)| (jti.clone(), *expires_at)).collect()
    }

    /// Returns every client whose tokens are revoked, with the second up to which they are revoked.
    /// For verifiers that do not know epochs.
    pub fn clients(&self) -> BTreeMap<ClientId, Timestamp> {
        let clients = self.clients.pin();
        clients.iter().map(|(id, known)| (id.clone(), known.revoked_until)).collect()
    }

    /// Returns every client whose tokens are revoked, with the boundary.
    pub fn epochs(&self) -> BTreeMap<ClientId, RevocationEpoch> {
        self.clients.pin().iter().map(|(id, known)| (id.clone(), known.epoch)).collect()
    }

    /// Returns every client whose tokens are revoked, with all stored values.
    pub(super) fn revoked_clients(&self) -> Vec<RevokedClient> {
        let revoked = |(id, known): (&ClientId, &ClientRevocation)| {
            let ClientRevocation { epoch, revoked_until, expires_at } = *known;
            RevokedClient { client_id: id.clone(), epoch, revoked_until, expires_at }
        };
        self.clients.pin().iter().map(revoked).collect()
    }

    /// Drops revocations that expired at least seven days before `now`, the time of the database.
    pub fn purge_expired(&self, now: Timestamp) {
        let expired_by = now.minus_seconds(REVOCATION_MARGIN_SECONDS);
        let before = self.tokens.len() + self.clients.len();
        self.tokens.pin().retain(|_, expires_at| *expires_at > expired_by);
        self.clients.pin().retain(|_, known| known.expires_at > expired_by);
        if self.tokens.len() + self.clients.len() != before {
            self.change();
        }
    }

    /// Drops all revocations except those of these tokens and clients.
    pub(super) fn retain(&self, tokens: &HashSet<TokenId>, clients: &HashSet<ClientId>) {
        self.tokens.pin().retain(|jti, _| tokens.contains(jti));
        self.clients.pin().retain(|id, _| clients.contains(id));
        self.change();
    }

    pub(super) fn put_token(&self, token: RevokedToken) {
        self.tokens.pin().insert(token.jti, token.expires_at);
        self.change();
    }

    pub(super) fn put_client(&self, client: RevokedClient) {
        let RevokedClient { client_id, epoch, revoked_until, expires_at } = client;
        let revocation = ClientRevocation { epoch, revoked_until, expires_at };
        if self.clients.pin().insert(client_id, revocation) != Some(&revocation) {
            self.change();
        }
    }

    /// Marks the list as outdated, because another part of its content has changed.
    pub(super) fn renew_list(&self) {
        self.change();
    }

    fn change(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JTI: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    fn revocations() -> Revocations {
        let revocations = Revocations::default();
        revocations.put_client(RevokedClient {
            client_id: ClientId::parse("a").expect("an id"),
            epoch: RevocationEpoch::beginning(7, Timestamp(100)),
            revoked_until: Timestamp(100),
            expires_at: Timestamp(200),
        });
        let jti = TokenId::parse(JTI).expect("a jti");
        let expires_at = Timestamp(150);
        revocations.put_token(RevokedToken { jti, client_id: None, expires_at });
        revocations
    }

    #[test]
    fn a_token_is_revoked_with_its_client_or_by_its_jti() {
        let revocations = revocations();
        assert!(revocations.is_revoked("x", "a", 6, Timestamp(500)));
        assert!(!revocations.is_revoked("x", "a", 7, Timestamp(100)));
        assert!(!revocations.is_revoked("x", "b", 0, Timestamp(100)));
        assert!(revocations.is_revoked(JTI, "b", 9, Timestamp(500)));
    }

    #[test]
    fn a_revocation_is_dropped_seven_days_after_the_last_token_has_expired() {
        let revocations = revocations();
        let version = revocations.version();
        let after = |seconds: i64| Timestamp(seconds + REVOCATION_MARGIN_SECONDS);
        revocations.purge_expired(after(149));
        assert_eq!(revocations.version(), version);
        revocations.purge_expired(after(150));
        assert_ne!(revocations.version(), version, "the list is signed anew");
        assert!(revocations.tokens().is_empty());
        assert_eq!(revocations.clients().len(), 1);
        revocations.purge_expired(after(200));
        assert!(revocations.clients().is_empty());
    }

    #[test]
    fn what_a_restored_database_does_not_have_is_dropped() {
        let revocations = revocations();
        let clients = HashSet::from([ClientId::parse("a").expect("an id")]);
        revocations.retain(&HashSet::new(), &clients);
        assert!(revocations.tokens().is_empty());
        assert_eq!(revocations.clients().len(), 1);
    }
}
