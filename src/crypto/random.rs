//! Randomness, from the one generator that everybody uses.

use aws_lc_rs::rand;

use crate::crypto::{CryptoError, base62};

/// As many random bytes as the array is long.
pub fn bytes<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes).map_err(|_| CryptoError::Failed("making random bytes"))?;
    Ok(bytes)
}

/// An identifier of 20 letters and digits (119 bits) behind a prefix such as `cl_`. Every request
/// has one, so it is made of two machine words and not of one large number.
pub fn identifier(prefix: &str) -> Result<String, CryptoError> {
    let words = bytes::<16>()?;
    let (one, other) = words.split_at(8);
    let mut text = String::with_capacity(prefix.len() + 20);
    text.push_str(prefix);
    for half in [one, other] {
        let mut word = [0; 8];
        word.copy_from_slice(half);
        text.extend(base62::encode_u64(u64::from_le_bytes(word)).map(char::from));
    }
    Ok(text)
}
