//! The format of the secrets that we mint:
//!
//! ```text
//! tkd_  43 base62 characters: 24 random bytes, 8 bytes of tag   6 base62 characters: CRC-32
//! ```
//!
//! The checksum tells anyone, offline, that a secret was cut or mistyped. The tag, an HMAC over
//! the client id and the random bytes, lets the server reject a forged secret in a microsecond,
//! before any hash. Only letters, digits and `_` occur, so HTTP Basic with and without
//! form-encoding says the same (RFC 6749, section 2.3.1).

use std::borrow::Cow;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, base62, random};
use crate::jose::nonces::NonceIssuer;
use crate::model::client::ClientId;

const PREFIX: &str = "tkd_";
const RANDOM_LENGTH: usize = 24;
const CHECKSUM_LENGTH: usize = 6;
const LENGTH: usize = PREFIX.len() + base62::LENGTH + CHECKSUM_LENGTH;

/// The longest secret that is looked at, in bytes; a longer one is wrong.
pub const MAX_SECRET_BYTES: usize = 256;

/// The length of a tag key in bytes.
pub const TAG_KEY_LENGTH: usize = 32;

/// The key that marks the secrets of one database. It is random and is stored sealed in the
/// database, so that it outlives a change of the master key.
pub struct TagKey(hmac::Key);

impl std::fmt::Debug for TagKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TagKey(…)")
    }
}

/// What the text of a presented secret says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretFormat {
    /// Not in our format: wrong, or imported from elsewhere.
    Foreign,
    /// In our format, with a wrong checksum: cut, mistyped or mangled.
    Damaged,
    /// In our format and whole.
    Whole,
}

impl TagKey {
    /// Takes the key as it comes out of its seal.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, key))
    }

    /// Nonces that every instance knows, because all have this key.
    pub fn nonce_issuer(&self) -> NonceIssuer {
        NonceIssuer::new(hmac::sign(&self.0, b"dpop nonces").as_ref())
    }

    /// Makes a new secret for a client.
    pub fn mint(&self, client_id: &ClientId) -> Result<SecretString, CryptoError> {
        let random = Zeroizing::new(random::bytes::<RANDOM_LENGTH>()?);
        Ok(self.assemble(client_id.as_str(), &random))
    }

    /// Makes a new secret for a client whose identifier is to be generated, and that identifier:
    /// `cl_` and 20 letters and digits. It is derived from the secret by this key, so that the text
    /// of the secret alone says later which client it was made for ([`TagKey::generated_id`]).
    pub fn mint_with_id(&self) -> Result<(String, SecretString), CryptoError> {
        let random = Zeroizing::new(random::bytes::<RANDOM_LENGTH>()?);
        let id = self.id_of(random.as_slice());
        let secret = self.assemble(&id, &random);
        Ok((id, secret))
    }

    /// The generated identifier of the client that this secret was the first secret of, if
    /// [`TagKey::mint_with_id`] made the two.
    pub fn generated_id(&self, presented: &str) -> Option<String> {
        if format_of(presented) != SecretFormat::Whole {
            return None;
        }
        let body = &presented[PREFIX.len()..PREFIX.len() + base62::LENGTH];
        let body = base62::decode(body).map(Zeroizing::new)?;
        let id = self.id_of(&body[..RANDOM_LENGTH]);
        self.is_tagged(&id, presented).then_some(id)
    }

    /// An identifier that only this key derives from the random part of a secret. The HMAC is one
    /// way, so the identifier, which is public, says nothing about the secret.
    fn id_of(&self, random: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        // No client id begins with this byte, so no tag is computed over the same text.
        context.update(b"\0client id");
        context.update(random);
        let mac = context.sign();
        let mut words = [0_u8; 16];
        words.copy_from_slice(&mac.as_ref()[..16]);
        random::readable("cl_", &words)
    }

    fn assemble(&self, client_id: &str, random: &[u8; RANDOM_LENGTH]) -> SecretString {
        let mut body = Zeroizing::new([0_u8; 32]);
        body[..RANDOM_LENGTH].copy_from_slice(random.as_slice());
        body[RANDOM_LENGTH..].copy_from_slice(&self.tag(client_id, random.as_slice()));
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        text.push_str(&Zeroizing::new(base62::encode(&body)));
        let sum = checksum(text.as_bytes());
        text.extend(sum.map(char::from));
        SecretString::from(text)
    }

    /// True if this secret was minted with this key for the client of that id. An unknown id
    /// costs the same.
    pub fn is_tagged(&self, client_id: &str, presented: &str) -> bool {
        if format_of(presented) != SecretFormat::Whole {
            return false;
        }
        let body = &presented[PREFIX.len()..PREFIX.len() + base62::LENGTH];
        let Some(body) = base62::decode(body).map(Zeroizing::new) else {
            return false;
        };
        let (random, tag) = body.split_at(RANDOM_LENGTH);
        verify_slices_are_equal(&self.tag(client_id, random), tag).is_ok()
    }

    fn tag(&self, client_id: &str, random: &[u8]) -> [u8; 8] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(client_id.as_bytes());
        context.update(random);
        let mac = context.sign();
        let mut tag = [0_u8; 8];
        tag.copy_from_slice(&mac.as_ref()[..8]);
        tag
    }
}

