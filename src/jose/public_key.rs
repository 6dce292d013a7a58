//! Checks the numbers of a public key before any signature is verified with it.
//!
//! Libraries parse keys that are not safe. With an Ed25519 point of small order, one signature is
//! valid for every message. An RSA exponent of 1 makes every message its own signature. These
//! checks apply to registered keys, fetched key sets and DPoP proofs.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve};

/// The length of an RSA modulus in bits: the minimum of RFC 7518, section 3.3, and the maximum of
/// aws-lc.
const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The maximum length of an RSA exponent in bits that aws-lc accepts.
const MAX_RSA_EXPONENT_BITS: usize = 33;

/// The y coordinates of the points of small order on Curve25519 (orders 1, 2, 4 and 8), in little
/// endian. They do not include the sign bit of x.
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    // Order 4: y = 0.
    [0; 32],
    // Order 1, the neutral element: y = 1.
    {
        let mut y = [0; 32];
        y[0] = 1;
        y
    },
    // Order 2: y = p - 1.
    {
        let mut y = [0xff; 32];
        y[0] = 0xec;
        y[31] = 0x7f;
        y
    },
    // Order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// Checks the numbers of a key: lengths, ranges, and points of small order. It does no curve
/// arithmetic, so a million stored keys can be checked at startup. The error is for people.
pub(super) fn check_numbers(key: &AlgorithmParameters) -> Result<(), &'static str> {
    match key {
        AlgorithmParameters::EllipticCurve(key) => {
            let length = coordinate_length(&key.curve).ok_or("its curve is not P-256 or P-384")?;
            let is_whole = |text: &str| number(text).is_some_and(|bytes| bytes.len() == length);
            if !is_whole(&key.x) || !is_whole(&key.y) {
                return Err("its x and y do not have the length of a coordinate of its curve");
            }
            Ok(())
        }
        AlgorithmParameters::RSA(key) => {
            let modulus = number(&key.n).ok_or("its n is malformed")?;
            let exponent = number(&key.e).ok_or("its e is malformed")?;
            check_rsa(&modulus, &exponent)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            let point = number(&key.x).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            check_ed25519(point.ok_or("its x does not have the 32 bytes of an Ed25519 key")?)
        }
        _ => Err("its type is not EC, RSA or OKP with Ed25519"),
    }
}

/// Checks that x and y are a point on the curve (RFC 7518, section 6.2). Accepts keys of other
/// types.
pub(super) fn check_point(key: &AlgorithmParameters) -> Result<(), &'static str> {
    let AlgorithmParameters::EllipticCurve(key) = key else { return Ok(()) };
    let algorithm: &'static dyn VerificationAlgorithm = match key.curve {
        EllipticCurve::P256 => &ECDSA_P256_SHA256_FIXED,
        EllipticCurve::P384 => &ECDSA_P384_SHA384_FIXED,
        _ => return Err("its curve is not P-256 or P-384"),
    };
    let point = number(&key.x).zip(number(&key.y)).map(|(x, y)| [vec![0x04], x, y].concat());
    let is_point = point.is_some_and(|point| ParsedPublicKey::new(algorithm, point).is_ok());
    if is_point { Ok(()) } else { Err("its x and y are not a point of the curve") }
}

/// True if the numbers have no leading zeros (RFC 7518, section 2), so that one key has one
/// thumbprint.
pub(super) fn has_minimal_numbers(key: &AlgorithmParameters) -> bool {
    let AlgorithmParameters::RSA(key) = key else { return true };
    let is_minimal = |text: &str| number(text).is_some_and(|bytes| bytes.first() != Some(&0));
    is_minimal(&key.n) && is_minimal(&key.e)
}

fn coordinate_length(curve: &EllipticCurve) -> Option<usize> {
    match curve {
        EllipticCurve::P256 => Some(32),
        EllipticCurve::P384 => Some(48),
        _ => None,
    }
}

fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), &'static str> {
    let bits = bit_length(modulus);
    if bits < *RSA_MODULUS_BITS.start() {
        return Err("an RSA key has 2048 bits or more");
    }
    if bits > *RSA_MODULUS_BITS.end() {
        return Err("an RSA key has 8192 bits at most");
    }
    if !is_odd(modulus) {
        return Err("its n is even, so it is not an RSA modulus");
    }
    if !is_odd(exponent) || !(2..=MAX_RSA_EXPONENT_BITS).contains(&bit_length(exponent)) {
        return Err("its e must be an odd number from 3 to 2^33; 65537 is usual");
    }
    Ok(())
}

