//! What a trust wants a claim to be, and where a `*` may stand in it.

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::github_subject::{self, Form};
use crate::text::schema::text_schema;

/// What a claim must be: the text, in which `*` as a whole segment stands for any one segment.
/// Segments are separated by slashes and colons.
///
/// A `*` in place of a repository of GitHub matches only the form that the owner has: with an id
/// (`repo:acme@1/*`) repositories with ids, without one (`repo:acme/*`) those without.
///
/// In a subject of GitHub, `repo:OWNER/NAME:*` does not match `pull_request`: a pull request runs
/// code that was not reviewed. Only a pattern that spells `pull_request` out matches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

text_schema!(
    Pattern,
    "What a claim must be. `*` as a whole segment stands for any one segment; slashes and colons separate segments.",
    min_length(Some(1)),
    max_length(Some(500)),
    examples(["repo:acme/api:ref:refs/heads/main"]),
);

impl Pattern {
    /// Checks the pattern of a claim. A `*` may stand where everything it could match belongs to
    /// the same owner, and nowhere else.
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

    /// Reads a pattern that was registered, perhaps before [`Self::parse`] knew both forms of the
    /// subjects of GitHub.
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

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, if only this one text matches.
    pub fn exact(&self) -> Option<&str> {
        // A `*` is always a whole segment, so it is always a wildcard.
        (!self.0.contains('*')).then_some(&*self.0)
    }

    /// True if a `*` stands where GitHub writes `pull_request`, which it does not match.
    pub fn excludes_pull_requests(&self) -> bool {
        self.is_of_a_repository()
            && segments(&self.0).nth(PULL_REQUEST_POSITION).is_some_and(|(part, _)| part == "*")
    }

    /// True if a claim of that text is what the trust wants.
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
                    // A `*` in the subject is a name like any other: it skips no rule of a
                    // wildcard.
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

/// Where GitHub writes the repository: in `repo:OWNER/NAME:…`.
const REPOSITORY_POSITION: usize = 2;

/// True if the owner of a pattern and a repository both have an id, or neither has one.
fn has_form_of(owner: &str, repository: &str) -> bool {
    let form = Form::of_segment(owner);
    form.is_some() && form == Form::of_segment(repository)
}

/// What GitHub writes in place of a branch or an environment for a pull request, and where: in
/// `repo:OWNER/NAME:pull_request`.
const PULL_REQUEST: &str = "pull_request";
const PULL_REQUEST_POSITION: usize = 3;

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// True for a segment that names something: not empty, no step in a path, nothing that ends or
/// hides a part of it.
fn is_name(segment: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#' | '\\');
    !matches!(segment, "" | "." | "..") && !segment.contains(is_odd)
}

/// How many segments at the beginning say whose it is, by the known forms of subjects. Of an
/// unknown form everything but the last segment does; if that is a mere word such as `user`, it
/// names a kind and no owner, and all of it is compared.
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

    /// S-16: `repo:acme/api:*` matched exactly the subject that the documentation warns of.
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

    /// Neither an id nor its absence is skipped by a `*`.
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
        // A repository named like the wildcard has no id either.
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

    /// Parts of texts that nearly are the same owner, repository or place.
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

    /// The owner and the repository, read without the code under test.
    fn whose(text: &str) -> (String, String) {
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
                let ((owner, name), (other_owner, other_name)) = (whose(&pattern), whose(&subject));
                prop_assert_eq!(&owner, &other_owner);
                if name == "*" {
                    prop_assert_eq!(owner.contains('@'), other_name.contains('@'));
                } else {
                    prop_assert_eq!(name, other_name);
                }
            }
        }
    }

    /// Fuzzing found it: empty segments were an owner, so `/*` matched every `/x`.
    #[test]
    fn an_owner_is_not_empty() {
        for bad in ["/*", ":*", "//*", "::*"] {
            assert!(Pattern::parse("path", bad).is_err(), "{bad}");
            assert!(Pattern::stored("path", bad).is_ok(), "{bad} stays readable");
        }
        assert!(Pattern::parse("path", "/prod/*").is_ok());
        assert!(Pattern::parse("sub", "::*").is_err());
    }

    /// Never where it could match another owner.
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
