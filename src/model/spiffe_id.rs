//! SPIFFE IDs, trust domains, and the IDs that a trust accepts (SPIFFE-ID, section 2).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Malformed;

const SCHEME: &str = "spiffe://";

/// The name of a trust domain: 1 to 255 lower-case letters, digits, dots, hyphens and underscores
/// (SPIFFE-ID, section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustDomain(Box<str>);

impl TrustDomain {
    /// The maximum length of a name, in bytes.
    pub const MAX_LENGTH: usize = 255;

    /// Reads a name, without the scheme and without a path.
    ///
    /// # Errors
    /// If the name is empty, too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.starts_with(SCHEME) {
            return Err(Malformed::because(format!(
                "a trust domain is a name such as acme.example, without {SCHEME}"
            )));
        }
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return Err(Malformed::because(format!(
                "a trust domain has 1 to {} characters; this one has {}",
                Self::MAX_LENGTH,
                text.chars().count()
            )));
        }
        let is_allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_');
        if let Some(other) = text.chars().find(|c| !is_allowed(*c)) {
            return Err(Malformed::because(format!(
                "a trust domain has lower-case letters, digits, dots, hyphens and underscores; \
                 '{}' is another character",
                other.escape_debug()
            )));
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for TrustDomain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A SPIFFE ID: `spiffe://TRUST_DOMAIN/PATH`. It has one spelling only: no percent-encoding, no
/// user, no port, no query, no fragment, no empty segment, no `.` and no `..`. So two IDs are the
/// same exactly if their texts are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    text: Box<str>,
    trust_domain: TrustDomain,
}

impl SpiffeId {
    /// The maximum length of an ID, in bytes (SPIFFE-ID, section 2.3).
    pub const MAX_LENGTH: usize = 2048;

    /// Reads an ID. The path may be missing: then it is the ID of the trust domain itself.
    ///
    /// # Errors
    /// If the text is too long, has another scheme, or its trust domain or path is malformed.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > Self::MAX_LENGTH {
            return Err(Malformed::because(format!(
                "a SPIFFE ID has at most {} bytes; this one has {}",
                Self::MAX_LENGTH,
                text.len()
            )));
        }
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Err(Malformed::because(format!(
                "a SPIFFE ID begins with {SCHEME}, in lower case"
            )));
        };
        let (trust_domain, path) = match rest.split_once('/') {
            Some((trust_domain, path)) => (trust_domain, Some(path)),
            None => (rest, None),
        };
        let trust_domain = TrustDomain::parse(trust_domain)?;
        if let Some(path) = path {
            path.split('/').try_for_each(check_segment)?;
        }
        Ok(Self { text: text.into(), trust_domain })
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain that it belongs to.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// How many segments its path has.
    fn segments(&self) -> usize {
        self.text.matches('/').count().saturating_sub(SCHEME.matches('/').count())
    }

    /// The prefixes that could accept it, the shortest first: each has the trust domain and at least
    /// one whole segment, and ends with a slash. Longer ones than a pattern can have are left out.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        let slashes = self.text.match_indices('/').skip(SCHEME.matches('/').count() + 1);
        slashes
            .take(SpiffeIdPattern::MAX_PREFIX_SEGMENTS)
            .filter_map(|(position, _)| self.text.get(..=position))
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn check_segment(segment: &str) -> Result<(), Malformed> {
    if segment.is_empty() {
        return Err(Malformed::because(
            "the path of a SPIFFE ID has no empty segment and no slash at its end",
        ));
    }
    if matches!(segment, "." | "..") {
        return Err(Malformed::because(format!(
            "'{segment}' is not a segment of the path of a SPIFFE ID"
        )));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match segment.chars().find(|c| !is_allowed(*c)) {
        None => Ok(()),
        Some(other) => Err(Malformed::because(format!(
            "the path of a SPIFFE ID has letters, digits, dots, hyphens and underscores; '{}' is \
             another character",
            other.escape_debug()
        ))),
    }
}

/// The SPIFFE IDs that a trust accepts: one, or all below a path. The latter ends with `/*`
/// (draft-ietf-oauth-spiffe-client-auth-02, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpiffeIdPattern {
    /// This ID and no other.
    Exact(SpiffeId),
    /// Every ID below this one, at any depth; not this one itself.
    Below(SpiffeId),
}

