//! Trusts: external issuers whose tokens authenticate a client, so that it needs no secret (RFC
//! 7523; workload identity federation).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::AdditionalProperties;

use crate::model::Malformed;
use crate::model::claim_pattern::Pattern;
use crate::model::security::KeySource;
use crate::model::time::Timestamp;
use crate::text::newtype::text_newtype;
use crate::text::schema::{object_schema, text_schema};

/// A trust of a client in an external issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FederatedCredential {
    /// Its identifier.
    pub trust_id: TrustId,
    /// The issuer of the tokens, exactly as in `iss`.
    pub issuer: ExternalIssuer,
    /// The keys of the issuer; found by discovery if absent.
    #[serde(flatten)]
    #[schema(value_type = KeySource)]
    pub keys: Option<KeySource>,
    /// A value that the `aud` of a token must contain.
    #[schema(examples("https://auth.example.com"))]
    pub audience: String,
    /// The conditions that a token must meet, by claim.
    pub conditions: Conditions,
    /// When the trust was created.
    pub created_at: Timestamp,
}

impl FederatedCredential {
    /// The maximum number of trusts per client.
    pub const MAX_PER_CLIENT: usize = 20;
}

/// The identifier of a trust: `tru_` followed by letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustId(Box<str>);

text_schema!(
    TrustId,
    "The identifier of a trust.",
    pattern(Some("^tru_[A-Za-z0-9_]+$")),
    examples(["tru_7KsvPbq0Jx3dYw1R"]),
);

impl TrustId {
    /// Parses an identifier.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !text.starts_with("tru_") || text.len() > 64 || !text.bytes().all(is_word) {
            return Err(Malformed::because("a trust id is tru_ and letters and digits"));
        }
        Ok(Self(text.into()))
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_newtype!(TrustId);

/// The `iss` of an external issuer, usually a URL. Its keys may not be discoverable: those of a
/// private cluster are registered by hand.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ExternalIssuer(Box<str>);

text_schema!(
    ExternalIssuer,
    "The `iss` of the tokens of an issuer. It is compared exactly.",
    pattern(Some("^[!-~]{1,500}$")),
    examples(["https://token.actions.githubusercontent.com"]),
);

impl ExternalIssuer {
    /// Parses 1 to 500 printable characters. A URL must not contain credentials, because issuers
    /// are shown and logged.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > 500 || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Malformed::because("an issuer is 1 to 500 printable characters"));
        }
        let url = url::Url::parse(text).ok();
        if url.is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
            return Err(Malformed::because("an issuer has no user name and no password"));
        }
        Ok(Self(text.into()))
    }

    /// Wraps a stored issuer, whatever rules applied when it was accepted. It is only compared, and
    /// only https URLs are ever fetched.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the issuer as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL of its metadata (OpenID Connect Discovery, section 4), if the issuer is an
    /// https URL.
    pub fn discovery_url(&self) -> Option<String> {
        let url = url::Url::parse(&self.0).ok()?;
        let is_plain = url.query().is_none() && url.fragment().is_none();
        let path = "/.well-known/openid-configuration";
        (url.scheme() == "https" && is_plain)
            .then(|| format!("{}{path}", self.0.trim_end_matches('/')))
    }
}

impl fmt::Display for ExternalIssuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The conditions that a token must meet: a pattern for each claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conditions(BTreeMap<String, Pattern>);

object_schema!(
    Conditions as "Conditions",
    "The conditions that a token must meet: a pattern for each claim.",
    { "sub": "repo:acme/api:ref:refs/heads/main" },
    additional_properties(Some(AdditionalProperties::RefOr(Pattern::schema()))),
);

/// The claims that each identify one workload, or at least a place where only its owner runs code.
const IDENTIFYING: [&str; 13] = [
    "sub",
    "oid",
    "appid",
    "azp",
    "client_id",
    "repository",
    "repository_id",
    "project_path",
    "project_id",
    "workflow_ref",
    "/kubernetes.io/serviceaccount/uid",
    "/google/compute_engine/instance_id",
    "/https:~1~1sts.amazonaws.com~1/principal_id",
];

/// The claims that identify a workload only together with another claim, which may need a certain
/// value. A service account name may exist in every namespace, and an email address may be
/// unverified.
const IDENTIFYING_TOGETHER: [(&str, &str, Option<&str>); 2] = [
    ("/kubernetes.io/serviceaccount/name", "/kubernetes.io/namespace", None),
    ("email", "email_verified", Some("true")),
];

impl Conditions {
    /// The maximum number of conditions of a trust.
    const MAX_COUNT: usize = 20;

    /// Checks the number of conditions, and that they identify a workload.
    pub fn new(conditions: BTreeMap<String, Pattern>) -> Result<Self, Malformed> {
        if conditions.len() > Self::MAX_COUNT {
            return Err(Malformed::because(format!(
                "a trust has at most {} conditions",
                Self::MAX_COUNT
            )));
        }
        let wants = |claim: &str| conditions.contains_key(claim);
        let together = |(one, other, value): &(&str, &str, Option<&str>)| {
            let is_right = |pattern: &Pattern| value.is_none_or(|value| pattern.as_str() == value);
            wants(one) && conditions.get(*other).is_some_and(is_right)
        };
        let names_a_workload =
            IDENTIFYING.into_iter().any(wants) || IDENTIFYING_TOGETHER.iter().any(together);
        if !names_a_workload {
            return Err(Malformed::because(
                "nothing here says which workload is meant: any workload with a token of that issuer \
                 would be this client. Add the subject, or another claim that names the \
                 workload, such as repository_id",
            ));
        }
        Ok(Self(conditions))
    }

