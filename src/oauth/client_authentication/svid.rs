//! Requirements for a JWT to be a JWT-SVID that this server accepts (JWT-SVID, sections 2 and 3;
//! draft-ietf-oauth-spiffe-client-auth-02, section 3.1). Used by the server and by `client trust
//! test`.

use std::fmt;

use serde_json::Value;

use crate::jose::assertion::{
    AssertionError, SVID_ALGS, SignatureChecks, UnverifiedAssertion, VerifiedAssertion,
    sole_audience,
};
use crate::jose::external_jwks::ExternalJwks;
use crate::model::client::JWT_SPIFFE;
use crate::model::remedy::Remedy;
use crate::model::spiffe_id::SpiffeId;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::{Lifetime, Timestamp};
use crate::oauth::client_authentication::assertion::{TimeProblem, check_times, shown};
use crate::text::escaping;

/// The values of `typ` that a JWT-SVID may have (JWT-SVID, section 2.3), in lower case.
const TYPES: [&str; 2] = ["jwt", "jose"];

const AS_IT_IS: &str = "Send the JWT-SVID as the Workload API returns it. A token of another issuer is sent with client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer.";

const ALGORITHMS: &str = "Let the trust domain sign JWT-SVIDs with ES256, ES384, RS256, RS384, RS512, PS256, PS384 or PS512. In SPIRE this is jwt_key_type of the server.";

const SHORTER: &str = "Shorten the lifetime of the JWT-SVIDs (SPIRE: default_jwt_svid_ttl, or -jwtSVIDTTL of the entry), or raise assertions.lifetime_max.";

const NEWER: &str =
    "Let the workload fetch a new JWT-SVID, and set the clocks of both machines by NTP.";

const KEYS: &str = "Check that the bundle endpoint of the trust is that of the trust domain, and that its bundle has the key with use jwt-svid.";

/// A JWT with the form of a JWT-SVID. Nothing in it has been verified.
pub struct UnverifiedSvid<'a> {
    assertion: &'a UnverifiedAssertion<'a>,
    id: SpiffeId,
}

/// Why a JWT-SVID is rejected, and how to fix it. Both are for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SvidProblem {
    /// The problem that was found.
    pub reason: String,
    /// The remedy for the problem.
    pub remedy: Remedy,
}

impl SvidProblem {
    fn new(reason: impl Into<String>, remedy: impl Into<Remedy>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for SvidProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl<'a> UnverifiedSvid<'a> {
    /// Reads the type and the SPIFFE ID of a JWT.
    ///
    /// # Errors
    /// If its `typ` is not that of a JWT-SVID, or its `sub` is not a SPIFFE ID.
    pub fn parse(assertion: &'a UnverifiedAssertion<'a>) -> Result<Self, SvidProblem> {
        if let Some(typ) = assertion.typ()
            && !TYPES.contains(&typ.as_str())
        {
            let typ = escaping::escape_start(&typ, 80);
            let reason = format!("its typ is '{typ}'; the typ of a JWT-SVID is JWT or JOSE");
            return Err(SvidProblem::new(reason, AS_IT_IS));
        }
        let sub = &assertion.unverified_claims()["sub"];
        let Some(text) = sub.as_str() else {
            let reason = format!("sub is {}; the sub of a JWT-SVID is a SPIFFE ID", shown(sub));
            return Err(SvidProblem::new(reason, AS_IT_IS));
        };
        match SpiffeId::parse(text) {
            Ok(id) => Ok(Self { assertion, id }),
            Err(malformed) => {
                let reason = format!("sub is {}, not a SPIFFE ID: {malformed}", shown(sub));
                Err(SvidProblem::new(reason, AS_IT_IS))
            }
        }
    }

    /// Returns the SPIFFE ID.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// Returns the JWT.
    pub fn assertion(&self) -> &UnverifiedAssertion<'a> {
        self.assertion
    }

    /// Returns why a trust does not accept the SPIFFE ID; `None` if it does.
    pub fn mismatch(&self, trust: &SpiffeTrust) -> Option<String> {
        let (wanted, is) = (trust.source.trust_domain(), self.id.trust_domain());
        let subject = trust.source.subject();
        if wanted != is {
            return Some(format!("the trust domain of sub is '{is}', not '{wanted}'"));
        }
        if subject.matches(&self.id) {
            return None;
        }
        let sub = escaping::escape_start(self.id.as_str(), 200);
        let why = if subject.ends_within_a_segment_of(&self.id) {
            ": a prefix accepts whole segments only"
        } else {
            ""
        };
        Some(format!("sub is '{sub}', not '{subject}'{why}"))
    }

    /// Verifies the signature with the keys of a bundle.
    ///
    /// # Errors
    /// If the algorithm is not allowed for a JWT-SVID, or no key matches.
    pub fn verify(
        &self,
        keys: &ExternalJwks,
        checks: &mut SignatureChecks,
    ) -> Result<VerifiedAssertion<'_>, SvidProblem> {
        self.assertion.verify(keys, &SVID_ALGS, checks).map_err(|error| unsigned(&error))
    }
}

