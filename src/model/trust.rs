//! Trusts: foreign issuers whose tokens authenticate a client, so that it needs no secret at all
//! (RFC 7523; workload identity federation).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::model::Malformed;
use crate::model::security::KeySource;
use crate::model::time::Timestamp;

/// A trust of a client in a foreign issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// Its identifier.
    pub trust_id: TrustId,
    /// Whose tokens, letter by letter the `iss`.
    pub issuer: ForeignIssuer,
    /// The issuer's keys; found by discovery if nothing is said.
    #[serde(flatten)]
    pub keys: Option<KeySource>,
    /// What must be among the `aud` of a token.
    pub audience: String,
    /// What a token must say, claim by claim.
    pub conditions: Conditions,
    /// When the trust was made.
    pub created_at: Timestamp,
}

impl Trust {
    /// The most trusts of a client.
    pub const MOST: usize = 20;
}

/// The identifier of a trust: `tru_` and letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustId(Box<str>);

impl TrustId {
    /// Checks an identifier.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !text.starts_with("tru_") || text.len() > 64 || !text.bytes().all(is_word) {
            return Err(Malformed::because("a trust id is tru_ and letters and digits"));
        }
        Ok(Self(text.into()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for TrustId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The `iss` of a foreign issuer: a URL, mostly. Whether its keys can be discovered is another
/// question; those of a private cluster are pasted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ForeignIssuer(Box<str>);

impl ForeignIssuer {
    /// Takes 1 to 500 printable characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > 500 || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Malformed::because("an issuer is 1 to 500 printable characters"));
        }
        Ok(Self(text.into()))
    }

    /// The issuer as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its metadata is (OpenID Connect Discovery, section 4), if it is an https URL.
    pub fn discovery_url(&self) -> Option<String> {
        let url = url::Url::parse(&self.0).ok()?;
        let is_plain = url.query().is_none() && url.fragment().is_none();
        let path = "/.well-known/openid-configuration";
        (url.scheme() == "https" && is_plain)
            .then(|| format!("{}{path}", self.0.trim_end_matches('/')))
    }
}

impl fmt::Display for ForeignIssuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a token must say: a pattern for each claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conditions(BTreeMap<String, Pattern>);

/// Claims of which each names one workload, or at least one place where only its owner runs code.
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

/// Claims that do so only together with another one, some only if that has a certain value: a name
/// that may exist in every namespace, and an address that its owner may have made up.
const IDENTIFYING_TOGETHER: [(&str, &str, Option<&str>); 2] = [
    ("/kubernetes.io/serviceaccount/name", "/kubernetes.io/namespace", None),
    ("email", "email_verified", Some("true")),
];

impl Conditions {
    /// The most conditions of a trust.
    const MOST: usize = 20;

    /// Checks conditions, and that they pin down a workload.
    pub fn new(conditions: BTreeMap<String, Pattern>) -> Result<Self, Malformed> {
        if conditions.len() > Self::MOST {
            return Err(Malformed::because(format!(
                "a trust has at most {} conditions",
                Self::MOST
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
                "nothing here says which workload is meant: whoever can get a token of that issuer \
                 would be this client. Add the subject (--subject), or another claim that names \
                 the workload, such as --claim repository_id=…",
            ));
        }
        Ok(Self(conditions))
    }

    /// Reads the stored form, a JSON object from claim to pattern.
    pub fn from_json(text: &str) -> Result<Self, Malformed> {
        let texts: BTreeMap<String, String> = serde_json::from_str(text)
            .map_err(|_| Malformed::because("conditions are a JSON object of strings"))?;
        let patterns = texts
            .into_iter()
            .map(|(claim, text)| Pattern::parse(&claim, &text).map(|pattern| (claim, pattern)));
        Self::new(patterns.collect::<Result<_, _>>()?)
    }

    /// The first claim that is not as it must be.
    pub fn first_unmet<'a>(&'a self, claims: &'a Value) -> Option<Unmet<'a>> {
        self.0.iter().find_map(|(claim, pattern)| {
            let value = lookup(claims, claim);
            let is_met = match value {
                Some(Value::String(text)) => pattern.matches(text),
                Some(Value::Number(number)) => pattern.matches(&number.to_string()),
                Some(Value::Bool(flag)) => pattern.matches(&flag.to_string()),
                _ => false,
            };
            (!is_met).then_some(Unmet { claim, pattern, value })
        })
    }

    /// The conditions, claim by claim.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Pattern)> {
        self.0.iter().map(|(claim, pattern)| (claim.as_str(), pattern))
    }
}

