//! Random bytes, from one generator for all uses.

use std::cell::RefCell;

use aws_lc_rs::rand;

use crate::crypto::{CryptoError, base62};

/// How many bytes of a thread's supply are fetched at once.
const SUPPLY: usize = 1024;

thread_local! {
    /// Unused random bytes, and how many of them are left.
    static UNUSED: RefCell<([u8; SUPPLY], usize)> = const { RefCell::new(([0; SUPPLY], 0)) };
}

/// As many random bytes as the array is long.
pub fn bytes<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes).map_err(|_| CryptoError::Failed("making random bytes"))?;
    Ok(bytes)
}

/// As many random bytes for what is unique and public, such as the `jti` of a token: from a supply
/// of the thread, because each call of the generator costs most of a microsecond. Each byte is
/// given out once. **Never for secrets and keys**, which should not lie in memory before their
/// time.
pub fn public_bytes<const N: usize>() -> Result<[u8; N], CryptoError> {
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

/// An identifier of 20 letters and digits (119 bits) behind a prefix such as `cl_`. Every request
/// has one, so it is made of two machine words and not of one large number.
pub fn identifier(prefix: &str) -> Result<String, CryptoError> {
    Ok(readable(prefix, &public_bytes::<16>()?))
}

/// Two machine words as 20 letters and digits behind a prefix.
pub(crate) fn readable(prefix: &str, words: &[u8; 16]) -> String {
    let (one, other) = words.split_at(8);
    let mut text = String::with_capacity(prefix.len() + 20);
    text.push_str(prefix);
    for half in [one, other] {
        let mut word = [0; 8];
        word.copy_from_slice(half);
        let letters = base62::encode_u64(u64::from_le_bytes(word));
        // Letters and digits are text.
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
