//! SPIFFE IDs, trust domains, and patterns for IDs in trusts (SPIFFE-ID, section 2).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

const SCHEME: &str = "spiffe://";

/// The name of a trust domain: 1 to 255 lower-case letters, digits, dots, hyphens and underscores
/// (SPIFFE-ID, section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustDomain(Box<str>);

text_schema!(
    TrustDomain,
    "The name of a SPIFFE trust domain.",
    pattern(Some("^[a-z0-9._-]{1,255}$")),
    examples(["acme.example"]),
);

impl TrustDomain {
    /// The maximum length of a name, in bytes.
    pub const MAX_LENGTH: usize = 255;

    /// Parses a name without a scheme or a path.
    ///
    /// # Errors
    /// If the name is empty, too long, or has other characters.
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

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_newtype!(TrustDomain);

/// A SPIFFE ID: `spiffe://TRUST_DOMAIN/PATH`. Every ID has only one spelling, because many parts of
/// a URL are rejected: percent-encoding, user, port, query, fragment, empty segments, `.` and `..`.
/// So two IDs are equal exactly if their texts are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    text: Box<str>,
    trust_domain: TrustDomain,
}

impl SpiffeId {
    /// The maximum length of an ID, in bytes (SPIFFE-ID, section 2.3).
    pub const MAX_LENGTH: usize = 2048;

    /// Parses an ID. An ID without a path is the ID of the trust domain itself.
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

    /// Returns the ID as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the trust domain of the ID.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Returns the number of path segments.
    fn segments(&self) -> usize {
        self.text.matches('/').count().saturating_sub(SCHEME.matches('/').count())
    }

    /// Returns the prefixes by which a pattern could accept this ID, shortest first. Each contains
    /// the trust domain and at least one whole segment, and ends with a slash. Prefixes longer than
    /// a pattern can have are omitted.
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

/// The SPIFFE IDs that a trust accepts: a single one, or all below a path, written with a final
/// `/*` (draft-ietf-oauth-spiffe-client-auth-02, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpiffeIdPattern {
    /// Only this ID.
    Exact(SpiffeId),
    /// Every ID below this one at any depth, but not this one itself.
    Below(SpiffeId),
}

text_schema!(
    SpiffeIdPattern,
    "A SPIFFE ID, or a path prefix that ends with `/*` and matches every ID below it.",
    pattern(Some("^spiffe://")),
    examples(["spiffe://acme.example/ns/*"]),
);

impl SpiffeIdPattern {
    /// The maximum number of segments before `/*`. It limits the number of prefix lookups per
    /// token.
    pub const MAX_PREFIX_SEGMENTS: usize = 32;

    /// Parses a SPIFFE ID with a path, or one that ends with `/*`.
    ///
    /// # Errors
    /// If the text is not a SPIFFE ID, has no path, or has a `*` elsewhere. A `*` directly after
    /// the trust domain is rejected, because it would accept every workload in the trust domain.
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

    /// Returns the trust domain of all accepted IDs.
    pub fn trust_domain(&self) -> &TrustDomain {
        match self {
            Self::Exact(id) | Self::Below(id) => id.trust_domain(),
        }
    }

    /// True if the pattern accepts the ID.
    pub fn matches(&self, id: &SpiffeId) -> bool {
        match self {
            Self::Exact(exact) => exact == id,
            // The slash keeps a segment whole: /ns/prod/ is not a prefix of /ns/production.
            Self::Below(prefix) => {
                id.as_str().strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }

    /// True if the ID begins with the text of the prefix, but the prefix ends within a segment of
    /// it.
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
mod tests;
