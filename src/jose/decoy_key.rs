//! Public keys for verifications whose result is discarded. They make a client that does not exist
//! or has no keys as expensive as one that has keys.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};

/// The generators of the curves. They are ordinary points, whose private key is 1.
const P256: (&str, &str) = (
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
);
const P384: (&str, &str) = (
    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
);
const ED25519: &str = "5866666666666666666666666666666666666666666666666666666666666666";

struct Decoys {
    p256: Option<DecodingKey>,
    p384: Option<DecodingKey>,
    ed25519: Option<DecodingKey>,
    rsa: Option<DecodingKey>,
}

static DECOYS: LazyLock<Decoys> = LazyLock::new(|| {
    let point = |(x, y): (&str, &str)| DecodingKey::from_ec_components(&base64(x), &base64(y)).ok();
    Decoys {
        p256: point(P256),
        p384: point(P384),
        ed25519: DecodingKey::from_ed_components(&base64(ED25519)).ok(),
        // Any odd number of 2048 bits costs the same as a modulus.
        rsa: DecodingKey::from_rsa_components(&base64(&"f".repeat(512)), "AQAB").ok(),
    }
});

/// Returns the decoy for an algorithm; `None` for an algorithm that is never accepted.
pub(super) fn find(algorithm: Algorithm) -> Option<&'static DecodingKey> {
    match algorithm {
        Algorithm::ES256 => DECOYS.p256.as_ref(),
        Algorithm::ES384 => DECOYS.p384.as_ref(),
        Algorithm::EdDSA => DECOYS.ed25519.as_ref(),
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => DECOYS.rsa.as_ref(),
        _ => None,
    }
}

/// Converts a number from hexadecimal to base64url.
fn base64(hex: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?))
        .collect();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey};

    use super::*;

    /// A decoy that does not parse would cost no time.
    #[test]
    fn decoys_are_well_formed_keys() {
        let bytes =
            |algorithm| find(algorithm).expect("a decoy").try_get_as_bytes().expect("bytes");
        assert!(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(Algorithm::ES256)).is_ok());
        assert!(ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, bytes(Algorithm::ES384)).is_ok());
        assert_eq!(bytes(Algorithm::EdDSA).len(), 32);
        assert!(find(Algorithm::PS512).is_some() && find(Algorithm::HS256).is_none());
    }
}
