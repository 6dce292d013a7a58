//! ID tokens of the identity provider of the console (OpenID Connect Core, section 3.1.3.7).

use serde_json::Value;

use crate::jose::assertion::{
    AssertionError, ISSUER_ALGS, SignatureChecks, UnverifiedAssertion, VerifiedAssertion,
};
use crate::jose::external_jwks::ExternalJwks;
use crate::jose::numeric_date::{self, CLOCK_SKEW_SECONDS};
use crate::model::time::Timestamp;
use crate::text::escaping;

/// The maximum lag of the provider's clock behind that of this server, in seconds. A token may have
/// been issued, and a person authenticated, this long before the sign-in began.
const PROVIDER_LAG_SECONDS: i64 = 60;

/// Values that the ID token of a sign-in must have.
#[derive(Debug)]
pub struct ExpectedIdToken<'a> {
    /// The `iss` claim, compared exactly.
    pub issuer: &'a str,
    /// The client id of tokend at the provider.
    pub client_id: &'a str,
    /// The nonce of the request.
    pub nonce: &'a str,
    /// The time at which the sign-in began.
    pub started_at: Timestamp,
    /// The current time.
    pub now: Timestamp,
    /// The required freshness of the authentication (`max_age=0`).
    pub freshness: Freshness,
}

/// Required time of the authentication of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Any time.
    Any,
    /// After the sign-in began.
    Fresh,
}

/// An ID token that is valid for a sign-in.
#[derive(Debug)]
pub struct IdToken {
    /// The `sub` claim.
    pub subject: String,
    /// The time at which the person was authenticated, if the token has it. Never in the future.
    pub authenticated_at: Option<Timestamp>,
    /// All claims.
    pub claims: Value,
}

