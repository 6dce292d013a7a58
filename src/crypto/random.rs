//! Randomness, from the one generator that everybody uses.

use aws_lc_rs::rand;

use crate::crypto::{CryptoError, base62};

/// As many random bytes as the array is long.
pub fn bytes<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes).map_err(|_| CryptoError::Failed("making random bytes"))?;
    Ok(bytes)
}

/// An identifier of 20 letters and digits (119 bits) behind a prefix such as `cl_`.
pub fn identifier(prefix: &str) -> Result<String, CryptoError> {
    let text = base62::encode(&bytes::<32>()?);
    Ok(format!("{prefix}{}", &text[base62::LENGTH - 20..]))
}
