//! The tokens that have ended before their time, in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::crypto::keyring::Document;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::model::token::{RevokedClient, RevokedToken, TokenId};

/// Revoked tokens and clients.
#[derive(Debug, Default)]
pub struct Revocations {
    tokens: papaya::HashMap<TokenId, Timestamp>,
    clients: papaya::HashMap<ClientId, Span>,
    version: AtomicU64,
    list: Mutex<Option<SignedList>>,
}

/// The list for APIs that check tokens offline, as it was last signed.
#[derive(Debug)]
struct SignedList {
    version: u64,
    at: Timestamp,
    document: Document,
}

/// After so many seconds the same list is signed anew, so that its age tells that it is current.
const RENEWED_AFTER: i64 = 60;

/// Which tokens of a client have ended, and until when that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    revoked_until: Timestamp,
    expires_at: Timestamp,
}

impl Revocations {
    /// True if a token of that identifier and client, issued at `issued_at`, has ended.
    pub fn is_revoked(&self, jti: &str, client_id: &str, issued_at: Timestamp) -> bool {
        self.tokens.pin().contains_key(jti)
            || self.revoked_until(client_id).is_some_and(|until| issued_at <= until)
    }

    /// Until when the tokens of a client have been revoked, if they have; this second included.
    pub fn revoked_until(&self, client_id: &str) -> Option<Timestamp> {
        self.clients.pin().get(client_id).map(|span| span.revoked_until)
    }

    /// Grows with each revocation and each one that is forgotten.
    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The signed list; `sign` is called only after a change or a minute.
    pub fn list<E>(
        &self,
        now: Timestamp,
        sign: impl FnOnce() -> Result<Document, E>,
    ) -> Result<Document, E> {
        let version = self.version();
        let is_current = |list: &&SignedList| {
            list.version == version && now < list.at.plus_seconds(RENEWED_AFTER)
        };
        // A thread that panicked while it held this has left the last list, which is still one.
        let mut last = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = last.as_ref().filter(is_current) {
            return Ok(list.document.clone());
        }
        let document = sign()?;
        *last = Some(SignedList { version, at: now, document: document.clone() });
        Ok(document)
    }

    /// Every revoked token, with the moment at which it would have expired.
    pub fn tokens(&self) -> BTreeMap<TokenId, Timestamp> {
        self.tokens.pin().iter().map(|(jti, expires_at)| (jti.clone(), *expires_at)).collect()
    }

    /// Every client with revoked tokens, and until when they have been revoked.
    pub fn clients(&self) -> BTreeMap<ClientId, Timestamp> {
        self.clients.pin().iter().map(|(id, span)| (id.clone(), span.revoked_until)).collect()
    }

    /// Forgets what would have expired by now anyway.
    pub fn forget(&self, now: Timestamp) {
        let before = self.tokens.len() + self.clients.len();
        self.tokens.pin().retain(|_, expires_at| *expires_at > now);
        self.clients.pin().retain(|_, span| span.expires_at > now);
        if self.tokens.len() + self.clients.len() != before {
            self.change();
        }
    }

    pub(super) fn put_token(&self, token: RevokedToken) {
        self.tokens.pin().insert(token.jti, token.expires_at);
        self.change();
    }

    pub(super) fn put_client(&self, client: RevokedClient) {
        let RevokedClient { client_id, revoked_until, expires_at } = client;
        let span = Span { revoked_until, expires_at };
        if self.clients.pin().insert(client_id, span) != Some(&span) {
            self.change();
        }
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
            revoked_until: Timestamp(100),
            expires_at: Timestamp(200),
        });
        let jti = TokenId::parse(JTI).expect("a jti");
        revocations.put_token(RevokedToken { jti, expires_at: Timestamp(150) });
        revocations
    }

    #[test]
    fn a_client_is_revoked_up_to_and_with_the_second() {
        let revocations = revocations();
        assert!(revocations.is_revoked("x", "a", Timestamp(100)));
        assert!(!revocations.is_revoked("x", "a", Timestamp(101)));
        assert!(!revocations.is_revoked("x", "b", Timestamp(100)));
        assert!(revocations.is_revoked(JTI, "b", Timestamp(101)));
    }

    #[test]
    fn what_would_have_expired_is_forgotten_and_that_is_a_new_version() {
        let revocations = revocations();
        let version = revocations.version();
        revocations.forget(Timestamp(149));
        assert_eq!(revocations.version(), version);
        revocations.forget(Timestamp(150));
        assert_ne!(revocations.version(), version);
        assert!(revocations.tokens().is_empty());
        assert_eq!(revocations.clients().len(), 1);
        revocations.forget(Timestamp(200));
        assert!(revocations.clients().is_empty());
    }
}