/// Why an ID token is rejected, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// The JWT or its signature is invalid.
    #[error(transparent)]
    Signature(#[from] AssertionError),
    /// The `typ` is that of another kind of token.
    #[error("its typ '{0}' is not that of an ID token")]
    Typ(String),
    /// The token has another issuer.
    #[error("its iss is '{0}', which is not the issuer of the settings")]
    Issuer(String),
    /// The token is for another client.
    #[error("its aud does not contain the client id of tokend")]
    Audience,
    /// The token has several audiences or another authorized party.
    #[error("its azp is not the client id of tokend")]
    AuthorizedParty,
    /// The token belongs to another sign-in.
    #[error("its nonce is not that of this sign-in")]
    Nonce,
    /// A time claim is missing or not a number.
    #[error("its {0} is missing or not a number")]
    NotATime(&'static str),
    /// The token has expired.
    #[error("it expired {0} s ago")]
    Expired(i64),
    /// The token is not valid yet.
    #[error("its {0} is in the future: compare the clocks")]
    Early(&'static str),
    /// The token was issued before the sign-in began.
    #[error("it was issued {0} s before the sign-in began")]
    Old(i64),
    /// The person was not authenticated again.
    #[error("auth_time is {0} s before the sign-in began: the provider ignores max_age=0")]
    NotFresh(i64),
    /// The subject is missing.
    #[error("its sub is missing")]
    Subject,
}

/// Verifies an ID token: first the signature with the keys of the provider, by an asymmetric
/// algorithm of [`ISSUER_ALGS`], then each claim.
///
/// # Errors
/// The first problem that is found.
pub fn verify(
    text: &str,
    keys: &ExternalJwks,
    expected: &ExpectedIdToken<'_>,
) -> Result<IdToken, IdTokenError> {
    let token = UnverifiedAssertion::parse(text)?;
    // An access token of the provider may have the same audience.
    if let Some(typ) = token.typ().filter(|typ| typ != "jwt") {
        return Err(IdTokenError::Typ(escaping::escape_start(&typ, 80)));
    }
    let mut checks = SignatureChecks::new(SignatureChecks::MAX_OF_ONE_CLIENT);
    let token = token.verify(keys, &ISSUER_ALGS, &mut checks)?;
    check_parties(token, expected)?;
    check_times(token.claims(), expected)?;
    let authenticated_at = check_authentication(token.claims(), expected)?;
    let subject = token.text("sub").filter(|text| !text.is_empty());
    let subject = subject.ok_or(IdTokenError::Subject)?.to_owned();
    Ok(IdToken { subject, authenticated_at, claims: token.claims().clone() })
}

/// Checks the issuer, the audience and the nonce.
fn check_parties(
    token: VerifiedAssertion<'_>,
    expected: &ExpectedIdToken<'_>,
) -> Result<(), IdTokenError> {
    let claims = token.claims();
    if claims["iss"] != expected.issuer {
        let found = token.text("iss").unwrap_or_default();
        return Err(IdTokenError::Issuer(escaping::escape_start(found, 200)));
    }
    let is_ours = |value: &Value| *value == expected.client_id;
    let (is_for_us, is_for_others) = match &claims["aud"] {
        Value::Array(values) => (values.iter().any(is_ours), !values.iter().all(is_ours)),
        value => (is_ours(value), false),
    };
    if !is_for_us {
        return Err(IdTokenError::Audience);
    }
    let azp = &claims["azp"];
    if (is_for_others || !azp.is_null()) && !is_ours(azp) {
        return Err(IdTokenError::AuthorizedParty);
    }
    if claims["nonce"] != expected.nonce {
        return Err(IdTokenError::Nonce);
    }
    Ok(())
}

fn check_times(claims: &Value, expected: &ExpectedIdToken<'_>) -> Result<(), IdTokenError> {
    let time =
        |name: &'static str| numeric_date::read(&claims[name]).ok_or(IdTokenError::NotATime(name));
    let now = expected.now;
    let expiry = time("exp")?;
    if expiry <= now.minus_seconds(CLOCK_SKEW_SECONDS) {
        return Err(IdTokenError::Expired(now.seconds_since(expiry)));
    }
    let issued_at = time("iat")?;
    let latest = now.plus_seconds(PROVIDER_LAG_SECONDS);
    if issued_at > latest {
        return Err(IdTokenError::Early("iat"));
    }
    if !claims["nbf"].is_null() && time("nbf")? > latest {
        return Err(IdTokenError::Early("nbf"));
    }
    if issued_at < expected.started_at.minus_seconds(PROVIDER_LAG_SECONDS) {
        return Err(IdTokenError::Old(expected.started_at.seconds_since(issued_at)));
    }
    Ok(())
}

/// Returns the time of the authentication, which is required after `max_age` (OpenID Connect Core,
/// section 2).
fn check_authentication(
    claims: &Value,
    expected: &ExpectedIdToken<'_>,
) -> Result<Option<Timestamp>, IdTokenError> {
    let is_fresh = expected.freshness == Freshness::Fresh;
    if claims["auth_time"].is_null() && !is_fresh {
        return Ok(None);
    }
    let time = numeric_date::read(&claims["auth_time"]);
    let time = time.ok_or(IdTokenError::NotATime("auth_time"))?;
    if time > expected.now.plus_seconds(PROVIDER_LAG_SECONDS) {
        return Err(IdTokenError::Early("auth_time"));
    }
    if is_fresh && time < expected.started_at.minus_seconds(PROVIDER_LAG_SECONDS) {
        return Err(IdTokenError::NotFresh(expected.started_at.seconds_since(time)));
    }
    Ok(Some(time.min(expected.now)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::signer::{Signer, generate};
    use crate::model::signing_key::{Algorithm, RsaSize};

    const NOW: i64 = 1_795_527_403;

    /// A provider with its key, and the tokens that it signs.
    struct Provider {
        signer: Signer,
        keys: ExternalJwks,
    }

    impl Provider {
        fn new() -> Self {
            let der = generate(Algorithm::Es256, RsaSize::Bits2048).expect("a key");
            let signer = Signer::new(Algorithm::Es256, &der).expect("a signer");
            let jwk = signer.public_jwk().expect("a key").1;
            let set = json!({ "keys": [jwk] }).to_string();
            Self { signer, keys: ExternalJwks::fetched(&set).expect("keys") }
        }

        fn token(&self, header: &Value, claims: &Value) -> String {
            use base64::Engine;
            use base64::prelude::BASE64_URL_SAFE_NO_PAD;
            let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
            let mut text = format!("{}.{}", part(header), part(claims));
            let message = text.clone();
            text.push('.');
            self.signer.sign(message.as_bytes(), &mut text).expect("a signature");
            text
        }

        fn verify(
            &self,
            change: impl Fn(&mut Value),
            freshness: Freshness,
        ) -> Result<IdToken, IdTokenError> {
            let mut claims = json!({
                "iss": "https://login.example", "aud": "tokend", "sub": "ana", "nonce": "n",
                "exp": NOW + 300, "iat": NOW, "auth_time": NOW - 7_200,
            });
            change(&mut claims);
            let text = self.token(&json!({ "alg": "ES256", "typ": "JWT" }), &claims);
            verify(&text, &self.keys, &expected(freshness))
        }
    }

    fn expected(freshness: Freshness) -> ExpectedIdToken<'static> {
        ExpectedIdToken {
            issuer: "https://login.example",
            client_id: "tokend",
            nonce: "n",
            started_at: Timestamp(NOW - 5),
            now: Timestamp(NOW),
            freshness,
        }
    }

    #[test]
    fn a_right_token_is_accepted_and_each_wrong_claim_is_named() {
        let provider = Provider::new();
        let token = provider.verify(|_| {}, Freshness::Any).expect("a token");
        assert_eq!(token.subject, "ana");
        assert_eq!(token.authenticated_at, Some(Timestamp(NOW - 7_200)));
        for (claim, value, word) in [
            ("iss", json!("https://login.example/"), "iss is"),
            ("iss", Value::Null, "iss is"),
            ("iss", json!(["https://login.example"]), "iss is"),
            ("aud", json!("other"), "aud"),
            ("aud", json!([]), "aud"),
            ("aud", Value::Null, "aud"),
            ("aud", json!(["tokend", "other"]), "azp"),
            ("azp", json!("other"), "azp"),
            ("nonce", json!("m"), "nonce"),
            ("nonce", Value::Null, "nonce"),
            ("exp", json!(NOW - 10), "expired"),
            ("exp", json!("2099"), "exp is missing"),
            ("exp", Value::Null, "exp is missing"),
            ("iat", json!(NOW + 61), "future"),
            ("iat", json!(NOW - 66), "before the sign-in"),
            ("iat", Value::Null, "iat is missing"),
            ("nbf", json!(NOW + 61), "future"),
            ("nbf", json!("x"), "nbf is missing"),
            ("auth_time", json!("x"), "auth_time is missing"),
            ("auth_time", json!(NOW + 61), "future"),
            ("sub", Value::Null, "sub"),
            ("sub", json!(""), "sub"),
            ("sub", json!(7), "sub"),
        ] {
            let error = provider.verify(|claims| claims[claim] = value.clone(), Freshness::Any);
            let error = error.expect_err(claim).to_string();
            assert!(error.contains(word), "{claim} {value}: {error}");
        }
        let several = |claims: &mut Value| {
            claims["aud"] = json!(["other", "tokend"]);
            claims["azp"] = "tokend".into();
        };
        assert!(provider.verify(several, Freshness::Any).is_ok());
    }

    #[test]
    fn a_fresh_authentication_is_one_after_the_sign_in_began() {
        let provider = Provider::new();
        for (time, is_accepted) in [
            (json!(NOW - 7_200), false),
            (json!(NOW - 66), false),
            (Value::Null, false),
            (json!(NOW - 65), true),
            (json!(NOW), true),
            (json!(NOW + 60), true),
        ] {
            let token =
                provider.verify(|claims| claims["auth_time"] = time.clone(), Freshness::Fresh);
            assert_eq!(token.is_ok(), is_accepted, "{time}: {token:?}");
            let at = token.ok().and_then(|token| token.authenticated_at);
            assert!(at.is_none_or(|at| at.0 <= NOW), "{at:?}");
        }
        let absent = provider.verify(|claims| claims["auth_time"] = Value::Null, Freshness::Any);
        assert_eq!(absent.expect("a token").authenticated_at, None);
    }

    #[test]
    fn only_an_id_token_with_an_asymmetric_signature_is_accepted() {
        let (provider, other) = (Provider::new(), Provider::new());
        let claims = json!({
            "iss": "https://login.example", "aud": "tokend", "sub": "ana", "nonce": "n",
            "exp": NOW + 300, "iat": NOW,
        });
        let verify = |text: &str| verify(text, &provider.keys, &expected(Freshness::Any));
        let good = provider.token(&json!({ "alg": "ES256" }), &claims);
        assert!(verify(&good).is_ok());
        for header in [
            json!({ "alg": "none" }),
            json!({ "alg": "HS256" }),
            json!({ "alg": "ES256", "typ": "at+jwt" }),
            json!({ "alg": "ES256", "typ": "logout+jwt" }),
            json!({ "alg": "ES256", "crit": ["b64"] }),
            json!({ "alg": "ES256", "kid": "other" }),
            json!({ "alg": "RS256" }),
        ] {
            assert!(verify(&provider.token(&header, &claims)).is_err(), "{header}");
        }
        assert!(verify(&other.token(&json!({ "alg": "ES256" }), &claims)).is_err());
        let (signed, _) = good.rsplit_once('.').expect("a signature");
        assert!(verify(&format!("{signed}.")).is_err(), "no signature");
        assert!(verify("").is_err());
    }
}
