//! The vault: the keys that this process holds, opened once at the start.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::crypto::argon2id::Cost;
use crate::crypto::dpop;
use crate::crypto::guess_limiter::{GuessLimiter, Limits};
use crate::crypto::hashing::Hasher;
use crate::crypto::nonces::NonceIssuer;
use crate::crypto::replay_cache::ReplayCache;
use crate::crypto::seal::MasterKeys;
use crate::crypto::secret::TagKey;
use crate::crypto::verification_cache::VerificationCacheKey;
use crate::crypto::{CryptoError, random};

/// Everything that is needed to prove secrets and to open signing keys.
#[derive(Debug)]
pub struct Vault {
    /// Seals and opens signing keys.
    pub master: MasterKeys,
    /// Marks the secrets that we mint.
    pub tag_key: TagKey,
    /// Remembers what has been proved; new in every process.
    pub verification_cache_key: VerificationCacheKey,
    /// Makes and checks stored proofs.
    pub hasher: Hasher,
    /// Counts attempts on secrets that could be guessed.
    pub guess_limiter: GuessLimiter,
    /// Makes nonces for proofs of possession.
    pub nonce_issuer: NonceIssuer,
    /// Remembers the proofs of possession of token requests.
    pub proofs: ReplayCache,
    /// Remembers those of requests to APIs, which the check endpoint sees. A memory of its own, so
    /// that busy APIs do not fill the memory of token requests.
    pub api_proofs: ReplayCache,
    /// The name of this process among others on the same database; new in every process.
    pub instance: String,
    signature_checks: AtomicU64,
}

impl Vault {
    /// Puts the vault together.
    pub fn new(
        master: MasterKeys,
        tag_key: TagKey,
        cost: Cost,
        lanes: usize,
        queue: usize,
        limits: Limits,
    ) -> Result<Self, CryptoError> {
        Ok(Self {
            master,
            verification_cache_key: VerificationCacheKey::generate()?,
            hasher: Hasher::new(cost, lanes, queue),
            guess_limiter: GuessLimiter::new(limits),
            nonce_issuer: tag_key.nonce_issuer(),
            proofs: ReplayCache::new(dpop::PROOF_TTL_SECONDS + dpop::LEEWAY),
            api_proofs: ReplayCache::new(dpop::PROOF_TTL_SECONDS + dpop::LEEWAY),
            instance: random::identifier("ins_")?,
            signature_checks: AtomicU64::new(0),
            tag_key,
        })
    }

    /// Notes so many verifications of foreign signatures.
    pub fn note_signature_checks(&self, count: usize) {
        self.signature_checks.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// How many signatures of clients and issuers have been verified since the start.
    pub fn signature_checks(&self) -> u64 {
        self.signature_checks.load(Ordering::Relaxed)
    }
}