/// A claim that is not as a trust wants it.
#[derive(Debug)]
pub struct Unmet<'a> {
    /// The claim.
    pub claim: &'a str,
    /// What it must be.
    pub pattern: &'a Pattern,
    /// What it is.
    pub value: Option<&'a Value>,
}

/// A claim by its name, or by a JSON pointer into it (RFC 6901).
fn lookup<'a>(claims: &'a Value, claim: &str) -> Option<&'a Value> {
    if claim.starts_with('/') { claims.pointer(claim) } else { claims.get(claim) }
}

/// What a claim must be: the text, in which `*` as a whole segment stands for any one segment.
/// Segments are separated by slashes and colons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Checks the pattern of a claim. A `*` may stand where everything it could match belongs to
    /// the same owner, and nowhere else.
    pub fn parse(claim: &str, text: &str) -> Result<Self, Malformed> {
        if claim.is_empty() || claim.len() > 200 || claim.contains(char::is_control) {
            return Err(Malformed::because("a claim is 1 to 200 characters long"));
        }
        if matches!(claim, "iss" | "aud" | "exp" | "nbf" | "iat" | "jti") {
            return Err(Malformed::because(format!(
                "{claim} is looked at in any case; conditions are for other claims"
            )));
        }
        if text.is_empty() || text.len() > 500 || text.contains(char::is_control) {
            return Err(Malformed::because("the value of a claim is 1 to 500 characters long"));
        }
        let segments: Vec<_> = segments(text).map(|(segment, _)| segment).collect();
        if let Some(bad) = segments.iter().find(|part| part.contains('*') && **part != "*") {
            return Err(Malformed::because(format!(
                "'{bad}' has a * in it: a * stands for a whole segment between / or :, or not at all"
            )));
        }
        let owner = owner_length(claim, &segments);
        if segments.iter().take(owner).any(|part| *part == "*") {
            return Err(Malformed::because(format!(
                "the * in '{text}' could match another owner: of its segments (between / and :) the \
                 first {owner} must be written out"
            )));
        }
        Ok(Self(text.into()))
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, text: &str) -> bool {
        let (mut wanted, mut found) = (segments(&self.0), segments(text));
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return true,
                (Some((pattern, one)), Some((segment, other))) => {
                    let fits = pattern == segment || (pattern == "*" && is_name(segment));
                    if !fits || one != other {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// True for a segment that names something: not empty, no step in a path, nothing that ends or hides
/// a part of it.
fn is_name(segment: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#' | '\\');
    !matches!(segment, "" | "." | "..") && !segment.contains(is_odd)
}

/// How many segments at the beginning say whose it is, by the known forms of subjects. Of an
/// unknown form everything but the last segment does; if that is a mere word such as `user`, it
/// names a kind and no owner, and all of it counts.
fn owner_length(claim: &str, segments: &[&str]) -> usize {
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match segments {
        // repo:OWNER/NAME:…, project_path:GROUP/PROJECT:…
        ["repo" | "project_path", ..] => 2,
        // system:serviceaccount:NAMESPACE:NAME
        ["system", "serviceaccount", ..] => 3,
        [kind, _] if claim == "sub" && is_word(kind) => 2,
        // spiffe://DOMAIN/PATH/…: not the whole domain.
        ["spiffe", "", "", ..] => segments.len().saturating_sub(1).max(5),
        other => other.len().saturating_sub(1).max(1),
    }
}

/// The segments of a text, each with the separator behind it.
fn segments(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(position) = text.find(['/', ':']) else {
            rest = None;
            return Some((text, None));
        };
        rest = text.get(position + 1..);
        Some((&text[..position], text[position..].chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse("sub", pattern).expect("a pattern").matches(text)
    }

    #[test]
    fn a_pattern_matches_letter_by_letter_and_a_star_one_whole_segment() {
        assert!(matches("repo:acme/api:ref:refs/heads/main", "repo:acme/api:ref:refs/heads/main"));
        assert!(!matches("repo:acme/api:ref:refs/heads/main", "repo:acme/api:ref:refs/heads/dev"));
        assert!(!matches("repo:acme/api", "repo:acme/api2"));
        assert!(!matches("repo:acme/api", "REPO:acme/api"));
        assert!(matches("repo:acme/*:environment:prod", "repo:acme/web:environment:prod"));
        // Nothing that a segment holds makes it two.
        assert!(!matches("repo:acme/*:environment:prod", "repo:acme/a:b:environment:prod"));
        assert!(!matches("repo:acme/*", "repo:acme/"));
        assert!(!matches("repo:acme/*", "repo:acme/a/b"));
        assert!(!matches("repo:acme/*", "repo:acme:a"));
        for odd in ["..", ".", "a b", "a\nb", "a?x", "a#x", "a\\b"] {
            assert!(!matches("spiffe://a.example/ns/*", &format!("spiffe://a.example/ns/{odd}")));
        }
        assert!(matches("system:serviceaccount:prod:*", "system:serviceaccount:prod:worker"));
        assert!(matches("spiffe://acme.example/ns/*", "spiffe://acme.example/ns/worker"));
        assert!(matches("spiffe://a.example/ns/prod/sa/*", "spiffe://a.example/ns/prod/sa/worker"));
    }

    /// Never where it could match another owner.
    #[test]
    fn a_star_stands_only_behind_the_owner() {
        for bad in [
            "*",
            "repo:*/api:ref:refs/heads/main",
            "repo:*",
            "*:acme/api",
            "project_path:*/api",
            "system:serviceaccount:*:worker",
            "system:*:prod:worker",
            "spiffe://*/ns/worker",
            "spiffe://acme.example/*/worker",
            "spiffe://cluster.local/ns/*/sa/worker",
            "spiffe://acme.example/*",
            "user:*:role:admin",
            "user:*",
            "clients/*",
            "repo:acme/api-*",
            "repo:ac*me/api",
            "acme*",
        ] {
            assert!(Pattern::parse("sub", bad).is_err(), "{bad}");
        }
        assert!(Pattern::parse("repository", "acme/*").is_ok());
        assert!(Pattern::parse("sub", "{2f1c0c8e-8f0e}:*").is_ok(), "an owner without a kind");
        assert!(Pattern::parse("aud", "x").is_err(), "looked at in any case");
    }

    fn conditions(pairs: &[(&str, &str)]) -> Result<Conditions, Malformed> {
        let pairs = pairs.iter().map(|(claim, text)| {
            ((*claim).to_owned(), Pattern::parse(claim, text).expect("a pattern"))
        });
        Conditions::new(pairs.collect())
    }

    #[test]
    fn a_trust_that_names_no_workload_is_refused() {
        assert!(conditions(&[]).is_err());
        assert!(conditions(&[("repository_owner", "acme")]).is_err());
        assert!(conditions(&[("ref", "refs/heads/main")]).is_err());
        assert!(conditions(&[("repository_id", "1234")]).is_ok());
        // The workflow of somebody who lets others call it.
        assert!(conditions(&[("job_workflow_ref", "acme/ci/x.yml@refs/heads/main")]).is_err());
        let name = ("/kubernetes.io/serviceaccount/name", "worker");
        assert!(conditions(&[name]).is_err());
        assert!(conditions(&[name, ("/kubernetes.io/namespace", "prod")]).is_ok());
        assert!(conditions(&[("email", "a@acme.example")]).is_err());
        assert!(conditions(&[("email", "a@acme.example"), ("email_verified", "no")]).is_err());
        assert!(conditions(&[("email", "a@acme.example"), ("email_verified", "true")]).is_ok());
    }

    #[test]
    fn the_first_claim_that_differs_is_told() {
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