impl SpiffeIdPattern {
    /// The maximum number of segments before `/*`. It bounds the prefixes that are looked up for
    /// each token.
    pub const MAX_PREFIX_SEGMENTS: usize = 32;

    /// Reads a SPIFFE ID with a path, or one that ends with `/*`.
    ///
    /// # Errors
    /// If it is not a SPIFFE ID, has no path, or has a `*` anywhere else. A `*` directly after the
    /// trust domain is refused: it would accept every workload there.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (id, is_prefix) = match text.strip_suffix("/*") {
            Some(id) if id.starts_with(SCHEME) => (id, true),
            _ => (text, false),
        };
        if id.contains('*') {
            return Err(Malformed::because(format!(
                "'{text}' has a * that is not the last segment; a pattern is a SPIFFE ID, or one \
                 that ends with /* and accepts every ID below that path"
            )));
        }
        let id = SpiffeId::parse(id)?;
        match (id.segments(), is_prefix) {
            (0, true) => Err(Malformed::because(format!(
                "'{text}' would accept every workload of the trust domain; write out at least one \
                 segment before /*, such as {id}/ns/*"
            ))),
            (0, false) => Err(Malformed::because(format!(
                "'{text}' is the trust domain itself, not a workload; a workload has a path, such \
                 as {id}/worker"
            ))),
            (count, true) if count > Self::MAX_PREFIX_SEGMENTS => Err(Malformed::because(format!(
                "a prefix has at most {} segments; this one has {count}",
                Self::MAX_PREFIX_SEGMENTS
            ))),
            (_, true) => Ok(Self::Below(id)),
            (_, false) => Ok(Self::Exact(id)),
        }
    }

    /// The trust domain of every ID that it accepts.
    pub fn trust_domain(&self) -> &TrustDomain {
        match self {
            Self::Exact(id) | Self::Below(id) => id.trust_domain(),
        }
    }

    /// True if it accepts the ID.
    pub fn matches(&self, id: &SpiffeId) -> bool {
        match self {
            Self::Exact(exact) => exact == id,
            // The slash keeps a segment whole: /ns/prod/ is not a prefix of /ns/production.
            Self::Below(prefix) => {
                id.as_str().strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }

    /// True if the ID only begins like the prefix, in the middle of a segment.
    pub fn ends_within_a_segment_of(&self, id: &SpiffeId) -> bool {
        match self {
            Self::Exact(_) => false,
            Self::Below(prefix) => {
                id.as_str().starts_with(prefix.as_str()) && id != prefix && !self.matches(id)
            }
        }
    }
}

impl fmt::Display for SpiffeIdPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(id) => write!(formatter, "{id}"),
            Self::Below(id) => write!(formatter, "{id}/*"),
        }
    }
}

