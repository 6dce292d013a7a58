//! A sign-in between request and response, sealed in a cookie of the browser.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::CryptoError;
use crate::identity_provider::SignInError;
use crate::keys::seal::MasterKeys;
use crate::model::signing_key::Sealed;
use crate::model::time::Timestamp;

/// The time limit of a sign-in, in seconds.
pub const PENDING_SECONDS: i64 = 600;

/// The maximum length of a cookie, in bytes.
const MAX_COOKIE_BYTES: usize = 4_000;

/// The name under which the cookie is sealed, so that no other sealed data is accepted as a cookie.
const SEAL_NAME: &str = "console_sign_in";

/// Expected values of the response. The seal keeps the verifier secret, and protects all values
/// from changes by the browser.
#[derive(Serialize, Deserialize)]
pub struct PendingSignIn {
    /// Binds the response to this browser.
    pub(super) state: String,
    /// Binds the ID token to this sign-in.
    pub(super) nonce: String,
    /// The PKCE verifier (RFC 7636).
    pub(super) verifier: String,
    pub(super) redirect_uri: String,
    /// The page to show after the sign-in.
    pub next: String,
    /// True if the person must be authenticated again.
    pub(super) is_fresh: bool,
    /// The id of the session that the sign-in replaces.
    pub replaces: Option<String>,
    pub(super) started_at: i64,
    pub(super) issuer: String,
    pub(super) client_id: String,
}

impl std::fmt::Debug for PendingSignIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PendingSignIn").field("next", &self.next).finish_non_exhaustive()
    }
}

impl PendingSignIn {
    /// Returns the state, which identifies the sign-in, so that its response is accepted once.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Returns the time until which the response is accepted, by the clock of the instance that
    /// started the sign-in.
    pub fn ends_at(&self) -> Timestamp {
        Timestamp(self.started_at).plus_seconds(PENDING_SECONDS)
    }

    /// Seals the sign-in into the value of a cookie.
    pub(super) fn seal(&self, master_keys: &MasterKeys) -> Result<SecretString, CryptoError> {
        let text = serde_json::to_vec(self).map(Zeroizing::new);
        let text = text.map_err(|_| CryptoError::Failed("writing a sign-in"))?;
        Ok(SecretString::from(master_keys.seal_cookie(SEAL_NAME, &text)?.0))
    }

    /// Unseals the cookie of a sign-in that has not expired.
    pub(super) fn open(
        master_keys: &MasterKeys,
        cookie: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<Self, SignInError> {
        let cookie = cookie.map(ExposeSecret::expose_secret).unwrap_or_default();
        if cookie.is_empty() || cookie.len() > MAX_COOKIE_BYTES {
            return Err(SignInError::NoCookie);
        }
        let opened = master_keys.open_cookie(SEAL_NAME, &Sealed(cookie.to_owned()));
        let content = opened.ok_or(SignInError::NoCookie)?;
        let pending: Self = serde_json::from_slice(&content).map_err(|_| SignInError::NoCookie)?;
        if pending.ends_at() <= now {
            return Err(SignInError::TooLate);
        }
        Ok(pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::master_key::MasterKeyList;

    fn master_keys() -> MasterKeys {
        let key = MasterKeys::generate().expect("a key");
        MasterKeys::derive(&MasterKeyList::parse(&key).expect("a list")).expect("keys")
    }

    fn pending() -> PendingSignIn {
        PendingSignIn {
            state: "s".into(),
            nonce: "n".into(),
            verifier: "v".into(),
            redirect_uri: "https://a.example/console/sign-in/oidc/callback".into(),
            next: format!("/console/{}", "a".repeat(990)),
            is_fresh: true,
            replaces: Some("ses_a".into()),
            started_at: 1_000,
            issuer: "https://login.example".into(),
            client_id: "tokend".into(),
        }
    }

    #[test]
    fn a_cookie_is_opened_by_the_same_keys_until_it_ends() {
        let keys = master_keys();
        let cookie = pending().seal(&keys).expect("a cookie");
        // Browsers limit a cookie to 4096 bytes, including its name and attributes.
        assert!(cookie.expose_secret().len() < 3_000, "{}", cookie.expose_secret().len());
        let open = |keys: &MasterKeys, cookie: &str, now| {
            PendingSignIn::open(keys, Some(&SecretString::from(cookie)), Timestamp(now))
        };
        let text = cookie.expose_secret();
        assert_eq!(open(&keys, text, 1_599).expect("a sign-in").state(), "s");
        assert!(matches!(open(&keys, text, 1_600), Err(SignInError::TooLate)));
        assert!(matches!(open(&master_keys(), text, 1_000), Err(SignInError::NoCookie)));
        let other = keys.seal_cookie("other", b"{}").expect("sealed").0;
        for wrong in ["", "a", &text[1..], &other, &"a".repeat(5_000)] {
            assert!(matches!(open(&keys, wrong, 1_000), Err(SignInError::NoCookie)), "{wrong}");
        }
        let absent = PendingSignIn::open(&keys, None, Timestamp(1_000));
        assert!(matches!(absent, Err(SignInError::NoCookie)));
        assert!(!format!("{:?}", pending()).contains("\"v\""));
    }
}
