//! argon2id hashes, and a pool of the memory that they need.
//!
//! A hash needs megabytes of aligned memory. An allocator may keep such memory without reusing it:
//! with glibc 2.36, 1,000 hashes held 19 GiB. This module therefore pools the memory, as much as
//! hashes have run at once.

use std::sync::Mutex;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::crypto::{CryptoError, random};
use crate::model::secret::SecretHash;

/// The limits for an imported hash. Beyond them, a single attempt would cost too much.
const MAX_MEMORY_KIB: u32 = 128 << 10;
const MAX_ITERATIONS: u32 = 10;
const MAX_PARALLELISM: u32 = 4;

/// The length of the salt of a new hash, in bytes (RFC 9106, section 4).
const SALT_BYTES: usize = 16;

/// Cost of a new hash.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// The memory, in KiB.
    pub memory_kib: u32,
    /// The number of passes.
    pub iterations: u32,
}

/// Pool of memory for hashes.
#[derive(Debug)]
pub(super) struct Workspaces {
    free: Mutex<Vec<Vec<Block>>>,
    /// Larger blocks are not kept, because only an imported hash needs them.
    largest: usize,
}

impl Workspaces {
    /// Creates an empty pool.
    pub(super) fn new(cost: Cost) -> Self {
        let largest = usize::try_from(cost.memory_kib).unwrap_or(usize::MAX);
        Self { free: Mutex::default(), largest }
    }

    /// True if the text matches the hash, in constant time except for the cost. A hash that cannot
    /// be parsed matches nothing.
    pub(super) fn matches(&self, presented: &str, hash: &SecretHash) -> bool {
        let Ok(hash) = PasswordHash::new(hash.as_phc()) else { return false };
        let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from);
        let (Some(salt), Some(expected), Ok(params), Ok(version)) =
            (&hash.salt, &hash.hash, Params::try_from(&hash), version)
        else {
            return false;
        };
        let mut memory = self.take(params.block_count());
        let mut output = vec![0_u8; expected.as_ref().len()];
        let done = Argon2::new(Algorithm::Argon2id, version, params)
            .hash_password_into_with_memory(
                presented.as_bytes(),
                salt,
                &mut output,
                memory.as_mut_slice(),
            );
        self.give_back(memory);
        done.is_ok() && verify_slices_are_equal(&output, expected.as_ref()).is_ok()
    }

    /// Hashes a new secret with a random salt.
    pub(super) fn hash(&self, cost: Cost, secret: &str) -> Result<SecretHash, CryptoError> {
        const FAILED: CryptoError = CryptoError::Failed("hashing a secret");
        let params = Params::new(cost.memory_kib, cost.iterations, 1, None).map_err(|_| FAILED)?;
        let written = ParamsString::try_from(&params).map_err(|_| FAILED)?;
        let salt = random::public_bytes::<SALT_BYTES>()?;
        let mut memory = self.take(params.block_count());
        let mut output = [0_u8; Params::DEFAULT_OUTPUT_LEN];
        let done = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                secret.as_bytes(),
                &salt,
                &mut output,
                memory.as_mut_slice(),
            );
        self.give_back(memory);
        done.map_err(|_| FAILED)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: written,
            salt: Some(Salt::new(&salt).map_err(|_| FAILED)?),
            hash: Some(Output::new(&output).map_err(|_| FAILED)?),
        };
        Ok(SecretHash::from_phc(&hash.to_string()))
    }

    fn take(&self, blocks: usize) -> Vec<Block> {
        let free = self.free.lock().ok().and_then(|mut free| free.pop());
        let mut memory = free.unwrap_or_default();
        memory.resize(blocks, Block::default());
        memory
    }

    fn give_back(&self, memory: Vec<Block>) {
        if memory.capacity() <= self.largest
            && let Ok(mut free) = self.free.lock()
        {
            free.push(memory);
        }
    }
}

