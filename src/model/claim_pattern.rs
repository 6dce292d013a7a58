//! Patterns for claims in trusts, and the rules for where `*` is allowed.

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::github_subject::{self, Form};
use crate::text::schema::text_schema;

/// A pattern for a claim: a text in which `*` as a whole segment matches any one segment. Slashes
/// and colons separate segments.
///
/// A `*` in place of a GitHub repository matches only the form of its owner. With an id
/// (`repo:acme@1/*`) it matches repositories with ids, without one (`repo:acme/*`) repositories
/// without ids.
///
/// In a GitHub subject, `repo:OWNER/NAME:*` does not match `pull_request`, because a pull request
/// runs code that was not reviewed. Only a pattern that spells out `pull_request` matches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

text_schema!(
    Pattern,
    "The pattern of a claim. `*` as a whole segment matches any one segment; slashes and colons separate segments.",
    min_length(Some(1)),
    max_length(Some(500)),
    examples(["repo:acme/api:ref:refs/heads/main"]),
);

impl Pattern {
    /// Parses the pattern of a claim. A `*` is allowed only where everything it can match belongs
    /// to the same owner.
    pub fn parse(claim: &str, text: &str) -> Result<Self, Malformed> {
        if claim == "sub" {
            github_subject::check_pattern(text)?;
        }
        let pattern = Self::stored(claim, text)?;
        let is_separator = |character| matches!(character, '/' | ':');
        if text.split_once('*').is_some_and(|(owner, _)| owner.chars().all(is_separator)) {
            return Err(Malformed::because(format!(
                "the * in '{text}' has only separators before it, so no owner is named. Write out at \
                 least one segment before the *"
            )));
        }
        Ok(pattern)
    }

    /// Parses a registered pattern, which may be older than the rules of [`Self::parse`] for both
    /// forms of GitHub subjects.
    pub fn stored(claim: &str, text: &str) -> Result<Self, Malformed> {
        if claim.is_empty() || claim.len() > 200 || claim.contains(char::is_control) {
            return Err(Malformed::because("a claim is 1 to 200 characters long"));
        }
        if matches!(claim, "iss" | "aud" | "exp" | "nbf" | "iat" | "jti") {
            return Err(Malformed::because(format!(
                "{claim} is always checked; conditions are for other claims"
            )));
        }
        if text.is_empty() || text.len() > 500 || text.contains(char::is_control) {
            return Err(Malformed::because("the value of a claim is 1 to 500 characters long"));
        }
        let segments: Vec<_> = segments(text).map(|(segment, _)| segment).collect();
        if let Some(bad) = segments.iter().find(|part| part.contains('*') && **part != "*") {
            return Err(Malformed::because(format!(
                "'{bad}' has a * in it: a * stands for a whole segment between / or :, or not at all. \
                 Write the segment out, with a trust for each value, or * alone in its place"
            )));
        }
        let owner = owner_length(claim, &segments);
        if segments.iter().take(owner).any(|part| *part == "*") {
            return Err(Malformed::because(format!(
                "the * in '{text}' could match another owner: of its segments (between / and :) the \
                 first {owner} must be written out. Replace the * by the segment of the token"
            )));
        }
        Ok(Self(text.into()))
    }

    /// Returns the pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the pattern itself, if it matches only this one text.
    pub fn exact(&self) -> Option<&str> {
        // A `*` is always a whole segment, so it is always a wildcard.
        (!self.0.contains('*')).then_some(&*self.0)
    }

    /// True if a `*` is at the position of `pull_request` in a GitHub subject, which it does not
    /// match.
    pub fn excludes_pull_requests(&self) -> bool {
        self.is_of_a_repository()
            && segments(&self.0).nth(PULL_REQUEST_POSITION).is_some_and(|(part, _)| part == "*")
    }

    /// True if a claim with this text matches.
    pub fn matches(&self, text: &str) -> bool {
        let (mut wanted, mut found) = (segments(&self.0), segments(text));
        let is_of_a_repository = self.is_of_a_repository();
        let mut before = "";
        for position in 0.. {
            match (wanted.next(), found.next()) {
                (None, None) => return true,
                (Some((pattern, one)), Some((segment, other))) => {
                    let is_excluded = is_of_a_repository
                        && match position {
                            REPOSITORY_POSITION => !has_form_of(before, segment),
                            PULL_REQUEST_POSITION => segment == PULL_REQUEST,
                            _ => false,
                        };
                    // A literal `*` in the subject is an ordinary name: the wildcard rules apply to
                    // it too.
                    let is_matched = match pattern {
                        "*" => is_name(segment) && !is_excluded,
                        written_out => written_out == segment,
                    };
                    if !is_matched || one != other {
                        return false;
                    }
                    before = pattern;
                }
                _ => return false,
            }
        }
        false
    }

