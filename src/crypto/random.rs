//! Random bytes, from one generator for all uses.

use std::cell::RefCell;

use aws_lc_rs::rand;

use crate::crypto::{CryptoError, base62};

/// The number of random bytes that a thread generates at once.
const SUPPLY: usize = 1024;

thread_local! {
    /// The unused random bytes, and how many of them are left.
    static UNUSED: RefCell<([u8; SUPPLY], usize)> = const { RefCell::new(([0; SUPPLY], 0)) };
}

/// Returns `N` random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes).map_err(|_| CryptoError::Failed("making random bytes"))?;
    Ok(bytes)
}

/// Returns `N` random bytes for unique public values, such as the `jti` of a token. They come from
/// a buffer of the thread, because each call of the generator costs most of a microsecond. Each
/// byte is used once. **Never for secrets and keys**, which must not be in memory before they are
/// used.
pub fn public_bytes<const N: usize>() -> Result<[u8; N], CryptoError> {
    const { assert!(N <= SUPPLY) }
    UNUSED.with_borrow_mut(|(supply, left)| {
        if *left < N {
            *supply = bytes()?;
            *left = SUPPLY;
        }
        let mut taken = [0_u8; N];
        taken.copy_from_slice(&supply[*left - N..*left]);
        *left -= N;
        Ok(taken)
    })
}

/// Returns an id of 20 letters and digits (119 bits) after a prefix such as `cl_`. Every request
/// has one, so it is encoded from two machine words instead of one large number.
pub fn identifier(prefix: &str) -> Result<String, CryptoError> {
    Ok(readable(prefix, &public_bytes::<16>()?))
}

/// Encodes two machine words as 20 letters and digits after a prefix.
pub(crate) fn readable(prefix: &str, words: &[u8; 16]) -> String {
    let (one, other) = words.split_at(8);
    let mut text = String::with_capacity(prefix.len() + 20);
    text.push_str(prefix);
    for half in [one, other] {
        let mut word = [0; 8];
        word.copy_from_slice(half);
        let letters = base62::encode_u64(u64::from_le_bytes(word));
        // Letters and digits are valid UTF-8.
        text.push_str(std::str::from_utf8(&letters).unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_public_bytes_are_given_out_twice() {
        let threads = (0..4).map(|_| {
            std::thread::spawn(|| {
                (0..5000).map(|_| public_bytes::<16>().expect("bytes")).collect::<Vec<_>>()
            })
        });
        let threads: Vec<_> = threads.collect();
        let all: HashSet<_> =
            threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect();
        assert_eq!(all.len(), 20_000);
    }
}
