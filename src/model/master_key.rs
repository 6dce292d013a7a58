//! Master keys as they appear in settings: 32 bytes each, in base64 or hex.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::model::Malformed;

/// The length of a master key in bytes.
pub const MASTER_KEY_LENGTH: usize = 32;

/// A list of master keys; never empty. The first one seals, all of them open.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKeyList(Vec<Zeroizing<[u8; MASTER_KEY_LENGTH]>>);

impl fmt::Debug for MasterKeyList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MasterKeyList({} keys)", self.0.len())
    }
}

impl MasterKeyList {
    /// Parses keys that are separated by commas or newlines.
    ///
    /// # Errors
    ///
    /// Says what a master key must be, without quoting the text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = || {
            Malformed::because(
                "a master key must be 32 bytes in base64 or hex; make one with: openssl rand \
                 -base64 32",
            )
        };
        let keys = text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(decode)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(malformed)?;
        if keys.is_empty() { Err(malformed()) } else { Ok(Self(keys)) }
    }

    /// Returns the bytes of each key, in order.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|key| key.as_slice())
    }
}

fn decode(text: &str) -> Option<Zeroizing<[u8; MASTER_KEY_LENGTH]>> {
    let bytes =
        if text.len() == 2 * MASTER_KEY_LENGTH && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            Zeroizing::new(text.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>()?)
        } else {
            let url_safe = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
            Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(Zeroizing::new(url_safe).as_str()).ok()?)
        };
    let mut key = Zeroizing::new([0_u8; MASTER_KEY_LENGTH]);
    (bytes.len() == MASTER_KEY_LENGTH).then(|| {
        key.copy_from_slice(&bytes);
        key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const HEX: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

    #[test]
    fn a_key_is_32_bytes_in_base64_or_hex() {
        for text in [BASE64, BASE64.trim_end_matches('='), HEX] {
            assert!(MasterKeyList::parse(text).is_ok(), "{text} was rejected");
        }
        for text in ["", ",", "short", "AAEC", &HEX[2..], &format!("{HEX}00"), "not base64 at all!"]
        {
            assert!(MasterKeyList::parse(text).is_err(), "{text} was accepted");
        }
        let list = MasterKeyList::parse(&format!("{HEX},\n{BASE64}\n")).expect("a list");
        assert_eq!(list.keys().map(<[u8]>::len).collect::<Vec<_>>(), [32, 32]);
        assert_eq!(format!("{list:?}"), "MasterKeyList(2 keys)");
    }
}