impl Serialize for SpiffeIdPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> SpiffeId {
        SpiffeId::parse(text).expect(text)
    }

    fn pattern(text: &str) -> SpiffeIdPattern {
        SpiffeIdPattern::parse(text).expect(text)
    }

    #[test]
    fn an_id_has_a_trust_domain_and_a_path_in_one_spelling() {
        let worker = id("spiffe://acme.example/ns/prod/Worker_1.a-b");
        assert_eq!(worker.trust_domain().as_str(), "acme.example");
        assert_eq!(worker.segments(), 3);
        assert_eq!(id("spiffe://acme_1.example-x").segments(), 0);
        for bad in [
            "",
            "acme.example/a",
            "https://acme.example/a",
            "SPIFFE://acme.example/a",
            "spiffe:/acme.example/a",
            "spiffe:///a",
            "spiffe://Acme.example/a",
            "spiffe://acme.example:443/a",
            "spiffe://user@acme.example/a",
            "spiffe://acme.example/",
            "spiffe://acme.example/a/",
            "spiffe://acme.example//a",
            "spiffe://acme.example/a/./b",
            "spiffe://acme.example/a/../b",
            "spiffe://acme.example/a%2Fb",
            "spiffe://acme.example/a%2e%2e",
            "spiffe://acme%2Eexample/a",
            "spiffe://acme.example/a?b",
            "spiffe://acme.example/a#b",
            "spiffe://acme.example/a b",
            "spiffe://acme.example/a\\b",
            "spiffe://acme.example/\u{430}",
            "spiffe://acme.example/a\0",
            " spiffe://acme.example/a",
            "spiffe://acme.example/a\n",
            "spiffe://acme.example/*",
        ] {
            assert!(SpiffeId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        let name = "a".repeat(TrustDomain::MAX_LENGTH);
        assert!(TrustDomain::parse(&name).is_ok());
        assert!(TrustDomain::parse(&format!("{name}a")).is_err());
        assert!(TrustDomain::parse("spiffe://acme.example").is_err());
        let longest = format!("spiffe://a/{}", "b".repeat(SpiffeId::MAX_LENGTH - 11));
        assert!(SpiffeId::parse(&longest).is_ok());
        assert!(SpiffeId::parse(&format!("{longest}b")).is_err());
        let deep = format!("spiffe://a{}/*", "/b".repeat(SpiffeIdPattern::MAX_PREFIX_SEGMENTS));
        assert!(SpiffeIdPattern::parse(&deep).is_ok());
        assert!(SpiffeIdPattern::parse(&deep.replacen("/b", "/b/b", 1)).is_err());
    }

    #[test]
    fn a_prefix_accepts_whole_segments_of_its_own_trust_domain() {
        let prod = pattern("spiffe://acme.example/ns/prod/*");
        assert!(prod.matches(&id("spiffe://acme.example/ns/prod/worker")));
        assert!(prod.matches(&id("spiffe://acme.example/ns/prod/sa/worker")));
        for other in [
            "spiffe://acme.example/ns/prod",
            "spiffe://acme.example/ns/production",
            "spiffe://acme.example/ns/production/worker",
            "spiffe://acme.example/ns/prod-2/worker",
            "spiffe://acme.example/ns",
            "spiffe://acme.example/NS/prod/worker",
            "spiffe://acme.example.evil/ns/prod/worker",
            "spiffe://evil.example/ns/prod/worker",
            "spiffe://evil.example/acme.example/ns/prod/worker",
        ] {
            assert!(!prod.matches(&id(other)), "{other}");
        }
        assert!(prod.ends_within_a_segment_of(&id("spiffe://acme.example/ns/production/worker")));
        assert!(!prod.ends_within_a_segment_of(&id("spiffe://acme.example/ns/prod")));
        assert!(!prod.ends_within_a_segment_of(&id("spiffe://acme.example/ns/prod/worker")));
        assert_eq!(prod.to_string(), "spiffe://acme.example/ns/prod/*");
        let exact = pattern("spiffe://acme.example/worker");
        assert!(exact.matches(&id("spiffe://acme.example/worker")));
        assert!(!exact.matches(&id("spiffe://acme.example/worker/2")));
    }

    #[test]
    fn a_star_is_the_last_segment_and_never_stands_for_a_trust_domain() {
        for (bad, word) in [
            ("spiffe://acme.example/*", "every workload"),
            ("spiffe://*/worker", "not the last segment"),
            ("spiffe://*", "not the last segment"),
            ("spiffe://acme.example/ns/*/worker", "not the last segment"),
            ("spiffe://acme.example/ns/prod*", "not the last segment"),
            ("spiffe://acme.example/ns/*/*", "not the last segment"),
            ("spiffe://acme.example", "trust domain itself"),
            ("/*", "not the last segment"),
            ("worker", "begins with"),
            ("*", "not the last segment"),
        ] {
            let problem = SpiffeIdPattern::parse(bad).expect_err(bad).to_string();
            assert!(problem.contains(word), "{bad}: {problem}");
        }
    }

    #[test]
    fn the_prefixes_of_an_id_are_those_of_the_patterns_that_accept_it() {
        let worker = id("spiffe://acme.example/ns/prod/worker");
        let prefixes: Vec<_> = worker.prefixes().collect();
        assert_eq!(prefixes, ["spiffe://acme.example/ns/", "spiffe://acme.example/ns/prod/"]);
        assert_eq!(id("spiffe://acme.example/worker").prefixes().count(), 0);
        assert_eq!(id("spiffe://acme.example").prefixes().count(), 0);
        let deep = id(&format!("spiffe://a{}", "/b".repeat(1000)));
        assert_eq!(deep.prefixes().count(), SpiffeIdPattern::MAX_PREFIX_SEGMENTS);
    }

    /// Texts that nearly are SPIFFE IDs.
    fn text() -> impl Strategy<Value = String> {
        let pieces = &[
            "spiffe://",
            "spiffe:",
            "/",
            "/",
            "//",
            "acme",
            "acme",
            ".",
            "..",
            "-",
            "_",
            "A",
            "%2e",
            "%2F",
            "*",
            "/*",
            "ns",
            "prod",
            "uction",
            "?",
            "#",
            "@",
            ":",
            "\\",
            " ",
            "\u{e9}",
        ][..];
        let piece = proptest::sample::select(pieces);
        let nearly = proptest::collection::vec(piece, 0..8)
            .prop_map(|pieces| format!("spiffe://acme{}", pieces.concat()));
        prop_oneof![3 => nearly, 1 => ".{0,60}"]
    }

    /// The trust domain and the segments, read without the code under test.
    fn parts(text: &str) -> (String, Vec<String>) {
        let mut parts = text.trim_start_matches("spiffe://").split('/').map(str::to_owned);
        (parts.next().unwrap_or_default(), parts.collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// What is read is written as it was, has only allowed characters, and no segment that a
        /// path resolver would treat specially.
        #[test]
        fn an_id_that_is_read_is_plain(text in text()) {
            let Ok(id) = SpiffeId::parse(&text) else { return Ok(()) };
            prop_assert_eq!(id.as_str(), &text);
            let (domain, segments) = parts(&text);
            prop_assert_eq!(id.trust_domain().as_str(), domain);
            prop_assert_eq!(id.segments(), segments.len());
            for segment in segments {
                prop_assert!(!matches!(segment.as_str(), "" | "." | ".."));
                prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)));
            }
            // A URL parser sees the same ID: nothing is normalised away.
            let url = url::Url::parse(&text).expect("a URL");
            prop_assert_eq!(url.as_str(), &text);
        }

        #[test]
        fn a_pattern_accepts_only_whole_segments_of_its_trust_domain(one in text(), other in text()) {
            let (Ok(pattern), Ok(id)) = (SpiffeIdPattern::parse(&one), SpiffeId::parse(&other)) else {
                return Ok(());
            };
            prop_assert_eq!(pattern.to_string(), one.clone());
            let (wanted_domain, mut wanted) = parts(&one);
            let (domain, segments) = parts(&other);
            let is_prefix = wanted.last().is_some_and(|last| last == "*");
            if is_prefix {
                wanted.pop();
            }
            let is_below = segments.len() > wanted.len() && segments.starts_with(&wanted);
            let is_wanted = if is_prefix { is_below } else { segments == wanted };
            let expected = domain == wanted_domain && is_wanted;
            prop_assert_eq!(pattern.matches(&id), expected);
            // The look-up by prefix finds the same patterns.
            if let SpiffeIdPattern::Below(prefix) = &pattern {
                let is_found = id.prefixes().any(|found| found == format!("{prefix}/"));
                prop_assert_eq!(is_found, expected);
            }
        }
    }
}
