//! The keyring holds every signing key of this server, unsealed. It selects the key that signs now
//! and the keys that are published.

use std::sync::Arc;

use jsonwebtoken::jwk::{Jwk, JwkSet};

use crate::crypto::CryptoError;
use crate::jose::jwt::VerificationKey;
use crate::jose::signer::{self, Signer};
use crate::keys::document::CachedDocument;
pub use crate::keys::ring_key::SigningKey;
use crate::keys::ring_key::{PublishedKey, RingKey};
use crate::keys::seal::MasterKeys;
use crate::model::key_timeline::{KeyState, KeyTimeline};
use crate::model::signing_key::{Algorithm, RsaSize, SigningKeyRecord};
use crate::model::time::Timestamp;

/// All signing keys, in the order in which they sign.
#[derive(Debug, Default)]
pub struct Keyring {
    records: Vec<SigningKeyRecord>,
    timelines: Vec<KeyTimeline>,
    keys: Vec<RingKey>,
}

/// Generates a signing key and seals it under its id.
pub fn create(
    master: &MasterKeys,
    algorithm: Algorithm,
    rsa_size: RsaSize,
    created_at: Timestamp,
    signs_from: Timestamp,
) -> Result<SigningKeyRecord, CryptoError> {
    let pkcs8 = signer::generate(algorithm, rsa_size)?;
    let (kid, jwk) = Signer::new(algorithm, &pkcs8)?.public_jwk()?;
    let sealed = Some(master.seal(kid.as_str(), &pkcs8)?);
    let public_jwk = Some(json(&jwk)?);
    Ok(SigningKeyRecord {
        kid,
        algorithm,
        sealed,
        public_jwk,
        created_at,
        signs_from,
        retired_at: None,
        revoked_at: None,
        postponed_at: None,
    })
}

/// Returns the public key of a private key (PKCS #8) in its stored form: a JWK (RFC 7517).
///
/// # Errors
///
/// [`CryptoError::Failed`] if the private key cannot be read.
pub fn public_jwk(algorithm: Algorithm, pkcs8: &[u8]) -> Result<String, CryptoError> {
    json(&Signer::new(algorithm, pkcs8)?.public_jwk()?.1)
}

fn json(jwk: &Jwk) -> Result<String, CryptoError> {
    serde_json::to_string(jwk).map_err(|_| CryptoError::Failed("writing a public key"))
}

impl Keyring {
    /// Unseals all keys. A replaced key stays published for `keep_seconds`, which is the longest
    /// lifetime of a token plus a reserve.
    pub fn open(
        master: &MasterKeys,
        records: Vec<SigningKeyRecord>,
        keep_seconds: i64,
    ) -> Result<Self, CryptoError> {
        let keys =
            records.iter().map(|record| RingKey::open(master, record)).collect::<Result<_, _>>()?;
        Ok(Self::of(records, keys, keep_seconds))
    }

    /// Like [`open`](Self::open), but skips keys that cannot be unsealed, so that a running server
    /// continues with the others. Also returns the last error.
    pub fn open_readable(
        master: &MasterKeys,
        records: Vec<SigningKeyRecord>,
        keep_seconds: i64,
    ) -> (Self, Option<CryptoError>) {
        let mut problem = None;
        let (mut readable, mut keys) = (Vec::new(), Vec::new());
        for record in records {
            match RingKey::open(master, &record) {
                Ok(key) => {
                    readable.push(record);
                    keys.push(key);
                }
                Err(error) => problem = Some(error),
            }
        }
        (Self::of(readable, keys, keep_seconds), problem)
    }

    /// Builds a keyring from the stored public keys only, for commands without a master key. It
    /// verifies and never signs. A key without a stored public key is skipped.
    pub fn public(records: Vec<SigningKeyRecord>, keep_seconds: i64) -> Self {
        let keys = records
            .iter()
            .map(|record| RingKey { signing: None, published: PublishedKey::stored(record) })
            .collect();
        Self::of(records, keys, keep_seconds)
    }

    fn of(records: Vec<SigningKeyRecord>, keys: Vec<RingKey>, keep_seconds: i64) -> Self {
        let timeline = |record| KeyTimeline::of(record, &records, keep_seconds);
        let timelines = records.iter().map(timeline).collect();
        Self { records, timelines, keys }
    }

    /// Returns the records of the keys.
    pub fn records(&self) -> &[SigningKeyRecord] {
        &self.records
    }

    /// Returns every key with its state at `now`, in the order in which they sign.
    pub fn states(&self, now: Timestamp) -> impl Iterator<Item = (&SigningKeyRecord, KeyState)> {
        let states = self.timelines.iter().map(move |timeline| timeline.state(now));
        self.records.iter().zip(states)
    }

