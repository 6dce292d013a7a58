//! Secrets that are generated offline and registered by their SHA-256, so that neither this server
//! nor the tool that registers them holds the secret.
//!
//! A fast digest is sufficient, because such a secret has 256 random bits. Only a secret of this
//! form is compared with a digest, because it cannot be guessed from the digest.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use secrecy::SecretString;

use crate::crypto::CryptoError;
use crate::model::secret_digest::SecretDigest;
use crate::secrets::secret::{self, SecretFormat};

/// Generates a secret: `tkg_`, 43 letters and digits that are 256 random bits, and a checksum of
/// six.
///
/// # Errors
/// If the operating system returns no random bytes.
pub fn generate() -> Result<SecretString, CryptoError> {
    secret::generate_offline()
}

/// Returns the digest by which a secret is registered; `None` for a text of another form.
pub fn digest_of(text: &str) -> Option<SecretDigest> {
    if secret::format_of(text) != SecretFormat::Offline {
        return None;
    }
    let mut bytes = [0; SecretDigest::LENGTH];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    Some(SecretDigest::new(bytes))
}

/// Compares two digests in constant time.
pub fn is_same(one: &SecretDigest, other: &SecretDigest) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_secret_has_its_own_form_and_the_digest_of_its_text() {
        let (secret, other) = (generate().expect("a secret"), generate().expect("a secret"));
        let text = secret.expose_secret();
        assert!(text.starts_with("tkg_") && text.len() == 53, "{text}");
        assert_eq!(secret::format_of(text), SecretFormat::Offline);
        let digest = digest_of(text).expect("a digest");
        assert!(is_same(&digest, &digest_of(text).expect("a digest")));
        assert!(!is_same(&digest, &digest_of(other.expose_secret()).expect("a digest")));
    }

    /// Otherwise a registered digest of a guessable text could match.
    #[test]
    fn no_other_text_has_a_digest() {
        let secret = generate().expect("a secret");
        let text = secret.expose_secret();
        let mut mistyped = text.to_owned();
        mistyped.replace_range(10..11, if &text[10..11] == "x" { "y" } else { "x" });
        for other in ["", "password", &text[..52], &mistyped, &format!("{text}\n"), &text[4..]] {
            assert_eq!(digest_of(other), None, "{other:?}");
        }
    }
}
