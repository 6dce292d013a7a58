//! The SHA-256 digest of an offline-generated secret.

use std::fmt;

use crate::model::Malformed;
use crate::text::schema::text_schema;

/// The SHA-256 of a whole secret. It is used only for secrets of 256 random bits, so it reveals
/// nothing about the secret and does not have to be kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretDigest([u8; Self::LENGTH]);

text_schema!(
    SecretDigest,
    "The SHA-256 of a whole secret that was generated offline.",
    pattern(Some("^sha256:[0-9A-Fa-f]{64}$")),
);

impl SecretDigest {
    /// The length of a digest in bytes.
    pub const LENGTH: usize = 32;

    /// The prefix of the text, which names the algorithm.
    const PREFIX: &'static str = "sha256:";

    /// Wraps a computed digest.
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// Parses `sha256:` followed by 64 hexadecimal digits.
    ///
    /// # Errors
    /// If the text has any other form. The error does not quote the text, which may be a secret.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let digits = text.strip_prefix(Self::PREFIX).unwrap_or_default();
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if digits.len() != 2 * Self::LENGTH || !is_hex {
            return Err(malformed());
        }
        let mut bytes = [0; Self::LENGTH];
        for (place, byte) in bytes.iter_mut().enumerate() {
            let pair = &digits[2 * place..2 * place + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
        }
        Ok(Self(bytes))
    }

    /// Returns the digest.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

/// Formats the digest as [`SecretDigest::parse`] reads it, in lower case.
impl fmt::Display for SecretDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

fn malformed() -> Malformed {
    Malformed::because(
        "a secret digest is sha256: and 64 hexadecimal digits; as sha256sum of the secret prints them",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_in_either_case_is_parsed_and_printed_in_lower_case() {
        let text = format!("sha256:{}", "0fA9".repeat(16));
        let digest = SecretDigest::parse(&text).expect("a digest");
        assert_eq!(digest.as_bytes()[..2], [0x0f, 0xa9]);
        assert_eq!(digest.to_string(), text.to_lowercase());
        assert_eq!(SecretDigest::parse(&digest.to_string()), Ok(digest));
    }

    #[test]
    fn a_malformed_digest_is_rejected_without_repeating_it() {
        let digits = "0f".repeat(32);
        for text in [
            "",
            &digits,
            &format!("sha512:{digits}"),
            &format!("SHA256:{digits}"),
            &format!("sha256:{}", &digits[1..]),
            &format!("sha256:{digits}0"),
            &format!("sha256:{digits}00"),
            &format!("sha256:{}zz", &digits[2..]),
            &format!("sha256:{}é", &digits[2..]),
            "tkg_a-secret",
        ] {
            let error = SecretDigest::parse(text).expect_err(text).to_string();
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }
}