/// Checks the audience and the times. `iss` and `jti` are optional and ignored.
///
/// # Errors
/// If `aud` is not exactly the issuer, or the times are invalid. `exp` must not be more than
/// `lifetime_max` ahead.
pub fn check_claims(
    svid: VerifiedAssertion<'_>,
    issuer: &str,
    lifetime_max: Lifetime,
    now: Timestamp,
) -> Result<(), SvidProblem> {
    check_audience(svid.claims(), issuer)?;
    match check_times(svid.claims(), Some(lifetime_max), now) {
        Ok(_) => Ok(()),
        Err(problem @ TimeProblem::TooLong { .. }) => {
            Err(SvidProblem::new(problem.to_string(), SHORTER))
        }
        Err(problem) => Err(SvidProblem::new(problem.to_string(), NEWER)),
    }
}

/// Requires the issuer as the only audience. Another server in the audience could use the JWT-SVID
/// that it receives.
fn check_audience(claims: &Value, issuer: &str) -> Result<(), SvidProblem> {
    if sole_audience(claims) == Some(issuer) {
        return Ok(());
    }
    Err(SvidProblem::new(
        format!(
            "aud is {}, expected exactly {issuer}, the issuer of this server",
            shown(&claims["aud"])
        ),
        format!(
            "Let the workload fetch a JWT-SVID for only this audience: spire-agent api fetch jwt -audience {issuer}"
        ),
    ))
}

/// Returns why no key of a bundle has signed a JWT-SVID.
pub(super) fn unsigned(error: &AssertionError) -> SvidProblem {
    match error {
        AssertionError::Algorithm { found, .. } => {
            SvidProblem::new(format!("its alg '{found}' is not one of a JWT-SVID"), ALGORITHMS)
        }
        AssertionError::UnknownKey(kid) => SvidProblem::new(
            format!("no key of the bundle for JWT-SVIDs has its kid '{kid}'"),
            KEYS,
        ),
        AssertionError::NoKey(alg) => SvidProblem::new(
            format!("no key of the bundle for JWT-SVIDs is for its alg {alg}"),
            KEYS,
        ),
        other => SvidProblem::new(other.to_string(), KEYS),
    }
}

/// Returns a remedy for operators: the assertion type for a JWT-SVID.
pub(super) fn right_type() -> String {
    format!("Send it with client_assertion_type={JWT_SPIFFE}.")
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example.com";
    const NOW: Timestamp = Timestamp(1_795_527_403);

    fn jwt(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.AA", part(header), part(claims))
    }

    fn claims() -> Value {
        json!({ "sub": "spiffe://acme.example/worker", "aud": ISSUER, "exp": NOW.0 + 300 })
    }

    #[test]
    fn a_jwt_svid_with_another_typ_is_rejected() {
        let parse = |typ: Value| {
            let text = jwt(&json!({ "alg": "ES256", "typ": typ }), &claims());
            let assertion = UnverifiedAssertion::parse(&text).expect("a JWT");
            UnverifiedSvid::parse(&assertion).map(|_| ())
        };
        for good in [Value::Null, "JWT".into(), "JOSE".into(), "jwt".into()] {
            assert_eq!(parse(good.clone()), Ok(()), "{good}");
        }
        for bad in ["at+jwt", "wit+jwt", "client-authentication+jwt", "dpop+jwt", "JWS", ""] {
            assert!(parse(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_audience_is_the_issuer_alone_and_the_lifetime_is_bounded() {
        let check = |claim: &str, value: Value| {
            let mut claims = claims();
            claims[claim] = value;
            let text = jwt(&json!({ "alg": "ES256" }), &claims);
            let assertion = UnverifiedAssertion::parse(&text).expect("a JWT");
            let svid = UnverifiedSvid::parse(&assertion).expect("a JWT-SVID");
            let lifetime_max = Lifetime::from_seconds(3600).expect("a lifetime");
            let verified = VerifiedAssertion::for_test(svid.assertion());
            check_claims(verified, ISSUER, lifetime_max, NOW)
        };
        assert_eq!(check("aud", json!(ISSUER)), Ok(()));
        assert_eq!(check("aud", json!([ISSUER])), Ok(()));
        for bad in [
            json!([ISSUER, "https://b.example"]),
            json!([ISSUER, ISSUER]),
            json!([]),
            Value::Null,
            json!(7),
            json!([[ISSUER]]),
            json!("https://id.example.com/"),
            json!("https://id.example.com/v1/oauth/token"),
        ] {
            assert!(check("aud", bad.clone()).is_err(), "{bad}");
        }
        assert_eq!(check("exp", json!(NOW.0 + 3600)), Ok(()));
        for bad in [
            json!(NOW.0 - 11),
            json!(NOW.0 + 3611),
            json!(i64::MAX),
            json!(1e300),
            Value::Null,
            json!("soon"),
        ] {
            assert!(check("exp", bad.clone()).is_err(), "{bad}");
        }
        assert!(check("nbf", json!(NOW.0 + 60)).is_err());
        assert!(check("iat", json!(NOW.0 + 60)).is_err());
        // `iss` and `jti` are optional: any value is ignored.
        for odd in [json!("https://spire.example"), json!(7), json!([])] {
            assert_eq!(check("iss", odd.clone()), Ok(()));
            assert_eq!(check("jti", odd), Ok(()));
        }
    }
}