    /// Returns the key that signs with `algorithm` at `now`. Falls back to a key that another
    /// instance has just activated, while the clock of this instance is behind.
    pub fn signing(&self, algorithm: Algorithm, now: Timestamp) -> Option<&Arc<SigningKey>> {
        let is_mine = |record: &SigningKeyRecord| record.algorithm == algorithm;
        self.signing_among(is_mine, now).or_else(|| {
            let overdue = |(record, timeline): (&SigningKeyRecord, &KeyTimeline)| {
                is_mine(record) && timeline.is_overdue(now)
            };
            let position = self.records.iter().zip(&self.timelines).position(overdue)?;
            self.keys[position].signing.as_ref()
        })
    }

    /// Like [`signing`](Self::signing), but falls back to the next key that will sign. Only for
    /// tokens whose verifiers do not expect another key.
    pub fn signing_early(&self, algorithm: Algorithm, now: Timestamp) -> Option<&Arc<SigningKey>> {
        self.signing(algorithm, now)
            .or_else(|| self.next_among(|record| record.algorithm == algorithm, now))
    }

    /// Returns the key that signs at `now`, of any algorithm. It is used until the first key of a
    /// newly configured algorithm has been published long enough.
    ///
    /// If none signs yet, returns the first key that will. Another instance has just created it,
    /// and the clock of this instance is behind.
    pub fn signing_any(&self, now: Timestamp) -> Option<&Arc<SigningKey>> {
        self.signing_among(|_| true, now).or_else(|| self.next_among(|_| true, now))
    }

    /// Returns the key that has begun to sign most recently.
    fn signing_among(
        &self,
        is_meant: impl Fn(&SigningKeyRecord) -> bool,
        now: Timestamp,
    ) -> Option<&Arc<SigningKey>> {
        // The records are in the order in which they sign.
        let positions = (0..self.records.len()).rev();
        positions
            .filter(|place| is_meant(&self.records[*place]))
            .filter(|place| self.timelines[*place].state(now) == KeyState::Signing)
            .find_map(|place| self.keys[place].signing.as_ref())
    }

    /// Returns the first key that will sign.
    fn next_among(
        &self,
        is_meant: impl Fn(&SigningKeyRecord) -> bool,
        now: Timestamp,
    ) -> Option<&Arc<SigningKey>> {
        let positions = 0..self.records.len();
        positions
            .filter(|place| is_meant(&self.records[*place]))
            .filter(|place| self.timelines[*place].state(now) == KeyState::Published)
            .find_map(|place| self.keys[place].signing.as_ref())
    }

    /// Returns the creation time of the newest key in the key set at `now`. A reader of the key set
    /// knows every key that was created until then.
    pub fn newest_published(&self, now: Timestamp) -> Option<Timestamp> {
        let published = self.states(now).filter(|(_, state)| state.is_in_key_set());
        published.map(|(record, _)| record.created_at).max()
    }

    /// Returns the keys in the key set at `now`, for verifying tokens.
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &VerificationKey> {
        self.not_gone(now).map(|key| &key.key)
    }

    fn not_gone(&self, now: Timestamp) -> impl Iterator<Item = &PublishedKey> {
        self.timelines
            .iter()
            .zip(&self.keys)
            .filter(move |(timeline, _)| timeline.state(now).is_in_key_set())
            .filter_map(|(_, key)| key.published.as_ref())
    }