/// What a text says about itself, without any key.
pub fn format_of(text: &str) -> SecretFormat {
    if !text.starts_with(PREFIX) {
        return SecretFormat::Foreign;
    }
    let is_ours =
        text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_ours {
        return SecretFormat::Damaged;
    }
    let (body, sum) = text.split_at(LENGTH - CHECKSUM_LENGTH);
    if checksum(body.as_bytes()) == sum.as_bytes() {
        SecretFormat::Whole
    } else {
        SecretFormat::Damaged
    }
}

/// The shortest part of a secret that is hidden by [`redact`], with its prefix.
const REDACTED_LENGTH: usize = 16;

/// A text of a caller without the generated secrets in it, whole or damaged: one that was sent in
/// the wrong parameter must not reach a log.
pub fn redact(text: &str) -> Cow<'_, str> {
    if !text.contains(PREFIX) {
        return Cow::Borrowed(text);
    }
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(PREFIX) {
        let (before, found) = rest.split_at(start);
        let is_end = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
        let (secret, after) = found.split_at(found.find(is_end).unwrap_or(found.len()));
        shown.push_str(before);
        shown.push_str(if secret.len() < REDACTED_LENGTH { secret } else { "tkd_..." });
        rest = after;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// True for a text that a secret may begin with, and that is shorter than a secret.
pub fn is_beginning(text: &str) -> bool {
    let is_ours = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let has_prefix = text.starts_with(PREFIX) || PREFIX.starts_with(text);
    text.len() < LENGTH && is_ours && has_prefix
}

/// Checks a secret of another system: printable ASCII (RFC 6749, appendix A.2) of at most
/// [`MAX_SECRET_BYTES`] bytes.
pub fn check_imported(secret: &SecretString) -> Result<(), CryptoError> {
    let text = secret.expose_secret();
    let is_printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
    if text.is_empty() || text.len() > MAX_SECRET_BYTES || !is_printable {
        return Err(CryptoError::UnusableSecret);
    }
    Ok(())
}

/// The last characters of a secret, by which people tell secrets apart: six of a minted one,
/// which are its checksum; four of a long imported one; none of a short one.
pub fn suffix(secret: &str) -> String {
    let length = match (format_of(secret), secret.len()) {
        (SecretFormat::Whole, _) => CHECKSUM_LENGTH,
        (_, 20..) => 4,
        _ => 0,
    };
    // Secrets are ASCII, so every byte is a character.
    secret.get(secret.len() - length..).unwrap_or_default().to_owned()
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    base62::encode_u32(crc32fast::hash(body))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(id: &str) -> ClientId {
        ClientId::parse(id).expect("a client id")
    }

    /// A secret in the wrong parameter is not written to a log, wherever it stands in a text.
    #[test]
    fn generated_secrets_are_redacted() {
        let secret = TagKey::new(&[1; 32]).mint(&client("cl_a")).expect("a secret");
        let secret = secret.expose_secret();
        for part in [secret, &secret[..30]] {
            let text = format!("https://{part}/tkd_short {part}");
            assert_eq!(redact(&text), "https://tkd_.../tkd_short tkd_...");
        }
        assert_eq!(redact("orders:read"), "orders:read");
    }

    /// DESIGN D4 and N-06: only characters that escaping leaves alone.
    #[test]
    fn a_minted_secret_is_53_letters_digits_and_underscores() {
        let secret = TagKey::new(&[1; 32]).mint(&client("cl_a")).expect("a secret");
        let text = secret.expose_secret();
        assert_eq!(text.len(), LENGTH);
        assert!(text.starts_with("tkd_"));
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        assert_eq!(format_of(text), SecretFormat::Whole);
        assert_eq!(suffix(text), text[LENGTH - 6..]);
    }

    #[test]
    fn a_tag_belongs_to_one_client_and_one_key() {
        let key = TagKey::new(&[1; 32]);
        let secret = key.mint(&client("cl_a")).expect("a secret");
        let text = secret.expose_secret();
        assert!(key.is_tagged("cl_a", text));
        assert!(!key.is_tagged("cl_b", text));
        assert!(!key.is_tagged("cl_", text));
        assert!(!TagKey::new(&[2; 32]).is_tagged("cl_a", text));
    }

    #[test]
    fn a_generated_id_is_found_again_from_the_secret_and_only_by_its_key() {
        let key = TagKey::new(&[1; 32]);
        let (id, secret) = key.mint_with_id().expect("a secret");
        let text = secret.expose_secret();
        assert!(id.starts_with("cl_") && id.len() == 23, "{id}");
        assert!(key.is_tagged(&id, text));
        assert_eq!(key.generated_id(text), Some(id));
        assert_eq!(TagKey::new(&[2; 32]).generated_id(text), None);
        let other = key.mint(&client("billing")).expect("a secret");
        assert_eq!(key.generated_id(other.expose_secret()), None);
        assert_eq!(key.generated_id("tkd_"), None);
    }

    /// A file in which a process was killed while it wrote a secret.
    #[test]
    fn the_beginning_of_a_secret_is_told_from_other_text() {
        let secret = TagKey::new(&[1; 32]).mint(&client("cl_a")).expect("a secret");
        let text = secret.expose_secret();
        for length in 0..text.len() {
            assert!(is_beginning(&text[..length]), "{length}");
        }
        for other in [text, "notes", "tkd-1", "tkd_with space", &format!("{text}x")] {
            assert!(!is_beginning(other), "{other}");
        }
    }

    #[test]
    fn a_changed_character_is_noticed_by_the_checksum() {
        let key = TagKey::new(&[1; 32]);
        let secret = key.mint(&client("cl_a")).expect("a secret");
        let text = secret.expose_secret();
        for position in PREFIX.len()..LENGTH {
            let mut changed = text.as_bytes().to_vec();
            changed[position] = if changed[position] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("ascii");
            assert_eq!(format_of(&changed), SecretFormat::Damaged, "position {position}");
        }
        assert_eq!(format_of(&text[..LENGTH - 1]), SecretFormat::Damaged);
        assert_eq!(format_of(&format!("{text}\n")), SecretFormat::Damaged);
    }

    #[test]
    fn a_hint_never_gives_a_short_secret_away() {
        assert_eq!(suffix("hunter2"), "");
        assert_eq!(suffix("0123456789abcdefghijKLMN"), "KLMN");
    }

    proptest! {
        #[test]
        fn no_text_but_a_minted_secret_carries_a_tag(text in "(tkd_)?[ -~]{0,60}") {
            prop_assert!(!TagKey::new(&[1; 32]).is_tagged("cl_a", &text));
        }

        #[test]
        fn any_text_has_a_shape_and_a_hint(text in ".{0,300}") {
            let _ = format_of(&text);
            prop_assert!(suffix(&text).len() <= 6);
        }
    }
}
