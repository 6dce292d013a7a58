//! Hashes of secrets from another system: argon2id is accepted, and other formats are named in
//! errors.

use secrecy::{ExposeSecret, SecretString};

use crate::model::Malformed;
use crate::model::secret::SecretHash;
use crate::secrets::argon2id;

/// The prefixes of other formats, and their names.
const OTHERS: [(&str, &str); 13] = [
    ("$argon2i$", "an argon2i hash"),
    ("$argon2d$", "an argon2d hash"),
    ("$2a$", "a bcrypt hash"),
    ("$2b$", "a bcrypt hash"),
    ("$2y$", "a bcrypt hash"),
    ("$pbkdf2", "a PBKDF2 hash"),
    ("pbkdf2", "a PBKDF2 hash"),
    ("$scrypt$", "a scrypt hash"),
    ("$7$", "a scrypt hash"),
    ("$5$", "a SHA-256-crypt hash"),
    ("$6$", "a SHA-512-crypt hash"),
    ("$1$", "an MD5-crypt hash"),
    ("{", "an LDAP hash"),
];

/// Parses an argon2id hash in the PHC string format.
///
/// # Errors
/// If it has another format or is too costly to check. The error names the probable format, and
/// never repeats the hash.
pub(super) fn parse(hash: &SecretString) -> Result<SecretHash, Malformed> {
    let hash = hash.expose_secret();
    argon2id::check_imported(hash).map_err(|error| {
        let other = OTHERS.iter().find(|(start, _)| hash.starts_with(start));
        let is_hex = matches!(hash.len(), 32 | 40 | 64 | 96 | 128)
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let name = other.map(|(_, name)| *name).or(is_hex.then_some("a plain digest"));
        match name {
            Some(name) => Malformed::because(format!(
                "this is {name}; only argon2id can be verified here. Give the secret itself as \
                 client_secret, or leave it out and add a generated secret to the client later"
            )),
            None => Malformed::because(format!(
                "{error}. Expected such as $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH, with salt and \
                 hash in Base64 without padding"
            )),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_named_and_not_repeated() {
        for (hash, name) in [
            ("$2b$12$hushhushhushhushhushhu", "a bcrypt hash"),
            ("$pbkdf2-sha256$i=25000,l=32$hush$hush", "a PBKDF2 hash"),
            ("$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$aHVzaA", "an argon2i hash"),
            ("2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "a plain digest"),
            ("hush", "$argon2id$v=19$"),
            ("$argon2id$v=19$m=1048576,t=1,p=1$c29tZXNhbHQ$aHVzaGh1c2hodXNo", "m up to 131072"),
        ] {
            let error = parse(&SecretString::from(hash)).expect_err(hash).to_string();
            assert!(error.contains(name), "{hash}: {error}");
            assert!(!error.contains("hush") && !error.contains("2c26b4"), "{error}");
        }
    }
}