    fn is_of_a_repository(&self) -> bool {
        self.0.starts_with("repo:")
    }
}

/// The index of the repository segment in `repo:OWNER/NAME:…`.
const REPOSITORY_POSITION: usize = 2;

/// True if the owner of a pattern and a repository both have an id, or both have none.
fn has_form_of(owner: &str, repository: &str) -> bool {
    let form = Form::of_segment(owner);
    form.is_some() && form == Form::of_segment(repository)
}

/// The segment that GitHub sends for a pull request in place of a branch or an environment, and its
/// index in `repo:OWNER/NAME:pull_request`.
const PULL_REQUEST: &str = "pull_request";
const PULL_REQUEST_POSITION: usize = 3;

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// True for a usable name: not empty, not a relative path segment, and without characters that end
/// or hide a part of it.
fn is_name(segment: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#' | '\\');
    !matches!(segment, "" | "." | "..") && !segment.contains(is_odd)
}

/// Returns the number of leading segments that identify the owner, for the known forms of subjects.
/// In an unknown form, all segments but the last identify it. A first segment such as `user` is a
/// kind and not an owner. If only one segment follows it, both must be literal.
fn owner_length(claim: &str, segments: &[&str]) -> usize {
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match segments {
        // repo:OWNER/NAME:…, project_path:GROUP/PROJECT:…
        ["repo" | "project_path", ..] => 2,
        // system:serviceaccount:NAMESPACE:NAME
        ["system", "serviceaccount", ..] => 3,
        [kind, _] if claim == "sub" && is_word(kind) => 2,
        // spiffe://DOMAIN/PATH/…: a `*` for the whole domain is not allowed.
        ["spiffe", "", "", ..] => segments.len().saturating_sub(1).max(5),
        other => other.len().saturating_sub(1).max(1),
    }
}