    /// Parses the stored form, a JSON object of claims and patterns. Whether the claims identify a
    /// workload was checked at registration, by the rules of that release.
    ///
    /// # Errors
    /// If the text is not such an object, or is empty. Every token of the issuer would meet empty
    /// conditions, and no release accepted them.
    pub fn stored(text: &str) -> Result<Self, Malformed> {
        let texts: BTreeMap<String, String> = serde_json::from_str(text)
            .map_err(|_| Malformed::because("conditions are a JSON object of strings"))?;
        let patterns = texts
            .into_iter()
            .map(|(claim, text)| Pattern::stored(&claim, &text).map(|pattern| (claim, pattern)));
        let conditions: BTreeMap<_, _> = patterns.collect::<Result<_, _>>()?;
        if conditions.is_empty() {
            return Err(Malformed::because("a stored trust has no condition"));
        }
        Ok(Self(conditions))
    }

    /// Returns the first condition that the claims do not meet.
    pub fn first_unmet<'a>(&'a self, claims: &'a Value) -> Option<Unmet<'a>> {
        self.0.iter().find_map(|(claim, pattern)| {
            let value = lookup(claims, claim);
            let is_met = value.and_then(scalar).is_some_and(|text| pattern.matches(&text));
            (!is_met).then_some(Unmet { claim, pattern, value })
        })
    }

    /// Returns the only subject that can meet the conditions, if there is only one.
    pub fn exact_subject(&self) -> Option<&str> {
        self.0.get("sub")?.exact()
    }

    /// Returns the claims with their patterns.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Pattern)> {
        self.0.iter().map(|(claim, pattern)| (claim.as_str(), pattern))
    }
}

/// A claim that does not meet a condition.
#[derive(Debug)]
pub struct Unmet<'a> {
    /// The name of the claim.
    pub claim: &'a str,
    /// The pattern that it must match.
    pub pattern: &'a Pattern,
    /// The value in the token, if any.
    pub value: Option<&'a Value>,
}

/// Returns a claim as text for matching; `None` for null, a list or an object.
pub fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Owned(flag.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Looks up a claim by its name, or by a JSON pointer (RFC 6901).
pub fn lookup<'a>(claims: &'a Value, claim: &str) -> Option<&'a Value> {
    if claim.starts_with('/') { claims.pointer(claim) } else { claims.get(claim) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(pairs: &[(&str, &str)]) -> Result<Conditions, Malformed> {
        let pairs = pairs.iter().map(|(claim, text)| {
            ((*claim).to_owned(), Pattern::parse(claim, text).expect("a pattern"))
        });
        Conditions::new(pairs.collect())
    }

    /// Found by fuzzing: a debug build panicked in a dependency.
    #[test]
    fn a_host_with_percent_encoding_and_capitals_is_not_fetched() {
        let issuer = ExternalIssuer::parse("https://ci.exampC%CCCjwks").expect("an issuer");
        assert_eq!(issuer.discovery_url(), None);
    }

    #[test]
    fn a_trust_that_names_no_workload_is_rejected() {
        assert!(conditions(&[]).is_err());
        assert!(conditions(&[("repository_owner", "acme")]).is_err());
        assert!(conditions(&[("ref", "refs/heads/main")]).is_err());
        assert!(conditions(&[("repository_id", "1234")]).is_ok());
        // A reusable workflow, which other repositories can call.
        assert!(conditions(&[("job_workflow_ref", "acme/ci/x.yml@refs/heads/main")]).is_err());
        let name = ("/kubernetes.io/serviceaccount/name", "worker");
        assert!(conditions(&[name]).is_err());
        assert!(conditions(&[name, ("/kubernetes.io/namespace", "prod")]).is_ok());
        assert!(conditions(&[("email", "a@acme.example")]).is_err());
        assert!(conditions(&[("email", "a@acme.example"), ("email_verified", "no")]).is_err());
        assert!(conditions(&[("email", "a@acme.example"), ("email_verified", "true")]).is_ok());
    }

    #[test]
    fn an_issuer_has_no_credentials() {
        for issuer in ["https://u:p@a.example", "https://u@a.example/x", "https://:p@a.example"] {
            assert!(ExternalIssuer::parse(issuer).is_err(), "{issuer}");
        }
        for issuer in ["https://a.example/u@b", "accounts@a.example", "urn:a:b@c"] {
            assert!(ExternalIssuer::parse(issuer).is_ok(), "{issuer}");
        }
    }

    #[test]
    fn stored_conditions_stay_readable_when_the_rules_become_stricter() {
        let stored = Conditions::stored(r#"{"job_workflow_ref":"acme/ci/x.yml@refs/heads/main"}"#);
        assert_eq!(stored.expect("conditions").iter().count(), 1);
        assert!(Conditions::stored("{}").is_err(), "every token would meet it");
        assert!(Conditions::stored(r#"{"sub":1}"#).is_err());
    }

    #[test]
    fn the_first_unmet_condition_is_returned() {
        let wanted = conditions(&[("sub", "a"), ("/kubernetes.io/namespace", "prod"), ("n", "7")]);
        let wanted = wanted.expect("conditions");
        let mut claims = serde_json::json!({
            "sub": "a", "kubernetes.io": { "namespace": "prod" }, "n": 7,
        });
        assert!(wanted.first_unmet(&claims).is_none());
        claims["kubernetes.io"]["namespace"] = "dev".into();
        assert_eq!(wanted.first_unmet(&claims).expect("one").claim, "/kubernetes.io/namespace");
        claims["kubernetes.io"] = Value::Null;
        claims["sub"] = serde_json::json!(["a"]);
        assert!(wanted.first_unmet(&claims).is_some());
    }
}
