//! A proof of possession with the key in its header.

use super::input::{compact_jws, decoded, signing_input, text};
use super::subject::{Expected, Proof, Timestamp};

/// The proofs that are signed with the key in their header.
const SIGNED: [&str; 3] = [
    include_str!("../corpus/dpop_proof/signed_es256"),
    include_str!("../corpus/dpop_proof/signed_eddsa"),
    include_str!("../corpus/dpop_proof/signed_with_private_jwk"),
];

/// Reads the input as a compact JWS, and as the three lines of one.
pub fn fuzz(data: &[u8]) {
    let Some(text) = text(data) else { return };
    check(text.trim_end_matches('\n'));
    check(&compact_jws(text));
}

fn check(proof: &str) {
    let uris = ["https://id.example.com/v1/oauth/token".to_owned()];
    let Ok(read) = Proof::check(proof, &Expected { method: "POST", uris: &uris }) else { return };
    let signed = signing_input(proof);
    assert!(SIGNED.iter().any(|known| signing_input(known) == signed), "forged: {proof}");
    let (header, claims) = signed.split_once('.').expect("two parts");
    let (header, claims) = (decoded(header), decoded(claims));
    assert_eq!(header["typ"], "dpop+jwt");
    assert_eq!(claims["htm"], "POST");
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(header["jwk"][private].is_null(), "a private key was accepted");
    }
    assert_eq!(read.thumbprint.len(), 43, "the length of a SHA-256 hash in Base64url");
    for now in [i64::MIN, 0, i64::MAX] {
        assert!(read.check_time(Timestamp(now)).is_err());
    }
}