    /// Returns the algorithms of the keys in the key set at `now`, without duplicates.
    pub fn algorithms(&self, now: Timestamp) -> Vec<Algorithm> {
        let published = self.states(now).filter(|(_, state)| state.is_in_key_set());
        let mut algorithms: Vec<_> = published.map(|(record, _)| record.algorithm).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// Returns the key set as a document (RFC 7517, section 5).
    pub fn key_set(&self, now: Timestamp) -> CachedDocument {
        let keys = self.not_gone(now).map(|key| key.jwk.clone()).collect();
        CachedDocument::of(&JwkSet { keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::jwt;
    use crate::model::master_key::MasterKeyList;
    use crate::model::resource::TokenTyp;

    fn master() -> MasterKeys {
        let key = MasterKeys::generate().expect("a key");
        MasterKeys::derive(&MasterKeyList::parse(&key).expect("a list")).expect("a master key")
    }

    fn made(master: &MasterKeys, algorithm: Algorithm) -> SigningKeyRecord {
        create(master, algorithm, RsaSize::Bits2048, Timestamp(0), Timestamp(0)).expect("a key")
    }

    #[test]
    fn every_algorithm_signs_what_the_published_key_verifies() {
        let master = master();
        for algorithm in Algorithm::ALL {
            let record = made(&master, algorithm);
            let keyring = Keyring::open(&master, vec![record], 10).expect("a keyring");
            let key = keyring.signing(algorithm, Timestamp(5)).expect("a signing key");
            let claims = br#"{"iss":"https://a.example","sub":"c","aud":"urn:x","client_id":"c","iat":1,"exp":100,"jti":"j"}"#;
            let token = key.sign_typed(TokenTyp::AtJwt, claims).expect("a token");
            let keys: Vec<_> = keyring.published(Timestamp(5)).cloned().collect();
            let verified = jwt::verify(&token, &keys, None, Timestamp(50)).expect("valid");
            assert_eq!(verified.claims.client_id, "c");
            assert_eq!(verified.algorithm, algorithm.as_str());
        }
    }

    /// An instance whose clock is ten seconds behind signs with the key that another instance just
    /// created.
    #[test]
    fn the_first_key_signs_although_its_time_has_not_come() {
        let master = master();
        let (es256, eddsa) = (Algorithm::Es256, Algorithm::EdDsa);
        let create = |algorithm, from| {
            create(&master, algorithm, RsaSize::Bits2048, Timestamp(from), Timestamp(from))
        };
        let records = vec![create(es256, 10).expect("a key"), create(eddsa, 20).expect("a key")];
        let (first, second) = (records[0].kid.clone(), records[1].kid.clone());
        let keyring = Keyring::open(&master, records, 10).expect("a keyring");
        let signs_at = |now| {
            let key = keyring.signing_any(Timestamp(now)).expect("a signing key");
            key.kid.to_string()
        };
        assert_eq!(signs_at(0), first.as_str());
        assert_eq!(signs_at(15), first.as_str());
        assert_eq!(signs_at(20), second.as_str());
    }

    /// C-190: public members only.
    #[test]
    fn the_key_set_has_no_private_part() {
        let master = master();
        let records = Algorithm::ALL.map(|algorithm| made(&master, algorithm)).to_vec();
        let keyring = Keyring::open(&master, records, 10).expect("a keyring");
        let document = keyring.key_set(Timestamp(1));
        let set: serde_json::Value = serde_json::from_str(&document.body).expect("json");
        for key in set["keys"].as_array().expect("keys") {
            let members = key.as_object().expect("an object");
            for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(!members.contains_key(private), "{private} in {key}");
            }
            for public in ["kty", "kid", "use", "alg"] {
                assert!(members.contains_key(public), "no {public} in {key}");
            }
        }
    }

    #[test]
    fn a_key_sealed_under_another_master_key_is_not_opened() {
        let record = made(&master(), Algorithm::Es256);
        let error = Keyring::open(&master(), vec![record], 10).expect_err("another master key");
        assert!(matches!(error, CryptoError::WrongMasterKey(_)), "{error}");
    }

    /// The public key outlives the master key, and does not sign.
    #[test]
    fn a_key_without_its_private_half_is_published_and_never_signs() {
        let master = master();
        for algorithm in Algorithm::ALL {
            let record = made(&master, algorithm);
            let before = Keyring::open(&master, vec![record.clone()], 10).expect("a keyring");
            let lost =
                SigningKeyRecord { sealed: None, retired_at: Some(Timestamp(5)), ..record.clone() };
            let after = Keyring::open(&self::master(), vec![lost], 10).expect("a keyring");
            assert_eq!(after.key_set(Timestamp(6)).body, before.key_set(Timestamp(4)).body);
            assert_eq!(after.published(Timestamp(6)).count(), 1);
            assert!(after.signing_any(Timestamp(4)).is_none(), "{algorithm:?} signs");
            assert!(after.signing_early(algorithm, Timestamp(4)).is_none(), "{algorithm:?} signs");
            assert_eq!(after.published(Timestamp(15)).count(), 0);
            let public = Keyring::public(vec![record], 10);
            assert_eq!(public.key_set(Timestamp(4)).body, before.key_set(Timestamp(4)).body);
            assert!(public.signing_any(Timestamp(4)).is_none(), "{algorithm:?} signs");
        }
    }

    #[test]
    fn a_stored_public_half_under_another_id_is_not_published() {
        let master = master();
        let other = made(&master, Algorithm::Es256);
        let record = SigningKeyRecord {
            sealed: None,
            public_jwk: other.public_jwk,
            ..made(&master, Algorithm::Es256)
        };
        assert_eq!(Keyring::public(vec![record], 10).published(Timestamp(1)).count(), 0);
    }
}