/// Returns the segments of a text, each with the separator that follows it.
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
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse("sub", pattern).expect("a pattern").matches(text)
    }

    #[test]
    fn a_pattern_matches_exactly_and_a_star_one_whole_segment() {
        assert!(matches("repo:acme/api:ref:refs/heads/main", "repo:acme/api:ref:refs/heads/main"));
        assert!(!matches("repo:acme/api:ref:refs/heads/main", "repo:acme/api:ref:refs/heads/dev"));
        assert!(!matches("repo:acme/api", "repo:acme/api2"));
        assert!(!matches("repo:acme/api", "REPO:acme/api"));
        assert!(matches("repo:acme/*:environment:prod", "repo:acme/web:environment:prod"));
        // No content of a segment can turn it into two.
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

    /// S-16: `repo:acme/api:*` matched the very subject that the documentation warns about.
    #[test]
    fn a_star_does_not_match_a_pull_request_unless_it_is_spelled_out() {
        let subject = "repo:acme/api:pull_request";
        assert!(!matches("repo:acme/api:*", subject));
        assert!(!matches("repo:acme/*:*", subject));
        assert!(matches("repo:acme/*:pull_request", subject));
        assert!(matches("repo:acme/api:pull_request", subject));
        assert!(matches(
            "repo:acme/api:ref:refs/heads/*",
            "repo:acme/api:ref:refs/heads/pull_request"
        ));
        assert!(matches("repo:acme/*", "repo:acme/pull_request"));
        let excludes =
            |text: &str| Pattern::parse("sub", text).expect("one").excludes_pull_requests();
        assert!(excludes("repo:acme/api:*") && excludes("repo:acme/*:*"));
        assert!(!excludes("repo:acme/*") && !excludes("repo:acme/*:environment:prod"));
    }

    /// A `*` matches neither with an id added nor with one omitted.
    #[test]
    fn a_star_matches_only_the_form_of_the_owner() {
        let (names, ids) = ("repo:acme/api:environment:prod", "repo:acme@1/api@2:environment:prod");
        assert!(matches(names, names) && matches(ids, ids));
        assert!(!matches(names, ids) && !matches(ids, names));
        assert!(!matches("repo:acme/api:*", "repo:acme@1/api@2:x"));
        assert!(!matches("repo:acme@1/api@2:*", "repo:acme/api:x"));
        assert!(matches("repo:acme@1/api@2:*", "repo:acme@1/api@2:x"));
        assert!(!matches("repo:acme@1/api@2:*", "repo:acme@1/api@2:pull_request"));
        assert!(matches("repo:acme/*:environment:prod", names));
        assert!(matches("repo:acme@1/*:environment:prod", ids));
        for pattern in ["repo:acme/*:environment:prod", "repo:acme@1/*:environment:prod"] {
            for odd in [
                "acme@2/api@2",
                "acme@12/api@2",
                "acme@1@1/api@2",
                "acme@1/api@",
                "acme@1/@2",
                "acme@1/api@x",
                "acme@1/api@2@3",
                "acme@/api@2",
                "acme/api@2",
                "acme@1/api",
                "evil@1/api@2",
                "acme@1/acme/api@2",
            ] {
                assert!(!matches(pattern, &format!("repo:{odd}:environment:prod")), "{odd}");
            }
        }
        // A repository that is named `*` does not have an id either.
        assert!(!matches("repo:acme@1/*:x", "repo:acme@1/*:x"));
        // A branch or an environment may have any name.
        assert!(matches("repo:acme/api:ref:refs/heads/*", "repo:acme/api:ref:refs/heads/a@1"));
        assert!(matches(
            "repo:acme@1/api@2:ref:refs/heads/*",
            "repo:acme@1/api@2:ref:refs/heads/a"
        ));
    }

    #[test]
    fn a_pattern_that_was_registered_stays_readable() {
        assert!(Pattern::parse("sub", "repo:acme/api@2:x").is_err());
        assert!(
            Pattern::stored("sub", "repo:acme/api@2:x").expect("one").matches("repo:acme/api@2:x")
        );
        let stored = Pattern::stored("sub", "repo:acme@x/*:x").expect("one");
        assert!(!stored.matches("repo:acme@x/api:x") && !stored.matches("repo:acme@x/api@2:x"));
    }

    /// The fragments that build texts with nearly the same owner, repository or context.
    const PIECES: [&str; 22] = [
        "repo:",
        "acme",
        "acme",
        "evil",
        "api",
        "api",
        "*",
        "*",
        "@",
        "@1",
        "@1",
        "@12",
        "@2",
        "/",
        "/",
        ":",
        ":",
        "ref",
        "refs/heads/main",
        "pull_request",
        "-",
        "ACME",
    ];

    fn text() -> impl Strategy<Value = String> {
        let piece = || proptest::sample::select(&PIECES[..]);
        let owner =
            proptest::sample::select(&["acme", "acme@1", "acme@12", "acme@", "evil@1", "*"][..]);
        let name =
            proptest::sample::select(&["api", "api@2", "api@23", "*", "*@2", "api@*", "a/b"][..]);
        let place = proptest::sample::select(
            &[":x", ":*", ":ref:refs/heads/*", ":ref:refs/heads/a@1", ""][..],
        );
        prop_oneof![
            2 => (owner, name, place).prop_map(|(owner, name, place)| format!("repo:{owner}/{name}{place}")),
            1 => proptest::collection::vec(piece(), 1..8)
                .prop_map(|pieces| format!("repo:{}", pieces.concat())),
        ]
    }

    /// Extracts the owner and the repository without the code under test.
    fn owner_and_repository(text: &str) -> (String, String) {
        let mut parts = text.trim_start_matches("repo:").splitn(3, ['/', ':']);
        let mut next = || parts.next().unwrap_or_default().to_owned();
        (next(), next())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_pattern_never_matches_another_owner_or_repository(pattern in text(), subject in text()) {
            let Ok(parsed) = Pattern::parse("sub", &pattern) else { return Ok(()) };
            if parsed.matches(&subject) {
                let (owner, name) = owner_and_repository(&pattern);
                let (other_owner, other_name) = owner_and_repository(&subject);
                prop_assert_eq!(&owner, &other_owner);
                if name == "*" {
                    prop_assert_eq!(owner.contains('@'), other_name.contains('@'));
                } else {
                    prop_assert_eq!(name, other_name);
                }
            }
        }
    }

    /// Found by fuzzing: empty segments were treated as an owner, so `/*` matched every `/x`.
    #[test]
    fn a_pattern_with_an_empty_owner_is_rejected() {
        for bad in ["/*", ":*", "//*", "::*"] {
            assert!(Pattern::parse("path", bad).is_err(), "{bad}");
            assert!(Pattern::stored("path", bad).is_ok(), "{bad} stays readable");
        }
        assert!(Pattern::parse("path", "/prod/*").is_ok());
        assert!(Pattern::parse("sub", "::*").is_err());
    }

    /// A `*` is rejected wherever it could match another owner.
    #[test]
    fn a_wildcard_is_allowed_only_after_the_owner() {
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
}