fn check_ed25519(mut point: [u8; 32]) -> Result<(), &'static str> {
    point[31] &= 0x7f;
    if SMALL_ORDER_Y.contains(&point) {
        return Err("its x is a point of small order: an attacker can forge its signatures");
    }
    // y must be below p = 2^255 - 19. A larger value would be a second encoding of the same point.
    let is_canonical =
        point[0] < 0xed || point[31] != 0x7f || point[1..31].iter().any(|byte| *byte != 0xff);
    if is_canonical { Ok(()) } else { Err("its x is not an Ed25519 key (RFC 8032, section 5.1.3)") }
}

fn number(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte % 2 == 1)
}

fn bit_length(number: &[u8]) -> usize {
    let significant = number.iter().skip_while(|byte| **byte == 0);
    let first = significant.clone().next().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.count() * 8 - first
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::Jwk;
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::signer::{Signer, generate};
    use crate::model::signing_key::{Algorithm, RsaSize};

    fn jwk(algorithm: Algorithm) -> Value {
        let key = generate(algorithm, RsaSize::Bits2048).expect("a key");
        let signer = Signer::new(algorithm, &key).expect("a signer");
        serde_json::to_value(signer.public_jwk().expect("a key").1).expect("JSON")
    }

    fn check(value: &Value) -> Result<(), &'static str> {
        let jwk: Jwk = serde_json::from_value(value.clone()).expect("a JWK");
        check_numbers(&jwk.algorithm).and_then(|()| check_point(&jwk.algorithm))
    }

    fn ed25519(x: &[u8]) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64_URL_SAFE_NO_PAD.encode(x) })
    }

    #[test]
    fn ordinary_keys_pass() {
        for algorithm in Algorithm::ALL {
            assert_eq!(check(&jwk(algorithm)), Ok(()), "{algorithm:?}");
        }
    }

    /// S-13: with the neutral element, `R = B*s` is a valid signature of every message.
    #[test]
    fn ed25519_points_of_small_order_are_rejected_with_either_sign() {
        for y in SMALL_ORDER_Y {
            for sign in [0, 0x80] {
                let mut point = y;
                point[31] |= sign;
                assert!(check(&ed25519(&point)).is_err(), "{point:x?}");
            }
        }
        // y = p and y = p + 1 are other encodings of 0 and 1.
        for first in [0xed, 0xee, 0xff] {
            let mut point = [0xff; 32];
            point[0] = first;
            point[31] = 0x7f;
            assert!(check(&ed25519(&point)).is_err(), "{first:x}");
        }
        assert!(check(&ed25519(&[9; 31])).is_err());
        assert!(check(&ed25519(&[9; 33])).is_err());
    }

    #[test]
    fn rsa_keys_with_a_bad_exponent_or_modulus_are_rejected() {
        let good = jwk(Algorithm::Rs256);
        let with = |member: &str, bytes: &[u8]| {
            let mut key = good.clone();
            key[member] = BASE64_URL_SAFE_NO_PAD.encode(bytes).into();
            check(&key)
        };
        assert_eq!(with("e", &[3]), Ok(()));
        for bad in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[4, 0, 0, 0, 1]] {
            assert!(with("e", bad).is_err(), "{bad:?}");
        }
        let modulus = number(good["n"].as_str().expect("a text")).expect("bytes");
        let even = [&modulus[..255], &[2]].concat();
        let short = [&[0x7f], &modulus[1..]].concat();
        let padded = [&[0], &short[..]].concat();
        let long = [vec![0xff; 1025], vec![1]].concat();
        for bad in [even, short, padded, long] {
            assert!(with("n", &bad).is_err(), "{} bytes", bad.len());
        }
        assert_eq!(with("n", &[&[0], &modulus[..]].concat()), Ok(()), "a leading zero");
    }

    #[test]
    fn a_curve_and_its_coordinates_must_fit() {
        let good = jwk(Algorithm::Es256);
        let (x, y) = (good["x"].as_str().expect("x"), good["y"].as_str().expect("y"));
        let (x, y) = (number(x).expect("bytes"), number(y).expect("bytes"));
        let with = |curve: &str, x: &[u8], y: &[u8]| {
            let mut key = good.clone();
            key["crv"] = curve.into();
            key["x"] = BASE64_URL_SAFE_NO_PAD.encode(x).into();
            key["y"] = BASE64_URL_SAFE_NO_PAD.encode(y).into();
            key.as_object_mut().expect("an object").remove("alg");
            check(&key)
        };
        assert_eq!(with("P-256", &x, &y), Ok(()));
        assert!(with("P-384", &x, &y).is_err());
        assert!(with("P-521", &x, &y).is_err());
        // The same 64 bytes, split at another position.
        assert!(with("P-256", &x[..31], &[&x[31..], &y[..]].concat()).is_err());
        assert!(with("P-256", &[&[0], &x[..]].concat(), &y).is_err());
        assert!(with("P-256", &x, &x).is_err(), "no point");
        assert!(with("P-256", &[0; 32], &[0; 32]).is_err(), "no point");
    }
}
