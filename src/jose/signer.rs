//! Signing with one private key, which is parsed once.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
    EllipticCurveKeyType, Jwk, KeyAlgorithm, OctetKeyPairParameters, OctetKeyPairType,
    PublicKeyUse, RSAKeyParameters, RSAKeyType, ThumbprintHash,
};
use zeroize::Zeroizing;

use crate::crypto::CryptoError;
use crate::model::Malformed;
use crate::model::signing_key::{Algorithm, KeyId, RsaSize};

/// A private key and its algorithm.
pub struct Signer {
    algorithm: Algorithm,
    pair: SigningKeyPair,
    random: SystemRandom,
}

enum SigningKeyPair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ed25519(Ed25519KeyPair),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Signer({})", self.algorithm.as_str())
    }
}

/// Generates a private key (PKCS #8), which the caller must seal immediately. `rsa_size` is the
/// size of an RSA key.
pub fn generate(
    algorithm: Algorithm,
    rsa_size: RsaSize,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let failed = |_| CryptoError::Failed("making a signing key");
    let der = match algorithm {
        Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map_err(failed)?
            .as_ref()
            .to_vec(),
        Algorithm::Rs256 | Algorithm::Ps256 => {
            let size = match rsa_size {
                RsaSize::Bits2048 => KeySize::Rsa2048,
                RsaSize::Bits3072 => KeySize::Rsa3072,
            };
            let pair = RsaKeyPair::generate(size).map_err(failed)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
            der.as_ref().to_vec()
        }
        Algorithm::EdDsa => Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map_err(failed)?
            .as_ref()
            .to_vec(),
    };
    Ok(Zeroizing::new(der))
}

impl Signer {
    /// Parses a private key (PKCS #8).
    pub fn new(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let failed = |_| CryptoError::Failed("reading a signing key");
        let pair = match algorithm {
            Algorithm::Es256 => SigningKeyPair::Ecdsa(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(failed)?,
            ),
            Algorithm::Rs256 => SigningKeyPair::Rsa(
                RsaKeyPair::from_pkcs8(pkcs8).map_err(failed)?,
                &RSA_PKCS1_SHA256,
            ),
            Algorithm::Ps256 => {
                SigningKeyPair::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(failed)?, &RSA_PSS_SHA256)
            }
            Algorithm::EdDsa => SigningKeyPair::Ed25519(
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(failed)?,
            ),
        };
        Ok(Self { algorithm, pair, random: SystemRandom::new() })
    }

    /// Returns the signature algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the maximum length of a signature in base64url, in characters.
    pub fn encoded_length(&self) -> usize {
        let bytes = match &self.pair {
            SigningKeyPair::Ecdsa(_) | SigningKeyPair::Ed25519(_) => 64,
            SigningKeyPair::Rsa(pair, _) => pair.public_modulus_len(),
        };
        bytes * 4 / 3 + 2
    }

    /// Signs a message and appends the signature in base64url to `output` (RFC 7515, section 3.1).
    pub fn sign(&self, message: &[u8], output: &mut String) -> Result<(), CryptoError> {
        let failed = |_| CryptoError::Failed("signing");
        match &self.pair {
            SigningKeyPair::Ecdsa(pair) => {
                let signature = pair.sign(&self.random, message).map_err(failed)?;
                BASE64_URL_SAFE_NO_PAD.encode_string(signature, output);
            }
            SigningKeyPair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &self.random, message, &mut signature).map_err(failed)?;
                BASE64_URL_SAFE_NO_PAD.encode_string(signature, output);
            }
            SigningKeyPair::Ed25519(pair) => {
                let signature = pair.try_sign(message).map_err(failed)?;
                BASE64_URL_SAFE_NO_PAD.encode_string(signature, output);
            }
        }
        Ok(())
    }

    /// Returns the public key, with the thumbprint as its `kid` (RFC 7517, RFC 7638).
    pub fn public_jwk(&self) -> Result<(KeyId, Jwk), CryptoError> {
        let (key_algorithm, algorithm) = match &self.pair {
            SigningKeyPair::Ecdsa(pair) => {
                (KeyAlgorithm::ES256, elliptic_curve(pair.public_key().as_ref())?)
            }
            SigningKeyPair::Rsa(pair, _) => {
                let key_algorithm = match self.algorithm {
                    Algorithm::Ps256 => KeyAlgorithm::PS256,
                    _ => KeyAlgorithm::RS256,
                };
                (key_algorithm, rsa(pair))
            }
            SigningKeyPair::Ed25519(pair) => {
                let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key());
                let parameters = OctetKeyPairParameters {
                    key_type: OctetKeyPairType::OctetKeyPair,
                    curve: EllipticCurve::Ed25519,
                    x,
                };
                (KeyAlgorithm::EdDSA, AlgorithmParameters::OctetKeyPair(parameters))
            }
        };
        let common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(key_algorithm),
            ..CommonParameters::default()
        };
        let mut jwk = Jwk { common, algorithm };
        let thumbprint = jwk
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| CryptoError::Failed("computing a thumbprint"))?;
        let kid = KeyId::parse(&thumbprint)
            .map_err(|Malformed(_)| CryptoError::Failed("naming a signing key"))?;
        jwk.common.key_id = Some(thumbprint);
        Ok((kid, jwk))
    }
}

/// Converts an uncompressed point of P-256: 0x04, then 32 bytes each of x and y.
fn elliptic_curve(point: &[u8]) -> Result<AlgorithmParameters, CryptoError> {
    if point.len() != 65 {
        return Err(CryptoError::Failed("reading a public key"));
    }
    Ok(AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
        key_type: EllipticCurveKeyType::EC,
        curve: EllipticCurve::P256,
        x: BASE64_URL_SAFE_NO_PAD.encode(&point[1..33]),
        y: BASE64_URL_SAFE_NO_PAD.encode(&point[33..]),
    }))
}

fn rsa(pair: &RsaKeyPair) -> AlgorithmParameters {
    let public = pair.public_key();
    AlgorithmParameters::RSA(RSAKeyParameters {
        key_type: RSAKeyType::RSA,
        n: BASE64_URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
        e: BASE64_URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
    })
}