/// Validates an imported hash: an argon2id PHC string within the limits.
pub fn check_imported(text: &str) -> Result<SecretHash, CryptoError> {
    let hash = PasswordHash::new(text)
        .map_err(|_| CryptoError::UnusableHash("the hash is not a PHC string"))?;
    if hash.algorithm.as_str() != "argon2id" {
        return Err(CryptoError::UnusableHash("the algorithm of the hash is not argon2id"));
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(CryptoError::UnusableHash("the hash has no salt or no output"));
    }
    let params = Params::try_from(&hash)
        .map_err(|_| CryptoError::UnusableHash("the hash has invalid parameters"))?;
    if params.m_cost() > MAX_MEMORY_KIB
        || params.t_cost() > MAX_ITERATIONS
        || params.p_cost() > MAX_PARALLELISM
    {
        return Err(CryptoError::UnusableHash(
            "the hash exceeds the limits: m up to 131072, t up to 10, p up to 4",
        ));
    }
    Ok(SecretHash::from_phc(text))
}

/// Returns a hash that no secret matches, with the cost of a real one.
pub(super) fn dummy(cost: Cost) -> SecretHash {
    const SALT: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    const OUTPUT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    SecretHash::from_phc(&format!(
        "$argon2id$v=19$m={},t={},p=1${SALT}${OUTPUT}",
        cost.memory_kib, cost.iterations
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, iterations: 1 };

    /// The library agrees, including on hashes of other costs and of the older version.
    #[test]
    fn a_match_agrees_with_the_argon2_crate() {
        use argon2::password_hash::PasswordVerifier;
        let workspaces = Workspaces::new(CHEAP);
        let larger = Cost { memory_kib: 128, iterations: 2 };
        let mut hashes: Vec<_> = [CHEAP, larger, CHEAP]
            .map(|cost| workspaces.hash(cost, "right").expect("a hash").as_phc().to_owned())
            .to_vec();
        assert_ne!(hashes[0], hashes[2], "each has its own salt");
        hashes.push(hashes[0].replace("v=19", "v=16"));
        for text in &hashes {
            for presented in ["right", "wrong", ""] {
                let theirs = Argon2::default().verify_password(presented.as_bytes(), text.as_str());
                let ours = workspaces.matches(presented, &SecretHash::from_phc(text));
                assert_eq!(ours, theirs.is_ok(), "{presented:?} {text}");
            }
        }
        assert!(!workspaces.matches("right", &SecretHash::from_phc("$argon2id$v=19")));
        let kept = workspaces.free.lock().expect("a lock");
        assert!(kept.len() <= 1 && kept.iter().all(|memory| memory.capacity() <= 64));
    }

    #[test]
    fn hashes_of_other_systems_are_taken_within_bounds() {
        let good = Workspaces::new(CHEAP).hash(CHEAP, "x").expect("a hash");
        assert!(check_imported(good.as_phc()).is_ok());
        let salt_and_output = good.as_phc().splitn(5, '$').last().expect("the end of the hash");
        let salted = |start: &str| format!("{start}${salt_and_output}");
        let bcrypt = "$2b$12$abcdefghijklmnopqrstuuBvFbM1lKZyIGxSPbNcFvNQzvrNBmOTO";
        for (text, problem) in [
            (String::new(), "the hash is not a PHC string"),
            ("secret".to_owned(), "the hash is not a PHC string"),
            (bcrypt.to_owned(), "the hash is not a PHC string"),
            (salted("$argon2i$v=19$m=64,t=1,p=1"), "the algorithm of the hash is not argon2id"),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ".to_owned(), "no salt or no output"),
            (salted("$argon2id$v=19$m=4194304,t=1,p=1"), "exceeds the limits: m up to 131072"),
            (salted("$argon2id$v=19$m=64,t=100,p=1"), "exceeds the limits"),
        ] {
            let rejected = check_imported(&text).expect_err(&text).to_string();
            assert!(rejected.contains(problem), "{text:?}: {rejected}");
        }
    }
}
